// SPDX-License-Identifier: GPL-2.0-only
/* Programs that break the promise of SEQRING_BPF_NO_PREEMPT. The test loads one of them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

static __always_inline int publish(void)
{
	__u64 n = 1;

	seqring_bpf_publish(ring, 1, &n, sizeof(n));
	return 0;
}

SEC("iter.s/task")
int sleeps(void *ctx)
{
	return publish();
}

SEC("iter/task")
int is_preempted(void *ctx)
{
	return publish();
}

SEC("syscall")
int is_run(void *ctx)
{
	return publish();
}

SEC("raw_tp/sys_enter")
int is_right(void *ctx)
{
	return publish();
}

__u64 others;

/* May sleep, and does not touch the ring. */
SEC("syscall")
int is_other(void *ctx)
{
	others++;
	return 0;
}
