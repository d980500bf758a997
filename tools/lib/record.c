// SPDX-License-Identifier: GPL-2.0-only
/* A record in text and in JSON. */
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "clock.h"
#include "decode.h"
#include "json.h"
#include "out.h"
#include "record.h"
#include "text.h"

static void print_raw(struct out *o, const struct ring_record *rec, bool full)
{
	size_t nhex = rec->len, ntext = rec->len;
	char *p;

	if (!full && nhex > HEX_SHORT)
		nhex = HEX_SHORT;
	if (!full && ntext > TEXT_SHORT)
		ntext = TEXT_SHORT;

	/* No overflow: a payload is below 2^28 bytes, see SEQRING_PAYLOAD_MAX. */
	p = out_reserve(o, 2 * nhex + 4 * ntext + sizeof("... | ..."));
	if (!p)
		return;
	p += format_hex(p, rec->payload, nhex);
	p = stpcpy(p, nhex < rec->len ? "... | " : " | ");
	p += escape_text(p, rec->payload, ntext);
	if (ntext < rec->len)
		p = stpcpy(p, "...");
	o->len = (size_t)(p - o->buf);
}

void record_print_text(struct out *o, const struct ring_record *rec, const struct decoder *d,
		       bool full)
{
	int err;

	if (rec->lost)
		out_printf(o, "[%u] -- %llu records lost --\n", rec->ring,
			   (unsigned long long)rec->lost);
	out_printf(o, "[%u] %llu %llu.%09llu ", rec->ring, (unsigned long long)rec->seq,
		   (unsigned long long)(rec->ts_ns / NSEC_PER_SEC),
		   (unsigned long long)(rec->ts_ns % NSEC_PER_SEC));
	err = d ? decode_text(d, rec, full, o) : -ENOENT;
	if (err) {
		out_printf(o, "%u %u  ", rec->type, rec->len);
		if (d)
			out_printf(o, "(%s)  ", ring_strerror());
		print_raw(o, rec, full);
	}
	out_append(o, "\n", 1);
}

/* Adds the decoded payload, or the raw payload and why it is not decoded. */
static int add_payload(struct json_object *obj, const struct ring_record *rec,
		       const struct decoder *d)
{
	int err = d ? decode_json(d, rec, obj) : -ENOENT;

	if (!err || err == -ENOMEM)
		return err;
	if (json_add(obj, "hex", json_new_hex(rec->payload, rec->len)))
		return -1;
	/* To json_object_object_add(), NULL is null. */
	if (!is_utf8(rec->payload, rec->len) ?
		    json_object_object_add(obj, "text", NULL) :
		    json_add(obj, "text", json_new_text(rec->payload, rec->len)))
		return -1;
	return d ? json_add_string(obj, "error", ring_strerror()) : 0;
}

int record_add_json(struct json_object *obj, const struct ring_record *rec, const struct decoder *d)
{
	return json_add_uint(obj, "seq", rec->seq) || json_add_uint(obj, "ring", rec->ring) ||
	       json_add_uint(obj, "ts_ns", rec->ts_ns) || json_add_uint(obj, "type", rec->type) ||
	       json_add_uint(obj, "len", rec->len) || json_add_uint(obj, "lost", rec->lost) ||
	       add_payload(obj, rec, d);
}

void record_print_json(struct out *o, const struct ring_record *rec, const struct decoder *d)
{
	struct json_object *obj = json_object_new_object();

	if (!obj || record_add_json(obj, rec, d)) {
		json_object_put(obj);
		obj = NULL;
	}
	json_print(o, obj);
}
