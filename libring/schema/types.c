// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Looks record types up, by number and by name. */

#include <string.h>

#include "internal.h"

/* Return: the record of type @type; NULL: the schema has none. */
const struct schema_record *libring_schema_find_record(const struct ring_schema *s, uint16_t type)
{
	uint32_t from = 0, to = s->nr_records;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (s->records[middle].type < type)
			from = middle + 1;
		else
			to = middle;
	}
	return from < s->nr_records && s->records[from].type == type ? &s->records[from] : NULL;
}

static int fill_info(const struct schema_record *r, struct ring_schema_type *info)
{
	struct ring_schema_type in;
	int err;

	err = libring_get_opts(&in, sizeof(in), info, "ring_schema_type");
	if (err)
		return err;
	info->name = r->name;
	info->min_len = r->min_len;
	info->nr_fields = r->node->count;
	info->type = r->type;
	info->open_ended = r->node->open;
	info->reserved = 0;
	return libring_finish(0);
}

int ring_schema_type(const struct ring_schema *s, uint16_t type, struct ring_schema_type *info)
{
	const struct schema_record *r = libring_schema_find_record(s, type);

	return r ? fill_info(r, info) :
		   libring_set_error(ENOENT, "the schema has no type %u", type);
}

int ring_schema_find(const struct ring_schema *s, const char *name, struct ring_schema_type *info)
{
	uint32_t i;

	for (i = 0; i < s->nr_records; i++)
		if (!strcmp(s->records[i].name, name))
			return fill_info(&s->records[i], info);
	return libring_set_error(ENOENT, "the schema has no type %.100s", name);
}

int ring_schema_next(const struct ring_schema *s, uint32_t from, struct ring_schema_type *info)
{
	uint32_t i;

	for (i = 0; i < s->nr_records; i++)
		if (s->records[i].type >= from)
			return fill_info(&s->records[i], info);
	return libring_set_error(ENOENT, "the schema has no type %u or higher", from);
}
