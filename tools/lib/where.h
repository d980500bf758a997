/* SPDX-License-Identifier: GPL-2.0-only */
/* The expression of --where. */
#ifndef LIB_WHERE_H
#define LIB_WHERE_H

#include <libring.h>

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
