/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several programs on one tracepoint, for tasks that preempt each other. The kernel does not let a
 * program nest in itself on one CPU, so each task triggers another program. The objects that
 * include this file compile bpf.h with different options.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <seqring/bpf.h>

#include "preempt.h"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

/* The numbers of no system calls start here: each triggers one program. */
const volatile __u64 first_trigger = ~0ULL;

struct counts counts;

static __always_inline int publish_if(const struct bpf_raw_tracepoint_args *ctx, __u64 program)
{
	struct seqring_bpf_open o;
	void *payload;
	__u64 id;
	int i, err;

	if (ctx->args[1] != first_trigger + program)
		return 0;
	id = __sync_fetch_and_add(&counts.fired, 1);
	err = seqring_bpf_reserve(ring, &o, RECORD_BYTES, &payload);
	if (err) {
		__sync_fetch_and_add(err == -EBUSY ? &counts.busy : &counts.refused, 1);
		return 0;
	}
	for (i = 0; i < RECORD_WORDS; i++)
		((volatile __u64 *)payload)[i] = id;
	seqring_bpf_commit(&o, 1);
	__sync_fetch_and_add(&counts.published, 1);
	return 0;
}

SEC("raw_tp/sys_enter")
int on_first(struct bpf_raw_tracepoint_args *ctx)
{
	return publish_if(ctx, 0);
}

SEC("raw_tp/sys_enter")
int on_second(struct bpf_raw_tracepoint_args *ctx)
{
	return publish_if(ctx, 1);
}

SEC("raw_tp/sys_enter")
int on_third(struct bpf_raw_tracepoint_args *ctx)
{
	return publish_if(ctx, 2);
}
