// SPDX-License-Identifier: GPL-2.0-only
/* Publishes the events that a test makes, each with the number of the loader. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "between.h"
#include "handover.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(ring);

const volatile struct constants constants = { .trigger = ~0ULL, .forgets = 1 };

/* The member with the first argument, which libbpf finds in the running kernel. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long di;
#else
	__u64 regs[31];
#endif
};
#pragma clang attribute pop

static __always_inline __u64 first_argument(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(regs, di);
#else
	return BPF_CORE_READ(regs, regs[0]);
#endif
}

static __noinline int forget(void)
{
	struct seqring_bpf_open o;
	void *payload;

	return seqring_bpf_reserve(ring, &o, FORGOTTEN_LEN, &payload);
}

/* The loader switches the ring to this program's epoch between two looks of the program. */
static __noinline int count_late_epoch(void)
{
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	unsigned char *element;
	__u32 cpu = bpf_get_smp_processor_id() & ring_geometry.cpu_mask;
	int taken;

	element = bpf_map_lookup_elem(&ring, &cpu);
	if (!element)
		return -ENODEV;
	ctl = (struct seqring_ring_ctl *)(element + ring_geometry.ring_offset);
	state = seqring_bpf_state(ctl);
	seqring_write(&state->epoch, SEQRING_BPF_EPOCH_NONE);
	taken = seqring_bpf_take(state, 0, &ring_geometry);
	seqring_write(&state->epoch, ring_geometry.epoch);
	return taken ? -EEXIST : seqring_bpf_reject_take(ctl, &ring_geometry);
}

SEC("raw_tp/sys_enter")
int on_event(struct bpf_raw_tracepoint_args *ctx)
{
	struct event e = { .loader = constants.loader };

	if (ctx->args[1] != constants.trigger)
		return 0;
	e.id = first_argument((const struct pt_regs *)ctx->args[0]);
	if (constants.forgets && e.id == FORGET)
		return forget();
	if (e.id == LATE_EPOCH)
		return count_late_epoch();
	seqring_bpf_publish(ring, 1, &e, sizeof(e));
	return 0;
}

/* Return: the id in a name of a thread; 0: there is none. */
static __always_inline __u64 parse_name(const char *name)
{
	const char *letters = name + sizeof(RENAME_PREFIX) - 1;
	__u64 id = 0;
	int i;

	if (name[0] != RENAME_PREFIX[0] || name[1] != RENAME_PREFIX[1] ||
	    name[2] != RENAME_PREFIX[2])
		return 0;
	for (i = 0; i < RENAME_LETTERS; i++)
		id = id << 4 | ((__u64)(letters[i] - 'a') & 15);
	return id;
}

/* The same for an event of another kind: a thread gets a name. */
SEC("raw_tp/task_rename")
int on_rename(struct bpf_raw_tracepoint_args *ctx)
{
	struct event e = { .loader = constants.loader };
	char name[16];

	if (bpf_probe_read_kernel(name, sizeof(name), (const void *)ctx->args[1]))
		return 0;
	e.id = parse_name(name);
	if (e.id)
		seqring_bpf_publish(ring, 1, &e, sizeof(e));
	return 0;
}

/* For an upgrade that cannot attach all of its programs. */
SEC("raw_tp/no_event_of_this_kernel")
int on_nothing(void *ctx)
{
	return 0;
}
