// SPDX-License-Identifier: GPL-2.0-only
/* The events and the BPF programs that publish them. */
#include <string.h>

#include "../../lib/message.h"
#include "events.h"

/* Both are in the order of their enums, which the same table generates. */
const struct trace_event_info trace_events[TRACE_NR_EVENTS] = {
#define EVENT(id, name, what, programs, records) { name, what },
#include "events.def"
};

const struct trace_program_info trace_programs[NR_PROGS] = {
#define PROGRAM(tracepoint, nr_args) { #tracepoint, nr_args },
#include "events.def"
};

_Static_assert(TRACE_NR_EVENTS <= 32 && NR_PROGS <= 32, "both are bits of a word");

static size_t group_len(const char *name)
{
	return strcspn(name, ":");
}

/* True if @event begins another group than the event before it. */
static bool begins_group(int event)
{
	const char *name = trace_events[event].name;

	return !event || strncmp(name, trace_events[event - 1].name, group_len(name) + 1);
}

static int fail_unknown(const char *name)
{
	char all[1024] = "", groups[256] = "";
	size_t n = 0, nr_groups = 0;
	int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++) {
		const char *event = trace_events[i].name;

		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", event);
		if (begins_group(i))
			nr_groups += (size_t)snprintf(groups + nr_groups,
						      sizeof(groups) - nr_groups, "%.*s, ",
						      (int)group_len(event), event);
	}
	return fail_usage("trace", "%s: no such event (%s; groups: %sall)", name, all, groups);
}

int trace_add_event(struct trace_opts *opts, const char *name)
{
	uint32_t events = 0;
	size_t len = strlen(name);
	int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++) {
		const char *event = trace_events[i].name;

		if (!strcmp(event, name)) {
			opts->events |= 1u << i;
			opts->by_name |= 1u << i;
			return 0;
		}
		if (!strcmp(name, "all") || (len == group_len(event) && !strncmp(event, name, len)))
			events |= 1u << i;
	}
	if (!events)
		return fail_unknown(name);
	opts->events |= events;
	return 0;
}

uint32_t trace_event_programs(int event)
{
	uint32_t bits = 0;

#define SUPPORT(tracepoint, nr_args)
#define NEEDS(tracepoint)	     bits |= 1u << PROG_##tracepoint;
#define PROGRAM(tracepoint, nr_args) NEEDS(tracepoint)
#define EVENT(id, name, what, programs, records) \
	if (event == TRACE_##id) {               \
		programs                         \
	}
#include "events.def"
	return bits;
}

uint32_t trace_programs_for(const struct trace_opts *opts)
{
	uint32_t programs = 0;
	int i;

	/* They keep the list of processes. */
	if (opts->config.pids)
		programs |= 1u << PROG_sched_process_exit | 1u << PROG_sched_process_free;
	if (opts->config.follow)
		programs |= 1u << PROG_sched_process_fork;
	for (i = 0; i < TRACE_NR_EVENTS; i++)
		if (opts->events & 1u << i)
			programs |= trace_event_programs(i);
	/* It frees what tells the last thread of a process, too. */
	if (programs & 1u << PROG_sched_process_exit && !opts->config.exit_says_last)
		programs |= 1u << PROG_sched_process_free;
	return programs;
}

void trace_print_events(FILE *to)
{
	int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++)
		fprintf(to, "  %-15s      %s\n", trace_events[i].name, trace_events[i].what);
}
