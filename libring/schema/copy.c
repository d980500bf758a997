// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Copies the types of a schema from untrusted BTF into new BTF.
 *
 * libbpf checks that the types lie within their section. It does not check the types
 * they refer to; this file does. So the copy has no missing type, no cycle, a bounded
 * depth, and valid names only. plan.c checks the layout of the fields.
 */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define BUSY UINT32_MAX

/*
 * @ids: the number in @dst of each type of @src; 0: not copied yet; BUSY: being copied,
 *       so another reference to it is a cycle
 * @heights: levels of nesting in each type, itself included
 * @index, @pointer: in @dst, the types that all arrays and pointers share; 0: none yet
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

/* Reports that libbpf refused @what. Return: -ENOMEM; -EPROTO. */
static int report_refusal(int err, const char *what)
{
	if (err == -ENOMEM)
		return libring_set_error(ENOMEM, "no memory for the schema");
	return libring_set_error(EPROTO, "schema: %s is not valid: %s", what, strerror(-err));
}

/* Takes the result of btf__add_*(): the number of a type, or an error. */
static int take_type_id(int id, uint32_t *out)
{
	if (id < 0)
		return report_refusal(id, "a type");
	*out = (uint32_t)id;
	return 0;
}

static int copy_int(struct copy *c, const struct btf_type *t, uint32_t *out)
{
	uint32_t size = t->size;
	const char *name;
	int err;

	err = libring_schema_require_name(c->src, t->name_off, true, "an integer", &name);
	if (err)
		return err;
	if (!size || size > 16 || size & (size - 1) || btf_int_offset(t) ||
	    btf_int_bits(t) != size * 8)
		return libring_set_error(EPROTO, "schema: %s has %u bytes and %u bits", name, size,
					 btf_int_bits(t));
	return take_type_id(btf__add_int(c->dst, name, size, btf_int_encoding(t)), out);
}

static int copy_float(struct copy *c, const struct btf_type *t, uint32_t *out)
{
	uint32_t size = t->size;
	const char *name;
	int err;

	err = libring_schema_require_name(c->src, t->name_off, true, "a floating-point type",
					  &name);
	if (err)
		return err;
	if (size != 2 && size != 4 && size != 8 && size != 12 && size != 16)
		return libring_set_error(EPROTO, "schema: %s has %u bytes", name, size);
	return take_type_id(btf__add_float(c->dst, name, size), out);
}

/*
 * A record has the pointer, but not its target, so the target's type is dropped. In a
 * schema a pointer has 8 bytes: a pointer of a 32-bit program becomes a number.
 */
static int copy_pointer(struct copy *c, uint32_t *out)
{
	int err = 0;

	if (!c->pointer && c->pointer_size == 8) {
		err = take_type_id(btf__add_ptr(c->dst, 0), &c->pointer);
	} else if (!c->pointer) {
		err = take_type_id(btf__add_int(c->dst, "unsigned int", 4, 0), &c->pointer);
		if (!err)
			err = take_type_id(btf__add_typedef(c->dst, "seqring_hex32",
							    (int)c->pointer),
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
		err = take_type_id(btf__add_int(c->dst, "__ARRAY_SIZE_TYPE__", 4, 0), &c->index);
	if (err)
		return err;
	return take_type_id(btf__add_array(c->dst, (int)c->index, (int)elem, a->nelems), out);
}

static int copy_enum(struct copy *c, const struct btf_type *t, uint32_t *out)
{
	bool wide = btf_is_enum64(t);
	unsigned int i, nr = btf_vlen(t);
	struct btf_type *copied;
	const char *name;
	int64_t value;
	int err;

	err = libring_schema_get_name(c->src, t->name_off, false, &name);
	if (err)
		return err;
	if (!t->size || t->size > 8 || t->size & (t->size - 1))
		return libring_set_error(EPROTO, "schema: enum %s has %u bytes", name, t->size);
	if (wide)
		err = take_type_id(btf__add_enum64(c->dst, name, t->size, btf_kflag(t)), out);
	else
		err = take_type_id(btf__add_enum(c->dst, name, t->size), out);
	for (i = 0; !err && i < nr; i++) {
		err = libring_schema_get_enumerator(c->src, t, i, &name, &value);
		if (err)
			return err;
		if (wide)
			err = btf__add_enum64_value(c->dst, name, (uint64_t)value);
		else
			err = btf__add_enum_value(c->dst, name, value);
		if (err)
			return report_refusal(err, name);
	}
	if (err)
		return err;
	/* btf__add_enum_value() marks an enum as signed only if it has a negative value. */
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

	err = libring_schema_get_name(c->src, t->name_off, false, &name);
	if (!err && btf_is_struct(t))
		err = take_type_id(btf__add_struct(c->dst, name, t->size), out);
	else if (!err)
		err = take_type_id(btf__add_union(c->dst, name, t->size), out);
	for (i = 0; !err && i < nr; i++) {
		uint32_t bits = btf_member_bitfield_size(t, i);
		uint32_t offset = btf_member_bit_offset(t, i);

		err = libring_schema_get_name(c->src, btf_members(t)[i].name_off, false, &name);
		if (err)
			return err;
		/* libbpf would treat such a member as a bit-field. */
		if (!bits && offset % 8)
			return libring_set_error(EPROTO, "schema: member %s begins within a byte",
						 name);
		err = btf__add_field(c->dst, name, (int)ids[i], offset, bits);
		if (err)
			return report_refusal(err, name);
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
		return libring_set_error(EPROTO, "schema: a struct has %u members (at most %d)", nr,
					 RING_SCHEMA_FIELDS_MAX);
	ids = calloc(nr + 1, sizeof(*ids));
	if (!ids)
		return libring_set_error(ENOMEM, "no memory for the schema");
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

	err = libring_schema_require_name(c->src, t->name_off, false, "a typedef", &name);
	if (!err)
		err = copy_type(c, t->type, depth, &to, height);
	return err ? err : take_type_id(btf__add_typedef(c->dst, name, (int)to), out);
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
		return libring_set_error(EPROTO,
					 "schema: a field is of BTF kind %u, which has no value",
					 btf_kind(t));
	}
}

/*
 * Copies type @id with all types in it. Recursion ends: no type contains itself, and
 * none is deeper than RING_SCHEMA_DEPTH_MAX.
 *
 * @depth: levels of nesting around it
 * @out: set to its number in ->dst
 * @height: set to the levels of nesting in it, itself included
 */
static int copy_type(struct copy *c, uint32_t id, unsigned int depth, uint32_t *out,
		     unsigned int *height)
{
	const struct btf_type *t;
	unsigned int below = 0;
	int err = 0;

	if (!id || id >= c->nr_types)
		return libring_set_error(EPROTO,
					 "schema: a field has type %u, the types are 1 to %u", id,
					 c->nr_types - 1);
	if (c->ids[id] == BUSY)
		return libring_set_error(EPROTO, "schema: type %u contains itself", id);
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
	return libring_set_error(EPROTO, "schema: types are nested more than %d deep",
				 RING_SCHEMA_DEPTH_MAX);
}

/* Copies the records' structs and the enum, and turns all references to @s->btf. */
static int copy_all(struct copy *c, struct ring_schema *s)
{
	unsigned int height;
	uint32_t i, id;
	int err;

	err = libring_schema_list_records(c->src, s, &id);
	for (i = 0; !err && i < s->nr_records; i++)
		err = copy_type(c, s->records[i].id, 0, &s->records[i].id, &height);
	if (!err)
		err = copy_type(c, id, 0, &s->enum_id, &height);
	for (i = 0; !err && i < s->nr_records; i++) {
		const struct btf_type *t = btf__type_by_id(c->dst, s->records[i].id);

		s->records[i].name = btf__name_by_offset(c->dst, t->name_off);
	}
	return err;
}

/**
 * libring_schema_copy() - build a schema's BTF from untrusted BTF
 * @src: the source, of the machine's byte order; not used afterwards
 * @pointer_size: bytes of a pointer in @src
 * @s: zeroed; ->btf, ->enum_id and ->records are set, but not their ->node and ->min_len
 *
 * Return: 0; -ENOENT there is no enum seqring_schema; -EPROTO; -ENOMEM. On failure,
 * too, ring_schema_close() frees what @s has.
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
		err = libring_set_error(ENOMEM, "no memory for the schema");
	else
		err = copy_all(&c, s);
	if (!err && btf__set_pointer_size(s->btf, 8))
		err = libring_set_error(EPROTO, "libbpf does not support pointers of 8 bytes");
	free(c.ids);
	free(c.heights);
	return err;
}
