/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by gather.bpf.c and its test. */
#ifndef TESTS_BPF_GATHER_H
#define TESTS_BPF_GATHER_H

#include <linux/types.h>

#define GATHER_MAX   4096 /* SEQRING_BPF_PAYLOAD_MAX of the object */
#define GATHER_BATCH 8

/* Types of records. */
enum gather_type {
	GATHER_VARYING = 1, /* of a length known at run time */
	GATHER_PIECES,	    /* struct gather_head, then words */
	GATHER_ONE,	    /* struct gather_head */
};

struct gather_head {
	__u64 id;
	__u64 len;
};

#endif /* TESTS_BPF_GATHER_H */
