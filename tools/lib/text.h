/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes as text. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much of long data is shown unless all of it is asked for. */
#define HEX_SHORT  16
#define TEXT_SHORT 64

/* Reads the UTF-8 character at @p into @c. Return: its length; 0: there is none. */
size_t read_utf8(const void *p, size_t n, uint32_t *c);

bool is_utf8(const void *p, size_t n);

/* True if a character moves the cursor, changes the writing direction or is invisible. */
bool is_hidden(uint32_t c);

/* Writes @n bytes in hexadecimal to @dst, which has 2 * @n bytes. Return: the length. */
size_t format_hex(char *dst, const void *src, size_t n);

/* Writes @n bytes as printable text to @dst, which has 4 * @n bytes. Return: the length. */
size_t escape_text(char *dst, const void *src, size_t n);

/* Writes a character as JSON's \uXXXX, or as two of them: 12 bytes at most. Return: the end. */
char *format_json_escape(char *dst, uint32_t c);

/* Writes @src, cut to what fits, as a string that is safe to print. @size: 5 or more */
void escape_string(char *dst, size_t size, const char *src);

#endif /* LIB_TEXT_H */
