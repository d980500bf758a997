// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The types of a schema, copied from BTF that nobody vouches for into BTF of our own.
 *
 * libbpf sees to it that the types lie within their section. It does not check what
 * they refer to: that is done here, so that whatever works on the copy meets no type
 * that is not there, no cycle, no depth without bound and no name that is not one.
 * What the fields mean, schema_plan.c checks.
 */

#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define BUSY UINT32_MAX

/*
 * @ids: of each type of @src, its number in @dst; 0: not copied yet, BUSY: it is being
 *       copied, so that to meet it again is a cycle
 * @heights: how many types are inside one another in it
 * @index, @pointer: in @dst, when there are arrays and pointers
 */
struct copy {
	const struct btf *src;
	struct btf *dst;
	size_t pointer_size;
	uint32_t nr_types;
	uint32_t *ids;
	uint8_t *heights;
	uint32_t index;
	uint32_t pointer;
};

static int copy_type(struct copy *c, uint32_t id, unsigned int depth, uint32_t *out,
		     unsigned int *height);

/* Libbpf did not take @what. */
static int refused(int err, const char *what)
{
	if (err == -ENOMEM)
		return libring_fail(ENOMEM, "no memory for the schema");
	return libring_fail(EPROTO, "schema: %s is not valid: %s", what, strerror(-err));
}

/* What btf__add_*() returned, a type's number. */
static int added(int id, uint32_t *out)
{
	if (id < 0)
		return refused(id, "a type");
	*out = (uint32_t)id;
	return 0;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/*
 * Names come out again in JSON, in C and on terminals. @spaces: "unsigned int" is one.
 *
 * Return: 0, @name "" when there is none.
 */
static int get_name(const struct copy *c, uint32_t offset, bool spaces, const char **name)
{
	const char *s = btf__name_by_offset(c->src, offset);
	size_t i;

	if (!s)
		return libring_fail(EPROTO, "schema: a name is outside its strings");
	for (i = 0; s[i]; i++) {
		if (i == RING_SCHEMA_NAME_MAX)
			return libring_fail(EPROTO, "schema: a name has more than %d characters",
					    RING_SCHEMA_NAME_MAX);
		if (!is_name_char(s[i]) && !(spaces && s[i] == ' '))
			return libring_fail(EPROTO, "schema: a name has a byte 0x%02x in it",
					    (unsigned char)s[i]);
	}
	if (s[0] >= '0' && s[0] <= '9')
		return libring_fail(EPROTO, "schema: a name begins with a digit");
	*name = s;
	return 0;
}

static int need_name(const struct copy *c, uint32_t offset, bool spaces, const char *what,
		     const char **name)
{
	int err = get_name(c, offset, spaces, name);

	if (!err && !**name)
		err = libring_fail(EPROTO, "schema: %s without a name", what);
	return err;
}

static int copy_int(struct copy *c, const struct btf_type *t, uint32_t *out)
{
	uint32_t size = t->size;
	const char *name;
	int err;

	err = need_name(c, t->name_off, true, "an integer", &name);
	if (err)
		return err;
	if (!size || size > 16 || size & (size - 1) || btf_int_offset(t) ||
	    btf_int_bits(t) != size * 8)
		return libring_fail(EPROTO, "schema: %s has %u bytes and %u bits", name, size,
				    btf_int_bits(t));
	return added(btf__add_int(c->dst, name, size, btf_int_encoding(t)), out);
}

static int copy_float(struct copy *c, const struct btf_type *t, uint32_t *out)
{
	uint32_t size = t->size;
	const char *name;
	int err;

	err = need_name(c, t->name_off, true, "a floating-point type", &name);
	if (err)
		return err;
	if (size != 2 && size != 4 && size != 8 && size != 12 && size != 16)
		return libring_fail(EPROTO, "schema: %s has %u bytes", name, size);
	return added(btf__add_float(c->dst, name, size), out);
}

/*
 * What a pointer points to is not in the record. In a schema a pointer has 8 bytes:
 * that of a 32-bit program becomes a number.
 */
static int copy_pointer(struct copy *c, uint32_t *out)
{
	int err = 0;

	if (!c->pointer && c->pointer_size == 8) {
		err = added(btf__add_ptr(c->dst, 0), &c->pointer);
	} else if (!c->pointer) {
		err = added(btf__add_int(c->dst, "unsigned int", 4, 0), &c->pointer);
		if (!err)
			err = added(btf__add_typedef(c->dst, "seqring_hex32", (int)c->pointer),
				    &c->pointer);
	}
	*out = c->pointer;
	return err;
}

static int copy_array(struct copy *c, const struct btf_type *t, unsigned int depth, uint32_t *out,
		      unsigned int *height)
{
	const struct btf_array *a = btf_array(t);
	uint32_t elem;
	int err;

	err = copy_type(c, a->type, depth, &elem, height);
	if (!err && !c->index)
		err = added(btf__add_int(c->dst, "__ARRAY_SIZE_TYPE__", 4, 0), &c->index);
	if (err)
		return err;
	return added(btf__add_array(c->dst, (int)c->index, (int)elem, a->nelems), out);
}

/* ENUM and ENUM64: enumerator @i. */
static int get_enumerator(const struct copy *c, const struct btf_type *t, unsigned int i,
			  const char **name, int64_t *value)
{
	uint32_t name_off;

	if (btf_is_enum64(t)) {
		const uint32_t *e = (const uint32_t *)btf_enum64(t) + 3 * (size_t)i;

		name_off = e[0];
		*value = (int64_t)((uint64_t)e[2] << 32 | e[1]);
	} else {
		const struct btf_enum *e = btf_enum(t) + i;

		name_off = e->name_off;
		*value = btf_kflag(t) ? e->val : (int64_t)(uint32_t)e->val;
	}
	return need_name(c, name_off, false, "an enumerator", name);
}

static int copy_enum(struct copy *c, const struct btf_type *t, uint32_t *out)
{
	bool wide = btf_is_enum64(t);
	unsigned int i, nr = btf_vlen(t);
	struct btf_type *copied;
	const char *name;
	int64_t value;
	int err;

	err = get_name(c, t->name_off, false, &name);
	if (err)
		return err;
	if (!t->size || t->size > 8 || t->size & (t->size - 1))
		return libring_fail(EPROTO, "schema: enum %s has %u bytes", name, t->size);
	if (wide)
		err = added(btf__add_enum64(c->dst, name, t->size, btf_kflag(t)), out);
	else
		err = added(btf__add_enum(c->dst, name, t->size), out);
	for (i = 0; !err && i < nr; i++) {
		err = get_enumerator(c, t, i, &name, &value);
		if (err)
			return err;
		if (wide)
			err = btf__add_enum64_value(c->dst, name, (uint64_t)value);
		else
			err = btf__add_enum_value(c->dst, name, value);
		if (err)
			return refused(err, name);
	}
	if (err)
		return err;
	/* btf__add_enum() cannot say so of an enum that has no value below zero. */
	copied = (struct btf_type *)btf__type_by_id(c->dst, *out);
	copied->info |= t->info & 1u << 31;
	return 0;
}

static int copy_members(struct copy *c, const struct btf_type *t, unsigned int depth, uint32_t *ids,
			unsigned int *height)
{
	unsigned int i, below, nr = btf_vlen(t);
	int err = 0;

	*height = 0;
	for (i = 0; !err && i < nr; i++) {
		err = copy_type(c, btf_members(t)[i].type, depth, &ids[i], &below);
		if (!err && below > *height)
			*height = below;
	}
	return err;
}

static int add_struct(struct copy *c, const struct btf_type *t, const uint32_t *ids, uint32_t *out)
{
	unsigned int i, nr = btf_vlen(t);
	const char *name;
	int err;

	err = get_name(c, t->name_off, false, &name);
	if (!err && btf_is_struct(t))
		err = added(btf__add_struct(c->dst, name, t->size), out);
	else if (!err)
		err = added(btf__add_union(c->dst, name, t->size), out);
	for (i = 0; !err && i < nr; i++) {
		uint32_t bits = btf_member_bitfield_size(t, i);
		uint32_t offset = btf_member_bit_offset(t, i);

		err = get_name(c, btf_members(t)[i].name_off, false, &name);
		if (err)
			return err;
		/* Not left to libbpf, which would take it for a bit-field. */
		if (!bits && offset % 8)
			return libring_fail(EPROTO, "schema: member %s begins within a byte", name);
		err = btf__add_field(c->dst, name, (int)ids[i], offset, bits);
		if (err)
			return refused(err, name);
	}
	return err;
}

static int copy_struct(struct copy *c, const struct btf_type *t, unsigned int depth, uint32_t *out,
		       unsigned int *height)
{
	unsigned int nr = btf_vlen(t);
	uint32_t *ids;
	int err;

	if (nr > RING_SCHEMA_FIELDS_MAX)
		return libring_fail(EPROTO, "schema: a struct has %u members (at most %d)", nr,
				    RING_SCHEMA_FIELDS_MAX);
	ids = calloc(nr + 1, sizeof(*ids));
	if (!ids)
		return libring_fail(ENOMEM, "no memory for the schema");
	err = copy_members(c, t, depth, ids, height);
	if (!err)
		err = add_struct(c, t, ids, out);
	free(ids);
	return err;
}

static int copy_typedef(struct copy *c, const struct btf_type *t, unsigned int depth, uint32_t *out,
			unsigned int *height)
{
	const char *name;
	uint32_t to;
	int err;

	err = need_name(c, t->name_off, false, "a typedef", &name);
	if (!err)
		err = copy_type(c, t->type, depth, &to, height);
	return err ? err : added(btf__add_typedef(c->dst, name, (int)to), out);
}

static int copy_kind(struct copy *c, const struct btf_type *t, unsigned int depth, uint32_t *out,
		     unsigned int *height)
{
	*height = 0;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return copy_int(c, t, out);
	case BTF_KIND_FLOAT:
		return copy_float(c, t, out);
	case BTF_KIND_PTR:
		return copy_pointer(c, out);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return copy_enum(c, t, out);
	case BTF_KIND_ARRAY:
		return copy_array(c, t, depth, out, height);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return copy_struct(c, t, depth, out, height);
	case BTF_KIND_TYPEDEF:
		return copy_typedef(c, t, depth, out, height);
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return copy_type(c, t->type, depth, out, height);
	default:
		return libring_fail(EPROTO, "schema: a field is of BTF kind %u, which has no value",
				    btf_kind(t));
	}
}

/* @depth: of the types that it is inside of. @height: of those inside it, itself included. */
static int copy_type(struct copy *c, uint32_t id, unsigned int depth, uint32_t *out,
		     unsigned int *height)
{
	const struct btf_type *t;
	unsigned int below = 0;
	int err = 0;

	if (!id || id >= c->nr_types)
		return libring_fail(EPROTO, "schema: a field is of type %u of %u", id,
				    c->nr_types - 1);
	if (c->ids[id] == BUSY)
		return libring_fail(EPROTO, "schema: type %u has itself in it", id);
	if (!c->ids[id]) {
		t = btf__type_by_id(c->src, id);
		if (depth == RING_SCHEMA_DEPTH_MAX || !t)
			goto too_deep;
		c->ids[id] = BUSY;
		err = copy_kind(c, t, depth + 1, &c->ids[id], &below);
		if (err)
			return err;
		c->heights[id] = (uint8_t)(below + 1);
	}
	if (depth + c->heights[id] > RING_SCHEMA_DEPTH_MAX)
		goto too_deep;
	*out = c->ids[id];
	*height = c->heights[id];
	return 0;

too_deep:
	return libring_fail(EPROTO, "schema: more than %d types are inside one another",
			    RING_SCHEMA_DEPTH_MAX);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct schema_record *)a)->name,
		      ((const struct schema_record *)b)->name);
}

/* The only enum of that name. */
static int find_enum(const struct copy *c, uint32_t *out)
{
	uint32_t id;

	*out = 0;
	for (id = 1; id < c->nr_types; id++) {
		const struct btf_type *t = btf__type_by_id(c->src, id);
		const char *name;

		if (!t || !btf_is_any_enum(t))
			continue;
		name = btf__name_by_offset(c->src, t->name_off);
		if (!name || strcmp(name, SCHEMA_ENUM))
			continue;
		if (*out)
			return libring_fail(EPROTO, "there is more than one enum " SCHEMA_ENUM);
		*out = id;
	}
	if (!*out)
		return libring_fail(ENOENT, "there is no enum " SCHEMA_ENUM);
	return 0;
}

/* The types of the records, with the names of the source's strings. */
static int list_records(const struct copy *c, const struct btf_type *t, struct ring_schema *s)
{
	unsigned int i, nr = btf_vlen(t);
	int64_t value;
	int err;

	if (!nr)
		return libring_fail(EPROTO, "enum " SCHEMA_ENUM " has no enumerators");
	s->records = calloc(nr, sizeof(*s->records));
	if (!s->records)
		return libring_fail(ENOMEM, "no memory for the schema");
	for (i = 0; i < nr; i++) {
		err = get_enumerator(c, t, i, &s->records[i].name, &value);
		if (err)
			return err;
		if (value < 0 || value > UINT16_MAX)
			return libring_fail(EPROTO, "enum " SCHEMA_ENUM ": %s is %lld (0 to 65535)",
					    s->records[i].name, (long long)value);
		s->records[i].type = (uint16_t)value;
	}
	s->nr_records = nr;
	qsort(s->records, nr, sizeof(*s->records), by_name);
	for (i = 1; i < nr; i++)
		if (!by_name(&s->records[i - 1], &s->records[i]))
			return libring_fail(EPROTO, "enum " SCHEMA_ENUM " has %s twice",
					    s->records[i].name);
	return 0;
}

/* Finds the struct of each record's name: its number in the source goes to ->id. */
static int find_structs(const struct copy *c, struct ring_schema *s)
{
	uint32_t id, i;

	for (id = 1; id < c->nr_types; id++) {
		const struct btf_type *t = btf__type_by_id(c->src, id);
		struct schema_record key, *found;

		if (!t || !btf_is_struct(t))
			continue;
		key.name = btf__name_by_offset(c->src, t->name_off);
		if (!key.name)
			continue;
		found = bsearch(&key, s->records, s->nr_records, sizeof(key), by_name);
		if (!found)
			continue;
		if (found->id)
			return libring_fail(EPROTO,
					    "there is more than one struct %s (bpftool gen object, "
					    "or pahole, makes one of them)",
					    found->name);
		found->id = id;
	}
	for (i = 0; i < s->nr_records; i++)
		if (!s->records[i].id)
			return libring_fail(EPROTO,
					    "enum " SCHEMA_ENUM
					    " has %s, but there is no struct %s",
					    s->records[i].name, s->records[i].name);
	return 0;
}

static int by_type(const void *a, const void *b)
{
	const struct schema_record *x = a, *y = b;

	return x->type < y->type ? -1 : x->type > y->type;
}

static int copy_all(struct copy *c, struct ring_schema *s)
{
	unsigned int height;
	uint32_t i, id;
	int err;

	err = find_enum(c, &id);
	if (!err)
		err = list_records(c, btf__type_by_id(c->src, id), s);
	if (!err)
		err = find_structs(c, s);
	if (err)
		return err;
	qsort(s->records, s->nr_records, sizeof(*s->records), by_type);
	for (i = 0; i < s->nr_records; i++) {
		struct schema_record *r = &s->records[i];

		if (i && r[-1].type == r->type)
			return libring_fail(EPROTO, "%s and %s are both of type %u", r[-1].name,
					    r->name, r->type);
		err = copy_type(c, r->id, 0, &r->id, &height);
		if (err)
			return err;
	}
	err = copy_type(c, id, 0, &s->enum_id, &height);
	/* The source may go. */
	for (i = 0; !err && i < s->nr_records; i++) {
		const struct btf_type *t = btf__type_by_id(c->dst, s->records[i].id);

		s->records[i].name = btf__name_by_offset(c->dst, t->name_off);
	}
	return err;
}

/*
 * Fills ->btf, ->enum_id, and ->records but for what a plan says. @s is zeroed
 * before; what it got, on failure also, ring_schema_close() frees.
 */
int libring_schema_copy(const struct btf *src, size_t pointer_size, struct ring_schema *s)
{
	struct copy c = {
		.src = src,
		.pointer_size = pointer_size,
		.nr_types = btf__type_cnt(src),
	};
	int err;

	s->btf = btf__new_empty();
	c.dst = s->btf;
	c.ids = calloc(c.nr_types, sizeof(*c.ids));
	c.heights = calloc(c.nr_types, sizeof(*c.heights));
	if (!s->btf || !c.ids || !c.heights)
		err = libring_fail(ENOMEM, "no memory for the schema");
	else
		err = copy_all(&c, s);
	if (!err && btf__set_pointer_size(s->btf, 8))
		err = libring_fail(EPROTO, "libbpf knows no pointers of 8 bytes");
	free(c.ids);
	free(c.heights);
	return err;
}
