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
 * Any program type that may use map lookup, from any context. One writer at a time:
 * with one ring per CPU, a program that interrupts another one in the middle of a
 * publish finds the ring busy, and its record is dropped and counted. With a single
 * ring, so does one that runs on another CPU meanwhile.
 *
 * Every function returns 0 or
 *	-EBUSY		dropped: the ring was busy (SEQRING_DROP_BUSY counts it)
 *	-EMSGSIZE	dropped: @len is above payload_max (SEQRING_DROP_TOO_BIG)
 *	-EFAULT		dropped: the payload could not be read (SEQRING_DROP_FAULT)
 *	-ENODEV		dropped: the ring has ended (SEQRING_DROP_DEAD), or was never set up
 * A program need not look at it.
 *
 * Before the header may be defined:
 *
 * SEQRING_BPF_NO_PREEMPT: no program of the object is ever preempted by another one
 *	on its CPU; it may be interrupted. True, up to Linux 6.18, of programs on
 *	tracepoints (raw_tp, tp, tp_btf), kprobes and perf events; not of fentry, LSM,
 *	iterators, uprobes, or programs that may sleep. Saves two atomic instructions per record.
 * SEQRING_BPF_PAYLOAD_MAX: longest payload, 4096 unless defined. So many bytes of
 *	memory lie unused behind each data area, for the verifier's sake. At most a
 *	quarter of the data area, less 24.
 */
#ifndef SEQRING_BPF_H
#define SEQRING_BPF_H

#include "writer.h"

#ifndef SEQRING_BPF_PAYLOAD_MAX
#define SEQRING_BPF_PAYLOAD_MAX		4096
#endif

/* Where the writer's state is, behind the ring's control area, in its page. */
#define SEQRING_BPF_STATE_OFFSET	1024

/*
 * The writer's state between two publishes, but for what the control area has: head is
 * where the next record starts. It lies in the ring's own map, which is frozen before
 * the first publish: no process can write it, and readers keep off its cache lines.
 *
 * @seg_end: as in struct seqring_writer; 0: the last reservation was discarded behind
 *	a PAD, which moves no head: @pos and @pad_seg_end are what counts
 * @owner: 0: free; SEQRING_BPF_ENDED; else somebody publishes
 * @calm: records since the last wake-up, while a sleeper is announced
 * @clock_base_ns: SEQRING_CLOCK_COARSE: time of the tick that jiffies count from
 */
struct seqring_bpf_state {
	__u64 seg_end;
	__u32 owner;
	__u32 calm;
	__u64 pos;
	__u64 pad_seg_end;
	__u64 clock_base_ns;
	__u64 reserved[3];
	struct seqring_writer_cold cold;
};
SEQRING_ASSERT(sizeof(struct seqring_bpf_state) == 208, "state is 208 bytes");
SEQRING_ASSERT(offsetof(struct seqring_bpf_state, cold) == 64, "one line is hot");

/*
 * What a program knows of its ring: constants for the verifier, set before it loads.
 * Not at the start of a page, for each ring's control area is: loads from the same
 * offset as that of a store just before are slow.
 *
 * @ring_offset: from the start of a map element to the control area
 * @data_offset: from there to the data area
 * @nr_rings: 0: not set up
 * @payload_limit: what the program was compiled for
 * @announce: as SEQRING_FEAT_ANNOUNCE; compiled in: can do it
 * @tick_ns: SEQRING_CLOCK_COARSE: a jiffy
 * @cpu_mask: what is left of a CPU's number, as the ring's
 * @pos_mask: what is left of a position, a multiple of 8, within the data area
 */
struct seqring_bpf_geometry {
	__u64 reserved[8];
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
	__u32 reserved1;
};
SEQRING_ASSERT(sizeof(struct seqring_bpf_geometry) == 128, "geometry is 128 bytes");

/* Records without a wake-up after which the writer takes it that nobody sleeps. */
#ifndef SEQRING_BPF_CALM
#define SEQRING_BPF_CALM		(1u << 24)
#endif

/* seqring_bpf_state.owner of a ring that has ended. */
#define SEQRING_BPF_ENDED	(~0u)

/*
 * What user space asks of a ring's control program, as its context. The map is frozen:
 * only a program can do this.
 *
 * END: nothing is to be published to @ring from now on. A program on another CPU that
 *	has just found the ring free may take it all the same; so do it again after an RCU
 *	grace period, until it returns 1: only then do readers hear of the end. -EBUSY: a
 *	program is publishing there; try again.
 * OWNER: @owner and @owner_pidns go into the header. Ring the doorbell afterwards.
 * DOORBELL: wakes all sleepers. -EAGAIN: try again.
 * CLOCK: @ticks: jiffies, now.
 *
 * -ENOENT: no such ring. -EINVAL: no such command.
 */
#define SEQRING_BPF_CTL_END	1u
#define SEQRING_BPF_CTL_OWNER	2u
#define SEQRING_BPF_CTL_DOORBELL	3u
#define SEQRING_BPF_CTL_CLOCK	4u

struct seqring_bpf_ctl {
	__u32 cmd;
	__u32 ring;
	__u64 owner;
	__u64 owner_pidns;
	__u64 ticks;
};

#ifdef __bpf__

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define SEQRING_BPF_COLD static __attribute__((__noinline__, __unused__))

/*
 * A publish on its way. Of no interest to the caller of seqring_bpf_reserve() beyond
 * handing it on.
 *
 * @pos, @len: of the reservation
 */
struct seqring_bpf_open {
	struct seqring_ring_ctl *ctl;
	struct seqring_wait *wait;
	void *doorbell;
	const volatile struct seqring_bpf_geometry *geo;
	struct seqring_record *rec;
	__u64 pos;
	__u64 ts_ns;
	__u32 len;
};

static __always_inline struct seqring_bpf_state *seqring_bpf_state(struct seqring_ring_ctl *ctl)
{
	return (struct seqring_bpf_state *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
}

static __always_inline struct seqring_record *
seqring_bpf_at(struct seqring_ring_ctl *ctl, const volatile struct seqring_bpf_geometry *geo,
	       __u64 pos)
{
	return (struct seqring_record *)((unsigned char *)ctl + geo->data_offset +
					 (pos & geo->pos_mask));
}

/* @shared: programs on other CPUs write the ring, too. Return: whether it was free. */
static __always_inline int seqring_bpf_take(struct seqring_bpf_state *state, int shared)
{
#ifdef SEQRING_BPF_NO_PREEMPT
	if (!shared) {
		/* Whoever interrupts between the two lines has left again before the second. */
		if (seqring_read(&state->owner))
			return 0;
		seqring_write(&state->owner, 1);
		seqring_compiler_barrier(NEST);
		return 1;
	}
#endif
	return !seqring_cmpxchg_full(NEST, &state->owner, 0, 1);
}

/* Gives the ring back. */
static __always_inline void seqring_bpf_leave(struct seqring_ring_ctl *ctl)
{
	/* Pairs with the exchange that takes it, on whichever CPU. */
	seqring_store_release(NEST, &seqring_bpf_state(ctl)->owner, 0);
}

/* The ring is taken: says so, and counts. */
SEQRING_BPF_COLD int seqring_bpf_busy(struct seqring_ring_ctl *ctl)
{
	if (seqring_read(&seqring_bpf_state(ctl)->owner) == SEQRING_BPF_ENDED) {
		seqring_add(&ctl->dropped[SEQRING_DROP_DEAD], 1);
		return -ENODEV;
	}
	seqring_add(&ctl->dropped[SEQRING_DROP_BUSY], 1);
	return -EBUSY;
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

/* bpf_ktime_get_coarse_ns() is not available to tracing programs, nor safe in an NMI. */
static __always_inline __u64
seqring_bpf_coarse_ns(struct seqring_ring_ctl *ctl,
		      const volatile struct seqring_bpf_geometry *geo)
{
	const __u64 since_base_ns = bpf_jiffies64() * geo->tick_ns;

	return seqring_bpf_state(ctl)->clock_base_ns + since_base_ns;
}

/*
 * Reads the clock. The loader admits no clock without a row. clock_id is loaded again
 * for each comparison: the verifier knows its value and removes the branches of the other
 * clocks, whereas a register that lives across the calls would cost more.
 */
static __always_inline void seqring_bpf_read_clock(struct seqring_bpf_open *o,
						   const volatile struct seqring_bpf_geometry *geo)
{
	o->ts_ns = seqring_bpf_no_time(o->ctl, geo);
#define SEQRING_BPF_READ_CLOCK(ID, number, name, text, kernel, user, bpf, base) \
	else if ((number) != SEQRING_CLOCK_NONE && geo->clock_id == (number)) \
		o->ts_ns = bpf(o->ctl, geo);
	if (0)
		;
	SEQRING_CLOCKS(SEQRING_BPF_READ_CLOCK)
#undef SEQRING_BPF_READ_CLOCK
}

/* Takes the ring. */
static __always_inline int seqring_bpf_enter(struct seqring_bpf_open *o, void *map,
					     void *wait_map, void *doorbell,
					     const volatile struct seqring_bpf_geometry *geo)
{
	const __u32 cpu_mask = geo->cpu_mask;
	__u32 ring = bpf_get_smp_processor_id() & cpu_mask;
	unsigned char *element;

	/* All calls come first: around a call, four registers are all there is. */
	element = (unsigned char *)bpf_map_lookup_elem(map, &ring);
	if (!element)
		return -ENODEV;
	o->wait = (struct seqring_wait *)bpf_map_lookup_elem(wait_map, &ring);
	if (!o->wait)
		return -ENODEV;
	o->ctl = (struct seqring_ring_ctl *)(element + geo->ring_offset);
	if (seqring_unlikely(!seqring_bpf_take(seqring_bpf_state(o->ctl), !cpu_mask)))
		return seqring_bpf_busy(o->ctl);
	seqring_bpf_read_clock(o, geo);
	o->doorbell = doorbell;
	o->geo = geo;
	return 0;
}

/* A writer for the cold path, as it is between two publishes. */
static __always_inline void seqring_bpf_writer(struct seqring_writer *w,
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
 * As seqring_writer_make_room(), for a record that does not lie within the segment. A function of
 * its own, as is what follows, for a program's registers are few.
 *
 * Return: where it goes; SEQRING_BPF_NO_ROOM: it is too long.
 */
SEQRING_BPF_COLD __u64 seqring_bpf_room(struct seqring_ring_ctl *ctl,
					const volatile struct seqring_bpf_geometry *geo, __u32 len)
{
	struct seqring_writer w;
	__u64 next;

	if (!geo->nr_rings)
		return SEQRING_BPF_NO_ROOM;
	seqring_bpf_writer(&w, ctl, geo);
	if (seqring_writer_make_room(&w, len, &next))
		return SEQRING_BPF_NO_ROOM;
	seqring_bpf_state(ctl)->seg_end = w.seg_end;
	return w.pos;
}

/* Publishes such a record, of which all but the stamp is in place at @pos. */
SEQRING_BPF_COLD int seqring_bpf_close(struct seqring_ring_ctl *ctl,
				       const volatile struct seqring_bpf_geometry *geo, __u64 pos,
				       __u32 len)
{
	struct seqring_writer_open open;
	struct seqring_writer w;

	if (!geo->nr_rings)
		return -ENODEV;
	seqring_bpf_writer(&w, ctl, geo);
	w.pos = pos;
	open = seqring_writer_advance(&w, seqring_normalize(pos + seqring_record_size(len), w.mask), 0);
	seqring_writer_close(&open);
	if (w.pos >= w.seg_end)
		seqring_writer_enter_segment(&w, w.pos);
	seqring_bpf_state(ctl)->seg_end = w.seg_end;
	return 0;
}

/* The same of one that lies within the segment. */
static __always_inline void seqring_bpf_close_within(struct seqring_ring_ctl *ctl,
						     struct seqring_record *rec,
						     struct seqring_record *behind, __u64 pos,
						     __u64 next)
{
	struct seqring_writer_open open = { rec, behind, ctl, pos, next, ctl->seq + 1 };

	seqring_writer_close(&open);
}

/* Forgets the reservation. A PAD in front of it stays: a reader may have passed it. */
static __always_inline void seqring_bpf_forget(const struct seqring_bpf_open *o)
{
	struct seqring_bpf_state *state = seqring_bpf_state(o->ctl);

	if (o->pos == o->ctl->head)
		return;
	state->pos = o->pos;
	state->pad_seg_end = state->seg_end;
	state->seg_end = 0;
}

static __always_inline int seqring_bpf_drop(struct seqring_ring_ctl *ctl, int cause, int err)
{
	seqring_add(&ctl->dropped[cause], 1);
	seqring_bpf_leave(ctl);
	return err;
}

/*
 * Rings the doorbell. Where that fails, for a lock of the kernel's is taken (in an NMI)
 * or no reader has looked after the doorbell for long, the next publish tries again.
 */
SEQRING_BPF_COLD int seqring_bpf_ring_doorbell(void *doorbell, struct seqring_wait *wait, __u64 *wakeups)
{
	void *p = bpf_ringbuf_reserve(doorbell, 8, 0);

	if (!p) {
		seqring_write(&wait->pos, 0);
		return -EAGAIN;
	}
	bpf_ringbuf_discard(p, BPF_RB_FORCE_WAKEUP);
	seqring_add(wakeups, 1);
	return 0;
}

/*
 * Only what is never preempted is known to be an RCU read-side critical section. Where
 * readers cannot wait for these, somebody is announced from the start, and for good.
 */
#ifdef SEQRING_BPF_NO_PREEMPT
#define SEQRING_BPF_ANNOUNCE	1
#else
#define SEQRING_BPF_ANNOUNCE	0
#endif

static __always_inline int seqring_bpf_wake_due(const struct seqring_bpf_open *o)
{
	struct seqring_ring_ctl *ctl = o->ctl;

	/* Asked here as well, so that the rest of it stays out of the way. */
	if (SEQRING_BPF_ANNOUNCE && seqring_likely(!seqring_read(&o->wait->announced)))
		return 0;
	if (SEQRING_BPF_ANNOUNCE)
		return seqring_writer_wake_due_announced(ctl, o->wait, &seqring_bpf_state(ctl)->calm,
						    o->geo->announce ? SEQRING_BPF_CALM : ~0u);
	/* Pairs with the full fence in seqring_reader_arm(). */
	seqring_fence_full(WAKE);
	return seqring_writer_wake_due_at(ctl->head, ctl->seq, o->wait);
}

/* What comes after a record: others may publish, and who waits for it is woken. */
static __always_inline void seqring_bpf_done(const struct seqring_bpf_open *o)
{
	seqring_bpf_leave(o->ctl);
	if (seqring_bpf_wake_due(o))
		seqring_bpf_ring_doorbell(o->doorbell, o->wait, &o->ctl->wakeups);
}

/* No record of this length, or none at all, for a program that was never set up. */
SEQRING_BPF_COLD int seqring_bpf_no_room(struct seqring_ring_ctl *ctl,
					 const volatile struct seqring_bpf_geometry *geo)
{
	if (geo->nr_rings)
		return seqring_bpf_drop(ctl, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
	seqring_bpf_leave(ctl);
	return -ENODEV;
}

static __always_inline int seqring_bpf_do_reserve(struct seqring_bpf_open *o, __u32 len,
						  void **payload)
{
	if (!o->geo->nr_rings)
		return seqring_bpf_no_room(o->ctl, o->geo);
	o->pos = o->ctl->head;
	o->len = len;
	if (!seqring_writer_fits_segment(o->pos + seqring_record_size(len),
			      seqring_bpf_state(o->ctl)->seg_end)) {
		o->pos = seqring_bpf_room(o->ctl, o->geo, len);
		if (o->pos == SEQRING_BPF_NO_ROOM)
			return seqring_bpf_no_room(o->ctl, o->geo);
	}
	o->rec = seqring_bpf_at(o->ctl, o->geo, o->pos);
	*payload = o->rec + 1;
	return 0;
}

/* Shortens the reserved record to @len bytes. Return: 0; -EMSGSIZE: that is longer. */
static __always_inline int seqring_bpf_trim(struct seqring_bpf_open *o, __u32 len)
{
	if (len > o->len)
		return -EMSGSIZE;
	/* All up to the longer record's end is reclaimed; so is this. */
	o->len = len;
	return 0;
}

/* Publishes the reserved record. */
static __always_inline void seqring_bpf_commit(struct seqring_bpf_open *o, __u16 type)
{
	__u64 next = o->pos + seqring_record_size(o->len);

	seqring_writer_zero_padding((unsigned char *)(o->rec + 1), o->len);
	seqring_writer_write_header(o->rec, seqring_meta(o->len, type, 0), o->ts_ns);
	if (seqring_writer_fits_segment(next, seqring_bpf_state(o->ctl)->seg_end))
		seqring_bpf_close_within(o->ctl, o->rec, seqring_bpf_at(o->ctl, o->geo, next),
					 o->pos, next);
	else
		seqring_bpf_close(o->ctl, o->geo, o->pos, o->len);
	seqring_bpf_done(o);
}

/* Drops the reserved record. */
static __always_inline void seqring_bpf_discard(struct seqring_bpf_open *o)
{
	seqring_bpf_forget(o);
	seqring_bpf_leave(o->ctl);
}

/* A short payload of constant length, copied in line. */
static __always_inline int seqring_bpf_put(struct seqring_bpf_open *o, __u16 type, const void *src,
					   const __u32 len)
{
	const __u64 size = seqring_record_size(len), pos = o->ctl->head;
	struct seqring_record *rec;
	__u64 to;

	if (seqring_writer_fits_segment(pos + size, seqring_bpf_state(o->ctl)->seg_end)) {
		rec = seqring_bpf_at(o->ctl, o->geo, pos);
		seqring_writer_write_header(rec, seqring_meta(len, type, 0), o->ts_ns);
		seqring_writer_copy_payload(rec + 1, src, len);
		seqring_bpf_close_within(o->ctl, rec,
					 (struct seqring_record *)((unsigned char *)rec + size),
					 pos, pos + size);
	} else {
		to = seqring_bpf_room(o->ctl, o->geo, len);
		if (to == SEQRING_BPF_NO_ROOM)
			return seqring_bpf_no_room(o->ctl, o->geo);
		rec = seqring_bpf_at(o->ctl, o->geo, to);
		seqring_writer_write_header(rec, seqring_meta(len, type, 0), o->ts_ns);
		seqring_writer_copy_payload(rec + 1, src, len);
		seqring_bpf_close(o->ctl, o->geo, to, len);
	}
	return 0;
}

/* Where a payload comes from. */
enum seqring_bpf_source {
	SEQRING_BPF_FROM_PROGRAM,
	SEQRING_BPF_FROM_KERNEL,
	SEQRING_BPF_FROM_USER,
};

/* Any other payload. */
static __always_inline int seqring_bpf_fetch(struct seqring_bpf_open *o,
					     enum seqring_bpf_source source, __u16 type,
					     const void *src, __u32 len)
{
	void *payload;
	long err = seqring_bpf_do_reserve(o, len, &payload);

	if (err)
		return (int)err;
	/* Not before: of what was spilled by then the verifier of 6.1 learns nothing. */
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
	seqring_bpf_commit(o, type);
	return 0;
}

static __always_inline int seqring_bpf_do_publish(struct seqring_bpf_open *o,
						  enum seqring_bpf_source source, __u16 type,
						  const void *src, __u32 len)
{
	int err;

	if (source != SEQRING_BPF_FROM_PROGRAM || !__builtin_constant_p(len) || len > 256)
		return seqring_bpf_fetch(o, source, type, src, len);
	err = seqring_bpf_put(o, type, src, len);
	if (!err)
		seqring_bpf_done(o);
	return err;
}

#define seqring_bpf_publish_from(name, source, type, src, len) \
	({ \
		struct seqring_bpf_open __o; \
		int __err = seqring_bpf_enter(&__o, &name, &name##_wait, &name##_doorbell, \
					      &name##_geometry); \
		if (!__err) \
			__err = seqring_bpf_do_publish(&__o, source, type, src, len); \
		__err; \
	})

/**
 * seqring_bpf_publish() - publish one record from the program's own memory
 * @name: the ring, as declared by SEQRING_BPF()
 * @type: the producer's type
 * @src: the payload, on the stack (8-byte aligned) or in a map value
 * @len: its length; a constant one up to 256 is copied in line
 */
#define seqring_bpf_publish(name, type, src, len) \
	seqring_bpf_publish_from(name, SEQRING_BPF_FROM_PROGRAM, type, src, len)

/* The same, from any kernel address. -EFAULT: it cannot be read. */
#define seqring_bpf_publish_kernel(name, type, src, len) \
	seqring_bpf_publish_from(name, SEQRING_BPF_FROM_KERNEL, type, src, len)

/* The same, from the current process. -EFAULT: it cannot be read now. */
#define seqring_bpf_publish_user(name, type, src, len) \
	seqring_bpf_publish_from(name, SEQRING_BPF_FROM_USER, type, src, len)

/**
 * seqring_bpf_reserve() - open the next record, to fill it where it will lie
 * @name: the ring, as declared by SEQRING_BPF()
 * @o: a struct seqring_bpf_open of the caller's
 * @len: payload bytes, a constant, at most SEQRING_BPF_PAYLOAD_MAX
 * @payload: a void *, set to where the payload goes: 8-byte aligned, old bytes
 *
 * After 0 the caller overwrites all bytes up to @len, or to what seqring_bpf_trim()
 * says, and no others, then calls seqring_bpf_commit() or seqring_bpf_discard() on
 * every path. What it publishes to the same ring meanwhile is dropped.
 */
#define seqring_bpf_reserve(name, o, len, payload) \
	({ \
		int __err = seqring_bpf_enter(o, &name, &name##_wait, &name##_doorbell, \
					      &name##_geometry); \
		if (!__err) \
			__err = seqring_bpf_do_reserve(o, len, payload); \
		__err; \
	})

static __always_inline int seqring_bpf_do_ctl(struct seqring_bpf_ctl *c, void *map,
					      void *doorbell,
					      const volatile struct seqring_bpf_geometry *geo)
{
	__u32 cmd = c->cmd, ring = c->ring, zero = 0;
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	struct seqring_header *h;
	unsigned char *element;
	__u32 owner;
	void *p;

	if (cmd == SEQRING_BPF_CTL_DOORBELL) {
		p = bpf_ringbuf_reserve(doorbell, 8, 0);
		if (!p)
			return -EAGAIN;
		bpf_ringbuf_discard(p, BPF_RB_FORCE_WAKEUP);
		return 0;
	}
	if (cmd == SEQRING_BPF_CTL_CLOCK) {
		c->ticks = bpf_jiffies64();
		return 0;
	}
	if (cmd == SEQRING_BPF_CTL_OWNER) {
		h = (struct seqring_header *)bpf_map_lookup_elem(map, &zero);
		if (!h)
			return -ENOENT;
		seqring_write(&h->owner_pidns, c->owner_pidns);
		/* Pairs with the acquire in libring_watch_owner(). */
		seqring_store_release(JOIN, &h->owner, c->owner);
		return 0;
	}
	if (cmd != SEQRING_BPF_CTL_END)
		return -EINVAL;
	element = (unsigned char *)bpf_map_lookup_elem(map, &ring);
	if (!element)
		return -ENOENT;
	ctl = (struct seqring_ring_ctl *)(element + geo->ring_offset);
	state = (struct seqring_bpf_state *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
	owner = seqring_cmpxchg_full(NEST, &state->owner, 0, SEQRING_BPF_ENDED);
	if (owner != SEQRING_BPF_ENDED)
		return owner ? -EBUSY : 0;
	/* Pairs with the acquire of state in seqring_reader_peek(). */
	seqring_store_release(END, &ctl->state, SEQRING_STATE_DEAD);
	return 1;
}

/**
 * SEQRING_BPF() - declare a ring, once per object, at file scope
 * @name: of the ring's map; those of the others are made from it
 *
 * Sizes, and whether there is one ring or one per CPU, are the loader's choice.
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
	SEC(".rodata." #name) const volatile struct seqring_bpf_geometry name##_geometry = { \
		.payload_limit = SEQRING_BPF_PAYLOAD_MAX, \
		.announce = SEQRING_BPF_ANNOUNCE, \
	}; \
	SEC("syscall") int name##_ctl(struct seqring_bpf_ctl *c) \
	{ \
		return seqring_bpf_do_ctl(c, &name, &name##_doorbell, &name##_geometry); \
	} \
	struct seqring_bpf_geometry

#endif /* __bpf__ */

#endif /* SEQRING_BPF_H */
