// SPDX-License-Identifier: GPL-2.0-only
/* Protocol Buffers: appends fields to a message. */
#include <string.h>

#include "../../lib/out.h"
#include "proto.h"
#include "utf8.h"

#define TYPE_VARINT 0
#define TYPE_FIXED  1
#define TYPE_BYTES  2
/* A length of fixed size is filled in when the message ends. */
#define LENGTH_BYTES 4

static void append_varint(struct out *o, uint64_t v)
{
	unsigned char buf[10];
	size_t n = 0;

	while (v >= 0x80) {
		buf[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	buf[n++] = (unsigned char)v;
	out_append(o, buf, n);
}

static void append_key(struct out *o, unsigned int field, unsigned int type)
{
	append_varint(o, field << 3 | type);
}

void proto_uint(struct out *o, unsigned int field, uint64_t v)
{
	append_key(o, field, TYPE_VARINT);
	append_varint(o, v);
}

void proto_double(struct out *o, unsigned int field, double v)
{
	unsigned char buf[8];
	uint64_t bits;
	int i;

	memcpy(&bits, &v, sizeof(bits));
	for (i = 0; i < 8; i++)
		buf[i] = (unsigned char)(bits >> 8 * i);
	append_key(o, field, TYPE_FIXED);
	out_append(o, buf, sizeof(buf));
}

void proto_text(struct out *o, unsigned int field, const char *p, size_t n)
{
	size_t begin = proto_begin(o, field);

	append_utf8(o, p, n);
	proto_end(o, begin);
}

void proto_string(struct out *o, unsigned int field, const char *s)
{
	proto_text(o, field, s, strlen(s));
}

size_t proto_begin(struct out *o, unsigned int field)
{
	append_key(o, field, TYPE_BYTES);
	out_append(o, "\0\0\0", LENGTH_BYTES);
	return o->len;
}

void proto_end(struct out *o, size_t begin)
{
	size_t n = o->len - begin;
	int i;

	if (o->err)
		return;
	for (i = 0; i < LENGTH_BYTES; i++) {
		unsigned char more = i < LENGTH_BYTES - 1 ? 0x80 : 0;

		o->buf[begin - LENGTH_BYTES + (size_t)i] = (char)((n >> 7 * i & 0x7f) | more);
	}
}
