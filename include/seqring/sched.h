/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Records of the scheduler producer, seqring_sched.ko. Its device "sched" has one ring per
 * CPU and SEQRING_CLOCK_MONOTONIC. The ring's index is the CPU number unless CPU numbers
 * have gaps; seqring_ring_ctl.id is always the CPU number.
 */
#ifndef SEQRING_SCHED_H
#define SEQRING_SCHED_H

#include <linux/types.h>

#include "flexible.h"

#define SEQRING_SCHED_DEVICE	"sched"
#define SEQRING_SCHED_COMM	16

enum seqring_sched_type {
	SEQRING_SCHED_SWITCH = 1,
	SEQRING_SCHED_WAKEUP = 2,
	SEQRING_SCHED_EXEC = 3,
	SEQRING_SCHED_EXIT = 4,
};

/* @prev_state: as in the tracepoint. 0: running; else the TASK_ bits of the sleep */
struct seqring_sched_switch {
	__s32 prev_pid;
	__s32 prev_prio;
	__s32 next_pid;
	__s32 next_prio;
	__u32 prev_state;
	__u32 preempt;		/* 1: the CPU was taken from prev */
	char prev_comm[SEQRING_SCHED_COMM];
	char next_comm[SEQRING_SCHED_COMM];
};

struct seqring_sched_wakeup {
	__s32 pid;
	__s32 prio;
	__u32 target_cpu;
	__u32 reserved;
	char comm[SEQRING_SCHED_COMM];
};

/* The file name extends to the end of the payload; it has no terminating zero. */
struct seqring_sched_exec {
	__s32 pid;
	__s32 old_pid;
	SEQRING_FLEXIBLE(char, filename);
};

struct seqring_sched_exit {
	__s32 pid;
	__s32 tgid;
	__s32 exit_code;	/* as wait(2) has it */
	__s32 prio;
	char comm[SEQRING_SCHED_COMM];
};

#endif /* SEQRING_SCHED_H */
