// SPDX-License-Identifier: GPL-2.0-only
/* Publishes records on the ring of the CPU that it runs on. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "pinned.h"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(abi);

struct work {
	__u64 n;
};

static long step(__u32 i, struct work *w)
{
	struct pinned p = { .n = w->n, .again = ~w->n, .check = w->n * PINNED_FACTOR };

	(void)i;
	if (seqring_bpf_publish(abi, pinned, &p, sizeof(p)))
		return 1;
	w->n++;
	return 0;
}

/* Arguments: the first n, how many. Returns how many it published. */
SEC("raw_tp")
int publish(struct bpf_raw_tracepoint_args *ctx)
{
	struct work w = { ctx->args[0] };

	bpf_loop(ctx->args[1], step, &w, 0);
	return w.n - ctx->args[0];
}
