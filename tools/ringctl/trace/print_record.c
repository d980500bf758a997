// SPDX-License-Identifier: GPL-2.0-only
/* How each type of records is printed. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <libring/schema.h>

#include "../../lib/clock.h"
#include "../../lib/out.h"
#include "../../lib/text.h"
#include "names.h"
#include "print_record.h"
#include "records.h"

/* Characters of a command that are shown without --full. */
#define COMMAND_SHORT 160

/* The name of @i, or the number if it has no name. */
static const char *name_of(const char *const *names, size_t nr, uint32_t i, char *buf, size_t size)
{
	if (i < nr && names[i])
		return names[i];
	snprintf(buf, size, "%u", i);
	return buf;
}

#define NAME_OF(names, i, buf) \
	name_of(names, sizeof(names) / sizeof((names)[0]), i, buf, sizeof(buf))

/* The letters of ps(1) and perf(1). */
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

/* Bits of trace_block.flags that describe the request. */
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

static const char *const tcp_causes[] = {
	[TCP_BY_TASK] = "call",
	[TCP_BY_ABORT] = "abort",
	[TCP_BY_NETWORK] = "network",
	[TCP_BY_RESET] = "reset",
};

static void print_escaped(struct out *o, const void *p, size_t n)
{
	char *dst = out_reserve(o, 4 * n);

	if (dst)
		o->len += escape_text(dst, p, n);
}

/*
 * Prints a word that cannot be taken for two, nor for what follows it. It is in quotes if it has
 * more than letters, digits and some marks; a quote within is \'.
 */
static void print_word(struct out *o, const char *s, size_t len)
{
	static const bool plain[256] = {
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,   ['%'] = true,
		['+' ... '/'] = true, [':'] = true,	    ['='] = true,	    ['@'] = true,
		['_'] = true,	      ['^'] = true,	    [0x80 ... 0xff] = true,
	};
	size_t i, start = 0;
	bool quote = !len;

	for (i = 0; i < len && !quote; i++)
		quote = !plain[(unsigned char)s[i]];
	out_append(o, "'", quote);
	for (i = 0; i <= len; i++) {
		if (i < len && s[i] != '\'')
			continue;
		print_escaped(o, s + start, i - start);
		out_append(o, "\\'", i < len ? 2 : 0);
		start = i + 1;
	}
	out_append(o, "'", quote);
}

void trace_print_task(struct out *o, const struct trace_task *t)
{
	print_word(o, t->comm, strnlen(t->comm, sizeof(t->comm)));
	out_append(o, "/", 1);
	out_int(o, t->tid);
}

/*
 * Prints @ns in the unit that leaves one to three digits before the point. @places: digits behind
 * it; @step: nanoseconds of the last one, to which it is rounded
 */
static void print_unit(struct out *o, uint64_t ns, uint64_t step, unsigned int places,
		       const char *unit)
{
	static const uint32_t tens[] = { 1, 10, 100, 1000 };
	const uint64_t n = ns / step + (ns % step >= step / 2);

	out_uint(o, n / tens[places]);
	out_append(o, ".", 1);
	out_digits(o, n % tens[places], places);
	out_string(o, unit);
}

static void print_duration(struct out *o, const char *before, uint64_t ns)
{
	out_string(o, before);
	if (ns < 1000) {
		out_uint(o, ns);
		out_string(o, " ns");
	} else if (ns < 1000000) {
		print_unit(o, ns, 100, 1, " us");
	} else if (ns < NSEC_PER_SEC) {
		print_unit(o, ns, 10000, 2, " ms");
	} else {
		print_unit(o, ns, 1000000, 3, " s");
	}
}

static void print_switch(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct sched_switch *e = l->rec->payload;
	char buf[16];

	out_string(o, NAME_OF(task_states, e->prev_state, buf));
	out_string(o, " -> ");
	trace_print_task(o, &e->next);
	out_string(o, " prio ");
	out_int(o, e->next_prio);
}

static void print_wakeup(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct sched_wakeup *e = l->rec->payload;

	out_string(o, e->is_new ? "new " : "");
	trace_print_task(o, &e->task);
	out_string(o, " prio ");
	out_int(o, e->prio);
	out_string(o, " on cpu ");
	out_uint(o, e->cpu);
}

static void print_fork(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct process_fork *e = l->rec->payload;

	out_printf(o, "%s %d", e->is_thread ? "thread" : "process", e->child.tid);
}

/* The next of the strings at *@p, before @end. Return: its length; -1: there is none. */
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

static void print_exec(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct process_exec *e = l->rec->payload;
	const char *p = e->command, *end = (const char *)l->rec->payload + l->rec->len, *s;
	size_t start;
	int len;

	start = o->len;
	len = next_string(&p, end, &s);
	if (len >= 0)
		print_word(o, s, (size_t)len);
	if (e->file_truncated)
		out_printf(o, " (the file name is longer)");
	out_append(o, ":", 1);
	while ((len = next_string(&p, end, &s)) >= 0) {
		if (!l->full && o->len - start > COMMAND_SHORT) {
			out_printf(o, " (--full shows more)");
			break;
		}
		out_append(o, " ", 1);
		print_word(o, s, (size_t)len);
	}
	if (e->args_unreadable)
		out_printf(o, " (the arguments could not be read)");
	else if (e->args_truncated)
		out_printf(o, " (cut; the arguments have %u bytes)", e->args_size);
	out_printf(o, " (ppid %d, uid %u)", e->ppid, e->uid);
}

static void print_exit(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct process_exit *e = l->rec->payload;
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
	print_duration(o, " after ", e->lifetime_ns);
}

static void print_call(struct out *o, int32_t call, bool compat)
{
	const char *name = trace_call_name(call, compat);

	if (name)
		out_string(o, name);
	else
		out_printf(o, "call %d", call);
	if (compat)
		out_string(o, "[32]");
}

/* As %#llx: a zero has no prefix. */
static void print_alternate(struct out *o, uint64_t v)
{
	if (v)
		out_hex(o, v);
	else
		out_append(o, "0", 1);
}

static void print_enter(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct syscall_enter *e = l->rec->payload;
	int i;

	print_call(o, e->call, e->is_compat);
	for (i = 0; i < 6; i++) {
		out_string(o, i ? ", " : "(");
		print_alternate(o, e->args[i]);
	}
	out_append(o, ")", 1);
}

static void print_return(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct syscall_exit *e = l->rec->payload;
	const char *name = trace_errno_name(e->result);

	print_call(o, e->call, e->is_compat);
	if (trace_call_is_sigreturn(trace_call_name(e->call, e->is_compat))) {
		out_string(o, " to the interrupted code");
	} else if (name) {
		out_string(o, " = -");
		out_string(o, name);
	} else {
		out_string(o, " = ");
		if (e->result > 0xffffffffLL || e->result < -0xffffffffLL)
			print_alternate(o, (uint64_t)e->result);
		else
			out_int(o, e->result);
	}
	if (e->by_seccomp)
		out_printf(o, " (refused by seccomp)");
	if (e->duration_ns)
		print_duration(o, " after ", e->duration_ns);
}

static void print_block(struct out *o, const struct trace_block *io)
{
	char buf[16];
	bool any = false;
	size_t i;

	if (io->disk[0])
		print_word(o, io->disk, strnlen(io->disk, sizeof(io->disk)));
	else
		out_printf(o, "%u:%u", io->major, io->minor);
	out_printf(o, " %s", NAME_OF(block_ops, io->op, buf));
	/* A flush has no sector, nor has the rest of a write that came with a flush. */
	if (io->bytes)
		out_printf(o, " %u bytes at sector %llu", io->bytes,
			   (unsigned long long)io->sector);
	for (i = 0; i < sizeof(block_flags) / sizeof(block_flags[0]); i++) {
		if (!(io->flags & block_flags[i].bit))
			continue;
		out_printf(o, "%s%s", any ? "," : " (", block_flags[i].name);
		any = true;
	}
	out_append(o, ")", any);
}

static void print_issue(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct block_issue *e = l->rec->payload;

	print_block(o, &e->io);
}

static void print_complete(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct block_complete *e = l->rec->payload;

	print_block(o, &e->io);
	if (e->status)
		out_printf(o, " failed with status %d", e->status);
	if (e->latency_ns)
		print_duration(o, " after ", e->latency_ns);
}

static void print_tcp(const struct trace_line *l)
{
	struct out *o = l->out;
	const struct tcp4_state *e4 = l->rec->payload;
	const struct tcp6_state *e6 = l->rec->payload;
	const struct trace_tcp *t = &e4->tcp;
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN], port[16] = "unassigned", buf[16], buf2[16];
	const char *error;
	bool v6 = l->rec->type == tcp6_state;

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)e6->local : &e4->local, a, sizeof(a));
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)e6->remote : &e4->remote, b,
		  sizeof(b));
	if (t->local_port)
		snprintf(port, sizeof(port), "%u", t->local_port);
	out_printf(o, v6 ? "[%s]:%s -> [%s]:%u " : "%s:%s -> %s:%u ", a, port, b, t->remote_port);
	out_printf(o, "%s -> %s", NAME_OF(tcp_states, t->old_state, buf),
		   NAME_OF(tcp_states, t->new_state, buf2));
	out_printf(o, " by %s", NAME_OF(tcp_causes, t->cause, buf));
	error = trace_errno_name(-(int64_t)t->error);
	if (error)
		out_printf(o, " (%s)", error);
	if (t->duration_ns)
		print_duration(o, " after ", t->duration_ns);
	out_printf(o, " netns %u", t->netns);
}

static const struct trace_record_type types[] = {
#define RECORD(tag, number, member, function)         \
	[tag] = {                                     \
		.name = #tag,                         \
		.task = offsetof(struct tag, member), \
		.min_len = sizeof(struct tag),        \
		.print = (function),                  \
	},
#define RECORD_WITH_TAIL(tag, number, member, function, tail) \
	[tag] = {                                             \
		.name = #tag,                                 \
		.task = offsetof(struct tag, member),         \
		.min_len = offsetof(struct tag, tail),        \
		.print = (function),                          \
	},
#include "events.def"
};

#define NR_TYPES (sizeof(types) / sizeof(types[0]))

const struct trace_record_type *trace_type_of(const struct ring_record *rec)
{
	const struct trace_record_type *type;

	if (rec->type >= NR_TYPES)
		return NULL;
	type = &types[rec->type];
	return type->name && rec->len >= type->min_len ? type : NULL;
}

const char *trace_event_of(const struct ring_record *rec)
{
	if (!trace_type_of(rec))
		return NULL;
	switch (rec->type) {
#define RECORD(tag, number, member, function)	       case tag:
#define EVENT(id, event_name, what, programs, records) records return event_name;
#include "events.def"
	}
	return NULL;
}

bool trace_knows(const struct ring_schema *schema)
{
	size_t i;

	for (i = 0; i < NR_TYPES; i++) {
		struct ring_schema_type t = { .size = sizeof(t) };

		if (!types[i].name)
			continue;
		if (ring_schema_find(schema, types[i].name, &t) || t.type != i ||
		    t.min_len != types[i].min_len)
			return false;
	}
	return true;
}
