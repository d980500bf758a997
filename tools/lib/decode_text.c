// SPDX-License-Identifier: GPL-2.0-only
/* Decoded records in text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libring/schema.h>

#include "decode.h"
#include "out.h"
#include "text.h"
#include "value.h"

#define ARRAY_SHORT 16 /* elements of an array that are shown without --full */

/*
 * The containers around the current field, from the outside in.
 *
 * @skip: depth of containers within a part that is left out
 * @end: bytes that @o may have, see decode_limit()
 */
struct text {
	struct out *o;
	bool full;
	unsigned int depth;
	unsigned int skip;
	size_t end;
	bool truncated;
	struct {
		bool array;
		uint32_t nr;
	} open[RING_SCHEMA_DEPTH_MAX + 1];
};

/* Without quotes if the text is one unambiguous word. */
static void print_string(struct out *o, const char *s, size_t n, bool full)
{
	static const bool special[256] = {
		[' '] = true, ['"'] = true, ['='] = true, [','] = true,
		['['] = true, [']'] = true, ['{'] = true, ['}'] = true,
	};
	size_t i, start = 0, cut = !full && n > TEXT_SHORT ? TEXT_SHORT : n;
	bool quote = !n;
	char *p;

	for (i = 0; i < cut && !quote; i++)
		quote = special[(unsigned char)s[i]];
	/* At most four characters a byte; no overflow, see print_raw() in record.c. */
	p = out_reserve(o, 4 * cut + 8);
	if (!p)
		return;
	if (quote)
		*p++ = '"';
	for (i = 0; i <= cut; i++) {
		if (i < cut && s[i] != '"')
			continue;
		p += escape_text(p, s + start, i - start);
		if (i < cut)
			p = stpcpy(p, "\\\"");
		start = i + 1;
	}
	if (quote)
		*p++ = '"';
	if (cut < n)
		p = stpcpy(p, "...");
	o->len = (size_t)(p - o->buf);
}

static void print_bytes(struct out *o, const void *data, size_t n, bool full)
{
	size_t cut = !full && n > HEX_SHORT ? HEX_SHORT : n;
	char *p = out_reserve(o, 2 * cut + 4);

	if (!p)
		return;
	p += format_hex(p, data, cut);
	if (cut < n)
		p = stpcpy(p, "...");
	o->len = (size_t)(p - o->buf);
}

static void print_value(struct text *t, const struct ring_field *f)
{
	char buf[VALUE_SIZE];
	const char *text;
	size_t len;

	switch (f->kind) {
	case RING_FIELD_TEXT:
		print_string(t->o, f->data, f->len, t->full);
		break;
	case RING_FIELD_BYTES:
		print_bytes(t->o, f->data, f->len, t->full);
		break;
	case RING_FIELD_UINT:
	case RING_FIELD_INT:
		put_number(t->o, f);
		break;
	case RING_FIELD_HEX:
		put_hex(t->o, f);
		break;
	default:
		text = format_value(buf, f, &len);
		out_append(t->o, text, len);
	}
}

/* Prints the separator and the name. Return: false: the field is beyond a cut array. */
static bool begin_field(struct text *t, const struct ring_field *f)
{
	bool array = t->open[t->depth].array;
	uint32_t nr = t->open[t->depth].nr++;

	if (array && !t->full && nr >= ARRAY_SHORT) {
		if (nr == ARRAY_SHORT)
			out_append(t->o, ",...", 4);
		return false;
	}
	if (nr || !t->depth)
		out_append(t->o, array ? "," : " ", 1);
	if (f->name) {
		out_string(t->o, f->name);
		out_append(t->o, "=", 1);
	}
	return true;
}

static int print_field(const struct ring_field *f, void *arg)
{
	struct text *t = arg;

	t->truncated = t->o->len > t->end;
	if (t->truncated)
		return -E2BIG;
	if (t->skip) {
		if (f->kind == RING_FIELD_END)
			t->skip--;
		else if (is_container(f))
			t->skip++;
	} else if (f->kind == RING_FIELD_END) {
		out_append(t->o, t->open[t->depth].array ? "]" : "}", 1);
		t->depth--;
	} else if (!begin_field(t, f)) {
		t->skip = is_container(f);
	} else if (is_container(f)) {
		t->depth++;
		t->open[t->depth].array = f->kind == RING_FIELD_ARRAY;
		t->open[t->depth].nr = 0;
		out_append(t->o, f->kind == RING_FIELD_ARRAY ? "[" : "{", 1);
	} else {
		print_value(t, f);
	}
	return t->o->err;
}

int decode_text(const struct decoder *d, const struct ring_record *rec, bool full, struct out *o)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct text t = { .o = o, .full = full, .end = o->len + decode_limit(rec) };
	size_t before = o->len, used;
	int err;

	err = ring_schema_type(decoder_schema(d), rec->type, &type);
	if (err)
		return err;
	out_string(o, type.name);
	err = ring_schema_walk(decoder_schema(d), rec->type, rec->payload, rec->len, print_field,
			       &t, &used);
	if (!err && used < rec->len) {
		out_append(o, " extra=", 7);
		print_bytes(o, (const char *)rec->payload + used, rec->len - used, full);
	}
	if (t.truncated) {
		out_append(o, " truncated", 10);
		err = o->err;
	}
	if (err)
		o->len = before;
	return err;
}
