// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Cuts the text of a filter into names, numbers, strings and operators. */

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

/* Gives the value of a hexadecimal digit; -1 for another character. */
static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Return: 0; -ENOMEM. */
int libring_filter_add_string(struct filter_compiler *c, const uint16_t *s, uint32_t len,
			      uint32_t *at)
{
	struct ring_filter *f = c->out;
	uint32_t room = c->room_strings;
	uint16_t *more;

	while (!room || room - f->nr_strings < len)
		room = room ? 2 * room : 64;
	if (room != c->room_strings) {
		more = realloc(f->strings, room * sizeof(*more));
		if (!more)
			return libring_set_error(ENOMEM, "no memory for a filter");
		f->strings = more;
		c->room_strings = room;
	}
	*at = f->nr_strings;
	if (len)
		memcpy(f->strings + f->nr_strings, s, len * sizeof(*s));
	f->nr_strings += len;
	return 0;
}

/* Takes the character behind a backslash. Return: its element; -EINVAL. */
static int take_escape(struct filter_compiler *c)
{
	int high, low;
	char e = *c->pos++;

	switch (e) {
	case '"':
	case '\\':
	case '*':
	case '?':
		return e;
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'x':
		high = hex_digit(c->pos[0]);
		low = high < 0 ? -1 : hex_digit(c->pos[1]);
		if (low < 0)
			break;
		c->pos += 2;
		return high << 4 | low;
	}
	c->pos--;
	return libring_filter_error(c, (uint32_t)(c->pos - c->text - 1),
				    "this escape is not known: \\\" \\\\ \\* \\? \\n \\t \\r and "
				    "\\xNN are");
}

static int take_string(struct filter_compiler *c, struct token *t)
{
	uint32_t at;
	uint16_t element;
	int e, err = 0;

	t->kind = TOKEN_STRING;
	t->text = c->out->nr_strings;
	for (c->pos++; *c->pos != '"' && !err; t->nr++) {
		if (!*c->pos)
			return libring_filter_error(c, t->at, "the string has no closing quote");
		e = (unsigned char)*c->pos++;
		if (e == '\\')
			e = take_escape(c);
		else if (e == '*')
			e = FILTER_MANY;
		else if (e == '?')
			e = FILTER_ONE;
		if (e < 0)
			return e;
		element = (uint16_t)e;
		err = libring_filter_add_string(c, &element, 1, &at);
	}
	c->pos++;
	return err;
}

/* Parses a number with a point or an exponent, whatever the locale of the process. */
static int take_real(struct filter_compiler *c, struct token *t, uint32_t len)
{
	locale_t plain;
	char buf[64], *end;

	if (len >= sizeof(buf))
		return libring_filter_error(c, t->at, "the number is too long: at most 63 digits");
	memcpy(buf, c->pos, len);
	buf[len] = 0;
	plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (plain == (locale_t)0)
		return libring_set_error(ENOMEM, "no memory for a filter");
	t->kind = TOKEN_REAL;
	t->real = strtod_l(buf, &end, plain);
	freelocale(plain);
	if (*end)
		return libring_filter_error(c, t->at,
					    "this is no number: 42, 0x2a, 1.5 and 1e-3 "
					    "are");
	return 0;
}

static int take_number(struct filter_compiler *c, struct token *t)
{
	const bool hex = c->pos[0] == '0' && (c->pos[1] | 0x20) == 'x';
	const char *p = c->pos + (hex ? 2 : 0);
	bool real = false, over = false;
	int digit;

	t->kind = TOKEN_NUMBER;
	for (; (digit = hex_digit(*p)) >= 0 && (hex || digit < 10); p++) {
		over |= __builtin_mul_overflow(t->number, hex ? 16u : 10u, &t->number);
		over |= __builtin_add_overflow(t->number, (unsigned int)digit, &t->number);
	}
	if (!hex && *p == '.' && is_digit(p[1])) {
		for (real = true, p++; is_digit(*p); p++)
			;
	}
	if (!hex && (*p | 0x20) == 'e') {
		real = true;
		p += p[1] == '-' || p[1] == '+' ? 2 : 1;
		while (is_digit(*p))
			p++;
	}
	if (is_name_char(*p) || (hex && p == c->pos + 2))
		return libring_filter_error(c, t->at,
					    "this is no number: 42, 0x2a, 1.5 and 1e-3 "
					    "are");
	if (!real && over)
		return libring_filter_error(c, t->at,
					    "the number is too large: at most "
					    "18446744073709551615");
	if (real) {
		int err = take_real(c, t, (uint32_t)(p - c->pos));

		if (err)
			return err;
	}
	c->pos = p;
	return 0;
}

static int take_operator(struct filter_compiler *c, struct token *t)
{
	static const char ops[][3] = { "&&", "||", "==", "!=", "<=", ">=", "!~", "<", ">", "~", "!",
				       "(",  ")",  "{",	 "}",  ",",  "&",  ".",	 "[", "]", "-" };
	unsigned char ch = (unsigned char)*c->pos;
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strncmp(c->pos, ops[i], strlen(ops[i])))
			continue;
		t->kind = TOKEN_OP;
		t->start = ops[i];
		t->len = (uint32_t)strlen(ops[i]);
		c->pos += t->len;
		return 0;
	}
	if (ch == '=')
		return libring_filter_error(c, t->at, "= is no operator: == compares");
	if (ch == '|')
		return libring_filter_error(c, t->at, "| is no operator: || is \"or\"");
	if (ch == '\'')
		return libring_filter_error(c, t->at, "strings are in double quotes");
	return libring_filter_error(c, t->at,
				    ch > ' ' && ch < 127 ? "%c is not known here: names, numbers, "
							   "\"strings\" and operators are" :
							   "byte 0x%02x is not known here: names, "
							   "numbers, \"strings\" and operators are",
				    ch);
}

/* Takes the next token into c->next. Return: 0; -EINVAL; -ENOMEM. */
int libring_filter_next(struct filter_compiler *c)
{
	struct token *t = &c->next;

	while (*c->pos == ' ' || *c->pos == '\t' || *c->pos == '\n')
		c->pos++;
	*t = (struct token) {
		.at = (uint32_t)(c->pos - c->text),
		.start = c->pos,
	};
	if (!*c->pos)
		return 0;
	if (*c->pos == '"')
		return take_string(c, t);
	if (is_digit(*c->pos))
		return take_number(c, t);
	if (!is_name_char(*c->pos))
		return take_operator(c, t);
	t->kind = TOKEN_NAME;
	while (is_name_char(*c->pos))
		c->pos++;
	t->len = (uint32_t)(c->pos - t->start);
	return 0;
}
