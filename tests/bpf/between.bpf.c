// SPDX-License-Identifier: GPL-2.0-only
/* Programs that run between those of two loaders, and one that sleeps where a test likes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "between.h"

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steps);
} steps SEC(".maps");

/* Return: where the maker notes its way; NULL: another task runs here. */
static __always_inline struct steps *notes(void)
{
	struct steps *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&steps, &zero);
	return s && (__u32)bpf_get_current_pid_tgid() == s->maker ? s : NULL;
}

/* Behind the old program, before all others. */
static __always_inline int enter(void)
{
	struct steps *s = notes();

	if (s)
		s->between = 1;
	return 0;
}

/* Any number of these. */
static __always_inline int step(void)
{
	struct steps *s = notes();

	if (!s)
		return 0;
	s->begun++;
	s->ended++;
	return 0;
}

/* Before the new program. */
static __always_inline int leave(void)
{
	struct steps *s = notes();

	if (s)
		s->between = 0;
	return 0;
}

#define PROGRAMS(name, tracepoint)  \
	SEC("raw_tp/" tracepoint)   \
	int enter_##name(void *ctx) \
	{                           \
		return enter();     \
	}                           \
	SEC("raw_tp/" tracepoint)   \
	int step_##name(void *ctx)  \
	{                           \
		return step();      \
	}                           \
	SEC("raw_tp/" tracepoint)   \
	int leave_##name(void *ctx) \
	{                           \
		return leave();     \
	}

PROGRAMS(syscall, "sys_enter")
PROGRAMS(rename, "task_rename")

/* Sleeps in a reader of Tasks Trace RCU until the address can be read. */
SEC("syscall")
int hold(struct hold *h)
{
	__u64 word;

	return bpf_copy_from_user(&word, sizeof(word), (void *)h->address) ? 1 : 0;
}
