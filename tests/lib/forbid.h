/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of system calls that come when a program runs already, as a sandbox brings them. */
#ifndef TESTS_LIB_FORBID_H
#define TESTS_LIB_FORBID_H

#include <errno.h>
#include <linux/membarrier.h>
#include <seccomp.h>
#include <stdbool.h>

/*
 * From now on membarrier(2) fails with EPERM in this thread and in its children, except the
 * question which commands there are. Return: whether it is so.
 */
static inline bool forbid_membarrier(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!ctx)
		return false;
	err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(membarrier), 1,
			       SCMP_A0(SCMP_CMP_NE, MEMBARRIER_CMD_QUERY, 0));
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return !err;
}

/* The same for the command @cmd of bpf(2). */
static inline bool forbid_bpf(unsigned int cmd)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!ctx)
		return false;
	err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 1,
			       SCMP_A0(SCMP_CMP_EQ, cmd, 0));
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return !err;
}

/* perf_event_open(2) fails with EACCES, as where kernel.perf_event_paranoid is 3. */
static inline bool forbid_perf_events(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!ctx)
		return false;
	err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(perf_event_open), 0);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return !err;
}

#endif /* TESTS_LIB_FORBID_H */
