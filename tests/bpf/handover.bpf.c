// SPDX-License-Identifier: GPL-2.0-only
/* Publishes the events that a test makes, each with the number of the loader. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "handover.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

/* The number of no system call: a call of it is an event, its first argument the event's id. */
const volatile __u64 trigger = ~0ULL;
const volatile __u64 loader;

static __noinline int forget(void)
{
	struct seqring_bpf_open o;
	void *payload;

	return seqring_bpf_reserve(ring, &o, FORGOTTEN_LEN, &payload);
}

SEC("raw_tp/sys_enter")
int on_event(struct bpf_raw_tracepoint_args *ctx)
{
	const struct pt_regs *regs = (const struct pt_regs *)ctx->args[0];
	struct event e = { .loader = loader };

	if (ctx->args[1] != trigger)
		return 0;
	bpf_probe_read_kernel(&e.id, sizeof(e.id), &PT_REGS_PARM1(regs));
	if (e.id == FORGET)
		return forget();
	seqring_bpf_publish(ring, 1, &e, sizeof(e));
	return 0;
}

/* For an upgrade that cannot attach all of its programs. */
SEC("raw_tp/no_event_of_this_kernel")
int on_nothing(void *ctx)
{
	return 0;
}
