// SPDX-License-Identifier: GPL-2.0-only
/* A record as a line of text. */
#include "../../lib/clock.h"
#include "../../lib/out.h"
#include "print.h"
#include "print_record.h"
#include "records.h"

/* Prints the beginning of a line: time, CPU, task and event. */
static void print_head(struct out *o, const struct ring_record *rec,
		       const struct trace_record_type *type, bool per_cpu)
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
		trace_print_task(o, t);
	else
		out_append(o, "-", 1);
	/* Keep the columns unless the name is long. */
	if (!o->err && o->len - start < 20)
		out_printf(o, "%*s", (int)(20 - (o->len - start)), "");
	out_printf(o, " %-14s ", trace_event_of(rec));
}

void trace_print_text(struct out *o, const struct ring_record *rec, const struct trace_format *f)
{
	const struct trace_line line = { .out = o, .rec = rec, .full = f->full };
	const struct trace_record_type *type = trace_type_of(rec);

	if (rec->lost && f->per_cpu)
		out_printf(o, "-- cpu %u: lost %llu records --\n", rec->ring,
			   (unsigned long long)rec->lost);
	else if (rec->lost)
		out_printf(o, "-- lost %llu records --\n", (unsigned long long)rec->lost);
	if (!type) {
		out_printf(o, "a record of type %u, %u bytes\n", rec->type, rec->len);
		return;
	}
	print_head(o, rec, type, f->per_cpu);
	type->print(&line);
	out_append(o, "\n", 1);
}
