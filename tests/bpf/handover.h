/* SPDX-License-Identifier: GPL-2.0-only */
/* The records of handover.bpf.c. */
#ifndef TESTS_BPF_HANDOVER_H
#define TESTS_BPF_HANDOVER_H

#include <linux/types.h>

/* @id: of the event, as its maker says; @loader: whose program published it */
struct event {
	__u64 id;
	__u64 loader;
};

/*
 * Constants of the programs.
 *
 * @trigger: the number of no system call: a call of it is an event, with the id as first argument
 * @loader: which loader it is, for its records
 * @forgets: whether a program can be told to forget a record
 */
struct constants {
	__u64 trigger;
	__u64 loader;
	__u64 forgets;
};

/* The program reserves a record of FORGOTTEN_LEN bytes for an event of this id, and forgets it. */
#define FORGET	      0xffffffffffffULL
#define FORGOTTEN_LEN 2000

/*
 * The program finds another epoch in the ring for an event of this id, and its own one a moment
 * later, when it counts the event.
 */
#define LATE_EPOCH 0xfffffffffffeULL

/* Bytes of an event's record. */
#define EVENT_SIZE 40

#endif /* TESTS_BPF_HANDOVER_H */
