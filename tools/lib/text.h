/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes as text. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stddef.h>

/* How much of long data is shown unless all of it is asked for. */
#define HEX_SHORT  16
#define TEXT_SHORT 64

/* Writes @n bytes in hexadecimal to @dst, which has 2 * @n bytes. Return: the length. */
size_t format_hex(char *dst, const void *src, size_t n);

/* Writes @n bytes as printable text to @dst, which has 4 * @n bytes. Return: the length. */
size_t escape_text(char *dst, const void *src, size_t n);

#endif /* LIB_TEXT_H */
