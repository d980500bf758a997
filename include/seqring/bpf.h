/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Publishing from a BPF program: no module is needed. Readers see a ring like any
 * other; libring opens it, libring/bpf.h sets it up. docs/guide/bpf.md has a whole example.
 *
 *	#include "vmlinux.h"			// or <linux/bpf.h>
 *	#include <bpf/bpf_helpers.h>
 *	#include <seqring/bpf.h>
 *
 *	SEQRING_BPF(events);
 *
 *	SEC("tp_btf/sched_process_exit")
 *	int on_exit(void *ctx)
 *	{
 *		struct my_event e = { .pid = bpf_get_current_pid_tgid() >> 32 };
 *
 *		seqring_bpf_publish(events, MY_EVENT, &e, sizeof(e));
 *		return 0;
 *	}
 *
 * Any program type that may look up a map element can publish, from any context. A ring
 * has one writer at a time. With one ring per CPU, a program that interrupts another one
 * during a publish finds the ring busy, and its record is dropped and counted. With a
 * single ring, so does a program that publishes on another CPU at the same moment.
 *
 * Every function returns 0 or
 *	-EBUSY		dropped: the ring was busy (SEQRING_DROP_BUSY counts it; so it does for a
 *			CPU that has no ring, in ring 0), or a program has
 *			taken it and ended without commit or discard (SEQRING_DROP_ABANDONED)
 *	-EMSGSIZE	dropped: @len is above payload_max (SEQRING_DROP_TOO_BIG)
 *	-EFAULT		dropped: the payload could not be read (SEQRING_DROP_FAULT)
 *	-ENODEV		dropped: the ring has ended (SEQRING_DROP_DEAD), or was never set up
 *	-ESTALE		not published: another loader's programs write the ring, and publish the
 *			event in place of this one. SEQRING_DROP_SUPERSEDED counts it for a
 *			program that was replaced, and SEQRING_DROP_HANDOVER while nobody
 *			publishes because this program's loader is taking the ring over
 * A program may ignore the result.
 *
 * A program may define these macros before it includes the header:
 *
 * SEQRING_BPF_NO_PREEMPT: the programs that publish are on tracepoints (raw_tp, tp, tp_btf),
 *	kprobes or perf events. Saves two atomic instructions per record, and the full fence
 *	while no reader sleeps. Up to Linux 6.19 the kernel runs these programs with
 *	preemption off, and the loader relies on it. From Linux 7.0 on it does so only for tp,
 *	kprobes and perf events; elsewhere, publishing turns preemption off itself. If neither
 *	is possible, ring_bpf_prepare() and ring_bpf_start() refuse the object. They refuse
 *	programs that may sleep in any case.
 * SEQRING_BPF_NO_KFUNC: publishing never turns preemption off. Otherwise it does so where the
 *	loader cannot rely on the kernel, from Linux 6.10 on: no program then finds the ring
 *	taken by one that was preempted. Between seqring_bpf_reserve() and
 *	seqring_bpf_commit() a program then calls no global function and nothing that sleeps,
 *	and the verifier rejects a program that ends in between. For this the object names two
 *	kfuncs. A kernel loads such an object, even if it has no such kfuncs, from Linux 5.16 on,
 *	if the programs have a licence compatible with the GPL, and if the kernel has a JIT
 *	compiler that can call kernel functions: x86-64 has, arm64 from 5.18, riscv and s390
 *	from 6.4 on. Define the macro for other kernels and licences.
 * SEQRING_BPF_PAYLOAD_MAX: longest payload, 4096 by default, at most a quarter of the data
 *	area less 24. The verifier requires that many unused bytes behind each data area.
 */
#ifndef SEQRING_BPF_H
#define SEQRING_BPF_H

#include "bpf_layout.h"

#ifndef SEQRING_BPF_PAYLOAD_MAX
#define SEQRING_BPF_PAYLOAD_MAX		4096
#endif

/* After this many records without a wake-up the writer assumes that no reader sleeps. */
#ifndef SEQRING_BPF_IDLE_PUBLISHES
#define SEQRING_BPF_IDLE_PUBLISHES	(1u << 24)
#endif

#ifdef __bpf__

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define SEQRING_BPF_COLD static __attribute__((__noinline__, __unused__))

/*
 * A publish in progress. The caller of seqring_bpf_reserve() only passes it on.
 *
 * @rec: the record
 * @pos: where the record starts
 * @ts_ns: time of the record
 * @len: payload bytes
 */
struct seqring_bpf_open {
	struct seqring_ring_ctl *ctl;
	struct seqring_wait *wait;
	void *doorbell;
	void *slots;
	void *doorbells;
	const volatile struct seqring_bpf_geometry *geo;
	struct seqring_record *rec;
	__u64 pos;
	__u64 ts_ns;
	__u32 len;
};

#ifndef SEQRING_BPF_NO_KFUNC
void bpf_preempt_disable(void) __weak __ksym;
void bpf_preempt_enable(void) __weak __ksym;
#define SEQRING_BPF_KFUNC_FLAG	SEQRING_BPF_CAN_KFUNC
#else
#define SEQRING_BPF_KFUNC_FLAG	0
#endif

#ifdef SEQRING_BPF_NO_PREEMPT
#define SEQRING_BPF_CAN		(SEQRING_BPF_CAN_CALLER | SEQRING_BPF_KFUNC_FLAG)
#else
#define SEQRING_BPF_CAN		(SEQRING_BPF_CAN_ATOMIC | SEQRING_BPF_KFUNC_FLAG)
#endif

/*
 * Turns preemption off until seqring_bpf_unguard(), if the loader has chosen so. The verifier
 * knows the choice, and removes the call elsewhere.
 */
static __always_inline void seqring_bpf_guard(const volatile struct seqring_bpf_geometry *geo)
{
#ifndef SEQRING_BPF_NO_KFUNC
	if (geo->guard == SEQRING_BPF_GUARD_KFUNC)
		bpf_preempt_disable();
#else
	(void)geo;
#endif
}

static __always_inline void seqring_bpf_unguard(const volatile struct seqring_bpf_geometry *geo)
{
#ifndef SEQRING_BPF_NO_KFUNC
	if (geo->guard == SEQRING_BPF_GUARD_KFUNC)
		bpf_preempt_enable();
#else
	(void)geo;
#endif
}

/*
 * True if another program may preempt this one while it has the ring. With SEQRING_BPF_NO_PREEMPT
 * no loader chooses that, so the common path does not ask.
 */
static __always_inline int
seqring_bpf_may_be_preempted(const volatile struct seqring_bpf_geometry *geo)
{
#ifdef SEQRING_BPF_NO_PREEMPT
	(void)geo;
	return 0;
#else
	return geo->guard == SEQRING_BPF_GUARD_ATOMIC;
#endif
}

static __always_inline struct seqring_bpf_state *seqring_bpf_state(struct seqring_ring_ctl *ctl)
{
	return (struct seqring_bpf_state *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
}

static __always_inline struct seqring_record *
seqring_bpf_record_at(struct seqring_ring_ctl *ctl, const volatile struct seqring_bpf_geometry *geo,
		      __u64 pos)
{
	return (struct seqring_record *)((unsigned char *)ctl + geo->data_offset +
					 (pos & geo->pos_mask));
}

/*
 * True if another loader's programs write the ring, or nobody's. @epoch: the program's own; the
 * verifier knows it.
 */
static __always_inline int seqring_bpf_is_foreign(const struct seqring_bpf_state *state,
						  __u32 epoch)
{
	return epoch && seqring_read(&state->epoch) != epoch;
}

/*
 * Takes the ring. @shared: programs on other CPUs write the ring, too. Return: 1 if the
 * program's loader writes the ring and the ring was free, else 0.
 *
 * The epoch comes first, so that a program that waits to take over never keeps the ring from the
 * one that writes it. A loader that changes the epoch waits for an RCU grace period, and so for
 * each program that has found its epoch here. Only a program that may sleep is not waited for. So
 * a program that is not known to be one critical section looks once more when it has the ring:
 * then the loader sees the ring taken, or the program sees the new epoch.
 */
static __always_inline int seqring_bpf_take(struct seqring_bpf_state *state, int shared,
					    const volatile struct seqring_bpf_geometry *geo)
{
	const __u32 epoch = geo->epoch;

	if (seqring_unlikely(seqring_bpf_is_foreign(state, epoch)))
		return 0;
	if (!shared && !seqring_bpf_may_be_preempted(geo)) {
		/* A program that interrupts here has left the ring again when it returns. */
		if (seqring_unlikely(seqring_read(&state->owner)))
			return 0;
		seqring_write(&state->owner, SEQRING_BPF_TAKEN);
		seqring_compiler_barrier(NEST);
		return 1;
	}
	if (seqring_cmpxchg_full(NEST, &state->owner, 0, SEQRING_BPF_TAKEN))
		return 0;
	if (seqring_bpf_may_be_preempted(geo) &&
	    seqring_unlikely(seqring_bpf_is_foreign(state, epoch))) {
		/* Pairs with the compare-and-exchange above, on any CPU. */
		seqring_store_release(NEST, &state->owner, 0);
		return 0;
	}
	return 1;
}

/* Gives the ring back. */
static __always_inline void seqring_bpf_leave(struct seqring_ring_ctl *ctl)
{
	/* Pairs with the compare-and-exchange in seqring_bpf_take(), on any CPU. */
	seqring_store_release(NEST, &seqring_bpf_state(ctl)->owner, 0);
}

/* Counts the record of a program that may not write the ring. Return: -ESTALE. */
static __always_inline int seqring_bpf_reject_foreign(struct seqring_ring_ctl *ctl, __u32 epoch)
{
	const __u32 next = seqring_read(&seqring_bpf_state(ctl)->next_epoch);
	const __s32 age = (__s32)(next - epoch);

	/* A program that is attached before its loader takes the ring over misses nothing. */
	if (next && age >= 0)
		seqring_add(&ctl->dropped[age ? SEQRING_DROP_SUPERSEDED : SEQRING_DROP_HANDOVER],
			    1);
	return -ESTALE;
}

/*
 * Why this CPU's ring could not be taken: the cause of the drop.
 *
 * A program that is not preempted runs in one task from begin to end. It lies below the program
 * that finds its ring taken, which therefore may mark the ring. If the mark is still there when
 * another task runs on this CPU, the first program has ended and has not given the ring back.
 *
 * A loader on another CPU may have changed the epoch since the attempt, or freed the ring. So the
 * ring may be free by now, and nobody would take the mark from it.
 */
static __always_inline int seqring_bpf_taken_cause(struct seqring_bpf_state *state, __u32 epoch)
{
	const __u64 task = bpf_get_current_task();

	if (seqring_read(&state->owner) == SEQRING_BPF_SEEN)
		return seqring_read(&state->seen_by) == task ? SEQRING_DROP_BUSY :
							       SEQRING_DROP_ABANDONED;
	seqring_write(&state->seen_by, task);
	/* Pairs with the store of seqring_bpf_leave(), on any CPU. */
	if (seqring_cmpxchg_full(NEST, &state->owner, SEQRING_BPF_TAKEN, SEQRING_BPF_SEEN))
		return SEQRING_DROP_BUSY;
	return epoch ? SEQRING_DROP_HANDOVER : SEQRING_DROP_BUSY;
}

/* Counts the drop of a record that could not take the ring. Return: -ENODEV; -ESTALE; -EBUSY. */
SEQRING_BPF_COLD int seqring_bpf_reject_take(struct seqring_ring_ctl *ctl,
					     const volatile struct seqring_bpf_geometry *geo)
{
	const __u32 epoch = geo->epoch;
	int cause = SEQRING_DROP_BUSY;

	if (!geo->nr_rings)
		return -ENODEV;
	if (seqring_bpf_is_foreign(seqring_bpf_state(ctl), epoch))
		return seqring_bpf_reject_foreign(ctl, epoch);
	if (seqring_read(&seqring_bpf_state(ctl)->owner) == SEQRING_BPF_ENDED) {
		seqring_add(&ctl->dropped[SEQRING_DROP_DEAD], 1);
		return -ENODEV;
	}
	if (geo->cpu_mask && !seqring_bpf_may_be_preempted(geo))
		cause = seqring_bpf_taken_cause(seqring_bpf_state(ctl), epoch);
	seqring_add(&ctl->dropped[cause], 1);
	return cause == SEQRING_DROP_HANDOVER ? -ESTALE : -EBUSY;
}

/* The functions of the "bpf" column of clocks.h. */
static __always_inline __u64 seqring_bpf_no_time(struct seqring_ring_ctl *ctl,
						 const volatile struct seqring_bpf_geometry *geo)
{
	(void)ctl;
	(void)geo;
	return 0;
}

static __always_inline __u64
seqring_bpf_monotonic_ns(struct seqring_ring_ctl *ctl,
			 const volatile struct seqring_bpf_geometry *geo)
{
	(void)ctl;
	(void)geo;
	return bpf_ktime_get_ns();
}

static __always_inline __u64
seqring_bpf_boottime_ns(struct seqring_ring_ctl *ctl,
			const volatile struct seqring_bpf_geometry *geo)
{
	(void)ctl;
	(void)geo;
	return bpf_ktime_get_boot_ns();
}

/* bpf_ktime_get_coarse_ns() is not available to tracing programs, nor safe in an NMI. */
static __always_inline __u64
seqring_bpf_coarse_ns(struct seqring_ring_ctl *ctl,
		      const volatile struct seqring_bpf_geometry *geo)
{
	const __u64 since_base_ns = bpf_jiffies64() * geo->tick_ns;

	return seqring_bpf_state(ctl)->clock_base_ns + since_base_ns;
}

/*
 * Reads the clock. The loader admits no clock without a row. The verifier knows clock_id and
 * removes the branches of the other clocks.
 */
static __always_inline void seqring_bpf_read_clock(struct seqring_bpf_open *o,
						   const volatile struct seqring_bpf_geometry *geo)
{
#define SEQRING_BPF_READ_CLOCK(ID, number, name, text, kernel, user, bpf, base) \
	(number) != SEQRING_CLOCK_NONE && clock_id == (number) ? bpf(o->ctl, geo) :
	const __u32 clock_id = geo->clock_id;

	o->ts_ns = SEQRING_CLOCKS(SEQRING_BPF_READ_CLOCK) seqring_bpf_no_time(o->ctl, geo);
#undef SEQRING_BPF_READ_CLOCK
}

/*
 * Counts the record of a CPU that has no ring. The loader makes one for each possible CPU, so this
 * needs a loader that miscounts. Ring 0 counts it, since a record must not vanish. Return: -EBUSY.
 */
SEQRING_BPF_COLD int seqring_bpf_reject_cpu(void *map,
					    const volatile struct seqring_bpf_geometry *geo)
{
	unsigned char *element;
	__u32 first = 0;

	element = (unsigned char *)bpf_map_lookup_elem(map, &first);
	if (element)
		seqring_add(&((struct seqring_ring_ctl *)(element + geo->ring_offset))
				     ->dropped[SEQRING_DROP_BUSY],
			    1);
	return -EBUSY;
}

/* Takes the ring of this CPU and reads the clock. Return: as seqring_bpf_enter(). */
static __always_inline int seqring_bpf_do_enter(struct seqring_bpf_open *o, void *map,
						void *wait_map, void *doorbell, void *slots,
						void *doorbells,
						const volatile struct seqring_bpf_geometry *geo)
{
	const __u32 cpu_mask = geo->cpu_mask;
	__u32 ring = bpf_get_smp_processor_id() & cpu_mask;
	unsigned char *element;

	/* The lookups come first: only four registers survive a call. */
	element = (unsigned char *)bpf_map_lookup_elem(map, &ring);
	if (seqring_unlikely(!element))
		return seqring_bpf_reject_cpu(map, geo);
	o->wait = (struct seqring_wait *)bpf_map_lookup_elem(wait_map, &ring);
	if (seqring_unlikely(!o->wait))
		return seqring_bpf_reject_cpu(map, geo);
	o->ctl = (struct seqring_ring_ctl *)(element + geo->ring_offset);
	if (seqring_unlikely(!seqring_bpf_take(seqring_bpf_state(o->ctl), !cpu_mask, geo)))
		return seqring_bpf_reject_take(o->ctl, geo);
	seqring_bpf_read_clock(o, geo);
	o->doorbell = doorbell;
	o->slots = slots;
	o->doorbells = doorbells;
	o->geo = geo;
	return 0;
}

/*
 * Begins a publish: turns preemption off if necessary, and takes the ring.
 *
 * Return: 0: the caller calls seqring_bpf_unguard() at the end; -ENODEV; -ESTALE; -EBUSY.
 */
static __always_inline int seqring_bpf_enter(struct seqring_bpf_open *o, void *map,
					     void *wait_map, void *doorbell, void *slots,
					     void *doorbells,
					     const volatile struct seqring_bpf_geometry *geo)
{
	int err;

	seqring_bpf_guard(geo);
	err = seqring_bpf_do_enter(o, map, wait_map, doorbell, slots, doorbells, geo);
	if (err)
		seqring_bpf_unguard(geo);
	return err;
}

/* The same for the ring that SEQRING_BPF(name) declares. */
#define seqring_bpf_enter_ring(name, o) \
	seqring_bpf_enter(o, &name, &name##_wait, &name##_doorbell, &name##_slots, \
			  &name##_doorbells, &name##_geometry)

/* Builds the writer for the cold path from the state between two publishes. */
static __always_inline void seqring_bpf_load_writer(struct seqring_writer *w,
						    struct seqring_ring_ctl *ctl,
						    const volatile struct seqring_bpf_geometry *geo)
{
	struct seqring_bpf_state *state = seqring_bpf_state(ctl);

	w->data = (unsigned char *)ctl + geo->data_offset;
	w->ctl = ctl;
	w->mask = geo->data_size - 1;
	w->pos = ctl->head;
	w->seq = ctl->seq;
	w->seg_end = state->seg_end;
	w->cold = &state->cold;
	if (w->seg_end)
		return;
	w->pos = state->pos;
	w->seg_end = state->pad_seg_end;
}

#define SEQRING_BPF_NO_ROOM	(~0ULL)

/*
 * Makes room for a record that leaves its segment, as seqring_writer_make_room() does.
 * This function and the next are not inlined, which leaves the registers to the program.
 *
 * Return: the position of the record; SEQRING_BPF_NO_ROOM if @len is above payload_max.
 */
SEQRING_BPF_COLD __u64 seqring_bpf_make_room(struct seqring_ring_ctl *ctl,
					     const volatile struct seqring_bpf_geometry *geo,
					     __u32 len)
{
	struct seqring_writer w;
	__u64 next;

	if (!geo->nr_rings)
		return SEQRING_BPF_NO_ROOM;
	seqring_bpf_load_writer(&w, ctl, geo);
	if (seqring_writer_make_room(&w, len, &next))
		return SEQRING_BPF_NO_ROOM;
	seqring_bpf_state(ctl)->seg_end = w.seg_end;
	return w.pos;
}

/* Publishes such a record; all of it except the stamp is in place at @pos. */
SEQRING_BPF_COLD int seqring_bpf_close(struct seqring_ring_ctl *ctl,
				       const volatile struct seqring_bpf_geometry *geo, __u64 pos,
				       __u32 len)
{
	struct seqring_writer_open open;
	struct seqring_writer w;

	if (!geo->nr_rings)
		return -ENODEV;
	seqring_bpf_load_writer(&w, ctl, geo);
	w.pos = pos;
	open = seqring_writer_advance(&w,
				      seqring_normalize(pos + seqring_record_size(len), w.mask));
	seqring_writer_close(&open);
	if (w.pos >= w.seg_end)
		seqring_writer_enter_segment(&w, w.pos);
	seqring_bpf_state(ctl)->seg_end = w.seg_end;
	return 0;
}

/* Publishes a record that lies within its segment. */
static __always_inline void seqring_bpf_close_within(struct seqring_ring_ctl *ctl,
						     struct seqring_record *rec,
						     struct seqring_record *behind, __u64 pos,
						     __u64 next)
{
	struct seqring_writer_open open = { rec, behind, ctl, pos, next, ctl->seq + 1 };

	seqring_writer_close(&open);
}

/* Forgets the reservation. A PAD before it stays, because a reader may have passed it. */
static __always_inline void seqring_bpf_forget(const struct seqring_bpf_open *o)
{
	struct seqring_bpf_state *state = seqring_bpf_state(o->ctl);

	if (o->pos == o->ctl->head)
		return;
	state->pos = o->pos;
	state->pad_seg_end = state->seg_end;
	state->seg_end = 0;
}

/* Counts a drop and gives the ring back. Return: @err. */
static __always_inline int seqring_bpf_drop(struct seqring_ring_ctl *ctl, int cause, int err)
{
	seqring_add(&ctl->dropped[cause], 1);
	seqring_bpf_leave(ctl);
	return err;
}

/*
 * A doorbell did not ring: makes the next publish try again. It finds a threshold that it has
 * passed, and an announcement if this publish has cleared it. As a reader's, that has a number that
 * is given only once, because a reader waits for a grace period for each new one.
 */
static __always_inline void seqring_bpf_try_again(struct seqring_wait *wait)
{
	seqring_write(&wait->pos, 0);
	if (!seqring_read(&wait->announced))
		seqring_write(&wait->announced, bpf_ktime_get_ns());
}

/*
 * Rings a doorbell. It fails if the kernel's lock is taken (in an NMI), or if no reader has emptied
 * the doorbell for long. Return: 0; -EAGAIN.
 */
static __always_inline int seqring_bpf_ring(void *doorbell)
{
	void *p = bpf_ringbuf_reserve(doorbell, 8, 0);

	if (!p)
		return -EAGAIN;
	bpf_ringbuf_discard(p, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/*
 * Rings the doorbell that readers without a slot share. @slots: the ring has slots, and perhaps no
 * such reader. Return: 0; -EAGAIN.
 */
SEQRING_BPF_COLD int seqring_bpf_ring_doorbell(void *doorbell, struct seqring_wait *wait,
					       __u64 *wakeups, int slots)
{
	if (slots) {
		/* After the reset of the thresholds, as for a slot. */
		seqring_writer_wake_begin();
		if (!seqring_read(&wait->shared) && !seqring_read(&wait->always)) {
			seqring_add(wakeups, 1);
			return 0;
		}
		/* A reader that stores 1 again before the doorbell rings hears the doorbell. */
		seqring_write(&wait->shared, 0);
	}
	if (seqring_bpf_ring(doorbell)) {
		seqring_write(&wait->shared, 1);
		seqring_bpf_try_again(wait);
		return -EAGAIN;
	}
	seqring_add(wakeups, 1);
	return 0;
}

/* Rings the doorbell of a slot that was due, or makes the slot due for the next publish. */
static __always_inline void seqring_bpf_ring_slot(struct seqring_wait *wait,
						  struct seqring_threshold *own, void *doorbells,
						  const __u32 nr)
{
	void *doorbell = bpf_map_lookup_elem(doorbells, &nr);

	if (!doorbell || !seqring_bpf_ring(doorbell))
		return;
	seqring_write(&own->pos, 0);
	seqring_write(&wait->pos, 0);
}

/* A seq at which each slot that is armed by its seq is due, and no other one. */
#define SEQRING_BPF_ALL_SEQ	(SEQRING_WAIT_NONE - 1)

/*
 * Gives @v. The verifier does not know the value, and so follows the code behind it once, and not
 * once for each value. @any: a number that it does not know
 */
static __always_inline __u64 seqring_bpf_hide(__u64 v, __u64 any)
{
	__u64 same = any;

	__asm__ __volatile__("%0 ^= %1" : "+&r"(same) : "r"(any));
	return v ^ same;
}

/*
 * Wakes the readers with slots. The thresholds of struct seqring_wait were due and are reset, or
 * the announcement is gone. @due: SEQRING_WAKE_*
 *
 * Others may publish meanwhile, on this CPU or, to a single ring, on another one. They find the
 * thresholds reset, so this function arms again for the readers that are not due, and like a reader
 * looks once more. If one of them is due by then, it wakes all, so that nobody is left to look for.
 */
SEQRING_BPF_COLD int seqring_bpf_wake_slots(const struct seqring_ring_ctl *ctl,
					    struct seqring_wait *wait, void *slots_map,
					    void *doorbells, int due)
{
	struct seqring_wait_slots *slots;
	struct seqring_threshold lowest;
	__u32 ring = ctl->id, i;
	__u64 pos, seq, all;
	int round;

	slots = (struct seqring_wait_slots *)bpf_map_lookup_elem(slots_map, &ring);
	if (!slots)
		return -ENOENT;
	seqring_writer_wake_begin();
	if (!seqring_read(&slots->used))
		return 0;
	pos = seqring_read(&ctl->head);
	seq = seqring_read(&ctl->seq);
	all = due & SEQRING_WAKE_SLOTS ? SEQRING_WAIT_NONE : 0;
	all = seqring_bpf_hide(all, pos);
	for (round = 0; round < 2; round++) {
		lowest.pos = seqring_bpf_hide(SEQRING_WAIT_NONE, pos);
		lowest.seq = seqring_bpf_hide(SEQRING_WAIT_NONE, pos);
		/* A slot that is not armed has SEQRING_WAIT_NONE in both, and is never due. */
		for (i = 0; i < SEQRING_SLOTS; i++)
			if (seqring_writer_slot_due(pos | all, seq | (all & SEQRING_BPF_ALL_SEQ),
						    &slots->slot[i], &lowest))
				seqring_bpf_ring_slot(wait, &slots->slot[i], doorbells, i);
		seqring_writer_wake_end(wait, &lowest);
		if (seqring_read(&ctl->head) <= lowest.pos && seqring_read(&ctl->seq) < lowest.seq)
			break;
		all = seqring_bpf_hide(SEQRING_WAIT_NONE, pos);
	}
	/* A doorbell did not ring. */
	if (!seqring_read(&wait->pos))
		seqring_bpf_try_again(wait);
	return 0;
}

/*
 * A program is known to be one RCU read-side critical section only if it is never
 * preempted. Otherwise readers cannot wait for it, and the loader announces a sleeper
 * from the start, which the writer never clears.
 */
#ifdef SEQRING_BPF_NO_PREEMPT
#define SEQRING_BPF_ANNOUNCE	1
#else
#define SEQRING_BPF_ANNOUNCE	0
#endif

static __always_inline int seqring_bpf_wake_due(const struct seqring_bpf_open *o)
{
	struct seqring_ring_ctl *ctl = o->ctl;

	/* The callee loads it, too: this test keeps the common path short. */
	if (SEQRING_BPF_ANNOUNCE && seqring_likely(!seqring_read(&o->wait->announced)))
		return 0;
	if (SEQRING_BPF_ANNOUNCE)
		return seqring_writer_wake_due_announced(ctl, o->wait,
							 &seqring_bpf_state(ctl)->idle_publishes,
							 o->geo->announce ?
								 SEQRING_BPF_IDLE_PUBLISHES :
								 ~0u);
	/* Pairs with the full fence in seqring_reader_arm(). */
	seqring_fence_full(WAKE);
	return seqring_writer_wake_due_at(ctl->head, ctl->seq, o->wait);
}

/* Gives the ring back after a record, and wakes the readers that wait for the record. */
static __always_inline void seqring_bpf_finish(const struct seqring_bpf_open *o)
{
	int due;

	seqring_bpf_leave(o->ctl);
	due = seqring_bpf_wake_due(o);
	if (seqring_likely(!due))
		return;
	if (due & SEQRING_WAKE_DUE)
		seqring_bpf_ring_doorbell(o->doorbell, o->wait, &o->ctl->wakeups,
					  o->geo->slots != 0);
	/* The verifier knows the constant, and removes this where the ring has no slots. */
	if (o->geo->slots)
		seqring_bpf_wake_slots(o->ctl, o->wait, o->slots, o->doorbells, due);
}

/* Rejects a record that is too long, or every record if the ring was never set up. */
SEQRING_BPF_COLD int seqring_bpf_reject_length(struct seqring_ring_ctl *ctl,
					       const volatile struct seqring_bpf_geometry *geo)
{
	if (geo->nr_rings)
		return seqring_bpf_drop(ctl, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
	seqring_bpf_leave(ctl);
	return -ENODEV;
}

/* Reserves a record of @len bytes in the ring that @o holds. Return: 0; an error. */
static __always_inline int seqring_bpf_do_reserve(struct seqring_bpf_open *o, __u32 len,
						  void **payload)
{
	if (!o->geo->nr_rings)
		return seqring_bpf_reject_length(o->ctl, o->geo);
	o->pos = o->ctl->head;
	o->len = len;
	if (!seqring_writer_fits_segment(o->pos + seqring_record_size(len),
					 seqring_bpf_state(o->ctl)->seg_end)) {
		o->pos = seqring_bpf_make_room(o->ctl, o->geo, len);
		if (o->pos == SEQRING_BPF_NO_ROOM)
			return seqring_bpf_reject_length(o->ctl, o->geo);
	}
	o->rec = seqring_bpf_record_at(o->ctl, o->geo, o->pos);
	*payload = o->rec + 1;
	return 0;
}

/* Shortens the reserved record to @len bytes. Return: 0; -EMSGSIZE if it has fewer. */
static __always_inline int seqring_bpf_trim(struct seqring_bpf_open *o, __u32 len)
{
	__u64 bounded = len;

	if (len > o->len)
		return -EMSGSIZE;
	/* The verifier of 6.1 learns no bound from a variable, and the compiler knows this one. */
	if (!__builtin_constant_p(o->len)) {
		__asm__ __volatile__("" : "+r"(bounded));
		if (bounded > SEQRING_BPF_PAYLOAD_MAX)
			return -EMSGSIZE;
	}
	/* The longer record's bytes are reclaimed, so these are as well. */
	o->len = (__u32)bounded;
	return 0;
}

static __always_inline void seqring_bpf_do_commit(struct seqring_bpf_open *o, __u16 type)
{
	__u64 next = o->pos + seqring_record_size(o->len);

	seqring_writer_zero_padding((unsigned char *)(o->rec + 1), o->len);
	seqring_writer_write_header(o->rec, seqring_meta(o->len, type, 0), o->ts_ns);
	if (seqring_writer_fits_segment(next, seqring_bpf_state(o->ctl)->seg_end))
		seqring_bpf_close_within(o->ctl, o->rec,
					 seqring_bpf_record_at(o->ctl, o->geo, next), o->pos, next);
	else
		seqring_bpf_close(o->ctl, o->geo, o->pos, o->len);
	seqring_bpf_finish(o);
}

/* Publishes the reserved record. */
static __always_inline void seqring_bpf_commit(struct seqring_bpf_open *o, __u16 type)
{
	seqring_bpf_do_commit(o, type);
	seqring_bpf_unguard(o->geo);
}

/* Drops the reserved record. */
static __always_inline void seqring_bpf_discard(struct seqring_bpf_open *o)
{
	seqring_bpf_forget(o);
	seqring_bpf_leave(o->ctl);
	seqring_bpf_unguard(o->geo);
}

/* Publishes a short payload of constant length; the copy is inlined. */
static __always_inline int seqring_bpf_publish_inline(struct seqring_bpf_open *o, __u16 type,
						      const void *src, const __u32 len)
{
	const __u64 size = seqring_record_size(len), pos = o->ctl->head;
	struct seqring_record *rec;
	__u64 to;

	if (seqring_writer_fits_segment(pos + size, seqring_bpf_state(o->ctl)->seg_end)) {
		rec = seqring_bpf_record_at(o->ctl, o->geo, pos);
		seqring_writer_write_header(rec, seqring_meta(len, type, 0), o->ts_ns);
		seqring_writer_copy_payload(rec + 1, src, len);
		seqring_bpf_close_within(o->ctl, rec,
					 (struct seqring_record *)((unsigned char *)rec + size),
					 pos, pos + size);
	} else {
		to = seqring_bpf_make_room(o->ctl, o->geo, len);
		if (to == SEQRING_BPF_NO_ROOM)
			return seqring_bpf_reject_length(o->ctl, o->geo);
		rec = seqring_bpf_record_at(o->ctl, o->geo, to);
		seqring_writer_write_header(rec, seqring_meta(len, type, 0), o->ts_ns);
		seqring_writer_copy_payload(rec + 1, src, len);
		seqring_bpf_close(o->ctl, o->geo, to, len);
	}
	return 0;
}

/* Where a payload is read from. */
enum seqring_bpf_source {
	SEQRING_BPF_FROM_PROGRAM,
	SEQRING_BPF_FROM_KERNEL,
	SEQRING_BPF_FROM_USER,
};

/* Publishes any other payload, which a helper of the kernel copies. */
static __always_inline int seqring_bpf_publish_fetched(struct seqring_bpf_open *o,
						       enum seqring_bpf_source source, __u16 type,
						       const void *src, __u32 len)
{
	void *payload;
	long err = seqring_bpf_do_reserve(o, len, &payload);

	if (err)
		return (int)err;
	/* Here, not earlier: the verifier of 6.1 loses the bounds of a spilled register. */
	__asm__ __volatile__("" : "+r"(len));
	if (len > SEQRING_BPF_PAYLOAD_MAX) {
		seqring_bpf_forget(o);
		return seqring_bpf_drop(o->ctl, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
	}
	o->len = len;
	if (source == SEQRING_BPF_FROM_USER)
		err = bpf_probe_read_user(payload, len, src);
	else
		err = bpf_probe_read_kernel(payload, len, src);
	if (err) {
		seqring_bpf_forget(o);
		return seqring_bpf_drop(o->ctl, SEQRING_DROP_FAULT, -EFAULT);
	}
	seqring_bpf_do_commit(o, type);
	return 0;
}

static __always_inline int seqring_bpf_do_publish(struct seqring_bpf_open *o,
						  enum seqring_bpf_source source, __u16 type,
						  const void *src, __u32 len)
{
	int err;

	if (source != SEQRING_BPF_FROM_PROGRAM || !__builtin_constant_p(len) || len > 256)
		return seqring_bpf_publish_fetched(o, source, type, src, len);
	err = seqring_bpf_publish_inline(o, type, src, len);
	if (!err)
		seqring_bpf_finish(o);
	return err;
}

#define seqring_bpf_publish_from(name, source, type, src, len) \
	({ \
		struct seqring_bpf_open __o; \
		int __err = seqring_bpf_enter_ring(name, &__o); \
		if (!__err) { \
			__err = seqring_bpf_do_publish(&__o, source, type, src, len); \
			seqring_bpf_unguard(&name##_geometry); \
		} \
		__err; \
	})

/**
 * seqring_bpf_publish() - publish one record from the program's own memory
 * @name: the ring, as declared by SEQRING_BPF()
 * @type: type of the record, defined by the program
 * @src: the payload, on the stack (8-byte aligned) or in a map value
 * @len: bytes of the payload; the copy of a constant length up to 256 is inlined
 *
 * Return: 0; -EBUSY; -EMSGSIZE; -EFAULT; -ENODEV; -ESTALE.
 */
#define seqring_bpf_publish(name, type, src, len) \
	seqring_bpf_publish_from(name, SEQRING_BPF_FROM_PROGRAM, type, src, len)

/* The same, from any kernel address. -EFAULT: the address cannot be read. */
#define seqring_bpf_publish_kernel(name, type, src, len) \
	seqring_bpf_publish_from(name, SEQRING_BPF_FROM_KERNEL, type, src, len)

/* The same, from the current process. -EFAULT: the page cannot be read without a fault. */
#define seqring_bpf_publish_user(name, type, src, len) \
	seqring_bpf_publish_from(name, SEQRING_BPF_FROM_USER, type, src, len)

/**
 * seqring_bpf_reserve() - open the next record, to fill its payload in place
 * @name: the ring, as declared by SEQRING_BPF()
 * @o: a struct seqring_bpf_open of the caller
 * @len: payload bytes, a constant, at most SEQRING_BPF_PAYLOAD_MAX
 * @payload: a void *, set to the address of the payload: 8-byte aligned, old bytes
 *
 * If this returns 0, the caller overwrites @len bytes (or fewer after seqring_bpf_trim())
 * and no others. On every path it then calls seqring_bpf_commit() or
 * seqring_bpf_discard(). Until then, every other record for the same ring is dropped. If it
 * forgets that, the ring stays taken until another loader takes it over or it ends.
 *
 * Return: 0; -EBUSY; -EMSGSIZE; -ENODEV; -ESTALE.
 */
#define seqring_bpf_reserve(name, o, len, payload) \
	({ \
		int __err = seqring_bpf_enter_ring(name, o); \
		if (!__err) { \
			__err = seqring_bpf_do_reserve(o, len, payload); \
			if (__err) \
				seqring_bpf_unguard(&name##_geometry); \
		} \
		__err; \
	})

/*
 * Frees a ring that was taken by a program that has ended. Its reservation may have put a PAD at
 * head, which a reader may have passed: the next record starts behind it, as after a discard.
 */
SEQRING_BPF_COLD int seqring_bpf_reset(struct seqring_ring_ctl *ctl,
				       const volatile struct seqring_bpf_geometry *geo)
{
	struct seqring_bpf_state *state = seqring_bpf_state(ctl);
	const __u64 head = ctl->head;
	const struct seqring_record *rec;
	const __u32 owner = seqring_read(&state->owner);

	if (!geo->nr_rings || seqring_read(&state->epoch) != SEQRING_BPF_EPOCH_NONE)
		return -EINVAL;
	if (!owner || owner == SEQRING_BPF_ENDED)
		return 0;
	rec = seqring_bpf_record_at(ctl, geo, head);
	if (state->seg_end && rec->stamp == ctl->seq + 1) {
		state->pos = (head | (geo->data_size - 1)) + 1;
		state->pad_seg_end = state->seg_end;
		state->seg_end = 0;
	}
	seqring_bpf_leave(ctl);
	return 0;
}

/*
 * Rings all doorbells. One of a slot that is full has rung since its reader armed, so that reader
 * looks in any case. Return: 0; -EAGAIN the shared doorbell did not ring.
 */
static __always_inline int seqring_bpf_ring_all(void *doorbell, void *doorbells,
						const volatile struct seqring_bpf_geometry *geo)
{
	__u32 i;

	for (i = 0; geo->slots && i < SEQRING_SLOTS; i++) {
		const __u32 key = i;
		void *own = bpf_map_lookup_elem(doorbells, &key);

		if (own)
			seqring_bpf_ring(own);
	}
	return seqring_bpf_ring(doorbell);
}

/* The control program: see struct seqring_bpf_ctl. */
static __always_inline int seqring_bpf_do_ctl(struct seqring_bpf_ctl *c, void *map,
					      void *doorbell, void *doorbells,
					      const volatile struct seqring_bpf_geometry *geo)
{
	__u32 cmd = c->cmd, ring = c->ring, zero = 0;
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	struct seqring_header *h;
	unsigned char *element;
	__u32 owner;

	if (cmd == SEQRING_BPF_CTL_DOORBELL)
		return seqring_bpf_ring_all(doorbell, doorbells, geo);
	if (cmd == SEQRING_BPF_CTL_CLOCK) {
		c->ticks = bpf_jiffies64();
		return 0;
	}
	if (cmd == SEQRING_BPF_CTL_OWNER) {
		h = (struct seqring_header *)bpf_map_lookup_elem(map, &zero);
		if (!h)
			return -ENOENT;
		seqring_write(&h->owner_pidns, c->owner_pidns);
		/* Pairs with the acquire in watch_owner() of libring. */
		seqring_store_release(JOIN, &h->owner, c->owner);
		return 0;
	}
	if (cmd != SEQRING_BPF_CTL_END && cmd != SEQRING_BPF_CTL_EPOCH &&
	    cmd != SEQRING_BPF_CTL_RESET)
		return -EINVAL;
	element = (unsigned char *)bpf_map_lookup_elem(map, &ring);
	if (!element)
		return -ENOENT;
	ctl = (struct seqring_ring_ctl *)(element + geo->ring_offset);
	state = (struct seqring_bpf_state *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
	if (cmd == SEQRING_BPF_CTL_RESET)
		return seqring_bpf_reset(ctl, geo);
	if (cmd == SEQRING_BPF_CTL_EPOCH) {
		seqring_write(&state->no_sleep, !!c->ticks);
		seqring_write(&state->next_epoch, (__u32)c->owner_pidns);
		seqring_write(&state->epoch, (__u32)c->owner);
		/*
		 * Changes nothing. Pairs with the compare-and-exchange in seqring_bpf_take(): the
		 * program that takes the ring after this one sees the epoch.
		 */
		owner = seqring_cmpxchg_full(NEST, &state->owner, 0, 0);
		return owner && owner != SEQRING_BPF_ENDED ? -EBUSY : 0;
	}
	owner = seqring_cmpxchg_full(NEST, &state->owner, 0, SEQRING_BPF_ENDED);
	if (owner != SEQRING_BPF_ENDED)
		return owner ? -EBUSY : 0;
	/* Pairs with the acquire of state in seqring_reader_peek(). */
	seqring_store_release(END, &ctl->state,
			      SEQRING_STATE_DEAD | (c->owner ? SEQRING_STATE_REPLACED : 0));
	return 1;
}

/**
 * SEQRING_BPF() - declare a ring, once per object, at file scope
 * @name: name of the ring's map; the names of the other maps derive from it
 *
 * The loader chooses the sizes, and whether there is one ring or one per CPU.
 */
#define SEQRING_BPF(name) \
	struct { \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, 1); \
		__uint(key_size, sizeof(__u32)); \
		__uint(value_size, 4096); \
	} name SEC(".maps"); \
	struct { \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, 1); \
		__type(key, __u32); \
		__type(value, struct seqring_wait); \
	} name##_wait SEC(".maps"); \
	struct { \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, 4096); \
	} name##_doorbell SEC(".maps"); \
	struct { \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, 1); \
		__type(key, __u32); \
		__type(value, struct seqring_wait_slots); \
	} name##_slots SEC(".maps"); \
	struct { \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, SEQRING_SLOTS); \
		__type(key, __u32); \
		__array( \
			values, struct { \
				__uint(type, BPF_MAP_TYPE_RINGBUF); \
				__uint(max_entries, 4096); \
			}); \
	} name##_doorbells SEC(".maps"); \
	SEC(".rodata." #name) const volatile struct seqring_bpf_geometry name##_geometry = { \
		.payload_limit = SEQRING_BPF_PAYLOAD_MAX, \
		.announce = SEQRING_BPF_ANNOUNCE, \
		.guard = SEQRING_BPF_CAN, \
		.slots = SEQRING_SLOTS, \
		.target = SEQRING_BPF_TARGET, \
		.epoch = 1, \
	}; \
	SEC("syscall") int name##_ctl(struct seqring_bpf_ctl *c) \
	{ \
		return seqring_bpf_do_ctl(c, &name, &name##_doorbell, &name##_doorbells, \
					  &name##_geometry); \
	} \
	struct seqring_bpf_geometry

#endif /* __bpf__ */

#endif /* SEQRING_BPF_H */
