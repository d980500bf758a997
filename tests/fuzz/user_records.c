// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records with any bytes, for the tools that print the records of one producer: ringctl trace
 * and schedwatch. Their schema or device is the right one, but whoever writes the ring may
 * store any byte in a flag, any number in an enum, and any length. A payload is in an
 * allocation of exactly its size.
 */

#include <bpf/libbpf.h>
#include <json-c/json.h>

#include "user_fuzz.h"
#include "../../tools/lib/decode.h"
#include "../../tools/lib/out.h"
#include "../../tools/ringctl/trace/print.h"
#include "../../tools/ringctl/trace/print_record.h"

/* The demo is one file, and so a part of this one. */
#undef main
#define main schedwatch_main
#include "../../tools/demo/schedwatch.c"
#undef main

#define TYPES_MAX 24 /* some more than there are */

static struct decoder *decoder;

/* user.sh extracts the schema from the BPF programs. */
static void open_decoder(void)
{
	static char blob[SEQRING_SCHEMA_SIZE_MAX];
	FILE *f = fopen(TRACE_SCHEMA, "re");
	size_t size = f ? fread(blob, 1, sizeof(blob), f) : 0;

	if (!size || decoder_open_blob(blob, size, &decoder))
		fuzz_fail("no schema in " TRACE_SCHEMA);
	FUZZ_CHECK(trace_knows(decoder_schema(decoder)), "the schema is not that of the records");
	fclose(f);
}

/* Text for a terminal has no control characters, and ends each line. */
static void check_text(const struct out *o)
{
	size_t i;

	FUZZ_CHECK(!o->err && o->len && o->buf[o->len - 1] == '\n', "a record has no line");
	for (i = 0; i < o->len; i++)
		FUZZ_CHECK((unsigned char)o->buf[i] >= ' ' || o->buf[i] == '\n',
			   "byte %zu of a line is %d", i, o->buf[i]);
}

static void check_json(struct out *o)
{
	char *line, *end;

	out_append(o, "", 1);
	FUZZ_CHECK(!o->err && o->len > 1, "a record has no object");
	for (line = o->buf; *line; line = end + 1) {
		struct json_object *obj;

		end = strchr(line, '\n');
		FUZZ_CHECK(end, "an object does not end its line");
		*end = 0;
		obj = json_tokener_parse(line);
		FUZZ_CHECK(obj, "this is not JSON: %s", line);
		json_object_put(obj);
	}
}

static void print_all(const struct ring_record *rec, uint8_t how)
{
	const struct trace_format format = {
		.decoder = decoder,
		.per_cpu = how & 1,
		.full = how & 2,
	};
	const struct watch w = { .name = "fuzz" };
	struct out o = { 0 };

	trace_print_text(&o, rec, &format);
	check_text(&o);
	o.len = 0;
	trace_print_json(&o, rec, &format);
	check_json(&o);
	out_free(&o);
	print_event(&w, rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The payload is the last part of the input, in an allocation of its size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct ring_record rec = { .seq = 1 };
	void *payload;
	uint8_t how;

	if (!decoder)
		open_decoder();
	how = fuzz_8(&in);
	rec.type = fuzz_8(&in) % TYPES_MAX;
	rec.ring = fuzz_8(&in);
	rec.lost = how & 4 ? fuzz_64(&in) : 0;
	rec.ts_ns = how & 8 ? fuzz_64(&in) : 0;
	rec.len = (uint32_t)(in.end - in.at);
	payload = malloc(rec.len ? rec.len : 1);
	memcpy(payload, in.at, rec.len);
	rec.payload = payload;
	print_all(&rec, how);
	free(payload);
	return 0;
}
