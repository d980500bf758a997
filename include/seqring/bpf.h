/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Publishing from a BPF program: no module is needed. Readers see a ring like any
 * other; libring opens it, libring_bpf.h sets it up. docs/bpf.md has a whole example.
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
 * The writer's state between two publishes, but for the seq, which is as in the control
 * area. It lies in the ring's own map, which is frozen before the first publish: no
 * process can write it, and readers keep off its cache lines.
 *
 * @owner: 0: free; SEQRING_BPF_ENDED; else the CPU that publishes, plus 1
 * @calm:  records since the last wake-up, while a sleeper is announced
 * @limit and what follows: the cold part of struct seqring_writer
 */
struct seqring_bpf_state {
	__u64 pos;
	__u64 seg_end;
	__u32 owner;
	__u32 calm;
	__u64 reserved[5];
	__u64 limit;
	__u32 payload_max;
	__u32 seg_shift;
	__u64 first[SEQRING_SEGMENTS];
};
SEQRING_ASSERT(sizeof(struct seqring_bpf_state) == 208, "state is 208 bytes");
SEQRING_ASSERT(offsetof(struct seqring_bpf_state, limit) == 64, "one line is hot");

/*
 * What a program knows of its ring: constants for the verifier, set before it loads.
 *
 * @ring_offset: from the start of a map element to the control area
 * @data_offset: from there to the data area
 * @nr_rings: 0: not set up
 */
struct seqring_bpf_geometry {
	__u64 ring_offset;
	__u64 data_offset;
	__u64 data_size;
	__u32 clock_id;
	__u32 nr_rings;
	__u32 payload_limit;	/* what the program was compiled for */
	__u32 announce;		/* as SEQRING_FEAT_ANNOUNCE; compiled in: can do it */
	__u32 reserved[8];
};
SEQRING_ASSERT(sizeof(struct seqring_bpf_geometry) == 72, "geometry is 72 bytes");

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
 * OWNER: @owner and @owner_pidns go into the header. Ring the bell afterwards.
 * BELL: wakes all sleepers. -EAGAIN: try again.
 *
 * -ENOENT: no such ring. -EINVAL: no such command.
 */
#define SEQRING_BPF_CTL_END	1u
#define SEQRING_BPF_CTL_OWNER	2u
#define SEQRING_BPF_CTL_BELL	3u

struct seqring_bpf_ctl {
	__u32 cmd;
	__u32 ring;
	__u64 owner;
	__u64 owner_pidns;
};

#ifdef __bpf__

SEQRING_ASSERT(sizeof(struct seqring_w_cold) == sizeof(struct seqring_bpf_state) -
		offsetof(struct seqring_bpf_state, limit), "the cold part is as writer.h has it");

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/*
 * A publish on its way. Of no interest to the caller of seqring_bpf_reserve() beyond
 * handing it on.
 */
struct seqring_bpf_open {
	struct seqring_writer w;
	struct seqring_bpf_state *state;
	struct seqring_wait *wait;
	void *bell;
	__u64 ts_ns;
	__u32 announce;
};

/* @shared: programs on other CPUs write the ring, too. Return: whether it was free. */
static __always_inline int seqring_bpf_take(struct seqring_bpf_state *state, __u32 owner,
					    int shared)
{
#ifdef SEQRING_BPF_NO_PREEMPT
	if (!shared) {
		/* Whoever interrupts between the two lines has left again before the second. */
		if (seqring_read(&state->owner))
			return 0;
		seqring_write(&state->owner, owner);
		seqring_fence_light(NEST);
		return 1;
	}
#endif
	return !__sync_val_compare_and_swap(&state->owner, 0, owner);
}

/* Takes the ring, and its state into @o. */
static __always_inline int seqring_bpf_enter(struct seqring_bpf_open *o, void *map,
					     void *wait_map, void *bell,
					     const volatile struct seqring_bpf_geometry *geo)
{
	const __u32 cpu = bpf_get_smp_processor_id(), nr_rings = geo->nr_rings;
	struct seqring_bpf_state *state;
	unsigned char *element;
	__u32 ring = 0;

	if (!nr_rings)
		return -ENODEV;
	if (nr_rings > 1)
		ring = cpu;
	/* All calls come first: around a call, four registers are all there is. */
	element = (unsigned char *)bpf_map_lookup_elem(map, &ring);
	if (!element)
		return -ENODEV;
	o->wait = (struct seqring_wait *)bpf_map_lookup_elem(wait_map, &ring);
	if (!o->wait)
		return -ENODEV;
	o->w.ctl = (struct seqring_ring_ctl *)(element + geo->ring_offset);
	state = (struct seqring_bpf_state *)((unsigned char *)o->w.ctl + SEQRING_BPF_STATE_OFFSET);
	if (seqring_unlikely(!seqring_bpf_take(state, cpu + 1, nr_rings == 1)))
		goto busy;
	if (geo->clock_id == SEQRING_CLOCK_MONOTONIC)
		o->ts_ns = bpf_ktime_get_ns();
	else
		o->ts_ns = 0;
	o->w.data = (unsigned char *)o->w.ctl + geo->data_offset;
	o->w.mask = geo->data_size - 1;
	o->w.light_wake = 0;
	o->w.pos = state->pos;
	o->w.seq = o->w.ctl->seq;
	o->w.seg_end = state->seg_end;
	o->w.cold = (struct seqring_w_cold *)&state->limit;
	o->state = state;
	o->bell = bell;
	o->announce = geo->announce;
	return 0;
busy:
	if (seqring_read(&state->owner) == SEQRING_BPF_ENDED) {
		seqring_add(&o->w.ctl->dropped[SEQRING_DROP_DEAD], 1);
		return -ENODEV;
	}
	seqring_add(&o->w.ctl->dropped[SEQRING_DROP_BUSY], 1);
	return -EBUSY;
}

/* Gives the ring back. */
static __always_inline void seqring_bpf_leave(struct seqring_bpf_open *o)
{
	struct seqring_bpf_state *state = o->state;

	state->pos = o->w.pos;
	state->seg_end = o->w.seg_end;
	/* Pairs with the exchange that takes it, on whichever CPU. */
	seqring_store_release(NEST, &state->owner, 0);
}

static __always_inline int seqring_bpf_drop(struct seqring_bpf_open *o, int cause, int err)
{
	seqring_add(&o->w.ctl->dropped[cause], 1);
	seqring_bpf_leave(o);
	return err;
}

/*
 * Rings the bell. Where that fails, for a lock of the kernel's is taken (in an NMI)
 * or no reader has looked after the bell for long, the next publish tries again.
 */
static __attribute__((__noinline__)) void seqring_bpf_ring_bell(void *bell,
								struct seqring_wait *wait,
								__u64 *wakeups)
{
	void *p = bpf_ringbuf_reserve(bell, 8, 0);

	if (!p) {
		seqring_write(&wait->pos, 0);
		return;
	}
	bpf_ringbuf_discard(p, BPF_RB_FORCE_WAKEUP);
	seqring_add(wakeups, 1);
}

/*
 * Wakes who waits for what was published. A program that is never preempted is an RCU
 * read-side critical section; one that may sleep is none, so it always fences.
 */
static __always_inline void seqring_bpf_wake(struct seqring_bpf_open *o)
{
	struct seqring_bpf_state *state = o->state;

	if (o->announce ? seqring_w_wake_due_announced(&o->w, o->wait, &state->calm,
						       SEQRING_BPF_CALM) :
			  seqring_w_wake_due(&o->w, o->wait))
		seqring_bpf_ring_bell(o->bell, o->wait, &o->w.ctl->wakeups);
}

static __always_inline int seqring_bpf_do_reserve(struct seqring_bpf_open *o, __u32 len,
						  void **payload)
{
	if (seqring_w_reserve(&o->w, len, payload))
		return seqring_bpf_drop(o, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
	return 0;
}

static __always_inline void seqring_bpf_do_commit(struct seqring_bpf_open *o, __u16 type)
{
	seqring_w_commit(&o->w, type, o->ts_ns);
	seqring_bpf_leave(o);
	seqring_bpf_wake(o);
}

/* How seqring_bpf_do_copy() gets at the payload. */
enum seqring_bpf_source {
	SEQRING_BPF_FROM_PROGRAM,
	SEQRING_BPF_FROM_KERNEL,
	SEQRING_BPF_FROM_USER,
};

static __always_inline int seqring_bpf_do_publish(struct seqring_bpf_open *o,
						  enum seqring_bpf_source source, __u16 type,
						  const void *src, __u32 len)
{
	void *payload;
	long err;

	if (source == SEQRING_BPF_FROM_PROGRAM && __builtin_constant_p(len) && len <= 256) {
		if (seqring_w_publish(&o->w, type, o->ts_ns, src, len))
			return seqring_bpf_drop(o, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
	} else {
		if (seqring_w_reserve(&o->w, len, &payload))
			return seqring_bpf_drop(o, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
		/* Not before: of what was spilled by then the verifier of 6.1 learns nothing. */
		__asm__ __volatile__("" : "+r"(len));
		if (len > SEQRING_BPF_PAYLOAD_MAX)
			return seqring_bpf_drop(o, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
		o->w.resv_len = len;
		if (source == SEQRING_BPF_FROM_USER)
			err = bpf_probe_read_user(payload, len, src);
		else
			err = bpf_probe_read_kernel(payload, len, src);
		if (err) {
			seqring_w_discard(&o->w);
			return seqring_bpf_drop(o, SEQRING_DROP_FAULT, -EFAULT);
		}
		seqring_w_commit(&o->w, type, o->ts_ns);
	}
	seqring_bpf_leave(o);
	seqring_bpf_wake(o);
	return 0;
}

#define seqring_bpf_publish_from(name, source, type, src, len) \
	({ \
		struct seqring_bpf_open __o; \
		int __err = seqring_bpf_enter(&__o, &name, &name##_wait, &name##_bell, \
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
		int __err = seqring_bpf_enter(o, &name, &name##_wait, &name##_bell, \
					      &name##_geometry); \
		if (!__err) \
			__err = seqring_bpf_do_reserve(o, len, payload); \
		__err; \
	})

/* Shortens the reserved record to @len bytes. Return: 0; -EMSGSIZE: that is longer. */
static __always_inline int seqring_bpf_trim(struct seqring_bpf_open *o, __u32 len)
{
	return seqring_w_trim(&o->w, len);
}

/* Publishes the reserved record. */
static __always_inline void seqring_bpf_commit(struct seqring_bpf_open *o, __u16 type)
{
	seqring_bpf_do_commit(o, type);
}

/* Drops the reserved record. */
static __always_inline void seqring_bpf_discard(struct seqring_bpf_open *o)
{
	seqring_w_discard(&o->w);
	seqring_bpf_leave(o);
}

/* Only what is never preempted is known to be an RCU read-side critical section. */
#ifdef SEQRING_BPF_NO_PREEMPT
#define SEQRING_BPF_ANNOUNCE	1
#else
#define SEQRING_BPF_ANNOUNCE	0
#endif

static __always_inline int seqring_bpf_do_ctl(const struct seqring_bpf_ctl *c, void *map,
					      void *bell,
					      const volatile struct seqring_bpf_geometry *geo)
{
	__u32 cmd = c->cmd, ring = c->ring, zero = 0;
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	struct seqring_header *h;
	unsigned char *element;
	__u32 owner;
	void *p;

	if (cmd == SEQRING_BPF_CTL_BELL) {
		p = bpf_ringbuf_reserve(bell, 8, 0);
		if (!p)
			return -EAGAIN;
		bpf_ringbuf_discard(p, BPF_RB_FORCE_WAKEUP);
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
	owner = __sync_val_compare_and_swap(&state->owner, 0, SEQRING_BPF_ENDED);
	if (owner != SEQRING_BPF_ENDED)
		return owner ? -EBUSY : 0;
	/* Pairs with the acquire of state in seqring_r_peek(). */
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
	} name##_bell SEC(".maps"); \
	SEC(".rodata." #name) const volatile struct seqring_bpf_geometry name##_geometry = { \
		.payload_limit = SEQRING_BPF_PAYLOAD_MAX, \
		.announce = SEQRING_BPF_ANNOUNCE, \
	}; \
	SEC("syscall") int name##_ctl(struct seqring_bpf_ctl *c) \
	{ \
		return seqring_bpf_do_ctl(c, &name, &name##_bell, &name##_geometry); \
	} \
	struct seqring_bpf_geometry

#endif /* __bpf__ */

#endif /* SEQRING_BPF_H */
