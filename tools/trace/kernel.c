// SPDX-License-Identifier: GPL-2.0-only
/* Which events there are, and which of them this kernel has. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <libring/bpf.h>

#include "trace.h"

const struct trace_event_info trace_events[TRACE_NR_EVENTS] = {
	[TRACE_SCHED_SWITCH] = {
		"sched:switch", "a CPU goes from one task to the next",
		PROG(SCHED_SWITCH),
	},
	[TRACE_SCHED_WAKEUP] = {
		"sched:wakeup", "a task is made runnable",
		PROG(SCHED_WAKEUP) | PROG(SCHED_WAKEUP_NEW),
	},
	[TRACE_PROCESS_FORK] = {
		"process:fork", "a process or a thread begins",
		PROG(PROCESS_FORK),
	},
	[TRACE_PROCESS_EXEC] = {
		"process:exec", "a process runs another program: its file and arguments",
		PROG(PROCESS_EXEC),
	},
	[TRACE_PROCESS_EXIT] = {
		"process:exit", "a process or a thread ends: its status or signal",
		PROG(PROCESS_EXIT),
	},
	[TRACE_SYSCALL_ENTER] = {
		"syscalls:enter", "a system call begins: its arguments",
		PROG(SYSCALL_ENTER),
	},
	/* What notes the times is what has to be there for the durations. */
	[TRACE_SYSCALL_EXIT] = {
		"syscalls:exit", "a system call returns: its result and how long it took",
		PROG(SYSCALL_ENTER) | PROG(SYSCALL_EXIT),
	},
	[TRACE_BLOCK_ISSUE] = {
		"block:issue", "a disk is asked to do something",
		PROG(BLOCK_ISSUE),
	},
	[TRACE_BLOCK_COMPLETE] = {
		"block:complete", "a disk has done it: how long it took",
		PROG(BLOCK_ISSUE) | PROG(BLOCK_COMPLETE),
	},
	[TRACE_TCP_STATE] = {
		"tcp:state", "a TCP socket changes its state",
		PROG(TCP_STATE),
	},
};

const struct trace_program_info trace_programs[NR_PROGS] = {
	[PROG_SCHED_SWITCH] = { "on_sched_switch", "sched_switch", 4 },
	[PROG_SCHED_WAKEUP] = { "on_sched_wakeup", "sched_wakeup", 1 },
	[PROG_SCHED_WAKEUP_NEW] = { "on_sched_wakeup_new", "sched_wakeup_new", 1 },
	[PROG_PROCESS_FORK] = { "on_process_fork", "sched_process_fork", 2 },
	[PROG_PROCESS_EXEC] = { "on_process_exec", "sched_process_exec", 3 },
	[PROG_PROCESS_EXIT] = { "on_process_exit", "sched_process_exit", 1 },
	[PROG_SYSCALL_ENTER] = { "on_syscall_enter", "sys_enter", 2 },
	[PROG_SYSCALL_EXIT] = { "on_syscall_exit", "sys_exit", 2 },
	[PROG_BLOCK_ISSUE] = { "on_block_issue", "block_rq_issue", 1 },
	[PROG_BLOCK_COMPLETE] = { "on_block_complete", "block_rq_complete", 3 },
	[PROG_TCP_STATE] = { "on_tcp_state", "inet_sock_set_state", 3 },
};

#define ALL_EVENTS ((1u << TRACE_NR_EVENTS) - 1)

static size_t group_len(const char *name)
{
	return strcspn(name, ":");
}

static int no_such_event(const char *name)
{
	char all[512] = "";
	size_t n = 0;
	int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "",
				      trace_events[i].name);
	return usage("trace",
		     "%s: no such event (%s; for several: sched, process, syscalls, "
		     "block, tcp, all)",
		     name, all);
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
		return no_such_event(name);
	opts->events |= events;
	return 0;
}

uint32_t trace_programs_for(const struct trace_opts *opts)
{
	uint32_t progs = opts->config.follow ? PROG(PROCESS_FORK) | PROG(PROCESS_EXIT) : 0;
	int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++)
		if (opts->events & 1u << i)
			progs |= trace_events[i].progs;
	return progs;
}

/*
 * The number of arguments of a tracepoint, from the type of its probes, which is a
 * pointer to a function whose first parameter is the probe's own data.
 */
static int tracepoint_args(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *t;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
	if (!t || !btf_is_ptr(t))
		return -ENOENT;
	t = btf__type_by_id(btf, t->type);
	if (!t || !btf_is_func_proto(t) || !btf_vlen(t))
		return -ENOENT;
	return btf_vlen(t) - 1;
}

/* Why this kernel has not got @event; "" when it has. */
static const char *why_not(const struct btf *btf, int event, char *buf, size_t size)
{
	int i, nr;

	*buf = '\0';
	for (i = 0; i < NR_PROGS && !*buf; i++) {
		const struct trace_program_info *p = &trace_programs[i];

		if (!(trace_events[event].progs & 1u << i))
			continue;
		nr = tracepoint_args(btf, p->tracepoint);
		if (nr < 0)
			snprintf(buf, size, "this kernel has no tracepoint %s", p->tracepoint);
		else if ((unsigned int)nr < p->nr_args)
			snprintf(buf, size,
				 "tracepoint %s has %d arguments, not %u: the kernel is too old",
				 p->tracepoint, nr, p->nr_args);
	}
	return buf;
}

/* The kernel's types. Return: NULL with the message printed. */
static struct btf *kernel_btf(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		fail("trace",
		     "the types of this kernel cannot be read: %s (it needs "
		     "CONFIG_DEBUG_INFO_BTF)",
		     strerror(errno));
	return btf;
}

int trace_check_events(struct trace_opts *opts)
{
	struct btf *btf = kernel_btf();
	uint32_t asked = opts->events;
	char why[128] = "";
	int i, status = 0;

	if (!btf)
		return EXIT_FAIL;
	for (i = 0; i < TRACE_NR_EVENTS && !status; i++) {
		if (!(asked & 1u << i) || !*why_not(btf, i, why, sizeof(why)))
			continue;
		opts->events &= ~(1u << i);
		if (opts->by_name & 1u << i)
			status = fail("trace", "%s: %s (ringctl trace --list)",
				      trace_events[i].name, why);
		else
			fprintf(stderr, "ringctl: trace: without %s: %s\n", trace_events[i].name,
				why);
	}
	btf__free(btf);
	if (!status && !opts->events)
		status = fail("trace",
			      "this kernel has none of these events (ringctl trace --list)");
	return status;
}

int trace_list_events(void)
{
	char why[160] = "";
	struct btf *btf;
	int i;

	if (ring_bpf_supported())
		snprintf(why, sizeof(why), "%s", ring_strerror());
	btf = kernel_btf();
	if (!btf)
		return EXIT_FAIL;
	if (*why)
		fprintf(stderr, "ringctl: trace: not by this process: %s\n", why);
	printf("%-15s %-4s %s\n", "EVENT", "HERE", "WHAT");
	for (i = 0; i < TRACE_NR_EVENTS; i++) {
		why_not(btf, i, why, sizeof(why));
		printf("%-15s %-4s %s%s%s\n", trace_events[i].name, *why ? "no" : "yes",
		       trace_events[i].what, *why ? "; " : "", why);
	}
	btf__free(btf);
	return finish_stdout("trace");
}
