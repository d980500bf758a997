// SPDX-License-Identifier: GPL-2.0-only
/* Values of fields, in the form that text and JSON share. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring/schema.h>

#include "out.h"
#include "value.h"

bool is_container(const struct ring_field *f)
{
	return f->kind == RING_FIELD_STRUCT || f->kind == RING_FIELD_UNION ||
	       f->kind == RING_FIELD_ARRAY;
}

/* In decimal; printf() has no format for 128 bits. */
void format_wide(char *buf, uint64_t high, uint64_t low, bool is_signed)
{
	unsigned __int128 v = (unsigned __int128)high << 64 | low;
	bool negative = is_signed && high >> 63;
	char text[VALUE_SIZE], *p = text + sizeof(text);

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

/* The shortest form that reads back as the same value. */
void format_float(char *buf, const struct ring_field *f)
{
	int precision = f->bits == 32 ? 6 : 15;
	bool same = false;

	if (isnan(f->f)) {
		snprintf(buf, VALUE_SIZE, "nan");
		return;
	}
	while (!same) {
		snprintf(buf, VALUE_SIZE, "%.*g", precision++, f->f);
		same = f->bits == 32 ? (double)strtof(buf, NULL) == f->f :
				       strtod(buf, NULL) == f->f;
	}
}

bool is_signed_field(const struct ring_field *f)
{
	return f->kind == RING_FIELD_INT || (f->kind == RING_FIELD_ENUM && f->is_signed);
}

void format_number(char *buf, const struct ring_field *f)
{
	bool is_signed = is_signed_field(f);

	if (f->kind == RING_FIELD_HEX && f->high)
		snprintf(buf, VALUE_SIZE, "0x%llx%016llx", (unsigned long long)f->high,
			 (unsigned long long)f->u);
	else if (f->kind == RING_FIELD_HEX)
		snprintf(buf, VALUE_SIZE, "0x%llx", (unsigned long long)f->u);
	else if (f->bits > 64)
		format_wide(buf, f->high, f->u, is_signed);
	else if (is_signed)
		snprintf(buf, VALUE_SIZE, "%lld", (long long)f->u);
	else
		snprintf(buf, VALUE_SIZE, "%llu", (unsigned long long)f->u);
}

void format_address(char *buf, const struct ring_field *f)
{
	_Static_assert(VALUE_SIZE >= INET6_ADDRSTRLEN, "inet_ntop() would fail");

	inet_ntop(f->kind == RING_FIELD_IP4 ? AF_INET : AF_INET6, f->data, buf, VALUE_SIZE);
}

const char *format_value(char *buf, const struct ring_field *f, size_t *len)
{
	const char *text = buf;

	switch (f->kind) {
	case RING_FIELD_BOOL:
		text = f->u ? "true" : "false";
		break;
	case RING_FIELD_FLOAT:
		format_float(buf, f);
		break;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		format_address(buf, f);
		break;
	case RING_FIELD_ENUM:
		if (f->text) {
			*len = f->len;
			return f->text;
		}
		/* fallthrough */
	default:
		format_number(buf, f);
	}
	*len = strlen(text);
	return text;
}

void put_number(struct out *o, const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	if (f->bits > 64) {
		format_wide(buf, f->high, f->u, is_signed_field(f));
		out_string(o, buf);
	} else if (is_signed_field(f)) {
		out_int(o, (int64_t)f->u);
	} else {
		out_uint(o, f->u);
	}
}

void put_hex(struct out *o, const struct ring_field *f)
{
	char buf[VALUE_SIZE];

	if (f->high) {
		format_number(buf, f);
		out_string(o, buf);
	} else {
		out_hex(o, f->u);
	}
}
