// SPDX-License-Identifier: GPL-2.0-only
/* A record in text and in JSON. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "decode.h"
#include "json_text.h"
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
	out_append(o, "[", 1);
	out_uint(o, rec->ring);
	out_append(o, "] ", 2);
	out_uint(o, rec->seq);
	out_append(o, " ", 1);
	out_uint(o, rec->ts_ns / NSEC_PER_SEC);
	out_append(o, ".", 1);
	out_digits(o, rec->ts_ns % NSEC_PER_SEC, 9);
	out_append(o, " ", 1);
	err = d ? decode_text(d, rec, full, o) : -ENOENT;
	if (err) {
		out_printf(o, "%u %u  ", rec->type, rec->len);
		if (d)
			out_printf(o, "(%s)  ", ring_strerror());
		print_raw(o, rec, full);
	}
	out_append(o, "\n", 1);
}

/* Appends the decoded payload, or the raw payload and why it is not decoded. */
static void put_payload(struct out *o, const struct ring_record *rec, const struct decoder *d)
{
	int err = d ? decode_json(d, rec, o) : -ENOENT;

	if (!err || o->err)
		return;
	if (err == -ENOMEM) {
		o->err = err;
		return;
	}
	json_put_payload(o, rec->payload, rec->len);
	if (d)
		json_put_string_member(o, false, "error", ring_strerror());
}

void record_put_json(struct out *o, bool first, const struct ring_record *rec,
		     const struct decoder *d)
{
	json_put_uint_member(o, first, "seq", rec->seq);
	json_put_uint_member(o, false, "ring", rec->ring);
	json_put_uint_member(o, false, "ts_ns", rec->ts_ns);
	json_put_uint_member(o, false, "type", rec->type);
	json_put_uint_member(o, false, "len", rec->len);
	json_put_uint_member(o, false, "lost", rec->lost);
	put_payload(o, rec, d);
}

void record_print_json(struct out *o, const struct ring_record *rec, const struct decoder *d)
{
	record_put_json(o, true, rec, d);
	out_append(o, "}\n", 2);
}
