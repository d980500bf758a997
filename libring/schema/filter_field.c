// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Finds the field that a path of a filter names, in a type of records. */

#include <string.h>

#include "filter.h"

/* Bytes from which on no payload reaches. */
#define OFFSET_MAX (1ULL << 28)

static bool has_name(const char *name, const char *start, uint32_t len)
{
	return !strncmp(name, start, len) && !name[len];
}

/*
 * Finds a member by its name, also in unnamed structs, whose members belong to @n.
 *
 * @bit_offset: its offset in @n is added
 * Return: NULL: there is none.
 */
const struct schema_member *libring_filter_member(const struct schema_node *n, const char *start,
						  uint32_t len, uint64_t *bit_offset)
{
	const struct schema_member *found;
	uint32_t i;

	for (i = 0; i < n->count; i++) {
		const struct schema_member *m = &n->members[i];
		uint64_t at = *bit_offset + m->bit_offset;

		if (m->name && has_name(m->name, start, len)) {
			*bit_offset = at;
			return m;
		}
		if (m->name)
			continue;
		found = libring_filter_member(m->node, start, len, &at);
		if (found) {
			*bit_offset = at;
			return found;
		}
	}
	return NULL;
}

/* Goes to element @index of the array @f. */
static bool enter_element(struct filter_field *f, uint32_t index)
{
	const struct schema_node *n = f->node;

	if (n->kind != RING_FIELD_ARRAY || f->is_string)
		return false;
	if (n->strings) {
		f->is_string = true;
		f->index = index;
		return true;
	}
	if (!n->open && index >= n->count)
		return false;
	f->bit_offset += 8 * (uint64_t)index * n->elem->size;
	f->node = n->elem;
	return f->bit_offset / 8 < OFFSET_MAX;
}

/**
 * libring_filter_find() - find the field that a test names
 * @c: the compiler
 * @n: a test that has a path
 * @record: the struct of a type
 * @f: filled on success
 * @failed: set to the number of the part of the path that leads nowhere
 * @in: set to the type in which it was looked up
 *
 * Return: whether there is such a field.
 */
bool libring_filter_find(const struct filter_compiler *c, const struct node *n,
			 const struct schema_node *record, struct filter_field *f, uint32_t *failed,
			 const struct schema_node **in)
{
	const struct schema_member *m;
	uint32_t i;

	*f = (struct filter_field) { .node = record };
	for (i = 0; i < n->nr_parts; i++) {
		const struct part *p = &c->parts[n->part + i];

		*failed = i;
		*in = f->node;
		if (!p->start) {
			if (!enter_element(f, p->number))
				return false;
			continue;
		}
		if (f->node->kind != RING_FIELD_STRUCT && f->node->kind != RING_FIELD_UNION)
			return false;
		m = libring_filter_member(f->node, p->start, p->len, &f->bit_offset);
		if (!m)
			return false;
		f->node = m->node;
		f->bits = m->bits;
	}
	return true;
}
