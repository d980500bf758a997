/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON as text, without a tree: for what is printed a million times a second. json.h is for all
 * else, and both write the same text for the same values.
 */
#ifndef LIB_JSON_TEXT_H
#define LIB_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "out.h"

/* Appends ,"NAME": or, of the first member of an object, {"NAME":. @name: needs no escape. */
#define json_put_key(o, first, name) \
	out_append(o, (first) ? "{\"" name "\":" : ",\"" name "\":", sizeof(name) + 3)

/* Appends a member with a number, a text or bytes. */
#define json_put_uint_member(o, first, name, v) \
	do {                                    \
		json_put_key(o, first, name);   \
		out_uint(o, v);                 \
	} while (0)

#define json_put_string_member(o, first, name, s) \
	do {                                      \
		json_put_key(o, first, name);     \
		json_put_string(o, s);            \
	} while (0)

/* Appends "hex" and "text" of bytes without a schema; "text" is null if they are not UTF-8. */
void json_put_payload(struct out *o, const void *p, size_t n);

/* Each appends a value. Text that is not UTF-8 is an object, as of json_new_text(). */
void json_put_text(struct out *o, const void *p, size_t n);
void json_put_hex(struct out *o, const void *p, size_t n);

static inline void json_put_string(struct out *o, const char *s)
{
	json_put_text(o, s, strlen(s));
}

#endif /* LIB_JSON_TEXT_H */
