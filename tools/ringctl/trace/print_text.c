// SPDX-License-Identifier: GPL-2.0-only
/* A record as a line of text. */
#include "../../lib/clock.h"
#include "../../lib/out.h"
#include "print.h"
#include "print_record.h"
#include "records.h"

/* Appends spaces until what began at @start has @width characters. */
static void pad(struct out *o, size_t start, size_t width)
{
	static const char spaces[] = "                    ";

	if (!o->err && o->len - start < width)
		out_append(o, spaces, width - (o->len - start));
}

/* Prints the beginning of a line: time, CPU, task and event. */
static void print_head(struct out *o, const struct ring_record *rec,
		       const struct trace_record_type *type, bool per_cpu)
{
	const struct trace_task *t = (const void *)((const char *)rec->payload + type->task);
	size_t start;

	if (rec->ts_ns) {
		out_uint(o, rec->ts_ns / NSEC_PER_SEC);
		out_append(o, ".", 1);
		out_digits(o, rec->ts_ns / 1000 % 1000000, 6);
		out_append(o, " ", 1);
	}
	if (per_cpu) {
		out_append(o, "[", 1);
		out_uint(o, rec->ring);
		out_append(o, "] ", 2);
	}
	start = o->len;
	if (t->pid || t->tid || t->comm[0])
		trace_print_task(o, t);
	else
		out_append(o, "-", 1);
	/* Keep the columns unless the name is long. */
	pad(o, start, 20);
	out_append(o, " ", 1);
	start = o->len;
	out_string(o, trace_event_of(rec));
	pad(o, start, 14);
	out_append(o, " ", 1);
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
