// SPDX-License-Identifier: GPL-2.0-only
/* For payloads longer than the smallest ring takes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SEQRING_BPF_PAYLOAD_MAX 20000
#include <seqring/bpf.h>

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

SEC("raw_tp")
int publish(void *ctx)
{
	return seqring_bpf_publish_kernel(ring, 1, (void *)bpf_get_current_task(), 20000);
}
