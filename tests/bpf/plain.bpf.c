// SPDX-License-Identifier: GPL-2.0-only
/* Has no ring, but maps with the names of a ring's parts. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lone SEC(".maps");

#define PARTS(name, kind)                           \
	struct {                                    \
		__uint(type, kind);                 \
		__uint(max_entries, 1);             \
		__type(key, __u32);                 \
		__type(value, __u64);               \
	} name SEC(".maps");                        \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_ARRAY);   \
		__uint(max_entries, 1);             \
		__type(key, __u32);                 \
		__type(value, __u64);               \
	} name##_wait SEC(".maps");                 \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, 4096);          \
	} name##_doorbell SEC(".maps");             \
	SEC("syscall") int name##_ctl(void *c)      \
	{                                           \
		return 0;                           \
	}

PARTS(hash, BPF_MAP_TYPE_HASH)
SEC(".rodata.hash") const volatile __u32 hash_geometry[32] = { 1 };

/* A geometry that no version has. */
PARTS(other, BPF_MAP_TYPE_ARRAY)
SEC(".rodata.other") const volatile __u32 other_geometry[3] = { 1 };
