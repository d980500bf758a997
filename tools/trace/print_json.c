// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record as one JSON object: what every event has, and its fields as the ring's
 * schema has them, with the names that a schema cannot know.
 */
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "../decode.h"
#include "trace.h"

static void print_object(struct out *o, struct json_object *obj)
{
	const char *s = NULL;
	size_t len = 0;

	if (obj)
		s = json_object_to_json_string_length(obj,
						      JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE,
						      &len);
	if (s) {
		out_bytes(o, s, len);
		out_bytes(o, "\n", 1);
	} else if (!o->err) {
		o->err = -ENOMEM;
	}
	json_object_put(obj);
}

static void print_lost(struct out *o, const struct ring_record *rec, bool per_cpu)
{
	if (per_cpu)
		out_printf(o, "{\"event\":\"lost\",\"cpu\":%u,", rec->ring);
	else
		out_printf(o, "{\"event\":\"lost\",\"cpu\":null,");
	out_printf(o, "\"records\":%llu}\n", (unsigned long long)rec->lost);
}

/* json_object_object_add() takes NULL for null. */
static int add_cpu(struct json_object *obj, const struct ring_record *rec, bool per_cpu)
{
	if (per_cpu)
		return json_add(obj, "cpu", json_object_new_uint64(rec->ring));
	return json_object_object_add(obj, "cpu", NULL);
}

/* What a number means, which the schema does not say. */
static int add_names(struct json_object *fields, const struct ring_record *rec)
{
	const struct syscall_enter *enter = rec->payload;
	const struct syscall_exit *leave = rec->payload;
	const char *call = NULL, *error = NULL;

	if (rec->type == syscall_enter) {
		call = trace_call_name(enter->call, enter->is_compat);
	} else if (rec->type == syscall_exit) {
		call = trace_call_name(leave->call, leave->is_compat);
		error = trace_errno_name(leave->result);
	}
	if (call && json_add(fields, "call_name", json_object_new_string(call)))
		return -ENOMEM;
	if (error && json_add(fields, "error", json_object_new_string(error)))
		return -ENOMEM;
	return 0;
}

void trace_print_json(struct out *o, const struct ring_record *rec, const struct trace_format *f)
{
	struct json_object *obj = json_object_new_object(), *fields;
	const char *event = trace_event_of(rec);

	if (rec->lost)
		print_lost(o, rec, f->per_cpu);
	/* No such event: the record is another producer's, shown as far as it can be. */
	if (!obj || json_add(obj, "event", json_object_new_string(event ? event : "other")) ||
	    json_add(obj, "ts_ns", json_object_new_uint64(rec->ts_ns)) ||
	    add_cpu(obj, rec, f->per_cpu) ||
	    json_add(obj, "seq", json_object_new_uint64(rec->seq)) ||
	    (!event && json_add(obj, "type", json_object_new_uint64(rec->type))) ||
	    decode_json(f->decoder, rec, obj) == -ENOMEM ||
	    (event && json_object_object_get_ex(obj, "fields", &fields) &&
	     add_names(fields, rec))) {
		json_object_put(obj);
		obj = NULL;
	}
	print_object(o, obj);
}
