// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that put the records of kernel code into the BPF ring buffer, or into
 * perf's.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "kmod/locks.h"

#define LEN_MAX 256

/* Bytes of a record, set before loading: a constant to the verifier. */
const volatile __u32 record_len = 64;
__u64 dropped;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LOCKS_STREAM_BYTES);
} ringbuf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} perf SEC(".maps");

/* No wake-ups: the consumer polls, as in all contenders. */
SEC("raw_tp/locks_record")
int to_ringbuf(struct bpf_raw_tracepoint_args *ctx)
{
	void *to = bpf_ringbuf_reserve(&ringbuf, record_len, 0);

	if (!to) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	bpf_probe_read_kernel(to, record_len, (const void *)ctx->args[0]);
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("raw_tp/locks_record")
int to_perf(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 record[LEN_MAX / 8];

	if (record_len > sizeof(record))
		return 0;
	bpf_probe_read_kernel(record, record_len, (const void *)ctx->args[0]);
	if (bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, record, record_len))
		__sync_fetch_and_add(&dropped, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
