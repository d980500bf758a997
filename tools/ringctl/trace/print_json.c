// SPDX-License-Identifier: GPL-2.0-only
/* A record as one JSON object: as ringctl cat prints it, and names that a schema does not have. */
#include <errno.h>

#include <json-c/json.h>

#include "../../lib/json.h"
#include "../../lib/out.h"
#include "../../lib/record.h"
#include "names.h"
#include "print.h"
#include "print_record.h"
#include "records.h"

/* To json_object_object_add(), NULL is null. */
static int add_cpu(struct json_object *obj, const struct ring_record *rec, bool per_cpu)
{
	if (per_cpu)
		return json_add_uint(obj, "cpu", rec->ring);
	return json_object_object_add(obj, "cpu", NULL);
}

/* Adds names of system calls and errors. */
static int add_names(struct json_object *obj, const struct ring_record *rec)
{
	const struct syscall_enter *enter = rec->payload;
	const struct syscall_exit *leave = rec->payload;
	const struct tcp4_state *tcp = rec->payload;
	const char *call = NULL, *error = NULL;

	if (rec->type == syscall_enter) {
		call = trace_call_name(enter->call, enter->is_compat);
	} else if (rec->type == syscall_exit) {
		call = trace_call_name(leave->call, leave->is_compat);
		/* Its result is a register, not an error. */
		if (!trace_call_is_sigreturn(call))
			error = trace_errno_name(leave->result);
	} else if (rec->type == tcp4_state || rec->type == tcp6_state) {
		error = trace_errno_name(-(int64_t)tcp->tcp.error);
	}
	if (call && json_add_string(obj, "call_name", call))
		return -ENOMEM;
	if (error && json_add_string(obj, "error_name", error))
		return -ENOMEM;
	return 0;
}

/* The record as ringctl cat prints it, and what only we know. */
void trace_print_json(struct out *o, const struct ring_record *rec, const struct trace_format *f)
{
	struct json_object *obj = json_object_new_object();
	const char *event = trace_event_of(rec);

	/* A record that is not one of ours is printed, too. */
	if (!obj || json_add_string(obj, "event", event ? event : "other") ||
	    add_cpu(obj, rec, f->per_cpu) || record_add_json(obj, rec, f->decoder) ||
	    (event && add_names(obj, rec))) {
		json_object_put(obj);
		obj = NULL;
	}
	json_print(o, obj);
}
