// SPDX-License-Identifier: GPL-2.0-only
/* A record as one JSON object: as ringctl cat prints it, and names that a schema does not have. */
#include "../../lib/json_text.h"
#include "../../lib/out.h"
#include "../../lib/record.h"
#include "names.h"
#include "print.h"
#include "print_record.h"
#include "records.h"

/* Appends names of system calls and errors. */
static void put_names(struct out *o, const struct ring_record *rec)
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
	if (call)
		json_put_string_member(o, false, "call_name", call);
	if (error)
		json_put_string_member(o, false, "error_name", error);
}

/* The record as ringctl cat prints it, and what only we know. */
void trace_print_json(struct out *o, const struct ring_record *rec, const struct trace_format *f)
{
	const char *event = trace_event_of(rec);

	/* A record that is not one of ours is printed, too. */
	json_put_string_member(o, true, "event", event ? event : "other");
	json_put_key(o, false, "cpu");
	if (f->per_cpu)
		out_uint(o, rec->ring);
	else
		out_string(o, "null");
	record_put_json(o, false, rec, f->decoder);
	if (event)
		put_names(o, rec);
	out_append(o, "}\n", 2);
}
