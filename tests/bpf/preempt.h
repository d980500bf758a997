/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by preempt.c and its programs. */
#ifndef TESTS_BPF_PREEMPT_H
#define TESTS_BPF_PREEMPT_H

/* The record is long, so that a task is often preempted while it fills one. */
#define RECORD_WORDS 256
#define RECORD_BYTES (8 * RECORD_WORDS)

#define NR_PROGRAMS 3

/* What the programs counted, on all CPUs. @refused: neither published nor busy */
struct counts {
	unsigned long long fired;
	unsigned long long published;
	unsigned long long busy;
	unsigned long long refused;
};

#endif /* TESTS_BPF_PREEMPT_H */
