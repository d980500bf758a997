// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Opening and making schemas, and what is in one. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/btf.h>

#include "schema.h"

/*
 * BTF as libbpf reads it. What libbpf leaves open is asked of the header first, on a
 * copy: what lies in a ring, a hostile writer could change between two looks at it.
 */
int libring_schema_parse(const void *data, size_t size, struct btf **out)
{
	struct btf_header h;
	void *copy;
	int err = 0;

	if (size < sizeof(h))
		return libring_fail(EPROTO, "schema: %zu bytes are no BTF", size);
	copy = malloc(size);
	if (!copy)
		return libring_fail(ENOMEM, "no memory for the schema");
	memcpy(copy, data, size);
	memcpy(&h, copy, sizeof(h));
	if (h.magic == __builtin_bswap16(BTF_MAGIC))
		err = libring_fail(EPROTO, "schema: BTF of the other byte order");
	else if (h.magic != BTF_MAGIC)
		err = libring_fail(EPROTO, "schema: not BTF");
	else if (h.version != BTF_VERSION || h.flags)
		err = libring_fail(EPROTO, "schema: BTF of version %u, flags %u (1 and 0)",
				   h.version, h.flags);
	else if (h.hdr_len != sizeof(h))
		err = libring_fail(EPROTO, "schema: BTF with a header of %u bytes (%zu)", h.hdr_len,
				   sizeof(h));
	if (!err) {
		*out = btf__new(copy, (uint32_t)size);
		if (!*out)
			err = libring_fail(errno == ENOMEM ? ENOMEM : EPROTO,
					   "schema: libbpf cannot read this BTF: %s",
					   strerror(errno));
	}
	free(copy);
	return err;
}

/* A schema out of BTF of any kind. */
static int extract(const struct btf *btf, size_t pointer_size, struct ring_schema **out)
{
	struct ring_schema *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return libring_fail(ENOMEM, "no memory for the schema");
	err = libring_schema_copy(btf, pointer_size, s);
	if (!err)
		err = libring_schema_plan(s);
	if (err)
		ring_schema_close(s);
	else
		*out = s;
	return err;
}

int ring_schema_open(const void *blob, size_t size, struct ring_schema **out)
{
	struct btf *btf;
	int err;

	if (size > SEQRING_SCHEMA_SIZE_MAX)
		return libring_fail(E2BIG, "schema: %zu bytes are more than %u", size,
				    SEQRING_SCHEMA_SIZE_MAX);
	err = libring_schema_parse(blob, size, &btf);
	if (err)
		return err;
	err = extract(btf, 8, out);
	btf__free(btf);
	/* What lacks something is no schema; its sentence stands. */
	return err == -ENOENT ? -EPROTO : err;
}

void ring_schema_close(struct ring_schema *s)
{
	struct schema_node *n;

	if (!s)
		return;
	while (s->nodes) {
		n = s->nodes;
		s->nodes = n->next;
		free(n->members);
		free(n->names);
		free(n);
	}
	btf__free(s->btf);
	free(s->records);
	free(s);
}

int ring_schema_from_btf(const struct btf *btf, void **blob, size_t *size)
{
	size_t pointer_size = btf__pointer_size(btf);
	enum btf_endianness order = SCHEMA_LITTLE ? BTF_LITTLE_ENDIAN : BTF_BIG_ENDIAN;
	struct ring_schema *s;
	const void *raw;
	uint32_t len;
	int err;

	if (btf__endianness(btf) != order)
		return libring_fail(EPROTO, "schema: BTF of the other byte order");
	err = extract(btf, pointer_size ? pointer_size : 8, &s);
	if (err)
		return err;
	raw = btf__raw_data(s->btf, &len);
	if (!raw)
		err = libring_fail(ENOMEM, "no memory for the schema");
	else if (len > SEQRING_SCHEMA_SIZE_MAX)
		err = libring_fail(E2BIG, "schema: %u bytes are more than %u", len,
				   SEQRING_SCHEMA_SIZE_MAX);
	if (!err) {
		void *copy = malloc(len);

		if (copy) {
			*blob = memcpy(copy, raw, len);
			*size = len;
		} else {
			err = libring_fail(ENOMEM, "no memory for the schema");
		}
	}
	ring_schema_close(s);
	return err;
}

const struct schema_record *libring_schema_record(const struct ring_schema *s, uint16_t type)
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

static int tell(const struct schema_record *r, struct ring_schema_type *info)
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
	return 0;
}

int ring_schema_type(const struct ring_schema *s, uint16_t type, struct ring_schema_type *info)
{
	const struct schema_record *r = libring_schema_record(s, type);

	return r ? tell(r, info) : libring_fail(ENOENT, "the schema has no type %u", type);
}

int ring_schema_find(const struct ring_schema *s, const char *name, struct ring_schema_type *info)
{
	uint32_t i;

	for (i = 0; i < s->nr_records; i++)
		if (!strcmp(s->records[i].name, name))
			return tell(&s->records[i], info);
	return libring_fail(ENOENT, "the schema has no type %.100s", name);
}

int ring_schema_next(const struct ring_schema *s, uint32_t from, struct ring_schema_type *info)
{
	uint32_t i;

	for (i = 0; i < s->nr_records; i++)
		if (s->records[i].type >= from)
			return tell(&s->records[i], info);
	return libring_fail(ENOENT, "the schema has no type from %u on", from);
}

struct printer {
	ring_text_fn fn;
	void *arg;
	int err;
};

static void print_piece(void *arg, const char *fmt, va_list args)
{
	struct printer *p = arg;
	char *text;
	int len;

	if (p->err)
		return;
	len = vasprintf(&text, fmt, args);
	if (len < 0) {
		p->err = libring_fail(ENOMEM, "no memory to print the schema");
		return;
	}
	p->err = p->fn(text, (size_t)len, p->arg);
	free(text);
}

int ring_schema_print(const struct ring_schema *s, ring_text_fn fn, void *arg)
{
	struct printer p = { .fn = fn, .arg = arg };
	struct btf_dump *d = btf_dump__new(s->btf, print_piece, &p, NULL);
	uint32_t i;
	int err = 0;

	if (!d)
		return libring_fail(ENOMEM, "no memory to print the schema");
	for (i = 0; !err && i < s->nr_records; i++)
		err = btf_dump__dump_type(d, s->records[i].id);
	if (!err)
		err = btf_dump__dump_type(d, s->enum_id);
	btf_dump__free(d);
	if (p.err)
		return p.err;
	return err ? libring_fail(-err, "libbpf cannot print the schema: %s", strerror(-err)) : 0;
}
