/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of ringctl trace. */
#ifndef TRACE_OPTIONS_H
#define TRACE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../../lib/when.h"
#include "config.h"

/**
 * struct trace_opts - the options
 * @events: bits of enum trace_event
 * @by_name: those of @events that were named, and not only their group
 * @name: of the ring; NULL: none
 * @from: the ring of another writer; NULL: load BPF programs
 * @since, @until: with @from: where to begin and to end
 * @output: print to this file; NULL: to standard output
 * @where: print only events for which this expression is true; NULL: all
 * @command: run and trace it; NULL: none
 * @keep: --pin: leave the programs behind
 */
struct trace_opts {
	uint32_t events;
	uint32_t by_name;
	struct trace_config config;
	uint32_t pids[TRACE_PIDS_MAX];
	uint32_t nr_pids;
	char comms[TRACE_COMMS_MAX][TRACE_COMM_SIZE];
	uint32_t nr_comms;

	const char *name;
	const char *from;
	struct when since;
	struct when until;
	const char *output;
	const char *where;
	char **command;
	uint32_t bpf_flags;
	uint32_t clock_id;
	uint32_t permissions;
	uint64_t data_size;

	uint64_t count;
	uint64_t duration_ns;
	uint64_t merge_window_ns;
	bool keep;
	bool self;
	bool json;
	bool full;
	bool quiet;
	bool per_ring;
	bool list;
	bool verbose;
	bool help;
};

/* Parses the command line. Return: 0, or EXIT_USAGE with the message printed. */
int trace_parse(int argc, char **argv, struct trace_opts *opts);

void trace_print_help(FILE *to);

#endif /* TRACE_OPTIONS_H */
