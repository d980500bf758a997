/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Publishes on request, for the tests of wake-ups and of a ring's life. The objects that
 * include this file compile bpf.h with different options.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include <seqring/bpf.h>

#include "wake.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct race);
} shared SEC(".maps");

static long nothing(__u32 i, void *ctx)
{
	return 0;
}

/* Reserves every other record first. */
static __noinline int reserve(__u64 n)
{
	struct seqring_bpf_open o;
	void *payload;

	if (seqring_bpf_reserve(ring, &o, sizeof(n), &payload))
		return 1;
	*(__u64 *)payload = n;
	seqring_bpf_commit(&o, 1);
	return 0;
}

__u64 turns;

static long step(__u32 i, struct publish *p)
{
	__u64 n = i;

	if (p->gap)
		bpf_loop(p->gap, nothing, NULL, 0);
	if (turns++ & 1)
		return reserve(n);
	seqring_bpf_publish(ring, 1, &n, sizeof(n));
	return 0;
}

SEC("raw_tp")
int publish(struct bpf_raw_tracepoint_args *ctx)
{
	struct publish p = { ctx->args[0], ctx->args[1] };

	bpf_loop(p.count, step, &p, 0);
	return 0;
}

struct waiting {
	struct race *race;
	__u64 round;
};

static long is_ready(__u32 i, struct waiting *w)
{
	return seqring_read(&w->race->ready) == w->round;
}

static struct seqring_ring_ctl *ctl_of(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	unsigned char *element = bpf_map_lookup_elem(&ring, &cpu);

	return element ? (struct seqring_ring_ctl *)(element + ring_geometry.ring_offset) : NULL;
}

/* The reader is ready; so are we, and both do their part at about the same time. */
static long round_of(__u32 i, void *ctx)
{
	struct seqring_ring_ctl *ctl = ctl_of();
	struct waiting w = { 0 };
	__u64 was, late;
	__u32 zero = 0;

	w.race = bpf_map_lookup_elem(&shared, &zero);
	if (!w.race || !ctl)
		return 1;
	w.round = w.race->round;
	bpf_loop(1 << 20, is_ready, &w, 0);
	if (w.round > w.race->last || seqring_read(&w.race->ready) != w.round)
		return 1;
	was = seqring_read(&ctl->wakeups);
	late = w.round % 8;
	seqring_write(&w.race->go, w.round);
	bpf_loop(late, nothing, NULL, 0);
	seqring_bpf_publish(ring, 1, &w.round, 8);
	w.race->due = seqring_read(&ctl->wakeups) != was;
	w.race->round = w.round + 1;
	seqring_bpf_fence();
	seqring_write(&w.race->done, w.round);
	return 0;
}

/* Ends early if the reader does not come because its CPU is busy. */
SEC("raw_tp")
int race(struct bpf_raw_tracepoint_args *ctx)
{
	bpf_loop(ctx->args[0], round_of, NULL, 0);
	return 0;
}

/* The number of no system call: a call of it publishes its first argument. */
const volatile __u64 trigger = ~0ULL;

SEC("raw_tp/sys_enter")
int on_syscall(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 n = ctx->args[1];

	if (n == trigger)
		seqring_bpf_publish(ring, 2, &n, sizeof(n));
	return 0;
}
