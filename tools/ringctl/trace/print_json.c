// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record as one JSON object: what every event has, the fields by the ring's schema, and
 * names that a schema does not have.
 */
#include <errno.h>

#include <json-c/json.h>

#include "../../lib/decode.h"
#include "../../lib/json.h"
#include "../../lib/out.h"
#include "names.h"
#include "print.h"
#include "print_record.h"
#include "records.h"

static void print_lost(struct out *o, const struct ring_record *rec, bool per_cpu)
{
	if (per_cpu)
		out_printf(o, "{\"event\":\"lost\",\"cpu\":%u,", rec->ring);
	else
		out_printf(o, "{\"event\":\"lost\",\"cpu\":null,");
	out_printf(o, "\"records\":%llu}\n", (unsigned long long)rec->lost);
}

/* To json_object_object_add(), NULL is null. */
static int add_cpu(struct json_object *obj, const struct ring_record *rec, bool per_cpu)
{
	if (per_cpu)
		return json_add_uint(obj, "cpu", rec->ring);
	return json_object_object_add(obj, "cpu", NULL);
}

/* Adds names of system calls and errors. */
static int add_names(struct json_object *fields, const struct ring_record *rec)
{
	const struct syscall_enter *enter = rec->payload;
	const struct syscall_exit *leave = rec->payload;
	const char *call = NULL, *error = NULL;

	if (rec->type == syscall_enter) {
		call = trace_call_name(enter->call, enter->is_compat);
	} else if (rec->type == syscall_exit) {
		call = trace_call_name(leave->call, leave->is_compat);
		/* Its result is a register, not an error. */
		if (!trace_call_is_sigreturn(call))
			error = trace_errno_name(leave->result);
	}
	if (call && json_add_string(fields, "call_name", call))
		return -ENOMEM;
	if (error && json_add_string(fields, "error", error))
		return -ENOMEM;
	return 0;
}

void trace_print_json(struct out *o, const struct ring_record *rec, const struct trace_format *f)
{
	struct json_object *obj = json_object_new_object(), *fields;
	const char *event = trace_event_of(rec);

	if (rec->lost)
		print_lost(o, rec, f->per_cpu);
	/* Print a record that is not one of ours, too, as far as possible. */
	if (!obj || json_add_string(obj, "event", event ? event : "other") ||
	    json_add_uint(obj, "ts_ns", rec->ts_ns) || add_cpu(obj, rec, f->per_cpu) ||
	    json_add_uint(obj, "seq", rec->seq) ||
	    (!event && json_add_uint(obj, "type", rec->type)) ||
	    decode_json(f->decoder, rec, obj) == -ENOMEM ||
	    (event && json_object_object_get_ex(obj, "fields", &fields) &&
	     add_names(fields, rec))) {
		json_object_put(obj);
		obj = NULL;
	}
	json_print(o, obj);
}
