/* SPDX-License-Identifier: GPL-2.0-only */
/* A schema in JSON: types and their fields. */
#ifndef LIB_SCHEMA_JSON_H
#define LIB_SCHEMA_JSON_H

struct json_object;
struct ring_schema;
struct ring_schema_type;

/* Adds the number, name and length of @type to @obj. Return: 0; else there is no memory. */
int schema_json_add_type(struct json_object *obj, const struct ring_schema_type *type);

/* An object with all types and fields of @s. Return: NULL: @err is -errno. */
struct json_object *schema_json_new(const struct ring_schema *s, int *err);

#endif /* LIB_SCHEMA_JSON_H */
