/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The mapped layout and the ioctls of seqring: everything that programs built at
 * different times must agree on. docs/reference/abi.md says the same in
 * prose, completely enough to write a reader in another language.
 *
 * All integers are in the byte order of the machine. Every reserved field is zero. A
 * reader ignores reserved fields; the kernel rejects a request with a nonzero one.
 */
#ifndef SEQRING_ABI_H
#define SEQRING_ABI_H

#if defined(__bpf__)
/* vmlinux.h defines the types itself, and conflicts with linux/types.h. */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#else
#include <linux/ioctl.h>
#include <linux/types.h>
#endif

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#define SEQRING_ASSERT(cond, msg) static_assert(cond, msg)
#else
#include <stddef.h>
#ifdef __cplusplus
#define SEQRING_ASSERT(cond, msg) static_assert(cond, msg)
#else
#define SEQRING_ASSERT(cond, msg) _Static_assert(cond, msg)
#endif
#endif

#include "clocks.h"
#include "flexible.h"

/* "SEQRING1" in memory on a little-endian machine. */
#define SEQRING_MAGIC		0x31474e4952514553ULL

/*
 * A reader accepts a ring if it knows version @compat_version or a later one, and every
 * bit of @features_required. @version and @features only inform.
 *
 * SEQRING_SEGMENTS, SEQRING_RECORD_ALIGN and the size of struct seqring_record are
 * constants of version 1. The header repeats them as a guard: a reader that knows
 * version 1 rejects a ring with other values. A change of one of them, or of the layout
 * of a record, is a new @compat_version, which older readers reject with ENOTSUP.
 */
#define SEQRING_VERSION		1u
#define SEQRING_COMPAT_VERSION	1u
#define SEQRING_FEATURES_REQUIRED_KNOWN	0ULL

/*
 * A bit of seqring_header.features_required: the file is a segment of a recording, with chunks
 * instead of rings (seqring/recording.h). It cannot be mapped and read as a ring.
 */
#define SEQRING_REQUIRE_RECORDING	(1ULL << 0)

/* Bits of seqring_header.features. */
#define SEQRING_FEAT_WRITE	(1ULL << 0)	/* write(2) publishes a record */
#define SEQRING_FEAT_MEMBARRIER	(1ULL << 1)	/* see struct seqring_wait */
#define SEQRING_FEAT_ANNOUNCE	(1ULL << 2)	/* the same */
#define SEQRING_FEAT_SLOTS	(1ULL << 3)	/* see struct seqring_wait_slots */
#define SEQRING_FEATURES_KNOWN \
	(SEQRING_FEAT_WRITE | SEQRING_FEAT_MEMBARRIER | SEQRING_FEAT_ANNOUNCE | \
	 SEQRING_FEAT_SLOTS)

/* Limits. */
#define SEQRING_DATA_SIZE_MIN	(1ULL << 16)
#define SEQRING_DATA_SIZE_MAX	(1ULL << 30)
#define SEQRING_WAKE_INTERVAL_NS	20000u	/* wake_interval_ns by default */
#define SEQRING_WAKE_INTERVAL_MAX	1000000000u
#define SEQRING_WAKE_UNLIMITED	(~0u)	/* wake_interval_ns: no limit */
#define SEQRING_RINGS_MAX	4096u
#define SEQRING_SCHEMA_SIZE_MAX	(1u << 20)
#define SEQRING_NAME_SIZE	32u	/* with the terminating zero */
#define SEQRING_SEGMENTS	16u
#define SEQRING_RECORD_ALIGN	8u

/* seqring_header.clock_id: what the ts_ns of a record means. clocks.h says more. */
#define SEQRING_CLOCK_NONE	0u	/* ts_ns is 0 */
#define SEQRING_CLOCK_MONOTONIC	1u	/* CLOCK_MONOTONIC, ns */
#define SEQRING_CLOCK_COARSE	2u	/* CLOCK_MONOTONIC within this tick, ns */
#define SEQRING_CLOCK_BOOTTIME	3u	/* CLOCK_BOOTTIME: goes on while the machine sleeps, ns */
#define SEQRING_CLOCK_MAX	3u	/* ids are dense: every id up to here is a clock */

#define SEQRING_CLOCK_AGREES(ID, number, ...) \
	+ (SEQRING_CLOCK_##ID == (number) && (number) <= SEQRING_CLOCK_MAX ? 1u : 0u)
SEQRING_ASSERT(0u SEQRING_CLOCKS(SEQRING_CLOCK_AGREES) == SEQRING_CLOCK_MAX + 1u,
	       "clocks.h has a row with the same number for every clock");
#undef SEQRING_CLOCK_AGREES

/* seqring_header.writer_kind. */
#define SEQRING_WRITER_MODULE	1u
#define SEQRING_WRITER_BPF	2u
#define SEQRING_WRITER_MEMFD	3u

/*
 * First page of every mapping. The writer fills it once, and stores @magic last. From then
 * on all fields except @owner and @owner_pidns are constant. Readers map it read-only.
 *
 * @owner: the process that loaded the BPF program, if the ring ends with that process: its
 *           PID in the low half; in the high half its start time, the low half of field
 *           22 of /proc/PID/stat. 0: the ring does not end with a process. May change
 * @owner_pidns: inode number of that process's PID namespace, as /proc/self/ns/pid has it
 * @clock_offset_ns: what the ring's clock is ahead of the same clock in the initial time
 *           namespace: the shift of the namespace that the writer's process is in. 0 for the
 *           kernel's own time
 */
struct seqring_header {
	__u64 magic;
	__u32 version;
	__u32 compat_version;
	__u64 features;
	__u64 features_required;
	__u32 header_size;	/* bytes of this struct that the writer filled */
	__u32 page_size;	/* every area starts at a multiple of page_size */
	__u32 nr_rings;
	__u32 clock_id;
	__u64 total_size;	/* bytes of the whole mapping */
	__u64 ring_offset;	/* from the start to the first control area */
	__u64 ring_stride;	/* from one control area to the next */
	__u64 data_offset;	/* from a control area to its data area */
	__u64 data_size;	/* bytes of one data area, a power of two */
	__u32 nr_segments;	/* SEQRING_SEGMENTS */
	__u32 record_header_size;	/* sizeof(struct seqring_record) */
	__u32 record_align;	/* SEQRING_RECORD_ALIGN */
	__u32 payload_max;	/* largest len that a record may have */
	__u64 schema_offset;	/* 0: the ring has no schema */
	__u64 schema_size;
	__u32 writer_kind;
	__u32 reserved0;
	__u64 owner;
	__u64 owner_pidns;
	__s64 clock_offset_ns;
	__u64 reserved1;	/* for a clock that needs a conversion */
	char name[SEQRING_NAME_SIZE];
	__u64 reserved2[40];
};
SEQRING_ASSERT(sizeof(struct seqring_header) == 512, "header is 512 bytes");
SEQRING_ASSERT(offsetof(struct seqring_header, total_size) == 48, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_header, nr_segments) == 88, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_header, writer_kind) == 120, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_header, name) == 160, "ABI");

/* Why a record was dropped: indices of seqring_ring_ctl.dropped. */
enum seqring_drop {
	SEQRING_DROP_BUSY = 0,	/* a nested or second writer found the ring busy */
	SEQRING_DROP_TOO_BIG = 1,	/* longer than payload_max */
	SEQRING_DROP_DEAD = 2,	/* published after the end of the ring */
	SEQRING_DROP_FAULT = 3,	/* the payload could not be read */
	SEQRING_DROP_HANDOVER = 4,	/* BPF: while one loader takes over from another one */
	SEQRING_DROP_SUPERSEDED = 5,	/* BPF: by a program that another loader has replaced */
	SEQRING_DROP_ABANDONED = 6,	/* BPF: the ring is taken by a program that forgot it */
	SEQRING_DROP_CAUSES = 7,
	SEQRING_DROP_SLOTS = 8,	/* slots in the ABI; the others are reserved */
};

/* seqring_ring_ctl.state. */
#define SEQRING_STATE_DEAD	(1u << 0)	/* no record will follow */
#define SEQRING_STATE_REPLACED	(1u << 1)	/* with DEAD: a new ring has its name */

/*
 * Control area of one ring: the words that its writer changes. Words that change with
 * every record, with every segment, and rarely are 128 bytes apart, because processors
 * prefetch cache lines in pairs.
 *
 * @head:    position of the next record to be published
 * @last:    start of the newest record; undefined while @seq is 0
 * @seq:     seq of the newest record; 0: no record was published yet
 * @tail:    oldest position with intact bytes; a record start, or @head
 * @segment_pos: for each segment, the first record start at or after the start of its
 *           latest lap; stale once it is below @tail
 * @dropped: records that were dropped, by cause; counters that never decrease
 * @wakeups: wake-ups that the writer asked for
 * @state:   SEQRING_STATE_*
 * @id:      number of the ring; with one ring per CPU, the number of the CPU
 *
 * The writer stores every u64 with a single 64-bit store.
 */
struct seqring_ring_ctl {
	__u64 head;
	__u64 last;
	__u64 seq;
	__u64 reserved0[13];

	__u64 tail;
	__u64 reserved1[7];
	__u64 segment_pos[SEQRING_SEGMENTS];
	__u64 reserved2[8];

	__u64 dropped[SEQRING_DROP_SLOTS];
	__u64 wakeups;
	__u32 state;
	__u32 id;
	__u64 reserved3[6];
};
SEQRING_ASSERT(sizeof(struct seqring_ring_ctl) == 512, "ring control is 512 bytes");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, tail) == 128, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, segment_pos) == 192, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, dropped) == 384, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, state) == 456, "ABI");

/*
 * Header of a record, 8-byte aligned in the data area. @len payload bytes follow, then
 * zeros up to the next multiple of 8.
 *
 * @stamp: 0: there is no record here; else the record's seq, or for a PAD the seq of the
 *         record after it
 * @ts_ns: time of the record in the ring's clock
 */
union seqring_meta {
	__extension__ struct {	/* ISO C++ has no unnamed structs */
		__u32 len;
		__u16 type;	/* defined by the producer */
		__u16 flags;
	};
	__u64 word;	/* all three fields, stored and loaded at once */
};

struct seqring_record {
	__u64 stamp;
	__u64 ts_ns;
	union seqring_meta meta;
};
SEQRING_ASSERT(sizeof(struct seqring_record) == 24, "record header is 24 bytes");
SEQRING_ASSERT(offsetof(struct seqring_record, meta.len) == 16, "ABI");

/* Bits of seqring_meta.flags; the other bits are reserved. */
#define SEQRING_REC_PAD		(1u << 0)	/* no record: skip to the next lap's start */

/* Largest payload: a record takes at most a quarter of the data area. */
#define SEQRING_PAYLOAD_MAX(data_size) \
	((__u32)((data_size) / 4 - sizeof(struct seqring_record)))

/* True if a data area may have this many bytes. */
#define SEQRING_DATA_SIZE_OK(data_size) \
	((data_size) >= SEQRING_DATA_SIZE_MIN && (data_size) <= SEQRING_DATA_SIZE_MAX && \
	 !((data_size) & ((data_size) - 1)))

/*
 * Wake thresholds of one ring. If head > @pos or seq >= @seq, the writer wakes all
 * sleepers and sets both thresholds to SEQRING_WAIT_NONE. Readers only lower them.
 *
 * The module keeps the thresholds in its own memory. A memfd ring has an array of them,
 * one per ring, in a second memfd that readers may write; it affects wake-ups only. With
 * SEQRING_FEAT_MEMBARRIER the writer's side of the WAKE pair is a compiler barrier, and a
 * reader calls membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) between arming and its last
 * load of head.
 *
 * A BPF ring has an array map of them. With SEQRING_FEAT_ANNOUNCE the writer executes a
 * full fence and loads @pos and @seq only while @announced is not 0. A reader that has
 * armed replaces an @announced of 0 by a number that no reader used before. If @announced
 * is a number for which this reader has not called membarrier() yet, it calls
 * membarrier(MEMBARRIER_CMD_GLOBAL) before its last load of head. The writer clears
 * @announced after many records that woke no reader.
 *
 * With SEQRING_FEAT_SLOTS, a reader without a slot stores 1 to @shared each time before it arms.
 * The program rings the doorbell that such readers share if @shared or @always is not 0, and sets
 * @shared to 0 before. The loader sets @always when it gives descriptors of the ring away, since
 * readers of before SEQRING_FEAT_SLOTS know none of this.
 */
struct seqring_wait {
	__u64 pos;
	__u64 seq;
	__u64 announced;
	__u64 shared;
	__u64 always;
	__u64 reserved[11];
};
SEQRING_ASSERT(sizeof(struct seqring_wait) == 128, "wait word is 128 bytes");

#define SEQRING_WAIT_NONE	(~0ULL)

/*
 * Slot of one reader of a served memfd ring: wake thresholds, and a doorbell, of its own. The
 * greeting of the serving process says at which offset of the second memfd the slot is.
 *
 * A reader with a slot stores its thresholds of a ring in the slot, executes a full fence, and
 * then lowers the thresholds of struct seqring_wait as every reader does. So the latter are the
 * lowest of all. The writer compares only these. When they are due, it resets them, rings the
 * doorbell of each reader that is due by its slot, and lowers them for the others again.
 *
 * @own: not 0: the reader arms in this slot. 0, as it is at first: the reader knows no slots. The
 *           writer then rings its doorbell whenever the thresholds of struct seqring_wait are due
 * @ring: thresholds of each ring, as in struct seqring_wait. The reader stores them, and the
 *           writer resets both to SEQRING_WAIT_NONE when it rings
 */
struct seqring_threshold {
	__u64 pos;
	__u64 seq;
};

struct seqring_wait_slot {
	__u64 own;
	__u64 reserved;
	SEQRING_FLEXIBLE(struct seqring_threshold, ring);
};
SEQRING_ASSERT(sizeof(struct seqring_wait_slot) == 16, "ABI");

/*
 * Slots of the readers of one ring of a BPF device with SEQRING_FEAT_SLOTS. An array map has one
 * such struct for each ring; it and the doorbells of the slots are pinned beside the ring. A reader
 * arms in its slot as in a slot of a memfd ring. The program rings the doorbell of a slot that is
 * due. Readers without a slot share the ring's own doorbell: see struct seqring_wait.
 *
 * @used: not 0: the program looks at the slots. The first reader that takes a slot sets it, in all
 *           rings
 * @slot: thresholds, as in struct seqring_wait_slot
 * @user: who has the slot, in ring 0; the others are not used. A reader takes a slot by a
 *           compare-and-exchange of @owner from 0, or from a process that is gone, to
 *           SEQRING_SLOT_TAKEN. It then stores @owner_pidns, and at last @owner, by a release:
 *           both as in struct seqring_header. It stores 0 when it closes the ring
 */
#define SEQRING_SLOTS		8u
#define SEQRING_SLOT_TAKEN	1ULL

struct seqring_slot_user {
	__u64 owner;
	__u64 owner_pidns;
};

struct seqring_wait_slots {
	__u64 used;
	__u64 reserved[15];
	struct seqring_threshold slot[SEQRING_SLOTS];
	struct seqring_slot_user user[SEQRING_SLOTS];
};
SEQRING_ASSERT(sizeof(struct seqring_wait_slots) == 384, "ABI");

/*
 * Reader page: the only page of a device that a reader may write. Each open file has one,
 * mapped at offset 0 of the descriptor that SEQRING_IOC_READER_FD gives. The kernel uses
 * it as a hint that affects the wake-ups of this reader only.
 *
 * @wake_records: watermark: wake when a ring has at least this many unread records; 0: no
 *           such limit
 * @wake_bytes: watermark: wake when a ring has at least this many unread bytes; 0: no such
 *           limit. If both are 0, any record wakes
 * @wake_timeout_ns: wake at the latest this long after the first unread record; 0: no such
 *           limit
 * @cursor:  for each ring, position and seq of the first unread record. libring stores
 *           them when it finds the ring empty. seq 0: not known. Position ~0: the reader
 *           does not read this ring, which wakes it never
 */
struct seqring_cursor {
	__u64 pos;
	__u64 seq;
};

struct seqring_reader_page {
	__u64 wake_records;
	__u64 wake_bytes;
	__u64 wake_timeout_ns;
	__u64 reserved[13];
	SEQRING_FLEXIBLE(struct seqring_cursor, cursor);
};
SEQRING_ASSERT(sizeof(struct seqring_reader_page) == 128, "ABI");

/* Writer modes of a device. */
#define SEQRING_MODE_CALLER	0u	/* one ring; the caller serialises its writers */
#define SEQRING_MODE_LOCKED	1u	/* one ring; a raw spinlock serialises its writers */
#define SEQRING_MODE_PERCPU	2u	/* one ring per possible CPU */

/*
 * The ioctls. Each takes a struct that starts with the size of the struct as the caller
 * knows it. The kernel accepts an older, shorter struct. It accepts a longer one if the
 * bytes that it does not know are zero, else E2BIG. Errors common to all: EFAULT; EINVAL
 * if the size is below that of the first version, or a reserved field is not zero; ENOTTY.
 */

/* Gets the shape of a device, without a mapping. */
struct seqring_geometry {
	__u32 size;
	__u32 nr_rings;
	__u64 total_size;
	__u64 data_size;
	__u64 reader_size;	/* bytes of the mapped reader page */
	__u32 payload_max;
	__u32 mode;
	__u32 clock_id;
	__u32 page_size;
	__u64 features;
	__u64 reserved[2];
};
SEQRING_ASSERT(sizeof(struct seqring_geometry) == 72, "ABI");

/* Gets the counters of one ring. ENOENT: @ring is not below nr_rings. */
struct seqring_stats {
	__u32 size;
	__u32 ring;		/* in */
	__u64 head;
	__u64 tail;
	__u64 seq;		/* records published */
	__u64 dropped[SEQRING_DROP_SLOTS];
	__u64 wakeups;
	__u32 readers;		/* open files of the device */
	__u32 state;
	__u64 reserved[2];
};
SEQRING_ASSERT(sizeof(struct seqring_stats) == 128, "ABI");

/*
 * Moves the position from which read(2) continues on this open file, on all rings of the
 * device. A mapped reader seeks by itself. ERANGE: SEEK_SEQ with a @value in the future;
 * SEEK_TIME waits at head for the first record then. EOPNOTSUPP: SEEK_SEQ on a device with
 * several rings, or SEEK_TIME on a ring without a clock.
 */
#define SEQRING_SEEK_OLDEST	0u
#define SEQRING_SEEK_NEWEST	1u	/* the newest record is the next one read */
#define SEQRING_SEEK_HEAD	2u	/* only records that are published from now on */
#define SEQRING_SEEK_SEQ	3u	/* @value: seq of the next record */
#define SEQRING_SEEK_TIME	4u	/* the first record with ts_ns >= @value */

struct seqring_seek {
	__u32 size;
	__u32 whence;
	__u64 value;
};
SEQRING_ASSERT(sizeof(struct seqring_seek) == 16, "ABI");

/* Sets the type of the records that write(2) on this open file publishes; 0 at first. */
struct seqring_write_type {
	__u32 size;
	__u32 type;		/* at most 65535 */
};
SEQRING_ASSERT(sizeof(struct seqring_write_type) == 8, "ABI");

/*
 * Creates a device; on the control node, opened for writing. The device lives until
 * SEQRING_CTL_DESTROY or until the module is removed. Processes publish to it with write(2): its
 * mode is CALLER, and the kernel serialises the writers.
 *
 * Its owner is the owner of the device node, and may destroy the device: uid with
 * SEQRING_CREATE_UID, else the caller's file system UID. gid with SEQRING_CREATE_GID, else the
 * caller's file system GID, is the node's group. Both are numbers of the caller's user namespace.
 *
 * EEXIST: the name is taken. EINVAL: a bad name ([A-Za-z0-9._-], not starting with a dot),
 * a data_size that is not a power of two or out of bounds, an unknown clock, flag or
 * permission bit, a uid or gid without its flag or without a meaning in the namespace. EPERM:
 * the uid is not the caller's, or the gid is not one of its groups, and it has no CAP_CHOWN in
 * the initial user namespace. ENOSPC: the module's limit on memory or devices is reached.
 * EBADF: the control node is not open for writing. ENOMEM. EINTR: a fatal signal is pending.
 */
#define SEQRING_CREATE_UID	1U	/* uid is set */
#define SEQRING_CREATE_GID	2U	/* gid is set */

struct seqring_ctl_create {
	__u32 size;
	__u32 flags;		/* SEQRING_CREATE_* */
	char name[SEQRING_NAME_SIZE];
	__u64 data_size;
	__u32 clock_id;
	__u32 permissions;	/* of the device node, 0 to 0666; 0: 0600 */
	__u64 schema;		/* user pointer, 0: none */
	__u32 schema_size;
	/*
	 * Shortest time from one wake-up of the ring's sleepers to the next: up to
	 * SEQRING_WAKE_INTERVAL_MAX; 0: SEQRING_WAKE_INTERVAL_NS; SEQRING_WAKE_UNLIMITED:
	 * no limit
	 */
	__u32 wake_interval_ns;
	__u32 uid;
	__u32 gid;
	__u64 reserved[3];
};
SEQRING_ASSERT(sizeof(struct seqring_ctl_create) == 104, "ABI");

/*
 * Destroys a device; on the control node, opened for writing. ENOENT: no such device. EPERM: a
 * module owns it, or the caller's file system UID is not its owner's and the caller has no
 * CAP_SYS_ADMIN in the initial user namespace. EBADF: not open for writing.
 */
struct seqring_ctl_destroy {
	__u32 size;
	__u32 flags;		/* 0 */
	char name[SEQRING_NAME_SIZE];
};
SEQRING_ASSERT(sizeof(struct seqring_ctl_destroy) == 40, "ABI");

#define SEQRING_IOC_MAGIC	0xb7
/* On a device, however it is open: all but the last change nothing but this open file. */
#define SEQRING_IOC_GEOMETRY	_IOWR(SEQRING_IOC_MAGIC, 0x00, struct seqring_geometry)
#define SEQRING_IOC_STATS	_IOWR(SEQRING_IOC_MAGIC, 0x01, struct seqring_stats)
#define SEQRING_IOC_SEEK	_IOW(SEQRING_IOC_MAGIC, 0x02, struct seqring_seek)
#define SEQRING_IOC_WRITE_TYPE	_IOW(SEQRING_IOC_MAGIC, 0x03, struct seqring_write_type)
/*
 * Returns a new close-on-exec descriptor of this open file's reader page; map
 * seqring_geometry.reader_size bytes of it, MAP_SHARED. If the file is closed first, the
 * descriptor stays valid and has no effect. From this call on, poll() uses the cursor
 * instead of the position of read(2). The argument is 0. ENOSPC: the user's limit on memory for
 * open files of devices is reached. open(2) fails with the same errno.
 */
#define SEQRING_IOC_READER_FD	_IO(SEQRING_IOC_MAGIC, 0x04)
/*
 * Makes everybody who waits for this open file look at the rings again. Call it after a store to
 * the reader page that makes the file readable earlier than before: a lower watermark, or a
 * cursor that moved back. poll(2) and level-triggered epoll look when they are called, so only
 * who waits at the time of the store needs it. SEQRING_IOC_SEEK, lseek() and the first
 * SEQRING_IOC_READER_FD do it themselves. The argument is 0.
 *
 * Return: 0; EINVAL the argument is not 0; ENOTTY a module before this ioctl.
 */
#define SEQRING_IOC_LOOK	_IO(SEQRING_IOC_MAGIC, 0x05)
/*
 * Publishes a record without payload, which write(2) and writev(2) of 0 bytes do not. The argument
 * is 0. EINVAL: it is not. EBADF: this open file is not open for writing. ENODEV, EBUSY and
 * EINTR as write(2). ENOTTY: a module before this ioctl, where write(2) of 0 bytes does it.
 */
#define SEQRING_IOC_WRITE_EMPTY	_IO(SEQRING_IOC_MAGIC, 0x06)
/* On the control node. */
#define SEQRING_CTL_CREATE	_IOW(SEQRING_IOC_MAGIC, 0x40, struct seqring_ctl_create)
#define SEQRING_CTL_DESTROY	_IOW(SEQRING_IOC_MAGIC, 0x41, struct seqring_ctl_destroy)

#define SEQRING_DEV_DIR		"/dev/seqring"
#define SEQRING_CTL_PATH	"/dev/seqring-control"

#endif /* SEQRING_ABI_H */
