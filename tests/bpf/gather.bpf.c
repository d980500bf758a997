// SPDX-License-Identifier: GPL-2.0-only
/* Records of a length known at run time, of several pieces, and several records at once. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf_gather.h>

#include "gather.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

/* Payloads: the test fills it. One more than fits, and room for the verifier's view of a copy. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, unsigned char[2 * GATHER_MAX]);
} bytes SEC(".maps");

/* Arguments: length, length after a trim, whether to discard. */
SEC("raw_tp")
int varying(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 len = ctx->args[0], first = 0;
	struct seqring_bpf_open o;
	struct bpf_dynptr d;
	void *src = bpf_map_lookup_elem(&bytes, &first);
	int err;

	if (!src)
		return -ENOENT;
	err = seqring_bpf_reserve_dynptr(ring, &o, len, &d);
	if (err)
		return err;
	/* The kernel knows where the record ends. */
	if (bpf_dynptr_write(&d, len, src, 1, 0) != -E2BIG ||
	    bpf_dynptr_write(&d, 0, src, len & (2 * GATHER_MAX - 1), 0) ||
	    seqring_bpf_trim(&o, ctx->args[1]) || ctx->args[2]) {
		seqring_bpf_discard(&o);
		return -ECANCELED;
	}
	seqring_bpf_commit(&o, GATHER_VARYING);
	return 0;
}

/* Arguments: id, bytes of the second and third piece. */
SEC("raw_tp")
int pieces(struct bpf_raw_tracepoint_args *ctx)
{
	struct gather_head head = { ctx->args[0], ctx->args[1] };
	__u64 second = ctx->args[1], third = ctx->args[2];
	struct seqring_bpf_piece parts[3];
	__u32 first = 0;
	unsigned char *src = bpf_map_lookup_elem(&bytes, &first);

	if (!src || second > GATHER_MAX || third > GATHER_MAX)
		return -ENOENT;
	parts[0] = (struct seqring_bpf_piece) { &head, sizeof(head) };
	parts[1] = (struct seqring_bpf_piece) { src, second };
	parts[2] = (struct seqring_bpf_piece) { src + 16, third };
	return seqring_bpf_publish_pieces(ring, GATHER_PIECES, parts, 3);
}

/* Arguments: id of the first record, number of records. */
SEC("raw_tp")
int batch(struct bpf_raw_tracepoint_args *ctx)
{
	struct gather_head head = { ctx->args[0], 0 };
	struct seqring_bpf_open o;
	__u32 i;
	int err = seqring_bpf_begin_batch(ring, &o);

	if (err)
		return err;
	for (i = 0; i < GATHER_BATCH && i < ctx->args[1]; i++) {
		seqring_bpf_add(&o, GATHER_ONE, &head, sizeof(head));
		head.id++;
	}
	/* The ring is taken, for this program, too. */
	err = ctx->args[2] ? seqring_bpf_publish(ring, GATHER_ONE, &head, sizeof(head)) : 0;
	seqring_bpf_end_batch(&o);
	return err;
}

struct work {
	__u64 id;
};

static long batch_step(__u32 i, struct work *w)
{
	struct gather_head head = { w->id, 0 };
	struct seqring_bpf_open o;
	__u32 j;

	if (seqring_bpf_begin_batch(ring, &o))
		return 1;
	for (j = 0; j < GATHER_BATCH; j++) {
		seqring_bpf_add(&o, GATHER_ONE, &head, sizeof(head));
		head.id++;
	}
	seqring_bpf_end_batch(&o);
	w->id = head.id;
	return 0;
}

static long single_step(__u32 i, struct work *w)
{
	struct gather_head head = { w->id, 0 };
	__u32 j;

	for (j = 0; j < GATHER_BATCH; j++) {
		if (seqring_bpf_publish(ring, GATHER_ONE, &head, sizeof(head)))
			return 1;
		head.id++;
	}
	w->id = head.id;
	return 0;
}

/* Arguments: id, number of batches. Return: how many. */
SEC("raw_tp")
int many_batches(struct bpf_raw_tracepoint_args *ctx)
{
	struct work w = { ctx->args[0] };

	return bpf_loop(ctx->args[1], batch_step, &w, 0);
}

SEC("raw_tp")
int many_singles(struct bpf_raw_tracepoint_args *ctx)
{
	struct work w = { ctx->args[0] };

	return bpf_loop(ctx->args[1], single_step, &w, 0);
}
