// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Turns BTF types into nodes, which have all that a walk needs: sizes, offsets, names
 * and how to decode each value. Each type is looked up once. Checks that every field is
 * within the bytes that a payload must have, and bounds the work for one record.
 */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * At most so many nodes in all structs, each counted once per use. Bounds the names
 * compared here and the work of libbpf when it prints the structs.
 */
#define TREE_MAX (1u << 22)

/*
 * @nodes: indexed by type of ->btf; NULL: not planned yet
 * @tree, @bytes: sums over all structs so far
 */
struct plan {
	struct ring_schema *s;
	const struct schema_node **nodes;
	uint32_t tree;
	uint64_t bytes;
};

static int plan_type(struct plan *p, uint32_t id, const struct schema_node **out);

static struct schema_node *new_node(struct plan *p, uint8_t kind, uint32_t size)
{
	struct schema_node *n = calloc(1, sizeof(*n));

	if (!n) {
		libring_set_error(ENOMEM, "no memory for the schema");
		return NULL;
	}
	n->kind = kind;
	n->size = size;
	n->tree = 1;
	n->next = p->s->nodes;
	p->s->nodes = n;
	return n;
}

static const char *get_name(const struct plan *p, uint32_t offset)
{
	return btf__name_by_offset(p->s->btf, offset);
}

static int plan_int(struct plan *p, const struct btf_type *t, struct schema_node **out)
{
	uint8_t encoding = btf_int_encoding(t);
	struct schema_node *n = new_node(p, RING_FIELD_UINT, t->size);

	if (!n)
		return -ENOMEM;
	*out = n;
	n->is_int = true;
	n->is_signed = encoding & BTF_INT_SIGNED;
	if (n->is_signed)
		n->kind = RING_FIELD_INT;
	if (encoding & BTF_INT_BOOL) {
		n->kind = RING_FIELD_BOOL;
		n->is_signed = false;
	} else if (t->size == 1) {
		/* Compilers do not set BTF_INT_CHAR; only `char` itself has this name. */
		if (encoding & BTF_INT_CHAR || !strcmp(get_name(p, t->name_off), "char"))
			n->kind = RING_FIELD_TEXT;
		if (n->kind != RING_FIELD_INT)
			n->in_array = n->kind == RING_FIELD_TEXT ? RING_FIELD_TEXT :
								   RING_FIELD_BYTES;
	}
	return 0;
}

static int compare_values(const void *a, const void *b)
{
	const struct ring_enumerator *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	/* Of two enumerators with one value, the one declared first comes first. */
	return x->index < y->index ? -1 : x->index > y->index;
}

static int plan_enum(struct plan *p, const struct btf_type *t, struct schema_node **out)
{
	uint64_t mask = t->size == 8 ? UINT64_MAX : (1ULL << 8 * t->size) - 1;
	struct schema_node *n = new_node(p, RING_FIELD_ENUM, t->size);
	unsigned int i, nr = btf_vlen(t);

	if (!n)
		return -ENOMEM;
	*out = n;
	n->is_int = true;
	n->is_signed = btf_kflag(t);
	n->enumerators = calloc(nr + 1, sizeof(*n->enumerators));
	if (!n->enumerators)
		return libring_set_error(ENOMEM, "no memory for the schema");
	for (i = 0; i < nr; i++) {
		struct ring_enumerator *e = &n->enumerators[i];

		if (btf_is_enum64(t)) {
			const uint32_t *raw = (const uint32_t *)btf_enum64(t) + 3 * (size_t)i;

			e->name = get_name(p, raw[0]);
			e->value = (uint64_t)raw[2] << 32 | raw[1];
		} else {
			const struct btf_enum *raw = btf_enum(t) + i;

			e->name = get_name(p, raw->name_off);
			e->value = (uint64_t)(int64_t)raw->val;
		}
		e->value &= mask;
		e->index = i;
	}
	n->count = nr;
	qsort(n->enumerators, nr, sizeof(*n->enumerators), compare_values);
	return 0;
}

static int plan_array(struct plan *p, const struct btf_type *t, struct schema_node **out)
{
	const struct btf_array *a = btf_array(t);
	const struct schema_node *elem;
	struct schema_node *n;
	int err;

	err = plan_type(p, a->type, &elem);
	if (err)
		return err;
	if (!elem->size || elem->open)
		return libring_set_error(EPROTO, "schema: an array of elements that have no size");
	if (a->nelems > UINT32_MAX / elem->size)
		return libring_set_error(EPROTO, "schema: an array of %u elements of %u bytes",
					 a->nelems, elem->size);
	n = new_node(p, elem->in_array && !elem->strings ? elem->in_array : RING_FIELD_ARRAY,
		     a->nelems * elem->size);
	if (!n)
		return -ENOMEM;
	*out = n;
	n->elem = elem;
	n->count = a->nelems;
	n->strings = elem->strings && elem->kind == RING_FIELD_TEXT;
	n->open = !a->nelems;
	n->tree = 1 + elem->tree;
	return 0;
}

/* Checks the width of a member, and that it lies within its struct. */
static int check_member(const struct schema_node *n, const struct schema_member *m,
			const char *name)
{
	const struct schema_node *type = m->node;
	uint64_t bits = m->bits ? m->bits : 8ULL * type->size;

	if (m->bits && !type->is_int)
		return libring_set_error(EPROTO, "schema: bit-field %s is not of an integer type",
					 name);
	if (m->bits > 64 || m->bits > 8 * type->size)
		return libring_set_error(EPROTO, "schema: bit-field %s has %u bits", name, m->bits);
	if (m->bit_offset + bits > 8ULL * n->size)
		return libring_set_error(EPROTO, "schema: member %s is outside its struct", name);
	return 0;
}

static int plan_member(struct plan *p, const struct btf_type *t, unsigned int i,
		       struct schema_node *n)
{
	struct schema_member *m = &n->members[n->count];
	const char *name = get_name(p, btf_members(t)[i].name_off);
	bool last = i + 1 == btf_vlen(t);
	int err;

	m->bits = btf_member_bitfield_size(t, i);
	m->bit_offset = btf_member_bit_offset(t, i);
	err = plan_type(p, btf_members(t)[i].type, &m->node);
	if (!err)
		err = check_member(n, m, name);
	if (err)
		return err;
	if (m->node->open && (!last || m->node->kind == RING_FIELD_STRUCT || btf_is_union(t)))
		return libring_set_error(EPROTO,
					 "schema: %s has no size: only the last member of a "
					 "record's own struct may lack one",
					 *name ? name : "a member");
	n->open |= m->node->open;
	n->tree += m->node->tree;
	/* An unnamed member of another kind is padding. */
	if (!*name && m->node->kind != RING_FIELD_STRUCT && m->node->kind != RING_FIELD_UNION)
		return 0;
	m->name = *name ? name : NULL;
	n->count++;
	return 0;
}

/* Collects the names of the members, including those of unnamed structs, as in C. */
static void collect_names(const struct schema_node *n, const char **names, uint32_t *nr)
{
	uint32_t i;

	for (i = 0; i < n->count; i++) {
		if (n->members[i].name)
			names[(*nr)++] = n->members[i].name;
		else
			collect_names(n->members[i].node, names, nr);
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const struct schema_node *n)
{
	const char **names = calloc(n->tree + 1, sizeof(*names));
	uint32_t i, nr = 0;
	int err = 0;

	if (!names)
		return libring_set_error(ENOMEM, "no memory for the schema");
	collect_names(n, names, &nr);
	qsort(names, nr, sizeof(*names), compare_texts);
	for (i = 1; !err && i < nr; i++)
		if (!strcmp(names[i - 1], names[i]))
			err = libring_set_error(EPROTO, "schema: a struct has two members named %s",
						names[i]);
	free(names);
	return err;
}

static int plan_struct(struct plan *p, const struct btf_type *t, struct schema_node **out)
{
	uint8_t kind = btf_is_union(t) ? RING_FIELD_UNION : RING_FIELD_STRUCT;
	struct schema_node *n = new_node(p, kind, t->size);
	unsigned int i, nr = btf_vlen(t);
	int err = 0;

	if (!n)
		return -ENOMEM;
	*out = n;
	/* libbpf prints a line for every 8 bytes of a gap, so the bytes are bounded, too. */
	p->bytes += t->size;
	if (p->bytes > RING_SCHEMA_BYTES_MAX)
		return libring_set_error(EPROTO, "schema: its structs have more than %d bytes",
					 RING_SCHEMA_BYTES_MAX);
	n->members = calloc(nr + 1, sizeof(*n->members));
	if (!n->members)
		return libring_set_error(ENOMEM, "no memory for the schema");
	for (i = 0; !err && i < nr; i++) {
		err = plan_member(p, t, i, n);
		/* Checked for each member, so the sum cannot overflow. */
		if (!err && p->tree + n->tree > TREE_MAX)
			err = libring_set_error(EPROTO,
						"schema: its structs have too many members");
	}
	p->tree += n->tree;
	return err ? err : check_names(n);
}

/*
 * A typedef of seqring/schema.h.
 *
 * @kind, @size: of its values
 * @of: the kind of the underlying type; 0: any integer
 */
struct hint {
	const char *name;
	uint8_t kind;
	uint8_t size;
	uint8_t of;
};

static const struct hint hints[] = {
	{ "seqring_hex8", RING_FIELD_HEX, 1, 0 },
	{ "seqring_hex16", RING_FIELD_HEX, 2, 0 },
	{ "seqring_hex32", RING_FIELD_HEX, 4, 0 },
	{ "seqring_hex64", RING_FIELD_HEX, 8, 0 },
	{ "seqring_ip4", RING_FIELD_IP4, 4, RING_FIELD_UINT },
	{ "seqring_ip6", RING_FIELD_IP6, 16, RING_FIELD_BYTES },
	{ "seqring_strings", RING_FIELD_TEXT, 1, RING_FIELD_TEXT },
};

/* A typedef of seqring/schema.h gets a node of its own; any other is its underlying type. */
static int plan_typedef(struct plan *p, const struct btf_type *t, const struct schema_node **out)
{
	const char *name = get_name(p, t->name_off);
	const struct schema_node *type;
	const struct hint *h = NULL;
	struct schema_node *n;
	size_t i;
	int err;

	err = plan_type(p, t->type, &type);
	if (err)
		return err;
	*out = type;
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (!strcmp(hints[i].name, name))
			h = &hints[i];
	if (!h)
		return 0;
	if (type->size != h->size || (h->of ? type->kind != h->of : !type->is_int))
		return libring_set_error(EPROTO,
					 "schema: %s is not declared as in seqring/schema.h", name);
	n = new_node(p, h->kind, h->size);
	if (!n)
		return -ENOMEM;
	n->is_int = h->kind == RING_FIELD_HEX;
	n->strings = h->kind == RING_FIELD_TEXT;
	n->in_array = h->size == 1 ? (n->strings ? RING_FIELD_TEXT : RING_FIELD_BYTES) : 0;
	*out = n;
	return 0;
}

static int plan_kind(struct plan *p, const struct btf_type *t, struct schema_node **out)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return plan_int(p, t, out);
	case BTF_KIND_FLOAT:
		*out = new_node(p,
				t->size == 4 || t->size == 8 ? RING_FIELD_FLOAT : RING_FIELD_BYTES,
				t->size);
		return *out ? 0 : -ENOMEM;
	case BTF_KIND_PTR:
		*out = new_node(p, RING_FIELD_HEX, 8);
		return *out ? 0 : -ENOMEM;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return plan_enum(p, t, out);
	case BTF_KIND_ARRAY:
		return plan_array(p, t, out);
	default:
		return plan_struct(p, t, out);
	}
}

/* Recursion ends: the copy has no cycles and at most RING_SCHEMA_DEPTH_MAX levels. */
static int plan_type(struct plan *p, uint32_t id, const struct schema_node **out)
{
	const struct btf_type *t = btf__type_by_id(p->s->btf, id);
	struct schema_node *n = NULL;
	int err = 0;

	if (!p->nodes[id] && btf_is_typedef(t)) {
		err = plan_typedef(p, t, &p->nodes[id]);
	} else if (!p->nodes[id]) {
		err = plan_kind(p, t, &n);
		if (!err)
			p->nodes[id] = n;
	}
	*out = p->nodes[id];
	return err;
}

/*
 * Computes how many bytes a payload must have. In an open record, sizeof also counts the
 * padding after the start of the array. A payload may lack that padding, but no member.
 */
static uint32_t compute_min_len(const struct schema_node *n)
{
	uint64_t end, len = 0;
	uint32_t i;

	if (!n->open)
		return n->size;
	for (i = 0; i < n->count; i++) {
		const struct schema_member *m = &n->members[i];

		end = m->bit_offset + (m->bits ? m->bits : 8ULL * m->node->size);
		if (end > len)
			len = end;
	}
	return (uint32_t)((len + 7) / 8);
}

/* Sets ->node and ->min_len of all records. Return: 0; -EPROTO; -ENOMEM. */
int libring_schema_plan(struct ring_schema *s)
{
	struct plan p = { .s = s };
	int err = 0;
	uint32_t i;

	p.nodes = calloc(btf__type_cnt(s->btf), sizeof(*p.nodes));
	if (!p.nodes)
		return libring_set_error(ENOMEM, "no memory for the schema");
	for (i = 0; !err && i < s->nr_records; i++) {
		struct schema_record *r = &s->records[i];

		err = plan_type(&p, r->id, &r->node);
		if (!err)
			r->min_len = compute_min_len(r->node);
	}
	free(p.nodes);
	return err;
}
