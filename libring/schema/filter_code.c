// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Makes a program of tests for each type of records. It is made from its end to its beginning, so
 * where a test jumps to is there already, and has a lower number. What is known of a type
 * is decided here: a comparison of the type, or of a field that the type does not have.
 */

#include <stdlib.h>
#include <string.h>

#include "filter.h"

static int generate(struct filter_compiler *c, const struct filter_type *type, uint32_t node,
		    uint32_t yes, uint32_t no, uint32_t *entry);

/* True if the test compares 64 bits, with or without a sign. */
static bool fits_64(const struct filter_test *t)
{
	const uint64_t high = t->is_signed && t->number.low >> 63 ? UINT64_MAX : 0;

	return t->kind == FILTER_INT && !t->is_bool && !t->masked && !t->shift && t->size <= 8 &&
	       !(t->size & (t->size - 1)) && t->bits == 8 * t->size && t->number.high == high;
}

static int push(struct filter_compiler *c, const struct filter_test *t, uint32_t *number)
{
	struct ring_filter *f = c->out;
	struct filter_test *more;

	if (f->nr_tests == FILTER_TESTS_MAX)
		return libring_set_error(E2BIG,
					 "the filter has more than %u comparisons for all types "
					 "together",
					 FILTER_TESTS_MAX);
	if (f->nr_tests == c->room_tests) {
		c->room_tests = 2 * c->room_tests + 64;
		more = realloc(f->tests, c->room_tests * sizeof(*more));
		if (!more)
			return libring_set_error(ENOMEM, "no memory for a filter");
		f->tests = more;
	}
	*number = f->nr_tests;
	f->tests[f->nr_tests] = *t;
	f->tests[f->nr_tests++].is_plain = fits_64(t);
	return 0;
}

/* Runs a test of the type, or of its name, now. */
static bool decide(const struct filter_compiler *c, struct filter_test t,
		   const struct filter_type *type)
{
	const char *name = type->record ? type->record->name : "";
	const struct ring_record rec = {
		.type = (uint16_t)type->number,
		.payload = name,
		.len = (uint32_t)strlen(name),
	};
	struct filter_test tests[FILTER_FIRST + 1] = { 0 };
	struct ring_filter f = {
		.other = FILTER_FIRST,
		.tests = tests,
		.strings = c->out->strings,
	};

	t.yes = FILTER_ACCEPT;
	t.no = FILTER_REJECT;
	tests[FILTER_FIRST] = t;
	return ring_filter_match(&f, &rec);
}

/* Notes why a test makes no sense for a type: it may for others. Return: 0; -ENOMEM. */
static int note_why(struct node *n)
{
	if (n->why)
		return 0;
	n->why = strdup(ring_strerror());
	return n->why ? 0 : libring_set_error(ENOMEM, "no memory for a filter");
}

/* Sets what the type is compared with. A name stands for its number. */
static int set_type(struct filter_compiler *c, const struct node *n, const struct value *v,
		    struct filter_test *t)
{
	char name[RING_SCHEMA_NAME_MAX + 1], list[160] = "";
	struct ring_schema_type info = { .size = sizeof(info) };

	if (n->op == FILTER_LIKE || n->op == FILTER_UNLIKE) {
		if (v->token.kind != TOKEN_STRING)
			return libring_filter_error(c, v->token.at,
						    "a pattern in double quotes has to follow");
		t->kind = FILTER_TEXT;
		t->text = v->token.text;
		t->len = v->token.nr;
		return 0;
	}
	if (v->token.kind == TOKEN_NUMBER) {
		t->number.low = v->negative ? 0 - v->token.number : v->token.number;
		t->number.high = v->negative && v->token.number ? UINT64_MAX : 0;
		return 0;
	}
	if (!libring_filter_get_name(c, v, name, sizeof(name)))
		return libring_filter_error(c, v->token.at, "a type is a name or a whole number");
	if (!c->schema)
		return libring_filter_error(c, v->token.at,
					    "the ring has no schema, so its types have no names: "
					    "compare with a number");
	if (!ring_schema_find(c->schema, name, &info)) {
		t->number.low = info.type;
		return 0;
	}
	libring_filter_list_types(c->schema, name, (uint32_t)strlen(name), list, sizeof(list));
	return libring_filter_error(c, v->token.at, "there is no type %.40s: types are %s", name,
				    list);
}

/* A comparison of the type: known now, except where the program is for many types. */
static int generate_type(struct filter_compiler *c, const struct filter_type *type, struct node *n,
			 uint32_t yes, uint32_t no, uint32_t *entry)
{
	uint32_t i = n->nr_values;
	int err;

	*entry = no;
	do {
		struct filter_test t = {
			.kind = FILTER_TYPE,
			.op = n->op,
			.masked = n->masked,
			.mask = n->mask,
			.yes = yes,
			.no = *entry,
		};

		err = i ? set_type(c, n, &c->values[n->value + i - 1], &t) : 0;
		if (err)
			return err;
		/* The types that are compared by number have programs of their own. */
		if (!type->any || t.kind == FILTER_TEXT) {
			*entry = decide(c, t, type) ? yes : *entry;
		} else if (!n->masked && n->op == FILTER_NE) {
			*entry = yes;
		} else if (n->masked || n->op != FILTER_EQ) {
			err = push(c, &t, entry);
			if (err)
				return err;
		}
	} while (i && --i);
	return 0;
}

/* A comparison of another attribute, or of a field. */
static int generate_test(struct filter_compiler *c, const struct filter_type *type, struct node *n,
			 uint32_t yes, uint32_t no, uint32_t *entry)
{
	struct filter_test t = { .op = n->op, .masked = n->masked, .mask = n->mask, .yes = yes };
	const struct schema_node *in;
	struct filter_field f = { 0 };
	uint32_t failed, i;
	int err = 0;

	*entry = no;
	if (n->is_attribute) {
		t.kind = n->attribute;
		if (n->op == FILTER_LIKE || n->op == FILTER_UNLIKE)
			return libring_filter_error(c, n->op_at,
						    "len, ring, seq and ts_ns are no text: ~ and "
						    "!~ compare text");
	} else {
		if (!type->record ||
		    !libring_filter_find(c, n, type->record->node, &f, &failed, &in)) {
			n->used--; /* not for this type */
			return 0;
		}
		err = libring_filter_set_field(c, n, &f, &t);
	}
	if (!err && !n->nr_values) {
		t.no = no;
		err = push(c, &t, entry);
	}
	for (i = n->nr_values; !err && i--;) {
		t.no = *entry;
		err = libring_filter_set_value(c, n, f.node, &c->values[n->value + i], &t);
		if (!err)
			err = push(c, &t, entry);
	}
	return err;
}

/* A leaf. What makes no sense for this type is false. */
static int generate_leaf(struct filter_compiler *c, const struct filter_type *type, struct node *n,
			 uint32_t yes, uint32_t no, uint32_t *entry)
{
	const uint32_t before = c->out->nr_tests;
	int err;

	n->used++;
	if (n->is_attribute && n->attribute == FILTER_TYPE)
		err = generate_type(c, type, n, yes, no, entry);
	else
		err = generate_test(c, type, n, yes, no, entry);
	if (err != -EINVAL)
		return err;
	n->used--;
	c->out->nr_tests = before;
	*entry = no;
	return note_why(n);
}

/* Two operands. One that is known to decide alone leaves no code of the other. */
static int generate_pair(struct filter_compiler *c, const struct filter_type *type,
			 const struct node *n, uint32_t yes, uint32_t no, uint32_t *entry)
{
	const uint32_t before = c->out->nr_tests, decided = n->kind == NODE_AND ? no : yes;
	uint32_t right;
	int err;

	err = generate(c, type, n->right, yes, no, &right);
	if (!err && n->kind == NODE_AND)
		err = generate(c, type, n->left, right, no, entry);
	else if (!err)
		err = generate(c, type, n->left, yes, right, entry);
	if (err || (right != decided && *entry != decided))
		return err;
	c->out->nr_tests = before;
	*entry = decided;
	return 0;
}

/*
 * Makes the code of a node for a type, which ends at @yes or @no. Recursion ends: there are at
 * most FILTER_NODES_MAX nodes.
 *
 * @entry: set to where it begins
 *
 * Return: 0; -E2BIG; -ENOMEM.
 */
static int generate(struct filter_compiler *c, const struct filter_type *type, uint32_t node,
		    uint32_t yes, uint32_t no, uint32_t *entry)
{
	struct node *n = &c->nodes[node];

	switch (n->kind) {
	case NODE_TEST:
		return generate_leaf(c, type, n, yes, no, entry);
	case NODE_NOT:
		return generate(c, type, n->left, no, yes, entry);
	default:
		return generate_pair(c, type, n, yes, no, entry);
	}
}

/* Calls for each number that the expression compares the type with. */
static void note_numbers(const struct filter_compiler *c, uint64_t *numbers)
{
	uint32_t i, j;

	for (i = 0; i < c->nr_nodes; i++) {
		const struct node *n = &c->nodes[i];

		if (n->kind != NODE_TEST || !n->is_attribute || n->attribute != FILTER_TYPE)
			continue;
		for (j = 0; j < n->nr_values; j++) {
			const struct value *v = &c->values[n->value + j];
			uint64_t number = v->token.number;

			if (v->token.kind == TOKEN_NUMBER && number < FILTER_NR_TYPES)
				numbers[number / 64] |= 1ULL << number % 64;
		}
	}
}

static bool has_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

/* Makes the programs of all types, and notes which types may match. */
static int generate_types(struct filter_compiler *c, const uint64_t *numbers)
{
	struct filter_type type = { .any = true };
	struct ring_filter *f = c->out;
	uint32_t i, entry;
	int err;

	err = generate(c, &type, c->root, FILTER_ACCEPT, FILTER_REJECT, &f->other);
	if (err)
		return err;
	for (i = FILTER_NR_TYPES; i && !has_bit(numbers, i - 1);)
		i--;
	f->nr_entries = i;
	f->entries = calloc(i + 1, sizeof(*f->entries));
	if (!f->entries)
		return libring_set_error(ENOMEM, "no memory for a filter");
	memset(f->types, f->other == FILTER_REJECT ? 0 : 0xff, sizeof(f->types));
	for (i = 0; i < f->nr_entries; i++) {
		f->entries[i] = f->other;
		if (!has_bit(numbers, i))
			continue;
		type = (struct filter_type) { .number = i };
		if (c->schema)
			type.record = libring_schema_find_record(c->schema, (uint16_t)i);
		err = generate(c, &type, c->root, FILTER_ACCEPT, FILTER_REJECT, &entry);
		if (err)
			return err;
		f->entries[i] = entry;
		f->types[i / 64] &= ~(1ULL << i % 64);
		f->types[i / 64] |= (uint64_t)(entry != FILTER_REJECT) << i % 64;
	}
	return 0;
}

/* A comparison that makes no sense for any type is a mistake. Return: 0; -EINVAL. */
static int check_used(const struct filter_compiler *c)
{
	uint32_t i;

	for (i = 0; i < c->nr_nodes; i++) {
		const struct node *n = &c->nodes[i];

		if (n->kind != NODE_TEST || n->used)
			continue;
		if (n->why)
			return libring_set_error(EINVAL, "%s", n->why);
		return libring_filter_unknown_field(c, n);
	}
	return 0;
}

/**
 * libring_filter_emit() - make the programs of a filter
 * @c: the compiler, after libring_filter_parse()
 *
 * Return: 0; -EINVAL; -E2BIG; -ENOMEM.
 */
int libring_filter_emit(struct filter_compiler *c)
{
	uint64_t numbers[FILTER_NR_TYPES / 64] = { 0 };
	static const struct filter_test none;
	uint32_t i, number;
	int err;

	note_numbers(c, numbers);
	for (i = 0; c->schema && i < c->schema->nr_records; i++) {
		number = c->schema->records[i].type;
		numbers[number / 64] |= 1ULL << number % 64;
	}
	/* A filter without strings has a place for them all the same. */
	err = libring_filter_add_string(c, NULL, 0, &number);
	for (i = 0; i < FILTER_FIRST && !err; i++)
		err = push(c, &none, &number);
	if (!err)
		err = generate_types(c, numbers);
	return err ? err : check_used(c);
}
