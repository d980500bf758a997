// SPDX-License-Identifier: GPL-2.0-only
/* Decoded records in JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <json-c/json.h>
#include <libring/schema.h>

#include "decode.h"
#include "json.h"
#include "value.h"

/* The containers around the current field, from the outside in. */
struct json {
	unsigned int depth;
	size_t left; /* bytes of output, see decode_limit() */
	bool truncated;
	struct json_object *open[RING_SCHEMA_DEPTH_MAX + 1];
};

static struct json_object *new_float(const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	format_float(buf, f);
	/* JSON has no such numbers. */
	if (!isfinite(f->f))
		return json_object_new_string(buf);
	return json_object_new_double_s(f->f, buf);
}

static struct json_object *new_int(const struct ring_field *f)
{
	bool is_signed = is_signed_field(f);
	char buf[VALUE_SIZE];

	if (f->bits > 64) {
		format_wide(buf, f->high, f->u, is_signed);
		/* json-c prints the text, not the number. */
		return json_object_new_double_s(0, buf);
	}
	return is_signed ? json_object_new_int64((int64_t)f->u) : json_object_new_uint64(f->u);
}

struct json_object *decode_json_value(const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	switch (f->kind) {
	case RING_FIELD_TEXT:
		return json_new_text(f->data, f->len);
	case RING_FIELD_BYTES:
		return json_new_hex(f->data, f->len);
	case RING_FIELD_BOOL:
		return json_object_new_boolean(f->u != 0);
	case RING_FIELD_FLOAT:
		return new_float(f);
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		format_address(buf, f);
		return json_object_new_string(buf);
	case RING_FIELD_HEX:
		format_number(buf, f);
		return json_object_new_string(buf);
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		return json_object_new_object();
	case RING_FIELD_ARRAY:
		return json_object_new_array();
	case RING_FIELD_ENUM:
		if (f->text)
			return json_object_new_string_len(f->text, (int)f->len);
	}
	return new_int(f);
}

size_t decode_json_size(const struct ring_field *f)
{
	const size_t name = f->name ? strlen(f->name) + 8 : 4;

	switch (f->kind) {
	case RING_FIELD_TEXT:
		return name + 6 * f->len;
	case RING_FIELD_BYTES:
		return name + 2 * f->len;
	case RING_FIELD_ENUM:
		return name + (f->text ? f->len : VALUE_SIZE);
	case RING_FIELD_UINT:
	case RING_FIELD_INT:
		return name + f->bits / 3;
	default:
		return name + (is_container(f) ? 0 : VALUE_SIZE);
	}
}

static int add_field(const struct ring_field *f, void *arg)
{
	struct json *j = arg;
	struct json_object *val, *in = j->open[j->depth];
	size_t size;

	if (f->kind == RING_FIELD_END) {
		j->depth--;
		return 0;
	}
	size = decode_json_size(f);
	j->truncated = size > j->left;
	if (j->truncated)
		return -E2BIG;
	j->left -= size;
	val = decode_json_value(f);
	if (!val)
		return -ENOMEM;
	if (f->name) {
		if (json_add(in, f->name, val))
			return -ENOMEM;
	} else if (json_object_array_add(in, val)) {
		json_object_put(val);
		return -ENOMEM;
	}
	if (is_container(f))
		j->open[++j->depth] = val;
	return 0;
}

int decode_json(const struct decoder *d, const struct ring_record *rec, struct json_object *obj)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct json_object *fields;
	struct json j = { .left = decode_limit(rec) };
	size_t used;
	int err;

	err = ring_schema_type(decoder_schema(d), rec->type, &type);
	if (err)
		return err;
	fields = json_object_new_object();
	if (!fields)
		return -ENOMEM;
	j.open[0] = fields;
	err = ring_schema_walk(decoder_schema(d), rec->type, rec->payload, rec->len, add_field, &j,
			       &used);
	if (j.truncated) {
		used = rec->len;
		err = 0;
	}
	if (err) {
		json_object_put(fields);
		return err;
	}
	if (json_add_string(obj, "name", type.name)) {
		json_object_put(fields);
		return -ENOMEM;
	}
	if (json_add(obj, "fields", fields))
		return -ENOMEM;
	if (j.truncated && json_add(obj, "truncated", json_object_new_boolean(true)))
		return -ENOMEM;
	if (used < rec->len &&
	    json_add(obj, "extra",
		     json_new_hex((const char *)rec->payload + used, rec->len - used)))
		return -ENOMEM;
	return 0;
}
