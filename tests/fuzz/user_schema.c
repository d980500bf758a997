// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schemas, and records decoded by them. Any bytes are a schema and any bytes a payload, for
 * libring-bpf and for ringctl's output. Both are in allocations of exactly their size.
 */

#include <bpf/libbpf.h>
#include <json-c/json.h>

#include "libring.h"
#include "libring/schema.h"
#include "user_fuzz.h"
#include "../../tools/lib/decode.h"
#include "../../tools/lib/out.h"
#include "../../tools/lib/record.h"

#define TYPES_MAX 16

/* A type may need a long payload; types that need more than this are not tried. */
#define PAYLOAD_MAX (1u << 16)

static uint64_t sum;

static int visit_field(const struct ring_field *f, void *arg)
{
	const unsigned char *data = f->data;
	size_t i;

	(void)arg;
	FUZZ_CHECK(f->kind >= RING_FIELD_STRUCT && f->kind <= RING_FIELD_IP6, "kind %u", f->kind);
	for (i = 0; data && i < f->len; i++)
		sum += data[i];
	for (i = 0; f->text && i < f->len; i++)
		sum += (unsigned char)f->text[i];
	sum += f->u + f->high + (f->name ? strlen(f->name) : 0);
	return 0;
}

static int visit_text(const char *text, size_t len, void *arg)
{
	(void)arg;
	while (len--)
		sum += (unsigned char)*text++;
	return 0;
}

static void *copy_of(const void *p, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

/* The fields have a limit; the last of them and the bytes that are no field come on top. */
static void check_size(const struct out *o, const struct ring_record *rec)
{
	FUZZ_CHECK(o->len <= decode_limit(rec) + 8 * (size_t)rec->len + 1024,
		   "a record of %u bytes has %zu bytes of output", rec->len, o->len);
}

/* Whatever the names and the bytes are, the line is one JSON object to another program. */
static void check_json(const struct out *o)
{
	struct json_tokener *tok = json_tokener_new_ex(RING_SCHEMA_DEPTH_MAX + 8);
	struct json_object *obj;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, o->buf, (int)o->len - 1);
	if (!obj && json_tokener_get_error(tok) == json_tokener_continue)
		obj = json_tokener_parse_ex(tok, "", 1);
	FUZZ_CHECK(json_object_is_type(obj, json_type_object), "not JSON: %s",
		   json_tokener_error_desc(json_tokener_get_error(tok)));
	FUZZ_CHECK(o->buf[o->len - 1] == '\n' && !memchr(o->buf, '\n', o->len - 1), "not one line");
	json_object_put(obj);
	json_tokener_free(tok);
}

/* Shows a record in all of ringctl's formats. */
static void show(const struct decoder *d, const struct ring_record *rec, int err)
{
	struct out o = { 0 };
	int shown;

	/* What is cut does not reach the end of a walk that has too many fields. */
	shown = decode_text(d, rec, rec->seq & 1, &o);
	FUZZ_CHECK(shown == err || (!shown && err == -E2BIG), "decode_text returns %d, a walk %d",
		   shown, err);
	check_size(&o, rec);
	o.len = 0;
	shown = decode_json(d, rec, &o);
	FUZZ_CHECK(!shown == !!o.len, "decode_json returns %d after %zu bytes", shown, o.len);
	FUZZ_CHECK(shown == err || (!shown && err == -E2BIG), "decode_json returns %d, a walk %d",
		   shown, err);
	o.len = 0;
	record_print_text(&o, rec, d, true);
	check_size(&o, rec);
	FUZZ_CHECK(!o.err && o.len, "a record has no text");
	o.len = 0;
	record_print_json(&o, rec, d);
	check_size(&o, rec);
	FUZZ_CHECK(!o.err && o.len, "a record has no object");
	check_json(&o);
	out_free(&o);
}

static void use_payload(const struct ring_schema *s, const struct decoder *d,
			const struct ring_schema_type *type, const void *bytes, size_t size)
{
	struct ring_record rec = { .seq = size, .type = type->type, .len = (uint32_t)size };
	void *payload = copy_of(bytes, size);
	size_t used = SIZE_MAX;
	int err;

	rec.payload = payload;
	err = ring_schema_walk(s, type->type, payload, size, visit_field, NULL, &used);
	if (size < type->min_len)
		FUZZ_CHECK(err == -EMSGSIZE, "error %d for a payload that is too short", err);
	else
		FUZZ_CHECK((!err && used <= size) || err == -E2BIG, "error %d, used %zu of %zu",
			   err, used, size);
	show(d, &rec, err);
	free(payload);
}

static void use_type(const struct ring_schema *s, const struct decoder *d,
		     const struct ring_schema_type *type, struct fuzz_input rest)
{
	static unsigned char bytes[PAYLOAD_MAX];
	size_t have = (size_t)(rest.end - rest.at), i;
	int err;

	err = ring_schema_describe(s, type->type, visit_field, NULL);
	FUZZ_CHECK(!err || err == -E2BIG, "describe returns %d", err);
	for (i = 0; i < PAYLOAD_MAX; i++)
		bytes[i] = have ? rest.at[i % have] : 0;
	if (type->min_len > PAYLOAD_MAX)
		return;
	use_payload(s, d, type, bytes, type->min_len);
	if (type->min_len)
		use_payload(s, d, type, bytes, type->min_len - 1u);
	if (type->min_len + have <= PAYLOAD_MAX)
		use_payload(s, d, type, bytes, type->min_len + have);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes are the length of the payload, which is at the end of the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct fuzz_input in = { data, data + size };
	struct ring_schema *s = NULL;
	struct decoder *d = NULL;
	uint32_t from = 0, n;
	size_t tail;
	void *blob;
	int err;

	libbpf_set_print(NULL);
	tail = fuzz_16(&in);
	tail = tail < (size_t)(in.end - in.at) ? tail : 0;
	size = (size_t)(in.end - in.at) - tail;
	blob = copy_of(in.at, size);
	err = ring_schema_open(blob, size, &s);
	FUZZ_CHECK(!err || err == -EPROTO || err == -E2BIG || err == -ENOMEM, "error %d", err);
	FUZZ_CHECK(!err || *ring_strerror(), "error %d without a sentence", err);
	FUZZ_CHECK(!err == !decoder_open_blob(blob, size, &d), "the decoder disagrees");
	free(blob);
	in.at += size;
	for (n = 0; s && n < TYPES_MAX && !ring_schema_next(s, from, &type); n++) {
		use_type(s, d, &type, in);
		from = type.type + 1u;
	}
	if (s)
		ring_schema_print(s, visit_text, NULL);
	ring_schema_close(s);
	decoder_close(d);
	return 0;
}
