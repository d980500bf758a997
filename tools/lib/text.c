// SPDX-License-Identifier: GPL-2.0-only
/* Bytes as text. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

static const char hex_digits[] = "0123456789abcdef";

size_t format_hex(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t i;

	for (i = 0; i < n; i++) {
		*dst++ = hex_digits[p[i] >> 4];
		*dst++ = hex_digits[p[i] & 15];
	}
	return 2 * n;
}

/* True if a character moves the cursor, changes the writing direction or is invisible. */
static bool is_hidden(uint32_t c)
{
	return c < 0xa0 || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       (c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfdd0 && c <= 0xfdef) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

/* Length of the printable UTF-8 character at @p; 0: there is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[len] || is_hidden(c) ? 0 : len;
}

size_t escape_text(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	char *start = dst;
	size_t i = 0, len;

	while (i < n) {
		unsigned char c = p[i];

		len = c < 0x80 ? 0 : utf8_len(p + i, n - i);
		if (len) {
			memcpy(dst, p + i, len);
			dst += len;
			i += len;
			continue;
		}
		i++;
		if (c >= 0x20 && c < 0x7f && c != '\\') {
			*dst++ = (char)c;
			continue;
		}
		*dst++ = '\\';
		if (c == '\\') {
			*dst++ = '\\';
		} else if (c == '\n') {
			*dst++ = 'n';
		} else if (c == '\t') {
			*dst++ = 't';
		} else if (c == '\r') {
			*dst++ = 'r';
		} else {
			*dst++ = 'x';
			dst += format_hex(dst, &c, 1);
		}
	}
	return (size_t)(dst - start);
}
