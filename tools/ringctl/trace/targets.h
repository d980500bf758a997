/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that --pid names: the trace ends when all of them have ended. */
#ifndef TRACE_TARGETS_H
#define TRACE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

struct trace_load;
struct trace_opts;

/**
 * struct trace_targets - the processes
 * @fd: readable when one of them has ended; -1: their end does not matter, or cannot be known
 * @left: how many have not ended
 * @follow: their descendants count, too
 */
struct trace_targets {
	int fd;
	uint32_t left;
	bool follow;
};

/*
 * Checks that each number of --pid is a process, and watches for their ends. A PID namespace has
 * numbers of its own: in another one than the initial one nothing is known. Return: 0, or EXIT_FAIL
 * with the message printed.
 */
int trace_targets_open(struct trace_targets *t, const struct trace_opts *opts);

/* True if all of them have ended, and, with @follow, those that @l still lists. */
bool trace_targets_ended(struct trace_targets *t, const struct trace_load *l);

/* Nanoseconds after which to ask again though @fd is not readable; UINT64_MAX: never. */
uint64_t trace_targets_timeout(const struct trace_targets *t);

void trace_targets_close(struct trace_targets *t);

#endif /* TRACE_TARGETS_H */
