// SPDX-License-Identifier: GPL-2.0-only
/* A schema in JSON: types and their fields. */
#include <errno.h>

#include <json-c/json.h>
#include <libring/schema.h>

#include "json.h"
#include "schema_json.h"

static const char *const kinds[] = {
	[RING_FIELD_STRUCT] = "struct", [RING_FIELD_UNION] = "union", [RING_FIELD_ARRAY] = "array",
	[RING_FIELD_INT] = "int",	[RING_FIELD_UINT] = "uint",   [RING_FIELD_BOOL] = "bool",
	[RING_FIELD_ENUM] = "enum",	[RING_FIELD_HEX] = "hex",     [RING_FIELD_FLOAT] = "float",
	[RING_FIELD_TEXT] = "text",	[RING_FIELD_BYTES] = "bytes", [RING_FIELD_IP4] = "ip4",
	[RING_FIELD_IP6] = "ip6",
};

/* The containers around the current field, from the outside in. */
struct tree {
	unsigned int depth;
	struct json_object *open[RING_SCHEMA_DEPTH_MAX + 1];
};

static int add_array(struct json_object *obj, const char *key, struct json_object **out)
{
	*out = json_object_new_array();
	return json_add(obj, key, *out);
}

static int add_field(const struct ring_field *f, void *arg)
{
	struct tree *t = arg;
	struct json_object *obj;

	if (f->kind == RING_FIELD_END) {
		t->depth--;
		return 0;
	}
	obj = json_object_new_object();
	if (!obj || json_object_array_add(t->open[t->depth], obj)) {
		json_object_put(obj);
		return -ENOMEM;
	}
	if ((f->name && json_add_string(obj, "name", f->name)) ||
	    json_add_string(obj, "kind", kinds[f->kind]) ||
	    json_add_uint(obj, "bit_offset", f->bit_offset))
		return -ENOMEM;
	switch (f->kind) {
	case RING_FIELD_ARRAY:
		if (json_add_uint(obj, "count", f->count))
			return -ENOMEM;
		/* fallthrough */
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		t->depth++;
		return add_array(obj, f->kind == RING_FIELD_ARRAY ? "element" : "fields",
				 &t->open[t->depth]);
	case RING_FIELD_TEXT:
	case RING_FIELD_BYTES:
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		return json_add_uint(obj, "len", f->len);
	}
	return json_add_uint(obj, "bits", f->bits);
}

int schema_json_add_type(struct json_object *obj, const struct ring_schema_type *type)
{
	return json_add_uint(obj, "type", type->type) || json_add_string(obj, "name", type->name) ||
	       json_add_uint(obj, "min_len", type->min_len) ||
	       json_add(obj, "open_ended", json_object_new_boolean(type->open_ended));
}

static int append_type(struct json_object *types, const struct ring_schema *s,
		       const struct ring_schema_type *type)
{
	struct json_object *obj = json_object_new_object();
	struct tree t = { 0 };

	if (!obj || json_object_array_add(types, obj)) {
		json_object_put(obj);
		return -ENOMEM;
	}
	if (schema_json_add_type(obj, type) || add_array(obj, "fields", &t.open[0]))
		return -ENOMEM;
	return ring_schema_describe(s, type->type, add_field, &t);
}

struct json_object *schema_json_new(const struct ring_schema *s, int *err)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct json_object *obj = json_object_new_object(), *types;
	uint32_t from = 0;

	*err = !obj || add_array(obj, "types", &types) ? -ENOMEM : 0;
	while (!*err && !ring_schema_next(s, from, &type)) {
		*err = append_type(types, s, &type);
		from = type.type + 1u;
	}
	if (!*err)
		return obj;
	json_object_put(obj);
	return NULL;
}
