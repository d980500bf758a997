/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints the records of ringctl trace. */
#ifndef TRACE_PRINT_H
#define TRACE_PRINT_H

#include <stdbool.h>

#include <libring.h>

struct decoder;
struct out;
struct ring_schema;

/**
 * struct trace_format - what all records of a ring have in common
 * @decoder: for the ring's schema
 * @per_cpu: a ring's number is a CPU's number
 * @full: print long texts in full
 */
struct trace_format {
	struct decoder *decoder;
	bool per_cpu;
	bool full;
};

/* print_text.c, print_json.c: each appends a line. */
void trace_print_text(struct out *o, const struct ring_record *rec, const struct trace_format *f);
void trace_print_json(struct out *o, const struct ring_record *rec, const struct trace_format *f);

#endif /* TRACE_PRINT_H */
