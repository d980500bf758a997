/* SPDX-License-Identifier: GPL-2.0-only */
/* The types of records, as events.def lists them, and how each is printed. */
#ifndef TRACE_PRINT_RECORD_H
#define TRACE_PRINT_RECORD_H

#include <stdbool.h>

#include <libring.h>

struct out;
struct ring_schema;
struct trace_task;

/**
 * struct trace_line - a line that is being printed
 * @full: print long texts in full
 */
struct trace_line {
	struct out *out;
	const struct ring_record *rec;
	bool full;
};

/**
 * struct trace_record_type - a type of records
 * @name: in the schema
 * @task: offset of the task that caused the event
 * @min_len: bytes of the shortest record
 * @print: prints the rest of the line
 */
struct trace_record_type {
	const char *name;
	uint32_t task;
	uint32_t min_len;
	void (*print)(const struct trace_line *l);
};

/* Prints COMM/TID. */
void trace_print_task(struct out *o, const struct trace_task *t);

/* The type of @rec. Return: NULL: it is not one of ours, or @rec is too short for it. */
const struct trace_record_type *trace_type_of(const struct ring_record *rec);

/* The event that @rec reports. Return: its name; NULL: trace_type_of() is NULL. */
const char *trace_event_of(const struct ring_record *rec);

/* True if @schema describes our records. Types of other producers may have the same numbers. */
bool trace_knows(const struct ring_schema *schema);

#endif /* TRACE_PRINT_RECORD_H */
