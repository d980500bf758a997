/* SPDX-License-Identifier: GPL-2.0-only */
/* CTF 1.8: the metadata (ctf_metadata.c) of the streams that ctf.c writes. */
#ifndef EXPORT_CTF_H
#define EXPORT_CTF_H

#include <stdbool.h>
#include <stdint.h>

#include "../../lib/out.h"
#include "plan.h"

#define CTF_MAGIC 0xc1fc1fc1u

/* Numbers of event classes: that of the type; and those behind all types. */
#define CTF_UNDECODED 0x10000u /* the payload as bytes */
#define CTF_EXTRA     0x20000u /* plus the type: the payload is longer than the type */

/**
 * struct ctf_type - a type of records
 * @seen: it has records; @seen_extra: it has records with bytes behind its fields
 */
struct ctf_type {
	struct plan plan;
	const char *name;
	bool known;
	bool seen;
	bool seen_extra;
};

/**
 * struct ctf_trace - what the metadata says of the whole trace
 * @offset_ns: what to add to a time to get that of CLOCK_REALTIME
 * @boot_id: the clock's UUID; "": unknown
 * @undecoded: there are undecoded records
 */
struct ctf_trace {
	unsigned char uuid[16];
	uint64_t offset_ns;
	const char *boot_id;
	const char *ring;
	bool undecoded;
};

void ctf_append_head(struct out *o, const struct ctf_trace *t);
void ctf_append_type(struct out *o, uint16_t number, const struct ctf_type *type);
void ctf_append_undecoded(struct out *o);

/* Bytes of an integer of so many bits; 0: it is written as text, since CTF has none so wide. */
static inline unsigned int ctf_int_bytes(uint32_t bits)
{
	if (bits > 64)
		return 0;
	return bits > 32 ? 8 : bits > 16 ? 4 : bits > 8 ? 2 : 1;
}

/*
 * The value that enumerator @i of an enum labels. Return: false: none, since an earlier name has
 * the value, as in ringctl cat, or a bit-field is too narrow for it.
 */
static inline bool ctf_label(const struct ring_field *f, uint32_t i, uint64_t *v)
{
	const struct ring_enumerator *e = f->data;
	const uint64_t mask = f->bits < 64 ? (1ull << f->bits) - 1 : UINT64_MAX;
	const bool negative = f->is_signed && e[i].value >> (f->bits - 1) & 1;

	*v = e[i].value & mask;
	if (negative)
		*v |= ~mask;
	else if (*v != e[i].value)
		return false;
	return !i || e[i].value != e[i - 1].value;
}

#endif /* EXPORT_CTF_H */
