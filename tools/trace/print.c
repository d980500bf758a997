// SPDX-License-Identifier: GPL-2.0-only
/* How the records of trace.bpf.c look. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring/schema.h>

#include "trace.h"

/* A field of text in a line, when not all of it is asked for. */
#define COMMAND_SHORT 160

/* The name of @i, or the number where it has none. */
static const char *name_of(const char *const *names, size_t nr, uint32_t i, char *buf, size_t size)
{
	if (i < nr && names[i])
		return names[i];
	snprintf(buf, size, "%u", i);
	return buf;
}

#define NAME_OF(names, i, buf) \
	name_of(names, sizeof(names) / sizeof((names)[0]), i, buf, sizeof(buf))

/* As ps(1) and perf(1) have them. */
static const char *const task_states[] = {
	[TASK_RUNNABLE] = "R", [TASK_PREEMPTED] = "R+",	     [TASK_SLEEPING] = "S",
	[TASK_IDLE] = "I",     [TASK_UNINTERRUPTIBLE] = "D", [TASK_STOPPED] = "T",
	[TASK_TRACED] = "t",   [TASK_PARKED] = "P",	     [TASK_DEAD] = "X",
	[TASK_OTHER] = "?",
};

static const char *const block_ops[] = {
	[BLOCK_READ] = "read",
	[BLOCK_WRITE] = "write",
	[BLOCK_FLUSH] = "flush",
	[BLOCK_DISCARD] = "discard",
	[BLOCK_SECURE_ERASE] = "secure-erase",
	[BLOCK_WRITE_ZEROES] = "write-zeroes",
	[BLOCK_DRIVER_IN] = "driver-in",
	[BLOCK_DRIVER_OUT] = "driver-out",
};

/* Bits of trace_block.flags that say something about what was asked for. */
static const struct {
	uint32_t bit;
	const char *name;
} block_flags[] = {
	{ 1u << 3, "sync" }, { 1u << 4, "meta" },      { 1u << 5, "prio" },
	{ 1u << 9, "fua" },  { 1u << 10, "preflush" }, { 1u << 11, "readahead" },
};

static const char *const tcp_states[] = {
	[TCP_ESTABLISHED] = "ESTABLISHED",
	[TCP_SYN_SENT] = "SYN_SENT",
	[TCP_SYN_RECV] = "SYN_RECV",
	[TCP_FIN_WAIT1] = "FIN_WAIT1",
	[TCP_FIN_WAIT2] = "FIN_WAIT2",
	[TCP_TIME_WAIT] = "TIME_WAIT",
	[TCP_CLOSE] = "CLOSE",
	[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCP_LAST_ACK] = "LAST_ACK",
	[TCP_LISTEN] = "LISTEN",
	[TCP_CLOSING] = "CLOSING",
	[TCP_NEW_SYN_RECV] = "NEW_SYN_RECV",
	[TCP_BOUND_INACTIVE] = "BOUND_INACTIVE",
};

static void add_text(struct out *o, const void *p, size_t n)
{
	char *dst = out_room(o, 4 * n);

	if (dst)
		o->len += escape_text(dst, p, n);
}

static void add_comm(struct out *o, const struct trace_task *t)
{
	add_text(o, t->comm, strnlen(t->comm, sizeof(t->comm)));
}

static void add_task(struct out *o, const struct trace_task *t)
{
	add_comm(o, t);
	out_printf(o, "/%d", t->tid);
}

/* A duration, in the unit that leaves one to three digits before the point. */
static void add_duration(struct out *o, const char *before, uint64_t ns)
{
	if (ns < 1000)
		out_printf(o, "%s%llu ns", before, (unsigned long long)ns);
	else if (ns < 1000000)
		out_printf(o, "%s%.1f us", before, (double)ns / 1e3);
	else if (ns < NSEC_PER_SEC)
		out_printf(o, "%s%.2f ms", before, (double)ns / 1e6);
	else
		out_printf(o, "%s%.3f s", before, (double)ns / 1e9);
}

static void print_switch(struct out *o, const struct ring_record *rec)
{
	const struct sched_switch *e = rec->payload;
	char buf[16];

	out_printf(o, "%s -> ", NAME_OF(task_states, e->prev_state, buf));
	add_task(o, &e->next);
	out_printf(o, " prio %d", e->next_prio);
}

static void print_wakeup(struct out *o, const struct ring_record *rec)
{
	const struct sched_wakeup *e = rec->payload;

	out_printf(o, "%s", e->is_new ? "new " : "");
	add_task(o, &e->task);
	out_printf(o, " prio %d on cpu %u", e->prio, e->cpu);
}

static void print_fork(struct out *o, const struct ring_record *rec)
{
	const struct process_fork *e = rec->payload;

	out_printf(o, "%s %d", e->is_thread ? "thread" : "process", e->child.tid);
}

/* The next of the strings at *@p, before @end. Return: its length, -1 at the end. */
static int next_string(const char **p, const char *end, const char **s)
{
	size_t len;

	if (*p >= end)
		return -1;
	*s = *p;
	len = strnlen(*p, (size_t)(end - *p));
	*p += len + 1;
	return (int)len;
}

/* An argument as a shell would take it; quoted where it would be cut or read otherwise. */
static void add_arg(struct out *o, const char *s, size_t len)
{
	bool quote = !len;
	size_t i;

	for (i = 0; i < len && !quote; i++)
		quote = strchr(" \t\n'\"\\$`&|;<>()*?[]#~{}!", s[i]);
	out_bytes(o, " '", quote ? 2 : 1);
	add_text(o, s, len);
	out_bytes(o, "'", quote);
}

static void print_exec(struct out *o, const struct ring_record *rec, bool full)
{
	const struct process_exec *e = rec->payload;
	const char *p = e->command, *end = (const char *)rec->payload + rec->len, *s;
	size_t start;
	int len;

	start = o->len;
	len = next_string(&p, end, &s);
	if (len >= 0)
		add_text(o, s, (size_t)len);
	out_bytes(o, ":", 1);
	while ((len = next_string(&p, end, &s)) >= 0) {
		if (!full && o->len - start > COMMAND_SHORT) {
			out_bytes(o, " ...", 4);
			break;
		}
		add_arg(o, s, (size_t)len);
	}
	if (e->truncated && !e->args_size)
		out_printf(o, " (the arguments could not be read)");
	else if (e->truncated)
		out_printf(o, " (cut; the arguments have %u bytes)", e->args_size);
	out_printf(o, " ppid %d uid %u", e->ppid, e->uid);
}

static void print_exit(struct out *o, const struct ring_record *rec)
{
	const struct process_exit *e = rec->payload;
	const char *name;

	if (e->signal) {
		name = sigabbrev_np(e->signal);
		if (name)
			out_printf(o, "killed by SIG%s", name);
		else
			out_printf(o, "killed by signal %u", e->signal);
	} else {
		out_printf(o, "status %u", e->status);
	}
	if (e->dumped_core)
		out_printf(o, ", core dumped");
	if (!e->is_last)
		out_printf(o, ", thread of %d", e->task.pid);
	add_duration(o, " after ", e->lifetime_ns);
}

static void add_call(struct out *o, uint32_t call, bool compat)
{
	const char *name = trace_call_name(call, compat);

	if (name)
		out_printf(o, "%s", name);
	else
		out_printf(o, "call %u", call);
	if (compat)
		out_printf(o, "[32]");
}

static void print_enter(struct out *o, const struct ring_record *rec)
{
	const struct syscall_enter *e = rec->payload;
	int i;

	add_call(o, e->call, e->is_compat);
	for (i = 0; i < 6; i++)
		out_printf(o, "%s%#llx", i ? ", " : "(", (unsigned long long)e->args[i]);
	out_bytes(o, ")", 1);
}

/* Codes that restart a call are no errno of <errno.h>. */
const char *trace_errno_name(int64_t result)
{
	return result < 0 && result >= -4095 ? strerrorname_np((int)-result) : NULL;
}

static void print_return(struct out *o, const struct ring_record *rec)
{
	const struct syscall_exit *e = rec->payload;
	const char *name = trace_errno_name(e->result);

	add_call(o, e->call, e->is_compat);
	if (name)
		out_printf(o, " = -%s", name);
	else if (e->result > 0xffffffffLL || e->result < -0xffffffffLL)
		out_printf(o, " = %#llx", (unsigned long long)e->result);
	else
		out_printf(o, " = %lld", (long long)e->result);
	if (e->duration_ns)
		add_duration(o, " after ", e->duration_ns);
}

static void add_block(struct out *o, const struct trace_block *io)
{
	char buf[16];
	bool any = false;
	size_t i;

	if (io->disk[0])
		add_text(o, io->disk, strnlen(io->disk, sizeof(io->disk)));
	else
		out_printf(o, "%u:%u", io->major, io->minor);
	out_printf(o, " %s", NAME_OF(block_ops, io->op, buf));
	/* A flush concerns no sector, nor does what is left of a write with one. */
	if (io->bytes)
		out_printf(o, " %u bytes at sector %llu", io->bytes,
			   (unsigned long long)io->sector);
	for (i = 0; i < sizeof(block_flags) / sizeof(block_flags[0]); i++) {
		if (!(io->flags & block_flags[i].bit))
			continue;
		out_printf(o, "%s%s", any ? "," : " (", block_flags[i].name);
		any = true;
	}
	out_bytes(o, ")", any);
}

static void print_issue(struct out *o, const struct ring_record *rec)
{
	const struct block_issue *e = rec->payload;

	add_block(o, &e->io);
}

static void print_complete(struct out *o, const struct ring_record *rec)
{
	const struct block_complete *e = rec->payload;

	add_block(o, &e->io);
	if (e->status)
		out_printf(o, " failed with status %d", e->status);
	if (e->latency_ns)
		add_duration(o, " after ", e->latency_ns);
}

static void print_tcp(struct out *o, const struct ring_record *rec)
{
	const struct tcp4_state *e4 = rec->payload;
	const struct tcp6_state *e6 = rec->payload;
	const struct trace_tcp *t = &e4->tcp;
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN], buf[16], buf2[16];
	bool v6 = rec->type == tcp6_state;

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)e6->local : &e4->local, a, sizeof(a));
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)e6->remote : &e4->remote, b,
		  sizeof(b));
	out_printf(o, v6 ? "[%s]:%u -> [%s]:%u " : "%s:%u -> %s:%u ", a, t->local_port, b,
		   t->remote_port);
	out_printf(o, "%s -> %s", NAME_OF(tcp_states, t->old_state, buf),
		   NAME_OF(tcp_states, t->new_state, buf2));
	if (t->duration_ns)
		add_duration(o, " after ", t->duration_ns);
}

#define TYPE(tag, event, task, print)                                                   \
	{                                                                               \
		offsetof(struct tag, task), sizeof(struct tag), tag, event, print, #tag \
	}

/*
 * The types of records: @task: where it says who did it; @len: the bytes they have at
 * least; @print: the rest of the line, but for that of print_exec().
 */
static const struct type {
	uint32_t task;
	uint32_t len;
	uint16_t type;
	uint16_t event;
	void (*print)(struct out *o, const struct ring_record *rec);
	const char *name;
} types[] = {
	TYPE(sched_switch, TRACE_SCHED_SWITCH, prev, print_switch),
	TYPE(sched_wakeup, TRACE_SCHED_WAKEUP, by, print_wakeup),
	TYPE(process_fork, TRACE_PROCESS_FORK, parent, print_fork),
	{ offsetof(struct process_exec, task), offsetof(struct process_exec, command), process_exec,
	  TRACE_PROCESS_EXEC, NULL, "process_exec" },
	TYPE(process_exit, TRACE_PROCESS_EXIT, task, print_exit),
	TYPE(syscall_enter, TRACE_SYSCALL_ENTER, task, print_enter),
	TYPE(syscall_exit, TRACE_SYSCALL_EXIT, task, print_return),
	TYPE(block_issue, TRACE_BLOCK_ISSUE, io.task, print_issue),
	TYPE(block_complete, TRACE_BLOCK_COMPLETE, io.task, print_complete),
	TYPE(tcp4_state, TRACE_TCP_STATE, tcp.task, print_tcp),
	TYPE(tcp6_state, TRACE_TCP_STATE, tcp.task, print_tcp),
};

bool trace_knows(const struct ring_schema *schema)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct ring_schema_type t = { .size = sizeof(t) };
		int err = ring_schema_find(schema, types[i].name, &t);

		if (err || t.type != types[i].type || t.min_len != types[i].len)
			return false;
	}
	return true;
}

/* What @rec is; NULL: none of ours, or too short for it. */
static const struct type *type_of(const struct ring_record *rec)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == rec->type && rec->len >= types[i].len)
			return &types[i];
	return NULL;
}

const char *trace_event_of(const struct ring_record *rec)
{
	const struct type *type = type_of(rec);

	return type ? trace_events[type->event].name : NULL;
}

/* The beginning of each line: when, where, who and what. */
static void add_head(struct out *o, const struct ring_record *rec, const struct type *type,
		     bool per_cpu)
{
	const struct trace_task *t = (const void *)((const char *)rec->payload + type->task);
	size_t start;

	if (rec->ts_ns)
		out_printf(o, "%llu.%06llu ", (unsigned long long)(rec->ts_ns / NSEC_PER_SEC),
			   (unsigned long long)(rec->ts_ns / 1000 % 1000000));
	if (per_cpu)
		out_printf(o, "[%u] ", rec->ring);
	start = o->len;
	if (t->pid || t->tid || t->comm[0])
		add_task(o, t);
	else
		out_bytes(o, "-", 1);
	/* Columns where the names allow it. */
	if (!o->err && o->len - start < 20)
		out_printf(o, "%*s", (int)(20 - (o->len - start)), "");
	out_printf(o, " %-14s ", trace_events[type->event].name);
}

void trace_print_text(struct out *o, const struct ring_record *rec, const struct trace_format *f)
{
	const struct type *type = type_of(rec);

	if (rec->lost && f->per_cpu)
		out_printf(o, "-- cpu %u: lost %llu records --\n", rec->ring,
			   (unsigned long long)rec->lost);
	else if (rec->lost)
		out_printf(o, "-- lost %llu records --\n", (unsigned long long)rec->lost);
	if (!type) {
		out_printf(o, "a record of type %u, %u bytes\n", rec->type, rec->len);
		return;
	}
	add_head(o, rec, type, f->per_cpu);
	if (type->print)
		type->print(o, rec);
	else
		print_exec(o, rec, f->full);
	out_bytes(o, "\n", 1);
}
