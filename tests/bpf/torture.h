/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Publishes in every way, from every context that a test can arrange. Counts the outcome
 * of each attempt, so that the test can compare the ring's own counts. The objects that
 * include this file compile bpf.h with different options.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <seqring/bpf.h>

#include "record.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

/* The loader sets their number: one per stream and CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

/* An address that neither helper can read. */
#define NOWHERE ((const void *)16)

/* @words: those of the payload and one more */
__noinline int fill(struct slot *s, __u64 id, __u32 words)
{
	__u32 i;

	if (!s)
		return 0;
	for (i = 0; i < RECORD_MAX / 8 + 1 && i < words; i++)
		s->scratch[i] = test_payload_word(id, i);
	return 0;
}

static __always_inline void count(struct slot *s, int err)
{
	switch (err) {
	case 0:
		s->count[OUTCOME_OK]++;
		break;
	case -EBUSY:
		s->count[OUTCOME_BUSY]++;
		break;
	case -EMSGSIZE:
		s->count[OUTCOME_TOO_BIG]++;
		break;
	case -ENODEV:
		s->count[OUTCOME_DEAD]++;
		break;
	case -EFAULT:
		s->count[OUTCOME_FAULT]++;
		break;
	default:
		s->count[OUTCOME_WRONG]++;
	}
}

/* The case of each constant length. */
#define PUBLISH(n) \
	case n:    \
		return seqring_bpf_publish(ring, type, s->scratch, n)

static __noinline int publish_const(struct slot *s, __u32 type, __u32 len)
{
	switch (len) {
		PUBLISH(0);
		PUBLISH(1);
		PUBLISH(7);
		PUBLISH(8);
		PUBLISH(13);
		PUBLISH(64);
		PUBLISH(200);
	default:
		PUBLISH(256);
	}
}

static __noinline int publish_copy(struct slot *s, __u32 type, __u32 len)
{
	return seqring_bpf_publish(ring, type, s->scratch, len);
}

static __noinline int publish_kernel(const void *from, __u32 type, __u32 len)
{
	return seqring_bpf_publish_kernel(ring, type, from, len);
}

static __noinline int publish_user(const void *from, __u32 type, __u32 len)
{
	return seqring_bpf_publish_user(ring, type, from, len);
}

/* Writes all of the reservation and publishes only the first bytes. */
static __noinline int reserve(__u64 id, __u32 type, __u32 len)
{
	__u32 i;
	struct seqring_bpf_open o;
	void *payload;
	__u64 *to;
	int err;

	err = seqring_bpf_reserve(ring, &o, RESERVE_MAX, &payload);
	if (err)
		return err;
	to = payload;
	for (i = 0; i < RESERVE_MAX / 8; i++)
		to[i] = len < 8 ? short_word(type) : test_payload_word(id, i);
	if (seqring_bpf_trim(&o, RESERVE_MAX + 1) != -EMSGSIZE || seqring_bpf_trim(&o, len)) {
		seqring_bpf_discard(&o);
		return -EINVAL;
	}
	seqring_bpf_commit(&o, type);
	return 0;
}

/* Scribbles over a reservation that no reader may ever see. */
static __noinline int discard(struct slot *s, bool nested)
{
	struct seqring_bpf_open o;
	void *payload;
	int err, i;

	err = seqring_bpf_reserve(ring, &o, RESERVE_MAX, &payload);
	if (err)
		return err;
	for (i = 0; i < RESERVE_MAX / 8; i++)
		((__u64 *)payload)[i] = 0xdbdbdbdbdbdbdbdbULL;
	if (nested && seqring_bpf_publish(ring, 0, s->scratch, 8) == -EBUSY)
		s->count[OUTCOME_NESTED]++;
	else if (nested)
		s->count[OUTCOME_WRONG]++;
	s->count[OUTCOME_DISCARDED]++;
	seqring_bpf_discard(&o);
	return 1;
}

static __always_inline void attempt(struct slot *s, __u32 stream, __u32 cpu, const char *user)
{
	__u64 id = record_id(stream, cpu, ++s->n);
	struct plan p;
	int err;

	make_plan(id, !!user, &p);
	if (p.len < 8)
		s->scratch[0] = short_word(p.type);
	else
		fill(s, id, (p.len + 7) / 8);
	switch (p.method) {
	case METHOD_CONST:
		err = publish_const(s, p.type, p.len);
		break;
	case METHOD_COPY:
		err = publish_copy(s, p.type, p.len);
		break;
	case METHOD_USER:
		err = publish_user(user + 8 * p.start, p.type, p.len);
		s->count[OUTCOME_USER] += !err && p.len;
		break;
	case METHOD_RESERVE:
		err = reserve(id, p.type, p.len);
		break;
	case METHOD_DISCARD:
		err = discard(s, false);
		break;
	case METHOD_NESTED:
		err = discard(s, true);
		break;
	case METHOD_FAULT:
		err = publish_kernel(NOWHERE, p.type, p.len + 1);
		break;
	case METHOD_USER_FAULT:
		/* Its first half is in accessible memory. */
		err = publish_user(user + 8 * (USER_WORDS - 32), p.type, 512);
		break;
	case METHOD_TOO_BIG:
		err = publish_kernel(s->scratch, p.type,
				     RECORD_MAX + 1 + (p.start << p.start % 18));
		break;
	default:
		err = publish_kernel(s->scratch, p.type, p.len);
	}
	if (err != 1)
		count(s, err);
}

const volatile __u32 nr_cpus = 1;

static __always_inline struct slot *slot_of(__u32 stream, __u32 *cpu)
{
	__u32 i;

	*cpu = bpf_get_smp_processor_id();
	i = stream * nr_cpus + *cpu;
	return bpf_map_lookup_elem(&slots, &i);
}

static long step(__u32 i, struct run *r)
{
	struct slot *s;
	__u32 cpu;

	s = slot_of(r->stream, &cpu);
	if (!s)
		return 1;
	attempt(s, r->stream, cpu, (const char *)r->user);
	return 0;
}

static __always_inline int loop(const struct bpf_raw_tracepoint_args *ctx)
{
	struct run r = { ctx->args[0], ctx->args[1], ctx->args[2] };

	bpf_loop(r.count, step, &r, 0);
	return 0;
}

/* Without preemption. */
SEC("raw_tp")
int flat(struct bpf_raw_tracepoint_args *ctx)
{
	return loop(ctx);
}

/*
 * In another CPU's interrupt. A program of its own, since from Linux 6.13 on one of
 * this type may have a stack per CPU: a tracepoint does not let it nest within itself,
 * and BPF_PROG_TEST_RUN would.
 */
SEC("raw_tp")
int flat_ipi(struct bpf_raw_tracepoint_args *ctx)
{
	return loop(ctx);
}

#ifndef SEQRING_BPF_NO_PREEMPT
/* With preemption, where the kernel has any. */
SEC("syscall")
int flat_preempted(struct run *ctx)
{
	struct run r = *ctx;

	bpf_loop(r.count, step, &r, 0);
	return 0;
}

#endif

static __always_inline int one(__u32 stream)
{
	struct slot *s;
	__u32 cpu;

	s = slot_of(stream, &cpu);
	if (s)
		attempt(s, stream, cpu, NULL);
	return 0;
}

SEC("raw_tp/sys_enter")
int on_syscall(void *ctx)
{
	return one(STREAM_SYSCALL);
}

SEC("raw_tp/sched_switch")
int on_switch(void *ctx)
{
	return one(STREAM_SWITCH);
}

SEC("raw_tp/hrtimer_expire_entry")
int on_timer(void *ctx)
{
	return one(STREAM_TIMER);
}

/*
 * Puts ring args[0] into its state after args[1] bytes, a number of whole laps, and args[2]
 * records, none of them left. The map is frozen, so a program has to do this. No reader is
 * there yet.
 */
SEC("raw_tp")
int start_at(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 size = ring_geometry.data_size, pos = ctx->args[1], seq = ctx->args[2];
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	unsigned char *element;
	__u32 i = ctx->args[0];

	element = bpf_map_lookup_elem(&ring, &i);
	if (!element)
		return 1;
	ctl = (struct seqring_ring_ctl *)(element + ring_geometry.ring_offset);
	state = (struct seqring_bpf_state *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
	state->cold.limit = pos + size;
	state->seg_end = pos + size / SEQRING_SEGMENTS;
	ctl->head = pos;
	ctl->tail = pos;
	ctl->last = pos;
	ctl->seq = seq;
	return 0;
}
