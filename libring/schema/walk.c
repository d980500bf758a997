// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Calls a function for each field of a record, or of a record type. */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * @payload: NULL: the type is described, without a record
 * @used: bytes of the payload that the type accounts for
 * @left: steps left before the walk fails
 */
struct walk {
	const unsigned char *payload;
	size_t len;
	size_t used;
	ring_field_fn fn;
	void *arg;
	unsigned int left;
};

static int walk_members(struct walk *w, const struct schema_node *n, uint64_t bit_offset);

/* Counts a step. Each member is one, since an unnamed struct also takes time. */
static int count_step(struct walk *w)
{
	if (w->left--)
		return 0;
	return libring_set_error(E2BIG, "a record has more than %d fields", RING_SCHEMA_VALUES_MAX);
}

static int emit(struct walk *w, const struct ring_field *f)
{
	int err = count_step(w);

	return err ? err : w->fn(f, w->arg);
}

/* Copies bit @bits - 1 to all higher bits. */
static uint64_t sign_extend(uint64_t v, uint32_t bits)
{
	uint64_t sign = 1ULL << (bits - 1);

	return bits == 64 ? v : (v ^ sign) - sign;
}

static void load_whole(struct ring_field *f, const unsigned char *p, uint32_t size)
{
	uint64_t pair[2];
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;

	switch (size) {
	case 1:
		memcpy(&v8, p, 1);
		f->u = v8;
		break;
	case 2:
		memcpy(&v16, p, 2);
		f->u = v16;
		break;
	case 4:
		memcpy(&v32, p, 4);
		f->u = v32;
		break;
	case 8:
		memcpy(&f->u, p, 8);
		break;
	default:
		memcpy(pair, p, 16);
		f->u = pair[!SCHEMA_LITTLE_ENDIAN];
		f->high = pair[SCHEMA_LITTLE_ENDIAN];
	}
}

/* Loads a bit-field: at most 64 bits, which can span nine bytes. */
static void load_bits(struct ring_field *f, const unsigned char *p, uint64_t bit_offset)
{
	unsigned int skip = bit_offset % 8, n = (skip + f->bits + 7) / 8, i;
	unsigned __int128 v = 0;

	for (i = 0; i < n; i++) {
		unsigned int at = SCHEMA_LITTLE_ENDIAN ? n - 1 - i : i;

		v = v << 8 | p[at];
	}
	if (SCHEMA_LITTLE_ENDIAN)
		v >>= skip;
	else
		v >>= 8 * n - f->bits - skip;
	f->u = (uint64_t)v;
	if (f->bits < 64)
		f->u &= (1ULL << f->bits) - 1;
}

/* Extends @f->u, which has @f->bits, and looks its enumerator up. */
static void load_enumerator(struct ring_field *f, const struct schema_node *n)
{
	uint64_t v = n->is_signed ? sign_extend(f->u, f->bits) : f->u;
	uint64_t key = n->size == 8 ? v : v & ((1ULL << 8 * n->size) - 1);
	uint32_t from = 0, to = n->count;

	f->is_signed = n->is_signed;
	f->u = v;
	/* Finds the first enumerator with that value. */
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (n->enumerators[middle].value < key)
			from = middle + 1;
		else
			to = middle;
	}
	if (from < n->count && n->enumerators[from].value == key) {
		f->text = n->enumerators[from].name;
		f->len = strlen(f->text);
	}
}

static void load_float(struct ring_field *f, const unsigned char *p)
{
	float single;

	if (f->bits == 64) {
		memcpy(&f->f, p, 8);
	} else {
		memcpy(&single, p, 4);
		f->f = (double)single;
	}
}

/* Loads the value of a field that is a number. */
static void load_number(struct ring_field *f, const struct schema_node *n, const unsigned char *p,
			bool bit_field)
{
	if (f->kind == RING_FIELD_FLOAT) {
		load_float(f, p);
		return;
	}
	if (bit_field)
		load_bits(f, p, f->bit_offset);
	else
		load_whole(f, p, n->size);
	if (f->kind == RING_FIELD_ENUM) {
		load_enumerator(f, n);
	} else if (f->kind == RING_FIELD_INT && f->bits <= 64) {
		f->u = sign_extend(f->u, f->bits);
		f->high = f->u >> 63 ? UINT64_MAX : 0;
	} else if (f->kind == RING_FIELD_BOOL) {
		f->u = f->u || f->high;
		f->high = 0;
	}
}

/*
 * Walks an array that holds several strings. A string ends with a zero or with the
 * array. @fixed: further zeros at the end are padding, not empty strings.
 */
static int walk_strings(struct walk *w, struct ring_field *f, const char *p, size_t len, bool fixed)
{
	struct ring_field s = { .kind = RING_FIELD_TEXT };
	const char *end = p + len, *q;
	int err;

	while (fixed && end - p > 0 && !end[-1] && (end - p == 1 || !end[-2]))
		end--;
	for (q = p; q < end; q += strnlen(q, (size_t)(end - q)) + 1)
		f->count++;
	err = emit(w, f);
	for (q = p; !err && q < end; q += s.len + 1) {
		s.data = q;
		s.len = strnlen(q, (size_t)(end - q));
		s.bit_offset = f->bit_offset + 8 * (uint64_t)(q - p);
		err = emit(w, &s);
	}
	return err;
}

static int walk_node(struct walk *w, const struct schema_node *n, const char *name,
		     uint64_t bit_offset, uint32_t bits);

static int walk_array(struct walk *w, const struct schema_node *n, struct ring_field *f,
		      size_t size)
{
	const struct ring_field end = { .kind = RING_FIELD_END };
	const struct ring_field string = { .kind = RING_FIELD_TEXT, .bit_offset = f->bit_offset };
	uint32_t i, nr = (uint32_t)(size / n->elem->size);
	int err;

	if (n->strings && w->payload) {
		const char *p = (const char *)w->payload + f->bit_offset / 8;

		err = walk_strings(w, f, p, size, !n->open);
		return err ? err : emit(w, &end);
	}
	f->count = n->strings ? 0 : nr;
	err = emit(w, f);
	if (!err && n->strings)
		err = emit(w, &string);
	if (!w->payload)
		nr = !n->strings;
	for (i = 0; !err && i < nr; i++)
		err = walk_node(w, n->elem, NULL, f->bit_offset + 8ULL * i * n->elem->size, 0);
	return err ? err : emit(w, &end);
}

static int walk_node(struct walk *w, const struct schema_node *n, const char *name,
		     uint64_t bit_offset, uint32_t bits)
{
	const struct ring_field end = { .kind = RING_FIELD_END };
	struct ring_field f = { .name = name, .kind = n->kind, .bit_offset = bit_offset };
	const unsigned char *p = w->payload ? w->payload + bit_offset / 8 : NULL;
	size_t size = n->size;
	int err;

	if (n->open && p) {
		size = w->len - bit_offset / 8;
		size -= size % n->elem->size;
		w->used = bit_offset / 8 + size;
	}
	switch (n->kind) {
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		err = emit(w, &f);
		if (!err)
			err = walk_members(w, n, bit_offset);
		return err ? err : emit(w, &end);
	case RING_FIELD_ARRAY:
		return walk_array(w, n, &f, size);
	case RING_FIELD_TEXT:
		/* A bit-field of char is a number. */
		if (bits) {
			f.kind = n->is_signed ? RING_FIELD_INT : RING_FIELD_UINT;
			break;
		}
		f.data = p;
		f.len = p ? strnlen((const char *)p, size) : size;
		return emit(w, &f);
	case RING_FIELD_BYTES:
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		f.data = p;
		f.len = size;
		return emit(w, &f);
	}
	f.bits = bits ? bits : 8 * n->size;
	if (p) {
		load_number(&f, n, p, bits);
	} else if (f.kind == RING_FIELD_ENUM) {
		f.is_signed = n->is_signed;
		f.data = n->enumerators;
		f.count = n->count;
	}
	return emit(w, &f);
}

static int walk_members(struct walk *w, const struct schema_node *n, uint64_t bit_offset)
{
	int err = 0;
	uint32_t i;

	for (i = 0; !err && i < n->count; i++) {
		const struct schema_member *m = &n->members[i];
		uint64_t at = bit_offset + m->bit_offset;

		if (m->name)
			err = walk_node(w, m->node, m->name, at, m->bits);
		else
			err = count_step(w);
		if (!err && !m->name)
			err = walk_members(w, m->node, at);
	}
	return err;
}

int ring_schema_walk(const struct ring_schema *s, uint16_t type, const void *payload, size_t len,
		     ring_field_fn fn, void *arg, size_t *used)
{
	const struct schema_record *r = libring_schema_find_record(s, type);
	struct walk w = {
		.payload = payload,
		.len = len,
		.fn = fn,
		.arg = arg,
		.left = RING_SCHEMA_VALUES_MAX,
	};
	int err;

	if (!r)
		return libring_set_error(ENOENT, "the schema has no type %u", type);
	if (len < r->min_len)
		return libring_set_error(EMSGSIZE,
					 "%zu bytes are too few for %s, which needs at least %u",
					 len, r->name, r->min_len);
	/* An empty payload may be NULL, but a walk takes NULL as the request to describe. */
	if (!payload)
		w.payload = (const unsigned char *)"";
	w.used = r->min_len;
	err = walk_members(&w, r->node, 0);
	if (!err && used)
		*used = w.used;
	return libring_finish(err);
}

int ring_schema_describe(const struct ring_schema *s, uint16_t type, ring_field_fn fn, void *arg)
{
	const struct schema_record *r = libring_schema_find_record(s, type);
	struct walk w = { .fn = fn, .arg = arg, .left = RING_SCHEMA_VALUES_MAX };

	if (!r)
		return libring_set_error(ENOENT, "the schema has no type %u", type);
	return libring_finish(walk_members(&w, r->node, 0));
}
