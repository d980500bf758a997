/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by between.c and its programs. */
#ifndef TESTS_BPF_BETWEEN_H
#define TESTS_BPF_BETWEEN_H

#include <linux/types.h>

/*
 * Where the task of a maker is.
 *
 * @maker: its thread ID
 * @between: it is between the programs of two loaders
 * @begun, @ended: programs that have begun and ended there
 */
struct steps {
	__u64 maker;
	volatile __u64 between;
	volatile __u64 begun;
	volatile __u64 ended;
};

/* @address: where the program `hold` reads */
struct hold {
	__u64 address;
};

/* A maker of renames names its thread by this and the event's id, 4 bits a letter from 'a'. */
#define RENAME_PREFIX  "ev:"
#define RENAME_LETTERS 12

#endif /* TESTS_BPF_BETWEEN_H */
