/* SPDX-License-Identifier: GPL-2.0-only */
/* Additions to json-c. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stddef.h>
#include <stdint.h>

struct json_object;
struct out;

/* Each creates a string. Return: NULL: no memory. */
struct json_object *json_new_hex(const void *p, size_t n);
struct json_object *json_new_text(const void *p, size_t n);

/*
 * Adds @val, which may be NULL because there was no memory. @key must be new to @obj and
 * outlive it. Return: 0; -1: no memory.
 */
int json_add(struct json_object *obj, const char *key, struct json_object *val);
int json_add_uint(struct json_object *obj, const char *key, uint64_t v);
int json_add_string(struct json_object *obj, const char *key, const char *s);

/* Appends @obj and a newline, and frees it. NULL: there was no memory. */
void json_print(struct out *o, struct json_object *obj);

#endif /* LIB_JSON_H */
