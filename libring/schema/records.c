// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Lists the records that a schema describes: the enumerators of enum seqring_schema, and
 * for each of them the struct with the same name.
 */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct schema_record *)a)->name,
		      ((const struct schema_record *)b)->name);
}

/* Finds the enum of the records; there must be exactly one. */
static int find_enum(const struct btf *src, uint32_t *out)
{
	uint32_t id;

	*out = 0;
	for (id = 1; id < btf__type_cnt(src); id++) {
		const struct btf_type *t = btf__type_by_id(src, id);
		const char *name;

		if (!t || !btf_is_any_enum(t))
			continue;
		name = btf__name_by_offset(src, t->name_off);
		if (!name || strcmp(name, SCHEMA_ENUM))
			continue;
		if (*out)
			return libring_set_error(EPROTO,
						 "there is more than one enum " SCHEMA_ENUM);
		*out = id;
	}
	if (!*out)
		return libring_set_error(ENOENT, "there is no enum " SCHEMA_ENUM);
	return 0;
}

/* Reads the enumerators into ->records. The names belong to @src. */
static int read_enumerators(const struct btf *src, const struct btf_type *t, struct ring_schema *s)
{
	unsigned int i, nr = btf_vlen(t);
	int64_t value;
	int err;

	if (!nr)
		return libring_set_error(EPROTO, "enum " SCHEMA_ENUM " has no enumerators");
	s->records = calloc(nr, sizeof(*s->records));
	if (!s->records)
		return libring_set_error(ENOMEM, "no memory for the schema");
	for (i = 0; i < nr; i++) {
		err = libring_schema_get_enumerator(src, t, i, &s->records[i].name, &value);
		if (err)
			return err;
		if (value < 0 || value > UINT16_MAX)
			return libring_set_error(EPROTO,
						 "enum " SCHEMA_ENUM ": %s is %lld (0 to 65535)",
						 s->records[i].name, (long long)value);
		s->records[i].type = (uint16_t)value;
	}
	s->nr_records = nr;
	qsort(s->records, nr, sizeof(*s->records), compare_names);
	for (i = 1; i < nr; i++)
		if (!compare_names(&s->records[i - 1], &s->records[i]))
			return libring_set_error(EPROTO, "enum " SCHEMA_ENUM " has %s twice",
						 s->records[i].name);
	return 0;
}

/* Finds the struct of each record and sets ->id to its number in @src. */
static int find_structs(const struct btf *src, struct ring_schema *s)
{
	uint32_t id, i;

	for (id = 1; id < btf__type_cnt(src); id++) {
		const struct btf_type *t = btf__type_by_id(src, id);
		struct schema_record key, *found;

		if (!t || !btf_is_struct(t))
			continue;
		key.name = btf__name_by_offset(src, t->name_off);
		if (!key.name)
			continue;
		found = bsearch(&key, s->records, s->nr_records, sizeof(key), compare_names);
		if (!found)
			continue;
		if (found->id)
			return libring_set_error(
				EPROTO,
				"there is more than one struct %s (bpftool gen object "
				"or pahole merges them)",
				found->name);
		found->id = id;
	}
	for (i = 0; i < s->nr_records; i++)
		if (!s->records[i].id)
			return libring_set_error(EPROTO,
						 "enum " SCHEMA_ENUM
						 " has %s, but there is no struct %s",
						 s->records[i].name, s->records[i].name);
	return 0;
}

static int compare_types(const void *a, const void *b)
{
	const struct schema_record *x = a, *y = b;

	return x->type < y->type ? -1 : x->type > y->type;
}

/**
 * libring_schema_list_records() - find the record types of a schema
 * @src: BTF; each reference in it may be invalid
 * @s: ->records are set, sorted by type; their ->id and ->name belong to @src
 * @enum_id: set to enum seqring_schema in @src
 *
 * Return: 0; -ENOENT there is no enum seqring_schema; -EPROTO; -ENOMEM. On failure @s
 * has what was found so far, for ring_schema_close().
 */
int libring_schema_list_records(const struct btf *src, struct ring_schema *s, uint32_t *enum_id)
{
	uint32_t i;
	int err;

	err = find_enum(src, enum_id);
	if (!err)
		err = read_enumerators(src, btf__type_by_id(src, *enum_id), s);
	if (!err)
		err = find_structs(src, s);
	if (err)
		return err;
	qsort(s->records, s->nr_records, sizeof(*s->records), compare_types);
	for (i = 1; i < s->nr_records; i++) {
		const struct schema_record *r = &s->records[i];

		if (r[-1].type == r->type)
			return libring_set_error(EPROTO, "%s and %s are both of type %u",
						 r[-1].name, r->name, r->type);
	}
	return 0;
}
