/* SPDX-License-Identifier: GPL-2.0-only */
/* The command that ringctl trace runs in a child process. */
#ifndef TRACE_CHILD_H
#define TRACE_CHILD_H

#include <stdbool.h>

struct trace_load;

/**
 * struct trace_child - the child, which leads a process group of its own
 * @pid: 0: there is none
 * @fd: readable once it has ended; -1: there is none
 * @tty: terminal whose foreground it was given; -1: none
 */
struct trace_child {
	int pid;
	int fd;
	int tty;
};

/*
 * Runs @command. Its events are published from the exec on. If ringctl has the foreground of a
 * terminal, the command gets it: it reads the terminal, and keys such as Ctrl-C reach it alone.
 * Return: 0, or EXIT_FAIL with the message printed.
 */
int trace_run_child(char **command, const struct trace_load *l, struct trace_child *c);

bool trace_child_ended(const struct trace_child *c);

/*
 * Gives the terminal back. If the child still runs, sends its process group @signal, or SIGTERM
 * if that is 0, and does not wait. Return: the child's exit status, 128 plus the signal that
 * ended it, or 0 if it still runs.
 */
int trace_end_child(struct trace_child *c, int signal);

#endif /* TRACE_CHILD_H */
