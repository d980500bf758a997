/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Shared by a BPF program that writes a ring and its loader: the writer's state in the
 * ring's map, the constants that the loader gives to the program, and the commands of the
 * control program. bpf.h is the program's side, libring-bpf the loader's. Readers need
 * none of this.
 */
#ifndef SEQRING_BPF_LAYOUT_H
#define SEQRING_BPF_LAYOUT_H

#include "writer.h"

/* Offset of the writer's state from the ring's control area; both are in one page. */
#define SEQRING_BPF_STATE_OFFSET	1024

/*
 * The writer's state between two publishes, except for head, last and seq, which are in
 * the control area. The state lies in the ring's map. The map is frozen before the first
 * publish, so no process can write it. Readers do not touch its cache lines.
 *
 * @seg_end: as in struct seqring_writer. 0: the last reservation was discarded behind a
 *	PAD, which does not move head; @pos and @pad_seg_end count instead
 * @owner: 0: no program writes the ring; SEQRING_BPF_ENDED; SEQRING_BPF_TAKEN: a program is
 *	publishing; SEQRING_BPF_SEEN: the same, and another program has found the ring taken
 * @idle_publishes: records since the last wake-up, while a sleeper is announced
 * @pos: where the next record starts, if @seg_end is 0
 * @pad_seg_end: end of the segment that @pos is in, if @seg_end is 0
 * @clock_base_ns: the ring's clock at jiffies 0, if the program derives it from jiffies
 * @epoch: only programs of this epoch, or of none, publish. 0: the ring was not started yet, or its
 *	programs have no epoch; SEQRING_BPF_EPOCH_NONE: a loader is taking the ring over
 * @next_epoch: the epoch of the loader that took the ring over last, or is taking it over
 * @seen_by: the task in which a program found the ring taken, if @owner is SEQRING_BPF_SEEN
 * @no_sleep: no program of @epoch may sleep, so each is an RCU read-side critical section
 * @cold: the part that only a record that leaves its segment needs
 */
struct seqring_bpf_state {
	__u64 seg_end;
	__u32 owner;
	__u32 idle_publishes;
	__u64 pos;
	__u64 pad_seg_end;
	__u64 clock_base_ns;
	__u32 epoch;
	__u32 next_epoch;
	__u64 seen_by;
	__u32 no_sleep;
	__u32 reserved;
	struct seqring_writer_cold cold;
};
SEQRING_ASSERT(sizeof(struct seqring_bpf_state) == 208, "state is 208 bytes");
SEQRING_ASSERT(offsetof(struct seqring_bpf_state, cold) == 64, "one line is hot");

/*
 * The shape of the ring: constants for the verifier, which the loader sets before it
 * loads the program. The fields do not start at the start of a page, because each control
 * area does: a load is slow from the page offset of a store just before.
 *
 * @slots: in the object: SEQRING_SLOTS, the number of slots that the program knows; when loaded:
 *	the same if the ring has slots. 0: an object or a loader from before this field
 * @guard: in the object: SEQRING_BPF_CAN_*; when loaded: SEQRING_BPF_GUARD_*. A loader from
 *	before this field sets it to 0: programs without SEQRING_BPF_NO_PREEMPT are right on
 *	any kernel then, others up to Linux 6.19
 * @target: SEQRING_BPF_TARGET_* that the program was compiled for
 * @ring_offset: from the start of a map element to the control area
 * @data_offset: from the control area to the data area
 * @data_size: bytes of the data area
 * @clock_id: SEQRING_CLOCK_*
 * @nr_rings: 0: the loader has not set the ring up
 * @payload_limit: SEQRING_BPF_PAYLOAD_MAX that the program was compiled with
 * @announce: in the object: the program can announce; when loaded: as SEQRING_FEAT_ANNOUNCE
 * @pos_mask: masks a position, a multiple of 8, to its offset in the data area
 * @tick_ns: ns of a jiffy
 * @cpu_mask: masks a CPU number to a ring index
 * @epoch: in the object: not 0: the program compares epochs; when loaded: the epoch of its loader.
 *	0: compiled or loaded by a version without epochs: the program always publishes
 */
struct seqring_bpf_geometry {
	__u64 reserved[6];
	__u32 slots;
	__u32 reserved2;
	__u32 guard;
	__u32 target;
	__u64 ring_offset;
	__u64 data_offset;
	__u64 data_size;
	__u32 clock_id;
	__u32 nr_rings;
	__u32 payload_limit;
	__u32 announce;
	__u64 pos_mask;
	__u64 tick_ns;
	__u32 cpu_mask;
	__u32 epoch;
};
SEQRING_ASSERT(sizeof(struct seqring_bpf_geometry) == 128, "geometry is 128 bytes");

/*
 * seqring_bpf_geometry.guard of a loaded object: why two programs of one CPU never write a ring at
 * once. A program that finds the ring taken drops its record.
 *
 * ATOMIC: a compare-and-exchange takes the ring: programs may preempt each other, and may sleep
 * CALLER: the kernel runs the programs with preemption off
 * KFUNC: publishing turns preemption off, by bpf_preempt_disable()
 */
#define SEQRING_BPF_GUARD_ATOMIC	0u
#define SEQRING_BPF_GUARD_CALLER	1u
#define SEQRING_BPF_GUARD_KFUNC		2u

/* The same field in the object: which of them its programs allow. 0: an object from before. */
#define SEQRING_BPF_CAN_ATOMIC		(1u << 8)
#define SEQRING_BPF_CAN_CALLER		(1u << 9)
#define SEQRING_BPF_CAN_KFUNC		(1u << 10)

/*
 * seqring_bpf_geometry.target: the machine by which the program orders its loads and stores. ANY:
 * compiled without __TARGET_ARCH_*. UNKNOWN: an object from before this field.
 */
#define SEQRING_BPF_TARGET_UNKNOWN	0u
#define SEQRING_BPF_TARGET_ANY		1u
#define SEQRING_BPF_TARGET_X86		2u
#define SEQRING_BPF_TARGET_ARM64	3u
#define SEQRING_BPF_TARGET_RISCV	4u
#define SEQRING_BPF_TARGET_S390		5u

/* seqring_bpf_state.owner of a ring that is not free. */
#define SEQRING_BPF_TAKEN	1u
#define SEQRING_BPF_SEEN	2u
#define SEQRING_BPF_ENDED	(~0u)

/* seqring_bpf_state.epoch while the programs of no loader may publish. */
#define SEQRING_BPF_EPOCH_NONE	(~0u)

/*
 * Commands that user space gives to a ring's control program, as its context. Only a
 * program can write the frozen map.
 *
 * END: end @ring. A program on another CPU that has just found the ring free may still
 *	publish one record. So the caller repeats the command after an RCU grace period,
 *	until it returns 1: only then do readers see the end. -EBUSY: a program is
 *	publishing; try again. @owner: not 0: a new ring gets the name of this one.
 * OWNER: store @owner and @owner_pidns in the header. The caller rings the doorbell
 *	afterwards.
 * DOORBELL: wake all sleepers. -EAGAIN: try again.
 * CLOCK: set @ticks to jiffies.
 * EPOCH: from now on programs of epoch @owner write @ring, and the last loader is that of epoch
 *	@owner_pidns. @ticks: not 0: no program of @owner may sleep. -EBUSY: the same, but a
 *	program is publishing, perhaps of another epoch.
 * RESET: free @ring, which a program has taken and left without commit or discard. No program
 *	runs that may write @ring: its epoch is SEQRING_BPF_EPOCH_NONE, and a grace period is over.
 *
 * All return 0 except as said, -ENOENT if there is no such ring, -EINVAL if there is no
 * such command.
 */
#define SEQRING_BPF_CTL_END	1u
#define SEQRING_BPF_CTL_OWNER	2u
#define SEQRING_BPF_CTL_DOORBELL	3u
#define SEQRING_BPF_CTL_CLOCK	4u
#define SEQRING_BPF_CTL_EPOCH	5u
#define SEQRING_BPF_CTL_RESET	6u

struct seqring_bpf_ctl {
	__u32 cmd;
	__u32 ring;
	__u64 owner;
	__u64 owner_pidns;
	__u64 ticks;
};

#endif /* SEQRING_BPF_LAYOUT_H */
