// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Says what is wrong with the text of a filter, where, and what would be right. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"

#define CANDIDATES_MAX 65536 /* names that are compared; a hostile schema may have more */
#define LIST_SIZE      160

/* Names that are like the one that is not known, the nearest ones first. */
struct near {
	const char *start;
	uint32_t len;
	uint32_t left;
	unsigned int nr;
	const char *names[FILTER_NEAR];
	unsigned int distances[FILTER_NEAR];
};

/* Sets the sentence, with the place. Return: -EINVAL. */
int libring_filter_error(const struct filter_compiler *c, uint32_t at, const char *fmt, ...)
{
	char what[224];
	va_list args;

	(void)c;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return libring_set_error(EINVAL, "filter, character %u: %s", at + 1, what);
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Counts the changes that make one name of the other: letters added, left out or replaced. */
static unsigned int count_changes(const char *a, uint32_t len, const char *b)
{
	unsigned int row[RING_SCHEMA_NAME_MAX + 1], above, left, i, j;
	unsigned int columns = (unsigned int)strlen(b);

	for (j = 0; j <= columns; j++)
		row[j] = j;
	for (i = 1; i <= len; i++) {
		above = row[0];
		row[0] = i;
		for (j = 1; j <= columns; j++) {
			left = row[j - 1];
			above += lower(a[i - 1]) != lower(b[j - 1]);
			if (left + 1 < above)
				above = left + 1;
			if (row[j] + 1 < above)
				above = row[j] + 1;
			left = row[j];
			row[j] = above;
			above = left;
		}
	}
	return row[columns];
}

static void consider(struct near *near, const char *name)
{
	unsigned int changes, i, most = near->len / 3 + 1;
	const bool part = near->len > 2 && strlen(name) > near->len &&
			  !strncmp(name, near->start, near->len);

	if (!near->left || near->len > RING_SCHEMA_NAME_MAX)
		return;
	near->left--;
	changes = part ? most : count_changes(near->start, near->len, name);
	if (changes > most)
		return;
	for (i = 0; i < near->nr; i++)
		if (!strcmp(near->names[i], name))
			return;
	for (i = near->nr; i > 0 && near->distances[i - 1] > changes; i--) {
		if (i == FILTER_NEAR)
			continue;
		near->names[i] = near->names[i - 1];
		near->distances[i] = near->distances[i - 1];
	}
	if (i == FILTER_NEAR)
		return;
	near->names[i] = name;
	near->distances[i] = changes;
	if (near->nr < FILTER_NEAR)
		near->nr++;
}

/* Considers the members of @n, and of the unnamed structs in it. */
static void consider_members(struct near *near, const struct schema_node *n)
{
	uint32_t i;

	for (i = 0; i < n->count && near->left; i++) {
		if (n->members[i].name)
			consider(near, n->members[i].name);
		else
			consider_members(near, n->members[i].node);
	}
}

static size_t append(char *list, size_t size, size_t at, const char *name)
{
	int n;

	if (at >= size)
		return at;
	n = snprintf(list + at, size - at, "%s%.40s", at ? ", " : "", name);
	return at + (n > 0 ? (size_t)n : 0);
}

/* Prints the names. Return: whether there are any. */
static bool print(const struct near *near, char *list, size_t size)
{
	size_t at = 0;
	unsigned int i;

	*list = 0;
	for (i = 0; i < near->nr; i++)
		at = append(list, size, at, near->names[i]);
	return at;
}

static bool is_struct(const struct schema_node *n)
{
	return n->kind == RING_FIELD_STRUCT || n->kind == RING_FIELD_UNION;
}

/* Lists the first members of @n. */
static size_t list_members(const struct schema_node *n, char *list, size_t size, size_t at)
{
	uint32_t i;

	for (i = 0; i < n->count && at + 48 < size; i++) {
		if (n->members[i].name)
			at = append(list, size, at, n->members[i].name);
		else
			at = list_members(n->members[i].node, list, size, at);
	}
	return at;
}

/* Lists those of @nr names that are like @start, or else the first ones. */
static void list_names(const char *(*name)(const void *of, uint32_t i), const void *of, uint32_t nr,
		       struct near *near, char *list, size_t size)
{
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < nr; i++)
		consider(near, name(of, i));
	if (print(near, list, size))
		return;
	for (i = 0; i < nr && at + 48 < size; i++)
		at = append(list, size, at, name(of, i));
}

static const char *enumerator_name(const void *of, uint32_t i)
{
	const struct schema_node *n = of;

	return n->enumerators[i].name;
}

static const char *type_name(const void *of, uint32_t i)
{
	const struct ring_schema *s = of;

	return s->records[i].name;
}

/* Lists the enumerators like @start, or the first ones. */
void libring_filter_list_enumerators(const struct schema_node *n, const char *start, uint32_t len,
				     char *list, size_t size)
{
	struct near near = { .start = start, .len = len, .left = CANDIDATES_MAX };

	list_names(enumerator_name, n, n->count, &near, list, size);
}

/* The same of the types of a schema. */
void libring_filter_list_types(const struct ring_schema *s, const char *start, uint32_t len,
			       char *list, size_t size)
{
	struct near near = { .start = start, .len = len, .left = CANDIDATES_MAX };

	list_names(type_name, s, s->nr_records, &near, list, size);
}

/*
 * Explains a path that leads nowhere in any type. The type in which it leads furthest is the one
 * that was meant. Return: -EINVAL.
 */
int libring_filter_unknown_field(const struct filter_compiler *c, const struct node *n)
{
	const struct ring_schema *s = c->schema;
	const struct schema_node *in, *best = NULL;
	struct near near = { .left = CANDIDATES_MAX };
	uint32_t i, failed, furthest = 0;
	const struct part *p;
	struct filter_field f;
	char list[LIST_SIZE];

	p = &c->parts[n->part];
	if (!s || !s->nr_records)
		return libring_filter_error(c, p->at,
					    "the ring has no schema, so its records have no field "
					    "%.*s: type, len, ring, seq and ts_ns are known",
					    (int)(p->len < 40 ? p->len : 40), p->start);
	for (i = 0; i < s->nr_records; i++) {
		if (libring_filter_find(c, n, s->records[i].node, &f, &failed, &in))
			continue;
		if (!best || failed > furthest) {
			best = in;
			furthest = failed;
		}
	}
	p = &c->parts[n->part + furthest];
	if (!p->start && best && best->kind == RING_FIELD_ARRAY)
		return libring_filter_error(c, p->at, "there is no element %u: 0 to %u are",
					    p->number, best->count - 1);
	if (!p->start)
		return libring_filter_error(c, p->at, "this field is no array, and has no index");
	if (best && !is_struct(best))
		return libring_filter_error(c, p->at,
					    "the field before is no struct, and has no "
					    "fields");
	near.start = p->start;
	near.len = p->len;
	for (i = 0; i < s->nr_records; i++)
		if (!libring_filter_find(c, n, s->records[i].node, &f, &failed, &in) &&
		    failed == furthest && is_struct(in))
			consider_members(&near, in);
	if (print(&near, list, sizeof(list)))
		return libring_filter_error(c, p->at,
					    "no record has a field %.*s: did you mean %s?",
					    (int)(p->len < 40 ? p->len : 40), p->start, list);
	if (!best || !list_members(best, list, sizeof(list), 0))
		return libring_filter_error(c, p->at,
					    "the records have no fields: type, len, "
					    "ring, seq and ts_ns are known");
	return libring_filter_error(c, p->at, "no record has a field %.*s: fields are %s",
				    (int)(p->len < 40 ? p->len : 40), p->start, list);
}
