// SPDX-License-Identifier: GPL-2.0-only
/* Finds out which events the running kernel has. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <libring/bpf.h>

#include "../../lib/message.h"
#include "events.h"
#include "kernel.h"

/*
 * Number of arguments of a tracepoint, or -ENOENT. The type of its probes says it: a pointer
 * to a function. The function's first parameter is the probe's own data.
 */
static int count_args(const struct btf *btf, const char *tracepoint)
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

/* Says in @buf why the kernel lacks @event. Return: @buf, "" if the kernel has the event. */
static const char *explain_missing(const struct btf *btf, int event, char *buf, size_t size)
{
	int i, nr;

	*buf = '\0';
	for (i = 0; i < NR_PROGS && !*buf; i++) {
		const struct trace_program_info *p = &trace_programs[i];

		if (!(trace_event_programs(event) & 1u << i))
			continue;
		nr = count_args(btf, p->tracepoint);
		if (nr < 0)
			snprintf(buf, size, "this kernel has no tracepoint %s", p->tracepoint);
		else if ((unsigned int)nr < p->nr_args)
			snprintf(buf, size,
				 "tracepoint %s has %d arguments, not %u: the kernel is too old",
				 p->tracepoint, nr, p->nr_args);
	}
	return buf;
}

/* Return: NULL with the message printed. */
static struct btf *load_kernel_btf(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		/* libbpf found none in any of its places, and says so with ESRCH. */
		fail("trace",
		     "the types of this kernel cannot be read: %s (the kernel "
		     "needs CONFIG_DEBUG_INFO_BTF)",
		     errno == ESRCH ? "it has none" : strerror(errno));
	return btf;
}

int trace_check_events(struct trace_opts *opts)
{
	const uint32_t requested = opts->events;
	char why[128] = "";
	int i, status = 0;
	struct btf *btf;

	/* Comes first: it names the cause, of which missing types are only one. */
	if (ring_bpf_supported())
		return fail("trace", "%s (ringctl doctor bpf)", ring_strerror());
	btf = load_kernel_btf();
	if (!btf)
		return EXIT_FAIL;
	opts->config.exit_says_last = count_args(btf, "sched_process_exit") >= 2;
	for (i = 0; i < TRACE_NR_EVENTS && !status; i++) {
		if (!(requested & 1u << i) || !*explain_missing(btf, i, why, sizeof(why)))
			continue;
		opts->events &= ~(1u << i);
		if (opts->by_name & 1u << i)
			status = fail("trace", "%s: %s (ringctl trace --list)",
				      trace_events[i].name, why);
		else
			fprintf(stderr, PROGRAM_NAME ": trace: without %s: %s\n",
				trace_events[i].name, why);
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
	btf = load_kernel_btf();
	if (!btf)
		return EXIT_FAIL;
	if (*why)
		fprintf(stderr, PROGRAM_NAME ": trace: this process cannot trace: %s\n", why);
	printf("%-15s %-4s %s\n", "EVENT", "HERE", "WHAT");
	for (i = 0; i < TRACE_NR_EVENTS; i++) {
		explain_missing(btf, i, why, sizeof(why));
		printf("%-15s %-4s %s%s%s\n", trace_events[i].name, *why ? "no" : "yes",
		       trace_events[i].what, *why ? "; " : "", why);
	}
	btf__free(btf);
	return finish_stdout("trace");
}
