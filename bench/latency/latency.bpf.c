// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that publish one record each time they are run, and wake who sleeps.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Run by BPF_PROG_TEST_RUN, which turns preemption off as a tracepoint does. */
#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "programs.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ours);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} rb SEC(".maps");

/* Its payload. */
__u64 due;
__u64 dropped;

SEC("raw_tp")
int send_ours(void *ctx)
{
	__u64 payload = due;

	if (seqring_bpf_publish(ours, LATENCY_TYPE, &payload, sizeof(payload)))
		dropped++;
	return 0;
}

/* Without flags: it wakes the consumer when that has read all the rest. */
SEC("raw_tp")
int send_rb(void *ctx)
{
	__u64 *payload = bpf_ringbuf_reserve(&rb, sizeof(*payload), 0);

	if (!payload) {
		dropped++;
		return 0;
	}
	*payload = due;
	bpf_ringbuf_submit(payload, 0);
	return 0;
}
