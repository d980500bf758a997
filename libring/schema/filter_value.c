// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Turns a field of a filter into what to load, and a constant into what to compare it with. */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define LIST_SIZE 160

static bool is_number(const struct filter_field *f)
{
	switch (f->node->kind) {
	case RING_FIELD_INT:
	case RING_FIELD_UINT:
	case RING_FIELD_BOOL:
	case RING_FIELD_ENUM:
	case RING_FIELD_HEX:
		return true;
	case RING_FIELD_TEXT:
		return f->bits; /* a bit-field of char */
	default:
		return false;
	}
}

static void set_number(const struct filter_field *f, struct filter_test *t)
{
	const struct schema_node *n = f->node;
	uint32_t bits = f->bits ? f->bits : 8 * n->size, skip = f->bits ? f->bit_offset % 8 : 0;

	t->kind = FILTER_INT;
	t->size = f->bits ? (skip + bits + 7) / 8 : n->size;
	t->bits = (uint8_t)bits;
	t->shift = (uint8_t)(SCHEMA_LITTLE_ENDIAN ? skip : 8 * t->size - bits - skip);
	t->is_signed = n->kind == RING_FIELD_HEX ? false : n->is_signed;
	t->is_bool = n->kind == RING_FIELD_BOOL;
}

/*
 * Sets what @t loads. @n: the test, for its place and what it does with the field.
 *
 * Return: 0; -EINVAL the operator does not go with such a field.
 */
int libring_filter_set_field(struct filter_compiler *c, const struct node *n,
			     const struct filter_field *f, struct filter_test *t)
{
	const struct schema_node *node = f->node;
	const bool order = n->op >= FILTER_LT && n->op <= FILTER_GE;
	const bool like = n->op == FILTER_LIKE || n->op == FILTER_UNLIKE;
	bool text = false;

	t->offset = (uint32_t)(f->bit_offset / 8);
	if (is_number(f)) {
		set_number(f, t);
	} else if (f->is_string || node->kind == RING_FIELD_TEXT) {
		t->kind = FILTER_TEXT;
		t->strings = f->is_string;
		t->index = f->index;
		text = true;
	} else if (node->kind == RING_FIELD_BYTES) {
		t->kind = FILTER_BYTES;
		text = true;
	} else if (node->kind == RING_FIELD_FLOAT) {
		t->kind = FILTER_FLOAT;
	} else if (node->kind == RING_FIELD_IP4 || node->kind == RING_FIELD_IP6) {
		t->kind = FILTER_ADDR;
	} else {
		return libring_filter_error(c, n->at,
					    node->kind == RING_FIELD_ARRAY ?
						    "this field is an array: name an element, [0]" :
						    "this field has fields itself: name one of "
						    "them");
	}
	if (t->kind != FILTER_INT)
		t->size = node->open ? 0 : node->size;
	if (n->masked && t->kind != FILTER_INT)
		return libring_filter_error(c, n->at,
					    "this field is no whole number: & has no "
					    "meaning");
	if (order && (text || t->kind == FILTER_ADDR))
		return libring_filter_error(c, n->op_at,
					    "this field has no order: == != ~ !~ and "
					    "in compare it");
	if (like && !text)
		return libring_filter_error(c, n->op_at,
					    "this field is no text: ~ and !~ compare text");
	if (n->op == FILTER_SET && t->kind == FILTER_ADDR)
		return libring_filter_error(c, n->op_at,
					    "an address is compared: == != or in has to follow");
	return 0;
}

static void set_whole(const struct value *v, struct filter_number *n)
{
	n->low = v->negative ? 0 - v->token.number : v->token.number;
	n->high = v->negative && v->token.number ? UINT64_MAX : 0;
}

static int set_real(struct filter_compiler *c, const struct value *v, struct filter_test *t)
{
	double d = v->token.kind == TOKEN_REAL ? v->token.real : (double)v->token.number;

	if (v->token.kind != TOKEN_REAL && v->token.kind != TOKEN_NUMBER)
		return libring_filter_error(c, v->token.at,
					    "the field is a number, and this is "
					    "none");
	/* Rounded as the field is, so that == can hold. */
	if (t->size == sizeof(float))
		d = (double)(float)d;
	t->real = v->negative ? -d : d;
	return 0;
}

/* Gives @v, a name or a string, as a C string: * and ? mean themselves. */
static bool get_text(const struct filter_compiler *c, const struct value *v, char *to, size_t size)
{
	const uint16_t *s = c->out->strings + v->token.text;
	uint32_t i;

	if (v->token.kind == TOKEN_NAME) {
		if (v->token.len >= size)
			return false;
		memcpy(to, v->token.start, v->token.len);
		to[v->token.len] = 0;
		return true;
	}
	if (v->token.nr >= size)
		return false;
	for (i = 0; i < v->token.nr; i++) {
		if (s[i] >= FILTER_ONE)
			to[i] = s[i] == FILTER_MANY ? '*' : '?';
		else
			to[i] = (char)s[i];
		if (!to[i])
			return false;
	}
	to[i] = 0;
	return true;
}

static int set_enumerator(struct filter_compiler *c, const struct schema_node *n,
			  const struct value *v, struct filter_test *t)
{
	char name[RING_SCHEMA_NAME_MAX + 1], list[LIST_SIZE] = "";
	uint64_t sign = 1ULL << (8 * n->size - 1), value;
	uint32_t i;

	if (!get_text(c, v, name, sizeof(name)))
		name[0] = 0;
	for (i = 0; i < n->count; i++) {
		if (strcmp(n->enumerators[i].name, name))
			continue;
		value = n->enumerators[i].value;
		if (n->is_signed && n->size < 8)
			value = (value ^ sign) - sign;
		t->number.low = value;
		t->number.high = n->is_signed && value >> 63 ? UINT64_MAX : 0;
		return 0;
	}
	libring_filter_list_enumerators(n, name, (uint32_t)strlen(name), list, sizeof(list));
	return libring_filter_error(c, v->token.at, "the enum has no %.40s: %s", name,
				    *list ? list : "it has numbers only");
}

static int set_int(struct filter_compiler *c, const struct schema_node *n, const struct value *v,
		   struct filter_test *t)
{
	const struct token *k = &v->token;
	const bool yes = k->kind == TOKEN_NAME && k->len == 4 && !strncmp(k->start, "true", 4);
	const bool no = k->kind == TOKEN_NAME && k->len == 5 && !strncmp(k->start, "false", 5);

	if (k->kind == TOKEN_NUMBER) {
		set_whole(v, &t->number);
		return 0;
	}
	if (n->kind == RING_FIELD_BOOL && (yes || no)) {
		t->number = (struct filter_number) { .low = yes };
		return 0;
	}
	if (n->kind == RING_FIELD_ENUM && (k->kind == TOKEN_NAME || k->kind == TOKEN_STRING))
		return set_enumerator(c, n, v, t);
	if (k->kind == TOKEN_REAL)
		return libring_filter_error(c, k->at,
					    "the field is a whole number, and this is "
					    "none");
	return libring_filter_error(c, k->at,
				    n->kind == RING_FIELD_BOOL ?
					    "the field is true or false, and this is neither" :
					    "the field is a whole number, and this is none");
}

/* Takes ADDRESS or ADDRESS/BITS. */
static int set_addr(struct filter_compiler *c, const struct schema_node *n, const struct value *v,
		    struct filter_test *t)
{
	const bool v4 = n->kind == RING_FIELD_IP4;
	unsigned char addr[16];
	char text[64], *slash, *end;
	uint16_t elements[16];
	unsigned long bits = 8UL * n->size;
	uint32_t i;

	if (v->token.kind != TOKEN_STRING || !get_text(c, v, text, sizeof(text)))
		goto bad;
	slash = strchr(text, '/');
	if (slash) {
		*slash++ = 0;
		bits = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end || bits > 8UL * n->size)
			goto bad;
	}
	if (inet_pton(v4 ? AF_INET : AF_INET6, text, addr) != 1)
		goto bad;
	for (i = 0; i < n->size; i++)
		elements[i] = addr[i];
	t->bits = (uint8_t)bits;
	t->len = n->size;
	return libring_filter_add_string(c, elements, n->size, &t->text);
bad:
	return libring_filter_error(c, v->token.at,
				    v4 ? "the field is an IPv4 address: \"10.0.0.1\" or "
					 "\"10.0.0.0/8\"" :
					 "the field is an IPv6 address: \"fe80::1\" or "
					 "\"fe80::/10\"");
}

static int set_text(struct filter_compiler *c, const struct node *n, const struct value *v,
		    struct filter_test *t)
{
	const bool like = n->op == FILTER_LIKE || n->op == FILTER_UNLIKE;
	const struct token *k = &v->token;
	uint32_t i, at;
	int err;

	if (k->kind != TOKEN_STRING)
		return libring_filter_error(c, k->at,
					    "the field is text: a string in double "
					    "quotes has to follow");
	err = libring_filter_add_string(c, NULL, 0, &t->text);
	for (i = 0; i < k->nr && !err; i++) {
		uint16_t e = c->out->strings[k->text + i];

		if (!e && t->kind == FILTER_TEXT)
			return libring_filter_error(c, k->at,
						    "a text ends at its first zero: \\x00 "
						    "is never in it");
		if (!like && e >= FILTER_ONE)
			e = e == FILTER_MANY ? '*' : '?';
		err = libring_filter_add_string(c, &e, 1, &at);
	}
	t->len = k->nr;
	return err;
}

/**
 * libring_filter_set_value() - set what a test compares with
 * @c: the compiler
 * @n: the test as it is in the expression
 * @node: type of its field; NULL: an attribute
 * @v: the constant
 * @t: the test, after libring_filter_set_field()
 *
 * Return: 0; -EINVAL the constant does not go with such a field; -ENOMEM.
 */
int libring_filter_set_value(struct filter_compiler *c, const struct node *n,
			     const struct schema_node *node, const struct value *v,
			     struct filter_test *t)
{
	switch (t->kind) {
	case FILTER_FLOAT:
		return set_real(c, v, t);
	case FILTER_TEXT:
	case FILTER_BYTES:
		return set_text(c, n, v, t);
	case FILTER_ADDR:
		return set_addr(c, node, v, t);
	case FILTER_INT:
		return set_int(c, node, v, t);
	}
	if (v->token.kind != TOKEN_NUMBER)
		return libring_filter_error(c, v->token.at,
					    "len, ring, seq and ts_ns are whole numbers, and this "
					    "is none");
	set_whole(v, &t->number);
	return 0;
}

/* Gives the value, a name or a string, of a comparison with the name of a type. */
bool libring_filter_get_name(const struct filter_compiler *c, const struct value *v, char *name,
			     size_t size)
{
	return (v->token.kind == TOKEN_NAME || v->token.kind == TOKEN_STRING) &&
	       get_text(c, v, name, size);
}
