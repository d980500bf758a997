/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of records as fields of babeltrace2, in the form that ringctl export --to ctf has. */
#ifndef BABELTRACE2_FIELDS_H
#define BABELTRACE2_FIELDS_H

#include <stdbool.h>

#include <babeltrace2/babeltrace.h>

#include <libring.h>

#include "../ringctl/export/plan.h"

struct out;

/* Classes of fields. Each returns NULL if there is no memory. */
bt_field_class *fields_new_uint(bt_trace_class *tc, unsigned int bits, bool hex);

/* Adds a member and drops the caller's reference to @fc, which may be NULL. */
bool fields_add_member(bt_field_class *in, const char *name, bt_field_class *fc);

/* Bytes with their number in front: members @name_length and @name. */
bool fields_add_bytes(bt_trace_class *tc, bt_field_class *in, const char *name);

/* The members of a type of records. @extra: with bytes behind the fields. */
bt_field_class *fields_new_record(bt_trace_class *tc, const struct plan *plan, bool extra);

/**
 * fields_fill() - set the fields of an event
 * @root: its payload, of the class of fields_new_record()
 * @tmp: memory for text
 * @used: set to the bytes of the payload that the type accounts for
 *
 * Return: 0; -EMSGSIZE, -E2BIG: see ring_schema_walk(); -ENOMEM.
 */
int fields_fill(bt_field *root, const struct ring_schema *s, const struct plan *plan,
		const struct ring_record *rec, struct out *tmp, size_t *used);

/* Sets members @index and @index + 1, which fields_add_bytes() has added. */
void fields_set_bytes(bt_field *in, uint64_t index, const void *data, size_t n);

#endif /* BABELTRACE2_FIELDS_H */
