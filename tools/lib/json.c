// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

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

static struct json_object *new_string(size_t (*format)(char *, const void *, size_t), size_t max,
				      const void *p, size_t n)
{
	struct json_object *val;
	char small[256], *buf = small;

	if (n * max > sizeof(small))
		buf = malloc(n * max);
	if (!buf)
		return NULL;
	/* format() writes nothing if there are no bytes. */
	buf[0] = '\0';
	val = json_object_new_string_len(buf, (int)format(buf, p, n));
	if (buf != small)
		free(buf);
	return val;
}

struct json_object *json_new_hex(const void *p, size_t n)
{
	return new_string(format_hex, 2, p, n);
}

struct json_object *json_new_text(const void *p, size_t n)
{
	return new_string(escape_text, 4, p, n);
}

int json_add_uint(struct json_object *obj, const char *key, uint64_t v)
{
	return json_add(obj, key, json_object_new_uint64(v));
}

int json_add_string(struct json_object *obj, const char *key, const char *s)
{
	return json_add(obj, key, json_object_new_string(s));
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
		out_append(o, s, len);
		out_append(o, "\n", 1);
	} else if (!o->err) {
		o->err = -ENOMEM;
	}
	json_object_put(obj);
}
