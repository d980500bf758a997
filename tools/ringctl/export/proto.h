/* SPDX-License-Identifier: GPL-2.0-only */
/* Protocol Buffers: appends fields to a message. */
#ifndef EXPORT_PROTO_H
#define EXPORT_PROTO_H

#include <stddef.h>
#include <stdint.h>

struct out;

void proto_uint(struct out *o, unsigned int field, uint64_t v);
/* int32 and int64, which are not zigzag. */
static inline void proto_int(struct out *o, unsigned int field, int64_t v)
{
	proto_uint(o, field, (uint64_t)v);
}

void proto_double(struct out *o, unsigned int field, double v);
/* Text becomes UTF-8, see append_utf8(). */
void proto_text(struct out *o, unsigned int field, const char *p, size_t n);
void proto_string(struct out *o, unsigned int field, const char *s);

/*
 * Begins a message within the message; it may have 2^28 - 1 bytes. Return: what proto_end() takes.
 */
size_t proto_begin(struct out *o, unsigned int field);
void proto_end(struct out *o, size_t begin);

#endif /* EXPORT_PROTO_H */
