/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of ringctl trace share. */
#ifndef TRACE_H
#define TRACE_H

#include "../ringctl.h"
#include "events.h"

struct decoder;
struct ring_bpf;
struct ring_schema;
struct trace_bpf;

/* Numbers of the BPF programs, one for each tracepoint. */
enum trace_program {
	PROG_SCHED_SWITCH,
	PROG_SCHED_WAKEUP,
	PROG_SCHED_WAKEUP_NEW,
	PROG_PROCESS_FORK,
	PROG_PROCESS_EXEC,
	PROG_PROCESS_EXIT,
	PROG_SYSCALL_ENTER,
	PROG_SYSCALL_EXIT,
	PROG_BLOCK_ISSUE,
	PROG_BLOCK_COMPLETE,
	PROG_TCP_STATE,
	NR_PROGS,
};

#define PROG(name) (1u << PROG_##name)

/**
 * struct trace_event_info - an event that can be asked for
 * @name: GROUP:EVENT
 * @what: one line
 * @progs: bits of enum trace_program that it takes
 */
struct trace_event_info {
	const char *name;
	const char *what;
	uint32_t progs;
};

/**
 * struct trace_program_info - a BPF program
 * @name: in trace.bpf.c
 * @tracepoint: of the kernel
 * @nr_args: how many arguments that must have, at least
 */
struct trace_program_info {
	const char *name;
	const char *tracepoint;
	unsigned int nr_args;
};

extern const struct trace_event_info trace_events[TRACE_NR_EVENTS];
extern const struct trace_program_info trace_programs[NR_PROGS];

/**
 * struct trace_opts - what was asked for
 * @events: bits of enum trace_event
 * @by_name: those of them that were asked for by name, not as part of a group
 * @name: of the ring; NULL: none
 * @output: where to print to, instead of to standard output
 * @command: to run and to trace; NULL: none
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
	const char *output;
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
};

/* options.c. Return: 0, or an exit status with the message printed. @done: nothing to do */
int trace_parse(int argc, char **argv, struct trace_opts *opts, bool *done);
extern const char trace_help[];

/* kernel.c: what events there are, and which this kernel has. */

/* Adds the event or group @name. Return: 0 or EXIT_USAGE with the message printed. */
int trace_add_event(struct trace_opts *opts, const char *name);

/* Prints which events can be had. Return: exit status. */
int trace_list_events(void);

/*
 * Takes out of @opts->events what this kernel does not have, with a note when it came
 * with a group. Return: 0, or EXIT_FAIL with the message printed.
 */
int trace_check_events(struct trace_opts *opts);

/* Bits of the programs that it takes. */
uint32_t trace_programs_for(const struct trace_opts *opts);

/* filter.c: each returns 0, or EXIT_USAGE with the message printed. */

int trace_parse_pids(struct trace_opts *opts, const char *s);
int trace_parse_comms(struct trace_opts *opts, const char *s);
int trace_parse_calls(struct trace_opts *opts, const char *s);

/* Name of a system call; NULL when it has none. Valid until the next call. */
const char *trace_call_name(uint32_t nr, bool compat);

/* load.c: the BPF side. */

/**
 * struct trace_load - a loaded writer
 * @ring: its reader, from the first record on; NULL with @keep
 */
struct trace_load {
	struct trace_bpf *skel;
	struct ring_bpf *bpf;
	struct ring_reader *ring;
	struct bpf_link *links[NR_PROGS];
	uint32_t nr_links;
};

/* Starts to publish. Return: 0, or EXIT_FAIL with the message printed. */
int trace_start(const struct trace_opts *opts, struct trace_load *l);

/* Publishes nothing any more; readers get what is there and then the end. 0 or -errno. */
int trace_stop(struct trace_load *l);

/* How often the kernel did not run a program, since it was running on that CPU already. */
uint64_t trace_missed(const struct trace_load *l);

void trace_free(struct trace_load *l);

/* Lists the calling process as one to be followed. Return: 0 or -errno. */
int trace_follow_me(const struct trace_load *l);

/* command.c: the command that is run to be traced. */

/**
 * struct trace_child - a command that runs
 * @pid: 0: there is none
 * @fd: readable when it has ended; -1: there is none
 */
struct trace_child {
	int pid;
	int fd;
};

/* Runs it, its events from the exec on. Return: 0, or EXIT_FAIL with the message printed. */
int trace_run_command(char **command, const struct trace_load *l, struct trace_child *c);

bool trace_command_ended(const struct trace_child *c);

/* Ends it, if it has not yet, and lets go of it. */
void trace_end_command(struct trace_child *c);

/* print.c, print_json.c: how a record looks. */

/**
 * struct trace_format - what is the same for all records of a ring
 * @decoder: by the ring's schema
 * @per_cpu: the number of a ring is that of a CPU
 * @full: print all of long texts
 */
struct trace_format {
	struct decoder *decoder;
	bool per_cpu;
	bool full;
};

void trace_print_text(struct out *o, const struct ring_record *rec, const struct trace_format *f);
void trace_print_json(struct out *o, const struct ring_record *rec, const struct trace_format *f);

/* Whether this is how our records are described: other rings have a type 1, too. */
bool trace_knows(const struct ring_schema *schema);
/* The event that a record is of; NULL: none of ours, or too short for it. */
const char *trace_event_of(const struct ring_record *rec);
/* "ENOENT"; NULL: the result is no error, or one of the kernel's own. */
const char *trace_errno_name(int64_t result);

#endif /* TRACE_H */
