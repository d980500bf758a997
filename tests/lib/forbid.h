/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of system calls that come when a program runs already, as a sandbox brings them. */
#ifndef TESTS_LIB_FORBID_H
#define TESTS_LIB_FORBID_H

#include <errno.h>
#include <linux/membarrier.h>
#include <seccomp.h>
#include <stdbool.h>

/*
 * From now on the system call fails with @err in this thread and in its children, if its first
 * argument compares as @first says; @nr_args 0: always. Return: whether it is so.
 */
static inline bool forbid(int call, uint32_t err, unsigned int nr_args, struct scmp_arg_cmp first)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	bool done;

	if (!ctx)
		return false;
	done = !seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(err), call, nr_args, &first) &&
	       !seccomp_load(ctx);
	seccomp_release(ctx);
	return done;
}

/* EPERM of membarrier(2), except for the question which commands there are. */
static inline bool forbid_membarrier(void)
{
	return forbid(SCMP_SYS(membarrier), EPERM, 1,
		      SCMP_A0(SCMP_CMP_NE, MEMBARRIER_CMD_QUERY, 0));
}

/* EPERM of the command @cmd of bpf(2). */
static inline bool forbid_bpf(unsigned int cmd)
{
	return forbid(SCMP_SYS(bpf), EPERM, 1, SCMP_A0(SCMP_CMP_EQ, cmd, 0));
}

/* EACCES of perf_event_open(2), as where kernel.perf_event_paranoid is 3. */
static inline bool forbid_perf_events(void)
{
	return forbid(SCMP_SYS(perf_event_open), EACCES, 0, (struct scmp_arg_cmp) { 0 });
}

#endif /* TESTS_LIB_FORBID_H */
