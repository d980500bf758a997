// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contenders that publish from a BPF program, each in a loop of its own: this ring, the BPF
 * ring buffer with reserve and with output, the perf buffer, and limits for all of them.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#ifdef BENCH_ANY_PROGRAM
/* As programs that may be preempted, on a kernel where they cannot turn preemption off. */
#define SEQRING_BPF_NO_KFUNC
#else
/* Run by BPF_PROG_TEST_RUN, which turns preemption off as a tracepoint does. */
#define SEQRING_BPF_NO_PREEMPT
#endif
#include <seqring/bpf.h>

#include "programs.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ours);

struct ring_buffer {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct ring_buffer rb SEC(".maps");

/* A ring buffer for each consumer; user space stores them in this map. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BENCH_FAN);
	__type(key, __u32);
	__array(values, struct ring_buffer);
} fan SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} perf SEC(".maps");

/* Memory for plain stores: as large as the ring, plus one record. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, 4096);
} plain SEC(".maps");

const volatile __u64 plain_mask = 4095 - 64;
const volatile __u32 payload_len = 32;
const volatile __u32 fan_nr = 1;
const volatile __u32 clock_kind;
const volatile __u64 tick_ns;

struct bench_run run;
__u64 long_payload[BENCH_PAYLOAD_MAX / 8];

/* Fills a payload as payload_fill() of the bench does, so that readers can check it. */
static __always_inline void fill(__u64 *to, const __u32 len, __u64 seq)
{
	const __u32 step = len > BENCH_SHORT ? 8 : 1;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < len / 8 - 1; i += step)
		to[i] = (seq + i) * 0x9e3779b97f4a7c15ull;
	to[len / 8 - 1] = seq;
}

/* Makes a short payload on the stack, and a long one in long_payload. */
static __always_inline __u64 *made(__u64 *stack, const __u32 len, __u64 seq)
{
	__u64 *payload = len > BENCH_SHORT ? long_payload : stack;

	fill(payload, len, seq);
	return payload;
}

/* Fills the memory of a reservation; a short payload is made in place. */
static __always_inline void make_at(__u64 *to, const __u32 len, __u64 seq)
{
	if (len <= BENCH_SHORT) {
		fill(to, len, seq);
	} else if (len <= 256) {
		fill(long_payload, len, seq);
		__builtin_memcpy(to, long_payload, len);
	} else {
		fill(long_payload, len, seq);
		bpf_probe_read_kernel(to, len, long_payload);
	}
}

static __always_inline __u64 now(void)
{
	if (clock_kind == BENCH_FINE)
		return bpf_ktime_get_ns();
	if (clock_kind == BENCH_COARSE)
		return bpf_jiffies64() * tick_ns;
	return 0;
}

static __always_inline __u64 wake_flags(__u64 seq)
{
	if (!run.wake_every)
		return BPF_RB_NO_WAKEUP;
	return seq % run.wake_every ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP;
}

static __always_inline void ours_one(const __u32 len, void *ctx)
{
	__u64 stack[BENCH_SHORT / 8], *payload = made(stack, len, ++run.seq);

	seqring_bpf_publish(ours, BENCH_TYPE, payload, len);
}

/* The same without the check for sleeping readers. */
static __always_inline void unchecked_one(const __u32 len, void *ctx)
{
	__u64 stack[BENCH_SHORT / 8], *payload = made(stack, len, ++run.seq);
	struct seqring_bpf_open o;

	if (len > 256 || seqring_bpf_enter_ring(ours, &o))
		return;
	if (!seqring_bpf_publish_inline(&o, BENCH_TYPE, payload, len))
		seqring_bpf_leave(o.ctl);
	seqring_bpf_unguard(&ours_geometry);
}

static __always_inline void rb_put(void *map, const __u32 len, __u64 seq, __u64 flags)
{
	const __u32 front = clock_kind == BENCH_NO_CLOCK ? 0 : 8;
	__u64 *to;

	/* Each call has a constant size, because the helper takes no other. */
	to = front ? bpf_ringbuf_reserve(map, len + 8, 0) : bpf_ringbuf_reserve(map, len, 0);
	if (!to) {
		run.dropped++;
		return;
	}
	if (front) {
		to[0] = now();
		make_at(to + 1, len, seq);
	} else {
		make_at(to, len, seq);
	}
	bpf_ringbuf_submit(to, flags);
}

static __always_inline void rb_one(const __u32 len, void *ctx)
{
	__u64 seq = ++run.seq;

	rb_put(&rb, len, seq, wake_flags(seq));
}

static __always_inline void rb_output_one(const __u32 len, void *ctx)
{
	__u64 stack[BENCH_SHORT / 8], *payload = made(stack, len, ++run.seq);

	if (bpf_ringbuf_output(&rb, payload, len, wake_flags(run.seq)))
		run.dropped++;
}

static __always_inline void perf_one(const __u32 len, void *ctx)
{
	__u64 stack[BENCH_SHORT / 8], *payload = made(stack, len, ++run.seq);

	if (bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, payload, len))
		run.dropped++;
}

static __always_inline void fan_one(const __u32 len, void *ctx)
{
	__u64 seq = ++run.seq;
	__u32 i, nr = fan_nr;
	void *map;

	if (len != 32)
		return;
	for (i = 0; i < nr && i < BENCH_FAN; i++) {
		__u32 key = i;

		map = bpf_map_lookup_elem(&fan, &key);
		if (map)
			rb_put(map, 32, seq, wake_flags(seq));
	}
}

static __always_inline void store_plain(struct seqring_record *rec, const __u32 len, __u64 seq)
{
	rec->stamp = seq;
	rec->ts_ns = now();
	rec->meta.word = len | (__u64)BENCH_TYPE << 32;
	make_at((__u64 *)(rec + 1), len, seq);
}

/* Stores the bytes of a record, including its header, and does nothing else. */
static __always_inline void plain_one(const __u32 len, void *ctx)
{
	__u64 seq = ++run.seq;
	__u64 pos = seq * (sizeof(struct seqring_record) + len);
	__u32 zero = 0;
	char *area;

	area = bpf_map_lookup_elem(&plain, &zero);
	if (area)
		store_plain((struct seqring_record *)(area + (pos & plain_mask & ~7ull)), len, seq);
}

/*
 * The same into memory of this CPU, by a program that others may interrupt and that
 * publishes its position: a writer of records does at least this. No one reads, so it may
 * use the ring's memory.
 */
static __always_inline void guarded_one(const __u32 len, void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	unsigned char *element;
	__u64 seq = ++run.seq, pos;

	element = bpf_map_lookup_elem(&ours, &cpu);
	if (!element)
		return;
	ctl = (struct seqring_ring_ctl *)(element + ours_geometry.ring_offset);
	state = seqring_bpf_state(ctl);
	if (seqring_read(&state->owner))
		return;
	seqring_write(&state->owner, 1);
	pos = ctl->head;
	store_plain(seqring_bpf_record_at(ctl, &ours_geometry, pos), len, seq);
	seqring_write(&ctl->head, pos + sizeof(struct seqring_record) + len);
	seqring_write(&state->owner, 0);
}

static __always_inline void clock_one(const __u32 len, void *ctx)
{
	run.seq += now() > 0;
}

static __always_inline void nothing_one(const __u32 len, void *ctx)
{
	run.seq++;
}

/* The loop calls a function for each step. Such a call costs, so a step publishes several. */
#define SOME(name, len)                               \
	static long name##_##len(__u32 i, void **ctx) \
	{                                             \
		name##_one(len, *ctx);                \
		name##_one(len, *ctx);                \
		name##_one(len, *ctx);                \
		name##_one(len, *ctx);                \
		return 0;                             \
	}
/* Runs the function for payload_len only. */
#define RUN(name, len) | (size == (len) ? bpf_loop(n, name##_##len, &arg, 0) : 0)
#define CONTENDER(name)                                                    \
	BENCH_SIZES(SOME, name)                                            \
	SEC("raw_tp") int run_##name(void *ctx)                            \
	{                                                                  \
		const __u32 size = payload_len, n = run.n / BENCH_AT_ONCE; \
		void *arg = ctx;                                           \
		__u64 start = bpf_ktime_get_ns();                          \
		long done = 0 BENCH_SIZES(RUN, name);                      \
		run.ns += bpf_ktime_get_ns() - start;                      \
		return done < 0;                                           \
	}                                                                  \
	struct bench_run

CONTENDER(ours);
CONTENDER(unchecked);
CONTENDER(rb);
CONTENDER(rb_output);
CONTENDER(perf);
CONTENDER(fan);
CONTENDER(plain);
CONTENDER(guarded);
CONTENDER(clock);
CONTENDER(nothing);

/* One record for each run. */
SEC("raw_tp")
int run_once_ours(void *ctx)
{
	ours_one(32, ctx);
	return 0;
}

/* Without flags, a record wakes the consumer only if it has read all earlier ones. */
SEC("raw_tp")
int run_once_rb(void *ctx)
{
	rb_put(&rb, 32, ++run.seq, 0);
	return 0;
}
