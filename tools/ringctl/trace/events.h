/* SPDX-License-Identifier: GPL-2.0-only */
/* The events and the BPF programs that publish them, as events.def lists them. */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include <stdio.h>

#include "config.h"
#include "options.h"

/* Numbers of the BPF programs, one for each tracepoint. */
enum trace_program {
#define PROGRAM(tracepoint, nr_args) PROG_##tracepoint,
#include "events.def"
	NR_PROGS,
};

/**
 * struct trace_event_info - an event
 * @name: GROUP:EVENT
 * @what: one line
 */
struct trace_event_info {
	const char *name;
	const char *what;
};

/**
 * struct trace_program_info - a BPF program
 * @tracepoint: its tracepoint
 * @nr_args: least number of arguments of the tracepoint
 */
struct trace_program_info {
	const char *tracepoint;
	unsigned int nr_args;
};

extern const struct trace_event_info trace_events[TRACE_NR_EVENTS];
extern const struct trace_program_info trace_programs[NR_PROGS];

/*
 * Adds the event or group @name to @opts. Return: 0, or EXIT_USAGE with the message
 * printed.
 */
int trace_add_event(struct trace_opts *opts, const char *name);

/* The programs that an event needs: bits of enum trace_program. */
uint32_t trace_event_programs(int event);

/* The programs that @opts needs. */
uint32_t trace_programs_for(const struct trace_opts *opts);

/* Prints the events, for --help. */
void trace_print_events(FILE *to);

#endif /* TRACE_EVENTS_H */
