// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "json.h"
#include "out.h"
#include "text.h"

int json_add(struct json_object *obj, const char *key, struct json_object *val)
{
	if (!val)
		return -1;
	if (!json_object_object_add_ex(obj, key, val,
				       JSON_C_OBJECT_ADD_KEY_IS_NEW |
					       JSON_C_OBJECT_ADD_CONSTANT_KEY))
		return 0;
	json_object_put(val);
	return -1;
}

struct json_object *json_new_hex(const void *p, size_t n)
{
	struct json_object *val;
	char small[256], *buf = small;

	if (2 * n > sizeof(small))
		buf = malloc(2 * n);
	if (!buf)
		return NULL;
	/* format_hex() writes nothing if there are no bytes. */
	buf[0] = '\0';
	val = json_object_new_string_len(buf, (int)format_hex(buf, p, n));
	if (buf != small)
		free(buf);
	return val;
}

struct json_object *json_new_text(const void *p, size_t n)
{
	struct json_object *obj;

	if (is_utf8(p, n))
		return json_object_new_string_len(n ? p : "", (int)n);
	obj = json_object_new_object();
	if (obj && json_add(obj, "hex", json_new_hex(p, n))) {
		json_object_put(obj);
		obj = NULL;
	}
	return obj;
}

int json_add_uint(struct json_object *obj, const char *key, uint64_t v)
{
	return json_add(obj, key, json_object_new_uint64(v));
}

int json_add_string(struct json_object *obj, const char *key, const char *s)
{
	return json_add(obj, key, json_new_text(s, strlen(s)));
}

/* json-c escapes control characters of ASCII only. All that it has beyond ASCII is in strings. */
static void append_json(struct out *o, const char *s, size_t n)
{
	size_t i, len, start = 0;
	uint32_t c;
	char *dst;

	for (i = 0; i < n; i += len) {
		len = 1;
		if ((unsigned char)s[i] < 0x7f)
			continue;
		len = read_utf8(s + i, n - i, &c);
		if (!len || !is_hidden(c)) {
			len += !len;
			continue;
		}
		out_append(o, s + start, i - start);
		dst = out_reserve(o, 12);
		if (dst)
			o->len = (size_t)(format_json_escape(dst, c) - o->buf);
		start = i + len;
	}
	out_append(o, s + start, n - start);
}

void json_print(struct out *o, struct json_object *obj)
{
	const char *s = NULL;
	size_t len = 0;

	if (obj)
		s = json_object_to_json_string_length(obj,
						      JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE,
						      &len);
	if (s) {
		append_json(o, s, len);
		out_append(o, "\n", 1);
	} else if (!o->err) {
		o->err = -ENOMEM;
	}
	json_object_put(obj);
}

int json_write(FILE *f, struct json_object *obj)
{
	struct out o = { 0 };
	const char *s;

	s = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!s)
		return -ENOMEM;
	append_json(&o, s, strlen(s));
	out_append(&o, "\n", 1);
	if (!o.err)
		fwrite(o.buf, 1, o.len, f);
	out_free(&o);
	return o.err;
}
