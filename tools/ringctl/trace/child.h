/* SPDX-License-Identifier: GPL-2.0-only */
/* The command that ringctl trace runs in a child process. */
#ifndef TRACE_CHILD_H
#define TRACE_CHILD_H

#include <stdbool.h>

struct trace_load;

/**
 * struct trace_child - the child
 * @pid: 0: there is none
 * @fd: readable once it has ended; -1: there is none
 */
struct trace_child {
	int pid;
	int fd;
};

/*
 * Runs @command. Its events are published from the exec on. Return: 0, or EXIT_FAIL with
 * the message printed.
 */
int trace_run_child(char **command, const struct trace_load *l, struct trace_child *c);

bool trace_child_ended(const struct trace_child *c);

/* Terminates the child if it still runs, and does not wait for that. */
void trace_end_child(struct trace_child *c);

#endif /* TRACE_CHILD_H */
