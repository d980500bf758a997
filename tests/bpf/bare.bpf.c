// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishes the events that a test makes, as handover.bpf.c does. Asks nothing of its loader that a
 * loader of a few lines does not have: no relocation against the kernel's types.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "handover.h"

#ifdef __TARGET_ARCH_arm64
/* The headers of the machine that compiles have that one's registers. */
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
#endif

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

/* The number of no system call: a call of it is an event, its first argument the event's id. */
const volatile __u64 trigger = ~0ULL;
const volatile __u64 loader;

SEC("raw_tp/sys_enter")
int on_event(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	struct event e = { .loader = loader };

	if (ctx->args[1] != trigger)
		return 0;
	bpf_probe_read_kernel(&e.id, sizeof(e.id), &PT_REGS_PARM1(regs));
	seqring_bpf_publish(ring, 1, &e, sizeof(e));
	return 0;
}
