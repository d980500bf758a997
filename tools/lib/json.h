/* SPDX-License-Identifier: GPL-2.0-only */
/* Additions to json-c. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;
struct out;

/* Each returns NULL if there is no memory. */
struct json_object *json_new_hex(const void *p, size_t n);

/* The text as a string; {"hex":"..."} if it is not UTF-8, which a string cannot hold. */
struct json_object *json_new_text(const void *p, size_t n);

/*
 * Adds @val, which may be NULL because there was no memory. @key must be new to @obj and
 * outlive it. Return: 0; -1: no memory.
 */
int json_add(struct json_object *obj, const char *key, struct json_object *val);
int json_add_uint(struct json_object *obj, const char *key, uint64_t v);
int json_add_string(struct json_object *obj, const char *key, const char *s); /* json_new_text() */

/*
 * Appends @obj and a newline, and frees it. NULL: there was no memory. Characters that a terminal
 * would obey or hide are escaped: the string's value is the same.
 */
void json_print(struct out *o, struct json_object *obj);

/* The same on many lines, to @f. @obj is the caller's. Return: 0 or -ENOMEM. */
int json_write(FILE *f, struct json_object *obj);

#endif /* LIB_JSON_H */
