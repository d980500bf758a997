// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata in TSDL, the language of CTF 1.8. Everything is aligned to bytes. Readers take one
 * underscore off the names of fields, so that fields may have the names of keywords.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctf.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_NAME "le"
#else
#define BYTE_ORDER_NAME "be"
#endif

static void append_text(struct out *o, const char *text)
{
	out_append(o, text, strlen(text));
}

static void append_tabs(struct out *o, unsigned int depth)
{
	while (depth--)
		append_text(o, "\t");
}

static void append_uuid(struct out *o, const unsigned char *u)
{
	int i;

	for (i = 0; i < 16; i++)
		out_printf(o, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

/* A name from a ring's header may have any bytes. */
static void append_quoted(struct out *o, const char *text)
{
	append_text(o, "\"");
	for (; *text; text++) {
		bool plain = *text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\';

		out_append(o, plain ? text : "?", 1);
	}
	append_text(o, "\"");
}

void ctf_append_head(struct out *o, const struct ctf_trace *t)
{
	append_text(o,
		    "/* CTF 1.8 */\n\n"
		    "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
		    "typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
		    "typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
		    "typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n\n"
		    "trace {\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"");
	append_uuid(o, t->uuid);
	append_text(o, "\";\n\tbyte_order = " BYTE_ORDER_NAME ";\n"
		       "\tpacket.header := struct {\n"
		       "\t\tuint32_t magic;\n"
		       "\t\tuint8_t uuid[16];\n"
		       "\t\tuint32_t stream_id;\n"
		       "\t\tuint64_t stream_instance_id;\n"
		       "\t};\n};\n\n"
		       "env {\n\tdomain = \"seqring\";\n\ttracer_name = \"ringctl\";\n"
		       "\tring = ");
	append_quoted(o, t->ring);
	append_text(o, ";\n};\n\nclock {\n\tname = ring;\n");
	if (*t->boot_id)
		out_printf(o, "\tuuid = \"%.36s\";\n", t->boot_id);
	out_printf(o, "\tfreq = 1000000000;\n\toffset = %" PRIu64 ";\n};\n\n", t->offset_ns);
	append_text(o, "typealias integer {\n\tsize = 64; align = 8; signed = false;\n"
		       "\tmap = clock.ring.value;\n} := ring_time;\n\n"
		       "stream {\n\tid = 0;\n"
		       "\tevent.header := struct {\n"
		       "\t\tuint32_t id;\n"
		       "\t\tring_time timestamp;\n"
		       "\t};\n"
		       "\tevent.context := struct {\n"
		       "\t\tuint64_t seq;\n"
		       "\t};\n"
		       "\tpacket.context := struct {\n"
		       "\t\tring_time timestamp_begin;\n"
		       "\t\tring_time timestamp_end;\n"
		       "\t\tuint64_t content_size;\n"
		       "\t\tuint64_t packet_size;\n"
		       "\t\tuint64_t packet_seq_num;\n"
		       "\t\tuint64_t events_discarded;\n"
		       "\t\tuint32_t cpu_id;\n"
		       "\t};\n};\n");
}

static void append_int(struct out *o, unsigned int bytes, bool is_signed, const char *base)
{
	if (!bytes)
		append_text(o, "string { encoding = UTF8; }");
	else
		out_printf(o, "integer { size = %u; align = 8; signed = %s; base = %s; }",
			   8 * bytes, is_signed ? "true" : "false", base);
}

static void append_enum(struct out *o, const struct ring_field *f)
{
	const struct ring_enumerator *e = f->data;
	bool any = false;
	uint64_t v;
	uint32_t i;

	for (i = 0; i < f->count; i++) {
		if (!ctf_label(f, i, &v))
			continue;
		out_printf(o, "%s\"%s\" = ", any ? ", " : "", e[i].name);
		if (f->is_signed)
			out_printf(o, "%" PRId64, (int64_t)v);
		else
			out_printf(o, "%" PRIu64, v);
		any = true;
	}
}

static void append_type(struct out *o, const struct plan *p, uint32_t i, unsigned int depth);

/* The members of a struct or of the record, from node @i to @end. */
static void append_members(struct out *o, const struct plan *p, uint32_t i, uint32_t end,
			   unsigned int depth)
{
	for (; i < end; i = p->nodes[i].end ? p->nodes[i].end : i + 1) {
		const struct ring_field *f = &p->nodes[i].field;
		bool is_array = f->kind == RING_FIELD_ARRAY, is_bytes = f->kind == RING_FIELD_BYTES;
		size_t count = is_bytes ? f->len : f->count;

		if ((is_array || is_bytes) && !count) {
			append_tabs(o, depth);
			out_printf(o, "uint32_t __%s_length;\n", f->name);
		}
		append_tabs(o, depth);
		if (is_bytes)
			append_int(o, 1, false, "hexadecimal");
		else
			append_type(o, p, is_array ? i + 1 : i, depth);
		out_printf(o, " _%s", f->name);
		if ((is_array || is_bytes) && !count)
			out_printf(o, "[__%s_length]", f->name);
		else if (is_array || is_bytes)
			out_printf(o, "[%zu]", count);
		append_text(o, ";\n");
	}
}

/* The type of node @i. An array within an array is in a struct, and so are bytes. */
static void append_type(struct out *o, const struct plan *p, uint32_t i, unsigned int depth)
{
	const struct plan_node *n = &p->nodes[i];
	const struct ring_field *f = &n->field;

	switch (f->kind) {
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		append_text(o, "struct {\n");
		append_members(o, p, i + 1, n->end - 1, depth + 1);
		append_tabs(o, depth);
		append_text(o, "}");
		return;
	case RING_FIELD_ARRAY:
		append_text(o, "struct { ");
		if (!f->count)
			append_text(o, "uint32_t __v_length; ");
		append_type(o, p, i + 1, depth);
		if (f->count)
			out_printf(o, " _v[%u]; }", f->count);
		else
			append_text(o, " _v[__v_length]; }");
		return;
	case RING_FIELD_ENUM:
		if (f->count && f->bits <= 64) {
			append_text(o, "enum : ");
			append_int(o, ctf_int_bytes(f->bits), f->is_signed, "decimal");
			append_text(o, " { ");
			append_enum(o, f);
			append_text(o, " }");
			return;
		}
		append_int(o, ctf_int_bytes(f->bits), f->is_signed, "decimal");
		return;
	case RING_FIELD_INT:
		append_int(o, ctf_int_bytes(f->bits), true, "decimal");
		return;
	case RING_FIELD_UINT:
		append_int(o, ctf_int_bytes(f->bits), false, "decimal");
		return;
	case RING_FIELD_HEX:
		append_int(o, ctf_int_bytes(f->bits), false, "hexadecimal");
		return;
	case RING_FIELD_BOOL:
		append_text(o, "uint8_t");
		return;
	case RING_FIELD_FLOAT:
		out_printf(o, "floating_point { exp_dig = %d; mant_dig = %d; align = 8; }",
			   f->bits == 32 ? 8 : 11, f->bits == 32 ? 24 : 53);
		return;
	case RING_FIELD_BYTES:
		append_text(o, "struct { ");
		append_int(o, 1, false, "hexadecimal");
		out_printf(o, " _v[%zu]; }", f->len);
		return;
	default:
		append_text(o, "string { encoding = UTF8; }");
	}
}

static void append_event(struct out *o, const char *name, uint32_t id)
{
	append_text(o, "\nevent {\n\tname = \"");
	append_text(o, name);
	out_printf(o, "\";\n\tid = %u;\n\tstream_id = 0;\n\tfields := struct {\n", id);
}

void ctf_append_type(struct out *o, uint16_t number, const struct ctf_type *type)
{
	const char *const end = "\t};\n};\n";

	if (type->seen) {
		append_event(o, type->name, number);
		append_members(o, &type->plan, 0, type->plan.nr, 2);
		append_text(o, end);
	}
	if (type->seen_extra) {
		append_event(o, type->name, CTF_EXTRA + number);
		append_members(o, &type->plan, 0, type->plan.nr, 2);
		append_text(o, "\t\tuint32_t extra_length;\n"
			       "\t\tinteger { size = 8; align = 8; signed = false; base = "
			       "hexadecimal; } extra[extra_length];\n");
		append_text(o, end);
	}
}

void ctf_append_undecoded(struct out *o)
{
	append_event(o, "undecoded", CTF_UNDECODED);
	append_text(o, "\t\tuint16_t type;\n"
		       "\t\tuint32_t payload_length;\n"
		       "\t\tinteger { size = 8; align = 8; signed = false; base = hexadecimal; } "
		       "payload[payload_length];\n\t};\n};\n");
}
