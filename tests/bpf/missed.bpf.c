// SPDX-License-Identifier: GPL-2.0-only
/* A program runs for so long that it is interrupted where the kernel would run it again. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

/* The number of no system call. */
const volatile __u64 trigger = ~0ULL;

static long nothing(__u32 i, void *ctx)
{
	return 0;
}

/* The test attaches it to sys_enter and to the tracepoint of a timer, too. */
SEC("raw_tp/sys_enter")
int on_event(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 n = ctx->args[1];

	if (n != trigger)
		return 0;
	seqring_bpf_publish(ring, 1, &n, sizeof(n));
	bpf_loop(1 << 23, nothing, NULL, 0);
	return 0;
}
