/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds out which events the running kernel has. */
#ifndef TRACE_KERNEL_H
#define TRACE_KERNEL_H

#include "options.h"

/* Prints the events, and which of them the kernel has. Return: the exit status. */
int trace_list_events(void);

/*
 * Notes in @opts->config what the tracepoints of the kernel say, and removes the events that the
 * kernel lacks from @opts->events. It prints a note if only
 * the event's group was named, and fails if the event was. Return: 0, or EXIT_FAIL with
 * the message printed.
 */
int trace_check_events(struct trace_opts *opts);

#endif /* TRACE_KERNEL_H */
