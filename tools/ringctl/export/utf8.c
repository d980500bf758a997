// SPDX-License-Identifier: GPL-2.0-only
/* Text for formats that allow UTF-8 only. */
#include <stdint.h>

#include "../../lib/out.h"
#include "../../lib/text.h"
#include "utf8.h"

void append_utf8(struct out *o, const char *p, size_t n)
{
	uint32_t c;
	size_t len;

	if (is_utf8(p, n)) {
		out_append(o, p, n);
		return;
	}
	for (; n; p += len, n -= len) {
		len = read_utf8(p, n, &c);
		if (len)
			out_append(o, p, len);
		else
			out_append(o, "\xef\xbf\xbd", 3);
		len += !len;
	}
}
