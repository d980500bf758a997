// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contenders that publish from a BPF program, each in a loop of its own: this ring,
 * the BPF ring buffer in its two ways, and what none of them can be faster than.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

/* Run by BPF_PROG_TEST_RUN, which turns preemption off as a tracepoint does. */
#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "programs.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ours);

#define RING_BUFFER(name)                           \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, 4096);          \
	} name SEC(".maps")

RING_BUFFER(rb);
RING_BUFFER(fan0);
RING_BUFFER(fan1);
RING_BUFFER(fan2);
RING_BUFFER(fan3);
RING_BUFFER(fan4);
RING_BUFFER(fan5);
RING_BUFFER(fan6);
RING_BUFFER(fan7);

/* Plain stores go here; as large as the ring, and a record more. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, 4096);
} plain SEC(".maps");

const volatile __u64 plain_mask = 4095 - 64;
const volatile bool stamped;

struct bench_run run;

/* As payload_word() of the bench has it, so that readers check it. */
static __always_inline void fill(struct bench_record *rec, __u64 seq)
{
	rec->word[0] = seq * 0x9e3779b97f4a7c15ull;
	rec->word[1] = (seq + 1) * 0x9e3779b97f4a7c15ull;
	rec->word[2] = (seq + 2) * 0x9e3779b97f4a7c15ull;
	rec->word[3] = seq;
}

static __always_inline __u64 wake_flags(__u64 seq)
{
	if (!run.wake_every)
		return BPF_RB_NO_WAKEUP;
	return seq % run.wake_every ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP;
}

static __always_inline void ours_one(void)
{
	struct bench_record rec;

	fill(&rec, ++run.seq);
	seqring_bpf_publish(ours, BENCH_TYPE, &rec, sizeof(rec));
}

/* The same without the look whether somebody sleeps. */
static __always_inline void unchecked_one(void)
{
	struct seqring_bpf_open o;
	struct bench_record rec;

	fill(&rec, ++run.seq);
	if (seqring_bpf_enter(&o, &ours, &ours_wait, &ours_bell, &ours_geometry))
		return;
	seqring_w_publish(&o.w, BENCH_TYPE, o.ts_ns, &rec, sizeof(rec));
	seqring_bpf_leave(&o);
}

static __always_inline void rb_put(void *map, __u64 seq)
{
	struct bench_stamped *s;
	struct bench_record *rec;

	if (stamped) {
		s = bpf_ringbuf_reserve(map, sizeof(*s), 0);
		if (!s) {
			run.dropped++;
			return;
		}
		s->ts_ns = bpf_ktime_get_ns();
		fill(&s->rec, seq);
		bpf_ringbuf_submit(s, wake_flags(seq));
	} else {
		rec = bpf_ringbuf_reserve(map, sizeof(*rec), 0);
		if (!rec) {
			run.dropped++;
			return;
		}
		fill(rec, seq);
		bpf_ringbuf_submit(rec, wake_flags(seq));
	}
}

static __always_inline void rb_one(void)
{
	rb_put(&rb, ++run.seq);
}

static __always_inline void rb_output_one(void)
{
	struct bench_stamped s;

	fill(&s.rec, ++run.seq);
	if (stamped) {
		s.ts_ns = bpf_ktime_get_ns();
		if (bpf_ringbuf_output(&rb, &s, sizeof(s), wake_flags(run.seq)))
			run.dropped++;
	} else if (bpf_ringbuf_output(&rb, &s.rec, sizeof(s.rec), wake_flags(run.seq))) {
		run.dropped++;
	}
}

static __always_inline void fan_one(void)
{
	__u64 seq = ++run.seq;

	rb_put(&fan0, seq);
	rb_put(&fan1, seq);
	rb_put(&fan2, seq);
	rb_put(&fan3, seq);
	rb_put(&fan4, seq);
	rb_put(&fan5, seq);
	rb_put(&fan6, seq);
	rb_put(&fan7, seq);
}

/* The bytes of a record, header and all, stored and nothing else. */
static __always_inline void plain_one(void)
{
	__u64 seq = ++run.seq;
	__u64 pos = seq * (sizeof(struct seqring_record) + BENCH_PAYLOAD);
	struct seqring_record *rec;
	struct bench_record *to;
	__u32 zero = 0;
	char *area;

	area = bpf_map_lookup_elem(&plain, &zero);
	if (!area)
		return;
	rec = (struct seqring_record *)(area + (pos & plain_mask & ~7ull));
	to = (struct bench_record *)(rec + 1);
	rec->stamp = seq;
	rec->ts_ns = stamped ? bpf_ktime_get_ns() : 0;
	rec->meta.word = BENCH_PAYLOAD | (__u64)BENCH_TYPE << 32;
	fill(to, seq);
}

static __always_inline void clock_one(void)
{
	run.seq += bpf_ktime_get_ns() > 0;
}

static __always_inline void nothing_one(void)
{
	run.seq++;
}

/* The loop calls a function and returns from it, which costs: so, several at a time. */
#define CONTENDER(name)                                                \
	static long name##_some(__u32 i, void *arg)                    \
	{                                                              \
		name##_one();                                          \
		name##_one();                                          \
		name##_one();                                          \
		name##_one();                                          \
		return 0;                                              \
	}                                                              \
	SEC("raw_tp") int run_##name(void *ctx)                        \
	{                                                              \
		__u64 start = bpf_ktime_get_ns();                      \
		bpf_loop(run.n / BENCH_AT_ONCE, name##_some, NULL, 0); \
		run.ns += bpf_ktime_get_ns() - start;                  \
		return 0;                                              \
	}                                                              \
	struct bench_run

CONTENDER(ours);
CONTENDER(unchecked);
CONTENDER(rb);
CONTENDER(rb_output);
CONTENDER(fan);
CONTENDER(plain);
CONTENDER(clock);
CONTENDER(nothing);
