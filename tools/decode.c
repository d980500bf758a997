// SPDX-License-Identifier: GPL-2.0-only
/* Records by the names that a ring's schema gives them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <bpf/libbpf.h>
#include <json-c/json.h>
#include <libring/schema.h>

#include "decode.h"

#define ARRAY_SHORT 16 /* elements of an array in text form without --full */
#define NUMBER_SIZE 48 /* the longest: 39 digits and a sign */

struct decoder {
	struct ring_schema *schema;
};

int decoder_open_blob(const void *blob, size_t size, struct decoder **out)
{
	/* What libbpf says of bad BTF, the library's sentence says as well. */
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct decoder *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d)
		err = ring_schema_open(blob, size, &d->schema);
	libbpf_set_print(print);
	if (err) {
		free(d);
		return err;
	}
	*out = d;
	return 0;
}

int decoder_open(struct ring_reader *ring, struct decoder **out)
{
	struct ring_info info = { .size = sizeof(info) };
	int err;

	err = ring_info(ring, &info);
	if (err)
		return err;
	return info.schema_size ? decoder_open_blob(info.schema, info.schema_size, out) : -ENOENT;
}

void decoder_close(struct decoder *d)
{
	if (!d)
		return;
	ring_schema_close(d->schema);
	free(d);
}

const struct ring_schema *decoder_schema(const struct decoder *d)
{
	return d->schema;
}

/* Values in the form that text and JSON have in common. */

/* A number of 128 bits, which printf() does not know, in decimal. */
static void print_wide(char *buf, uint64_t high, uint64_t low, bool is_signed)
{
	unsigned __int128 v = (unsigned __int128)high << 64 | low;
	bool negative = is_signed && high >> 63;
	char text[NUMBER_SIZE], *p = text + sizeof(text);

	if (negative)
		v = -v;
	*--p = '\0';
	do {
		*--p = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v);
	if (negative)
		*--p = '-';
	memcpy(buf, p, (size_t)(text + sizeof(text) - p));
}

/* The shortest form that gives the same value back. */
static void print_float(char *buf, const struct ring_field *f)
{
	int precision = f->bits == 32 ? 6 : 15;
	bool same = false;

	if (isnan(f->f)) {
		snprintf(buf, NUMBER_SIZE, "nan");
		return;
	}
	while (!same) {
		snprintf(buf, NUMBER_SIZE, "%.*g", precision++, f->f);
		same = f->bits == 32 ? (double)strtof(buf, NULL) == f->f :
				       strtod(buf, NULL) == f->f;
	}
}

static void print_number(char *buf, const struct ring_field *f)
{
	bool is_signed = f->kind == RING_FIELD_INT || (f->kind == RING_FIELD_ENUM && f->is_signed);

	if (f->kind == RING_FIELD_HEX && f->high)
		snprintf(buf, NUMBER_SIZE, "0x%llx%016llx", (unsigned long long)f->high,
			 (unsigned long long)f->u);
	else if (f->kind == RING_FIELD_HEX)
		snprintf(buf, NUMBER_SIZE, "0x%llx", (unsigned long long)f->u);
	else if (f->bits > 64)
		print_wide(buf, f->high, f->u, is_signed);
	else if (is_signed)
		snprintf(buf, NUMBER_SIZE, "%lld", (long long)f->u);
	else
		snprintf(buf, NUMBER_SIZE, "%llu", (unsigned long long)f->u);
}

/* Room for an address, too. */
static void print_address(char *buf, const struct ring_field *f)
{
	_Static_assert(NUMBER_SIZE >= INET6_ADDRSTRLEN, "inet_ntop() would say no");

	inet_ntop(f->kind == RING_FIELD_IP4 ? AF_INET : AF_INET6, f->data, buf, NUMBER_SIZE);
}

/* Text. */

/*
 * What is open, from the outside in: an array has commas in it.
 *
 * @skip: how many are open in what is left out
 */
struct text {
	struct out *o;
	bool full;
	unsigned int depth;
	unsigned int skip;
	struct {
		bool array;
		uint32_t nr;
	} open[RING_SCHEMA_DEPTH_MAX + 1];
};

static bool is_container(const struct ring_field *f)
{
	return f->kind == RING_FIELD_STRUCT || f->kind == RING_FIELD_UNION ||
	       f->kind == RING_FIELD_ARRAY;
}

/* Bare where that leaves no doubt, else in quotes. */
static void text_string(struct out *o, const char *s, size_t n, bool full)
{
	static const char special[] = " \"=,[]{}";
	size_t i, start = 0, cut = !full && n > TEXT_SHORT ? TEXT_SHORT : n;
	bool quote = !n;
	char *p;

	for (i = 0; i < cut && !quote; i++)
		quote = s[i] && strchr(special, s[i]);
	/* Each byte takes four at most; no overflow, see record_text(). */
	p = out_room(o, 4 * cut + 8);
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

static void text_bytes(struct out *o, const void *data, size_t n, bool full)
{
	size_t cut = !full && n > HEX_SHORT ? HEX_SHORT : n;
	char *p = out_room(o, 2 * cut + 4);

	if (!p)
		return;
	p += print_hex(p, data, cut);
	if (cut < n)
		p = stpcpy(p, "...");
	o->len = (size_t)(p - o->buf);
}

static void text_value(struct text *t, const struct ring_field *f)
{
	char buf[NUMBER_SIZE];

	switch (f->kind) {
	case RING_FIELD_TEXT:
		text_string(t->o, f->data, f->len, t->full);
		return;
	case RING_FIELD_BYTES:
		text_bytes(t->o, f->data, f->len, t->full);
		return;
	case RING_FIELD_BOOL:
		snprintf(buf, sizeof(buf), "%s", f->u ? "true" : "false");
		break;
	case RING_FIELD_FLOAT:
		print_float(buf, f);
		break;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		print_address(buf, f);
		break;
	case RING_FIELD_ENUM:
		if (f->text) {
			out_bytes(t->o, f->text, f->len);
			return;
		}
		print_number(buf, f);
		break;
	default:
		print_number(buf, f);
	}
	out_bytes(t->o, buf, strlen(buf));
}

/* The separator and the name. Return: false: left out, for the array is long. */
static bool text_begin(struct text *t, const struct ring_field *f)
{
	bool array = t->open[t->depth].array;
	uint32_t nr = t->open[t->depth].nr++;

	if (array && !t->full && nr >= ARRAY_SHORT) {
		if (nr == ARRAY_SHORT)
			out_bytes(t->o, ",...", 4);
		return false;
	}
	if (nr || !t->depth)
		out_bytes(t->o, array ? "," : " ", 1);
	if (f->name) {
		out_bytes(t->o, f->name, strlen(f->name));
		out_bytes(t->o, "=", 1);
	}
	return true;
}

static int text_field(const struct ring_field *f, void *arg)
{
	struct text *t = arg;

	if (t->skip) {
		if (f->kind == RING_FIELD_END)
			t->skip--;
		else if (is_container(f))
			t->skip++;
	} else if (f->kind == RING_FIELD_END) {
		out_bytes(t->o, t->open[t->depth].array ? "]" : "}", 1);
		t->depth--;
	} else if (!text_begin(t, f)) {
		t->skip = is_container(f);
	} else if (is_container(f)) {
		t->depth++;
		t->open[t->depth].array = f->kind == RING_FIELD_ARRAY;
		t->open[t->depth].nr = 0;
		out_bytes(t->o, f->kind == RING_FIELD_ARRAY ? "[" : "{", 1);
	} else {
		text_value(t, f);
	}
	return t->o->err;
}

int decode_text(const struct decoder *d, const struct ring_record *rec, bool full, struct out *o)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct text t = { .o = o, .full = full };
	size_t before = o->len, used;
	int err;

	err = ring_schema_type(d->schema, rec->type, &type);
	if (err)
		return err;
	out_bytes(o, type.name, strlen(type.name));
	err = ring_schema_walk(d->schema, rec->type, rec->payload, rec->len, text_field, &t, &used);
	if (!err && used < rec->len) {
		out_bytes(o, " extra=", 7);
		text_bytes(o, (const char *)rec->payload + used, rec->len - used, full);
	}
	if (err)
		o->len = before;
	return err;
}

/* JSON. */

struct json {
	unsigned int depth;
	struct json_object *open[RING_SCHEMA_DEPTH_MAX + 1];
};

static struct json_object *json_float(const struct ring_field *f)
{
	char buf[NUMBER_SIZE];

	print_float(buf, f);
	/* JSON has no word for these. */
	if (!isfinite(f->f))
		return json_object_new_string(buf);
	return json_object_new_double_s(f->f, buf);
}

static struct json_object *json_int(const struct ring_field *f)
{
	bool is_signed = f->kind == RING_FIELD_INT || (f->kind == RING_FIELD_ENUM && f->is_signed);
	char buf[NUMBER_SIZE];

	if (f->bits > 64) {
		print_wide(buf, f->high, f->u, is_signed);
		/* Printed as it is written here. */
		return json_object_new_double_s(0, buf);
	}
	return is_signed ? json_object_new_int64((int64_t)f->u) : json_object_new_uint64(f->u);
}

static struct json_object *json_value(const struct ring_field *f)
{
	char buf[NUMBER_SIZE];

	switch (f->kind) {
	case RING_FIELD_TEXT:
		return json_text(f->data, f->len);
	case RING_FIELD_BYTES:
		return json_hex(f->data, f->len);
	case RING_FIELD_BOOL:
		return json_object_new_boolean(f->u != 0);
	case RING_FIELD_FLOAT:
		return json_float(f);
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		print_address(buf, f);
		return json_object_new_string(buf);
	case RING_FIELD_HEX:
		print_number(buf, f);
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
	return json_int(f);
}

static int json_field(const struct ring_field *f, void *arg)
{
	struct json *j = arg;
	struct json_object *val, *in = j->open[j->depth];

	if (f->kind == RING_FIELD_END) {
		j->depth--;
		return 0;
	}
	val = json_value(f);
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
	struct json j = { 0 };
	size_t used;
	int err;

	err = ring_schema_type(d->schema, rec->type, &type);
	if (err)
		return err;
	fields = json_object_new_object();
	if (!fields)
		return -ENOMEM;
	j.open[0] = fields;
	err = ring_schema_walk(d->schema, rec->type, rec->payload, rec->len, json_field, &j, &used);
	if (err) {
		json_object_put(fields);
		return err;
	}
	if (json_add(obj, "name", json_object_new_string(type.name))) {
		json_object_put(fields);
		return -ENOMEM;
	}
	if (json_add(obj, "fields", fields))
		return -ENOMEM;
	if (used < rec->len &&
	    json_add(obj, "extra", json_hex((const char *)rec->payload + used, rec->len - used)))
		return -ENOMEM;
	return 0;
}
