// SPDX-License-Identifier: GPL-2.0-only
/* Packets of Perfetto's trace format: events, and the fields of records as annotations. */
#include <errno.h>

#include <libring/schema.h>

#include "../../lib/decode.h"
#include "../../lib/text.h"
#include "../../lib/value.h"
#include "format.h"
#include "perfetto.h"
#include "proto.h"

/* Of an annotation, and of all of a record: far below the 256 MiB of a message. */
#define BYTES_MAX (1u << 24)
#define LIMIT_MAX (1u << 26)

/* Numbers of fields of DebugAnnotation. */
enum {
	VALUE_BOOL = 2,
	VALUE_UINT = 3,
	VALUE_INT = 4,
	VALUE_DOUBLE = 5,
	VALUE_STRING = 6,
	VALUE_POINTER = 7,
	VALUE_NAME = 10,
	VALUE_DICT = 11,
	VALUE_ARRAY = 12,
};

/*
 * The annotations of a record are made. @field: number of the next annotation in the message around
 * it, by depth
 */
struct annotating {
	struct out *o;
	size_t limit;
	bool truncated;
	unsigned int depth;
	size_t begin[RING_SCHEMA_DEPTH_MAX + 2];
	unsigned int field[RING_SCHEMA_DEPTH_MAX + 2];
};

size_t perfetto_begin_packet(struct perfetto *p, uint32_t ring, uint64_t ts_ns)
{
	struct out *o = &p->file.buf;
	size_t begin = proto_begin(o, TRACE_PACKET);

	proto_uint(o, PACKET_TIMESTAMP, ts_ns);
	proto_uint(o, PACKET_CLOCK_ID, p->clock);
	proto_uint(o, PACKET_SEQUENCE_ID, ring + 1);
	return begin;
}

void perfetto_end_packet(struct perfetto *p, size_t begin)
{
	proto_end(&p->file.buf, begin);
}

struct perfetto_event perfetto_begin_event(struct perfetto *p, uint32_t ring, uint64_t ts_ns,
					   enum event_type type, uint64_t track)
{
	struct perfetto_event e = { .packet = perfetto_begin_packet(p, ring, ts_ns) };

	e.event = proto_begin(&p->file.buf, PACKET_TRACK_EVENT);
	proto_uint(&p->file.buf, EVENT_TYPE, type);
	proto_uint(&p->file.buf, EVENT_TRACK, track);
	return e;
}

void perfetto_end_event(struct perfetto *p, const struct perfetto_event *e)
{
	proto_end(&p->file.buf, e->event);
	perfetto_end_packet(p, e->packet);
}

static void append_hex_value(struct annotating *a, const void *data, size_t n)
{
	size_t begin = proto_begin(a->o, VALUE_STRING);
	char *dst = out_reserve(a->o, 2 * n);

	if (dst)
		a->o->len += format_hex(dst, data, n);
	proto_end(a->o, begin);
}

static void append_value(struct annotating *a, const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	switch (f->kind) {
	case RING_FIELD_TEXT:
		proto_text(a->o, VALUE_STRING, f->data, f->len);
		return;
	case RING_FIELD_BYTES:
		append_hex_value(a, f->data, f->len);
		return;
	case RING_FIELD_BOOL:
		proto_uint(a->o, VALUE_BOOL, f->u != 0);
		return;
	case RING_FIELD_FLOAT:
		proto_double(a->o, VALUE_DOUBLE, f->f);
		return;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		format_address(buf, f);
		proto_string(a->o, VALUE_STRING, buf);
		return;
	case RING_FIELD_ENUM:
		if (f->text) {
			proto_text(a->o, VALUE_STRING, f->text, f->len);
			return;
		}
	}
	if (f->bits > 64) {
		format_number(buf, f);
		proto_string(a->o, VALUE_STRING, buf);
	} else if (f->kind == RING_FIELD_HEX) {
		proto_uint(a->o, VALUE_POINTER, f->u);
	} else if (is_signed_field(f)) {
		proto_int(a->o, VALUE_INT, (int64_t)f->u);
	} else {
		proto_uint(a->o, VALUE_UINT, f->u);
	}
}

/* For ring_schema_walk(). */
static int annotate(const struct ring_field *f, void *arg)
{
	struct annotating *a = arg;
	size_t begin;

	if (f->kind == RING_FIELD_END) {
		proto_end(a->o, a->begin[a->depth--]);
		return 0;
	}
	/* Text grows to three times its size at most. */
	if (a->o->len > a->limit || 3 * f->len > a->limit - a->o->len) {
		a->truncated = true;
		return -E2BIG;
	}
	begin = proto_begin(a->o, a->field[a->depth]);
	if (f->name)
		proto_string(a->o, VALUE_NAME, f->name);
	if (is_container(f)) {
		a->depth++;
		a->begin[a->depth] = begin;
		a->field[a->depth] = f->kind == RING_FIELD_ARRAY ? VALUE_ARRAY : VALUE_DICT;
		return 0;
	}
	append_value(a, f);
	proto_end(a->o, begin);
	return 0;
}

static void add_text(struct annotating *a, const char *name, const char *value)
{
	size_t begin = proto_begin(a->o, EVENT_ANNOTATIONS);

	proto_string(a->o, VALUE_NAME, name);
	proto_string(a->o, VALUE_STRING, value);
	proto_end(a->o, begin);
}

static void add_bytes(struct annotating *a, const char *name, const void *data, size_t n)
{
	size_t begin = proto_begin(a->o, EVENT_ANNOTATIONS);

	proto_string(a->o, VALUE_NAME, name);
	append_hex_value(a, data, n < BYTES_MAX ? n : BYTES_MAX);
	proto_end(a->o, begin);
	if (n > BYTES_MAX)
		add_text(a, "truncated", "true");
}

void perfetto_annotate(struct perfetto *p, const struct ring_record *rec)
{
	struct annotating a = {
		.o = &p->file.buf,
		.limit = p->file.buf.len +
			 (decode_limit(rec) < LIMIT_MAX ? decode_limit(rec) : LIMIT_MAX),
		.field[0] = EVENT_ANNOTATIONS,
	};
	const size_t start = p->file.buf.len;
	size_t used = 0, seq;
	int err = -ENOENT;

	if (p->src->decoder)
		err = ring_schema_walk(decoder_schema(p->src->decoder), rec->type, rec->payload,
				       rec->len, annotate, &a, &used);
	while (a.truncated && a.depth)
		proto_end(a.o, a.begin[a.depth--]);
	if (a.truncated) {
		add_text(&a, "truncated", "true");
		used = rec->len;
	} else if (err) {
		if (!a.o->err)
			a.o->len = start;
		add_bytes(&a, "payload", rec->payload, rec->len);
		if (p->src->decoder)
			add_text(&a, "error", ring_strerror());
		used = rec->len;
	}
	if (used < rec->len)
		add_bytes(&a, "extra", (const char *)rec->payload + used, rec->len - used);
	seq = proto_begin(a.o, EVENT_ANNOTATIONS);
	proto_string(a.o, VALUE_NAME, "seq");
	proto_uint(a.o, VALUE_UINT, rec->seq);
	proto_end(a.o, seq);
}

void perfetto_add_event(struct perfetto *p, uint32_t ring, uint64_t ts_ns, enum event_type type,
			uint64_t track, const char *name, const struct ring_record *rec)
{
	struct perfetto_event e = perfetto_begin_event(p, ring, ts_ns, type, track);

	if (name)
		proto_string(&p->file.buf, EVENT_NAME, name);
	if (rec)
		perfetto_annotate(p, rec);
	perfetto_end_event(p, &e);
}
