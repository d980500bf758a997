// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>

#include "json_text.h"
#include "text.h"

/* The character of a short escape. 1: \u00XX. 0: none is needed. */
static const char escapes[256] = {
	[0 ... 7] = 1, ['\b'] = 'b',  ['\t'] = 't',	   ['\n'] = 'n',
	[0x0b] = 1,    ['\f'] = 'f',  ['\r'] = 'r',	   [0x0e ... 0x1f] = 1,
	['"'] = '"',   ['\\'] = '\\', [0x7f ... 0xff] = 1,
};

/* Return: the end of the string without its quotes; NULL: it is not UTF-8. */
static char *put_escaped(char *dst, const char *s, size_t n)
{
	size_t i = 0, len, plain;
	uint32_t c;

	while (i < n) {
		for (plain = i; plain < n && !escapes[(unsigned char)s[plain]]; plain++)
			*dst++ = s[plain];
		i = plain;
		if (i == n)
			break;
		if ((unsigned char)s[i] < 0x7f && escapes[(unsigned char)s[i]] != 1) {
			*dst++ = '\\';
			*dst++ = escapes[(unsigned char)s[i++]];
			continue;
		}
		len = read_utf8(s + i, n - i, &c);
		if (!len)
			return NULL;
		if (is_hidden(c)) {
			dst = format_json_escape(dst, c);
		} else {
			memcpy(dst, s + i, len);
			dst += len;
		}
		i += len;
	}
	return dst;
}

void json_put_text(struct out *o, const void *p, size_t n)
{
	/* A byte makes six at most. No overflow: a payload is below 2^28 bytes. */
	char *dst = out_reserve(o, 6 * n + 2), *end;

	if (!dst)
		return;
	*dst = '"';
	end = put_escaped(dst + 1, p, n);
	if (end) {
		*end++ = '"';
		o->len = (size_t)(end - o->buf);
		return;
	}
	out_string(o, "{\"hex\":");
	json_put_hex(o, p, n);
	out_append(o, "}", 1);
}

void json_put_hex(struct out *o, const void *p, size_t n)
{
	char *dst = out_reserve(o, 2 * n + 2);

	if (!dst)
		return;
	*dst = '"';
	dst[1 + format_hex(dst + 1, p, n)] = '"';
	o->len += 2 * n + 2;
}

void json_put_payload(struct out *o, const void *p, size_t n)
{
	json_put_key(o, false, "hex");
	json_put_hex(o, p, n);
	json_put_key(o, false, "text");
	if (is_utf8(p, n))
		json_put_text(o, p, n);
	else
		out_string(o, "null");
}
