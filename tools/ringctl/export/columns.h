/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of a type of records as columns of text. The name of a column is the path of the value
 * in the JSON of a record, without "fields": prev.comm, counts[2]. An array without a fixed number
 * of elements, or a long one, is one column: the array in JSON.
 */
#ifndef EXPORT_COLUMNS_H
#define EXPORT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libring.h>

struct out;
struct ring_schema;

/* An array of more values than this is one column. */
#define COLUMNS_ARRAY_MAX 256
/* A type has at most so many columns, with names of so many bytes together. */
#define COLUMNS_MAX	  4096u
#define COLUMNS_NAMES_MAX (1u << 20)

/**
 * struct columns - the columns of a type
 * @name: of the type
 * @nr: number of columns
 * @names: their names, "fields." in front
 */
struct columns {
	const char *name;
	uint32_t nr;
	char **names;
	struct columns_plan *plan;
};

/* Return: 0; -ENOENT: no such type; -E2BIG: too many columns; -ENOMEM. */
int columns_make(const struct ring_schema *s, uint16_t type, struct columns *c);
void columns_free(struct columns *c);

/*
 * A value. @column: index of its column; @text is valid until the function returns. Return: 0;
 * -errno.
 */
typedef int (*column_fn)(void *arg, uint32_t column, const char *text, size_t len);

/**
 * columns_walk() - pass the values of a record, in the order of the columns
 * @c: the columns of its type
 * @s: the schema that they were made from
 * @used: set to the bytes of the payload that the type accounts for
 * @truncated: set to whether the values reached decode_limit(), and the last ones are left out
 *
 * Return: 0; what @fn returned; -EMSGSIZE: the payload is too short, before any call of @fn;
 * -E2BIG; -ENOMEM.
 */
int columns_walk(const struct columns *c, const struct ring_schema *s,
		 const struct ring_record *rec, column_fn fn, void *arg, size_t *used,
		 bool *truncated);

#endif /* EXPORT_COLUMNS_H */
