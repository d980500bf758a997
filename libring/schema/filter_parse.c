// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Parses the text of a filter into nodes. docs/reference/filter.md has the grammar. */

#include <string.h>

#include "filter.h"

static bool is_op(const struct filter_compiler *c, const char *op)
{
	return c->next.kind == TOKEN_OP && !strcmp(c->next.start, op);
}

static bool is_word(const struct token *t, const char *word)
{
	return t->kind == TOKEN_NAME && t->len == strlen(word) && !strncmp(t->start, word, t->len);
}

static int add_node(struct filter_compiler *c, struct node n, uint32_t *out)
{
	if (c->nr_nodes == FILTER_NODES_MAX)
		return libring_set_error(E2BIG,
					 "the filter has more than %d comparisons and operators",
					 FILTER_NODES_MAX);
	*out = c->nr_nodes;
	c->nodes[c->nr_nodes++] = n;
	return 0;
}

static int add_part(struct filter_compiler *c, const struct token *t, struct node *n)
{
	if (c->nr_parts == FILTER_PARTS_MAX)
		return libring_set_error(E2BIG, "the filter names more than %d fields",
					 FILTER_PARTS_MAX);
	c->parts[c->nr_parts++] = (struct part) {
		.at = t->at,
		.start = t->kind == TOKEN_NAME ? t->start : NULL,
		.len = t->len,
		.number = (uint32_t)t->number,
	};
	n->nr_parts++;
	return libring_filter_next(c);
}

static int parse_index(struct filter_compiler *c, struct node *n)
{
	int err = libring_filter_next(c);

	if (err)
		return err;
	if (c->next.kind != TOKEN_NUMBER || c->next.number > UINT32_MAX)
		return libring_filter_error(c, c->next.at,
					    "an index is a whole number from 0 to 4294967295");
	err = add_part(c, &c->next, n);
	if (err)
		return err;
	if (!is_op(c, "]"))
		return libring_filter_error(c, c->next.at, "] has to follow the index");
	return libring_filter_next(c);
}

/* A name of one part may be that of an attribute, which each record has. */
static void find_attribute(const struct filter_compiler *c, struct node *n)
{
	static const char *const names[] = {
		[FILTER_TYPE] = "type", [FILTER_LEN] = "len",	 [FILTER_RING] = "ring",
		[FILTER_SEQ] = "seq",	[FILTER_TIME] = "ts_ns",
	};
	const struct part *p = &c->parts[n->part];
	unsigned int i;

	if (n->nr_parts != 1)
		return;
	for (i = 0; i <= FILTER_TIME; i++) {
		if (p->len != strlen(names[i]) || strncmp(p->start, names[i], p->len))
			continue;
		n->is_attribute = true;
		n->attribute = (uint8_t)i;
	}
}

static int parse_path(struct filter_compiler *c, struct node *n)
{
	bool fields = is_word(&c->next, "fields");
	int err;

	if (c->next.kind != TOKEN_NAME)
		return libring_filter_error(c, c->next.at,
					    "a comparison begins with a field, or with type, len, "
					    "ring, seq or ts_ns");
	n->at = c->next.at;
	n->part = c->nr_parts;
	err = add_part(c, &c->next, n);
	while (!err && (is_op(c, ".") || is_op(c, "["))) {
		if (is_op(c, "[")) {
			err = parse_index(c, n);
			continue;
		}
		err = libring_filter_next(c);
		if (!err && c->next.kind != TOKEN_NAME)
			return libring_filter_error(c, c->next.at,
						    "the name of a field has to follow the dot");
		if (!err)
			err = add_part(c, &c->next, n);
	}
	if (err)
		return err;
	/* As in JSON. A field of the name "fields" is fields.fields. */
	if (fields && n->nr_parts > 1 && c->parts[n->part + 1].start) {
		n->part++;
		n->nr_parts--;
	} else {
		find_attribute(c, n);
	}
	return 0;
}

static int parse_value(struct filter_compiler *c, struct node *n)
{
	struct value v = { .negative = is_op(c, "-") };
	int err = v.negative ? libring_filter_next(c) : 0;

	if (err)
		return err;
	v.token = c->next;
	if (v.negative && v.token.kind != TOKEN_NUMBER && v.token.kind != TOKEN_REAL)
		return libring_filter_error(c, v.token.at, "a number has to follow the minus");
	if (v.token.kind == TOKEN_END || v.token.kind == TOKEN_OP)
		return libring_filter_error(c, v.token.at,
					    "a value has to follow: a number, a \"string\", true, "
					    "false, or the name of an enumerator or a type");
	if (v.negative && v.token.kind == TOKEN_NUMBER && v.token.number > 1ULL << 63)
		return libring_filter_error(c, v.token.at,
					    "the number is too small: at least "
					    "-9223372036854775808");
	if (c->nr_values == FILTER_VALUES_MAX)
		return libring_set_error(E2BIG, "the filter has more than %d values",
					 FILTER_VALUES_MAX);
	c->values[c->nr_values++] = v;
	n->nr_values++;
	return libring_filter_next(c);
}

/* A set: { VALUE, ... } */
static int parse_set(struct filter_compiler *c, struct node *n)
{
	int err = libring_filter_next(c);

	if (!err && !is_op(c, "{"))
		return libring_filter_error(c, c->next.at,
					    "a set has to follow: in {VALUE, VALUE}");
	do {
		if (!err)
			err = libring_filter_next(c);
		if (!err)
			err = parse_value(c, n);
	} while (!err && is_op(c, ","));
	if (err)
		return err;
	if (!is_op(c, "}"))
		return libring_filter_error(c, c->next.at,
					    "the set goes on with a comma or ends "
					    "with }");
	return libring_filter_next(c);
}

static int parse_mask(struct filter_compiler *c, struct node *n)
{
	int err = libring_filter_next(c);

	if (err)
		return err;
	if (c->next.kind != TOKEN_NUMBER)
		return libring_filter_error(c, c->next.at, "a whole number has to follow &");
	n->masked = true;
	n->mask = c->next.number;
	return libring_filter_next(c);
}

static int parse_test(struct filter_compiler *c, uint32_t *out)
{
	static const struct {
		const char *text;
		enum filter_op op;
	} ops[] = {
		{ "==", FILTER_EQ },  { "!=", FILTER_NE },     { "<", FILTER_LT },
		{ "<=", FILTER_LE },  { ">", FILTER_GT },      { ">=", FILTER_GE },
		{ "~", FILTER_LIKE }, { "!~", FILTER_UNLIKE },
	};
	struct node n = { .kind = NODE_TEST, .op = FILTER_SET, .value = c->nr_values };
	size_t i;
	int err;

	err = parse_path(c, &n);
	if (!err && is_op(c, "&"))
		err = parse_mask(c, &n);
	if (err)
		return err;
	n.op_at = c->next.at;
	if (is_word(&c->next, "in")) {
		n.op = FILTER_EQ;
		err = parse_set(c, &n);
		return err ? err : add_node(c, n, out);
	}
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (!is_op(c, ops[i].text))
			continue;
		n.op = ops[i].op;
		err = libring_filter_next(c);
		if (!err)
			err = parse_value(c, &n);
		break;
	}
	return err ? err : add_node(c, n, out);
}

static int parse_or(struct filter_compiler *c, unsigned int parens, uint32_t *out);

/* Any number of !, then a comparison or parentheses. */
static int parse_unary(struct filter_compiler *c, unsigned int parens, uint32_t *out)
{
	bool negated = false;
	int err = 0;

	while (!err && is_op(c, "!")) {
		negated = !negated;
		err = libring_filter_next(c);
	}
	if (err)
		return err;
	if (is_op(c, "(")) {
		if (parens == FILTER_PARENS_MAX)
			return libring_filter_error(c, c->next.at,
						    "parentheses are nested more than %d deep",
						    FILTER_PARENS_MAX);
		err = libring_filter_next(c);
		if (!err)
			err = parse_or(c, parens + 1, out);
		if (!err && !is_op(c, ")"))
			return libring_filter_error(c, c->next.at,
						    "), && or || has to follow here");
		if (!err)
			err = libring_filter_next(c);
	} else {
		err = parse_test(c, out);
	}
	if (err || !negated)
		return err;
	return add_node(c, (struct node) { .kind = NODE_NOT, .left = *out }, out);
}

typedef int (*parse_fn)(struct filter_compiler *c, unsigned int parens, uint32_t *out);

/* Parses operands with @op between them. */
static int parse_chain(struct filter_compiler *c, unsigned int parens, const char *op,
		       enum node_kind kind, parse_fn operand, uint32_t *out)
{
	uint32_t right;
	int err = operand(c, parens, out);

	while (!err && is_op(c, op)) {
		err = libring_filter_next(c);
		if (!err)
			err = operand(c, parens, &right);
		if (!err)
			err = add_node(c,
				       (struct node) { .kind = kind, .left = *out, .right = right },
				       out);
	}
	return err;
}

static int parse_and(struct filter_compiler *c, unsigned int parens, uint32_t *out)
{
	return parse_chain(c, parens, "&&", NODE_AND, parse_unary, out);
}

static int parse_or(struct filter_compiler *c, unsigned int parens, uint32_t *out)
{
	return parse_chain(c, parens, "||", NODE_OR, parse_and, out);
}

/* Parses the whole text. Return: 0; -EINVAL; -E2BIG; -ENOMEM. */
int libring_filter_parse(struct filter_compiler *c)
{
	int err = libring_filter_next(c);

	if (!err)
		err = parse_or(c, 0, &c->root);
	if (!err && c->next.kind != TOKEN_END)
		return libring_filter_error(c, c->next.at,
					    "an operator or the end has to follow here: the "
					    "operators are == != < <= > >= ~ !~ in & && ||");
	return err;
}
