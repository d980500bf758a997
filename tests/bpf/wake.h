/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by wake.c and the programs of the wake objects. */
#ifndef TESTS_BPF_WAKE_H
#define TESTS_BPF_WAKE_H

#include <linux/types.h>

/* Context of publish(): @count records, each after @gap turns of a loop, plus 7 of it more. */
struct publish {
	__u64 count;
	__u64 gap;
};

/*
 * The race of one writer and one reader; see race() on both sides. Each word has a
 * cache line of its own.
 *
 * @round: the next one, from 1; @ready, @go, @done: up to which round each has got
 * @due: the writer asked for a wake-up
 */
struct race {
	__u64 round;
	__u64 last;
	__u64 pad0[14];
	__u64 ready;
	__u64 pad1[15];
	__u64 go;
	__u64 pad2[15];
	__u64 done;
	__u64 due;
	__u64 pad3[14];
};

#endif /* TESTS_BPF_WAKE_H */
