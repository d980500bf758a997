/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of fields, in the form that text and JSON share. */
#ifndef LIB_VALUE_H
#define LIB_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out;
struct ring_field;

/* Size of every @buf below: 39 digits and a sign, or an address. */
#define VALUE_SIZE 48

bool is_container(const struct ring_field *f);
bool is_signed_field(const struct ring_field *f);

void format_wide(char *buf, uint64_t high, uint64_t low, bool is_signed);
void format_float(char *buf, const struct ring_field *f);
void format_number(char *buf, const struct ring_field *f);
void format_address(char *buf, const struct ring_field *f);

/*
 * A value that is no text and no bytes, as text. Uses @buf or not. Return: the text; @len: set to
 * its length.
 */
const char *format_value(char *buf, const struct ring_field *f, size_t *len);

/* Each appends a number, as format_number() does. The second is for RING_FIELD_HEX. */
void put_number(struct out *o, const struct ring_field *f);
void put_hex(struct out *o, const struct ring_field *f);

#endif /* LIB_VALUE_H */
