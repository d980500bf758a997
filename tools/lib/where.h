/* SPDX-License-Identifier: GPL-2.0-only */
/* The expression of --where. */
#ifndef LIB_WHERE_H
#define LIB_WHERE_H

#include <libring.h>

struct ring_filter;

/**
 * where_compile() - make a filter for a ring
 * @ring: its ring tells the schema. A schema that is unusable has no fields
 * @text: the expression
 * @out: set on success; ring_filter_free() frees it
 *
 * Return: as ring_filter_compile().
 */
int where_compile(struct ring_reader *ring, const char *text, struct ring_filter **out);

/**
 * where_set() - let a reader get only the records that an expression selects
 * @cmd: the command, for the message
 * @ring: the reader; its ring tells the schema. A schema that is unusable has no fields
 * @text: the expression; NULL: there is none
 *
 * Return: EXIT_OK; EXIT_FAIL: the message was printed.
 */
int where_set(const char *cmd, struct ring_reader *ring, const char *text);

#endif /* LIB_WHERE_H */
