// SPDX-License-Identifier: GPL-2.0-only
/* Decoded records in JSON. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libring/schema.h>

#include "decode.h"
#include "json_text.h"
#include "value.h"

static void put_float(struct out *o, const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	format_float(buf, f);
	/* JSON has no such numbers. */
	if (isfinite(f->f))
		out_string(o, buf);
	else
		json_put_string(o, buf);
}

static void put_value(struct out *o, const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	switch (f->kind) {
	case RING_FIELD_TEXT:
		json_put_text(o, f->data, f->len);
		break;
	case RING_FIELD_BYTES:
		json_put_hex(o, f->data, f->len);
		break;
	case RING_FIELD_BOOL:
		out_string(o, f->u ? "true" : "false");
		break;
	case RING_FIELD_FLOAT:
		put_float(o, f);
		break;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		format_address(buf, f);
		json_put_string(o, buf);
		break;
	case RING_FIELD_HEX:
		out_append(o, "\"", 1);
		put_hex(o, f);
		out_append(o, "\"", 1);
		break;
	case RING_FIELD_ENUM:
		if (f->text)
			json_put_text(o, f->text, f->len);
		else
			put_number(o, f);
		break;
	default:
		put_number(o, f);
	}
}

int decode_json_field(struct json_fields *j, const struct ring_field *f)
{
	struct out *o = j->out;

	if (f->kind == RING_FIELD_END) {
		out_append(o, j->array[--j->depth] ? "]" : "}", 1);
		j->comma = true;
		return o->err;
	}
	j->truncated = o->len > j->end;
	if (j->truncated)
		return -E2BIG;
	if (j->comma)
		out_append(o, ",", 1);
	if (f->name) {
		json_put_string(o, f->name);
		out_append(o, ":", 1);
	}
	j->comma = !is_container(f);
	if (j->comma) {
		put_value(o, f);
	} else {
		j->array[j->depth++] = f->kind == RING_FIELD_ARRAY;
		out_append(o, f->kind == RING_FIELD_ARRAY ? "[" : "{", 1);
	}
	return o->err;
}

void decode_json_close(struct json_fields *j)
{
	while (j->depth)
		out_append(j->out, j->array[--j->depth] ? "]" : "}", 1);
}

static int add_field(const struct ring_field *f, void *arg)
{
	return decode_json_field(arg, f);
}

int decode_json(const struct decoder *d, const struct ring_record *rec, struct out *o)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct json_fields j = { .out = o, .end = o->len + decode_limit(rec) };
	const size_t before = o->len;
	size_t used;
	int err;

	err = ring_schema_type(decoder_schema(d), rec->type, &type);
	if (err)
		return err;
	json_put_string_member(o, false, "name", type.name);
	out_string(o, ",\"fields\":{");
	err = ring_schema_walk(decoder_schema(d), rec->type, rec->payload, rec->len, add_field, &j,
			       &used);
	if (j.truncated) {
		decode_json_close(&j);
		used = rec->len;
		err = 0;
	}
	out_append(o, "}", 1);
	if (j.truncated)
		out_string(o, ",\"truncated\":true");
	if (!err && used < rec->len) {
		json_put_key(o, false, "extra");
		json_put_hex(o, (const char *)rec->payload + used, rec->len - used);
	}
	if (!err)
		err = o->err;
	if (err)
		o->len = before;
	return err;
}
