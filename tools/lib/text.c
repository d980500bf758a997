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

bool is_hidden(uint32_t c)
{
	return c < 0xa0 || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       (c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfdd0 && c <= 0xfdef) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

size_t read_utf8(const void *at, size_t n, uint32_t *ch)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = at;
	size_t len, i;
	uint32_t c;

	if (n && p[0] < 0x80) {
		*ch = p[0];
		return 1;
	}
	if (!n)
		return 0;
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
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ch = c;
	return len;
}

bool is_utf8(const void *at, size_t n)
{
	const char *p = at;
	size_t len;
	uint32_t c;

	for (; n; n -= len, p += len) {
		len = read_utf8(p, n, &c);
		if (!len)
			return false;
	}
	return true;
}

size_t escape_text(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	char *start = dst;
	size_t i = 0, len;
	uint32_t wide;

	while (i < n) {
		unsigned char c = p[i];

		if (c >= 0x20 && c < 0x7f && c != '\\') {
			*dst++ = (char)c;
			i++;
			continue;
		}
		len = c < 0x80 ? 0 : read_utf8(p + i, n - i, &wide);
		if (len && !is_hidden(wide)) {
			memcpy(dst, p + i, len);
			dst += len;
			i += len;
			continue;
		}
		i++;
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

void escape_string(char *dst, size_t size, const char *src)
{
	/* A byte makes four characters at most. */
	dst[escape_text(dst, src, strnlen(src, (size - 1) / 4))] = '\0';
}

static char *put_unit(char *dst, uint32_t unit)
{
	const unsigned char bytes[2] = { (unsigned char)(unit >> 8), (unsigned char)unit };

	*dst++ = '\\';
	*dst++ = 'u';
	return dst + format_hex(dst, bytes, 2);
}

char *format_json_escape(char *dst, uint32_t c)
{
	if (c < 0x10000)
		return put_unit(dst, c);
	return put_unit(put_unit(dst, 0xd7c0 + (c >> 10)), 0xdc00 + (c & 0x3ff));
}
