/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_SCHEMA_FILE_H
#define LIB_SCHEMA_FILE_H

#include <stddef.h>

/*
 * Reads @file, the value of --schema. The caller frees *@data. Return: EXIT_OK, or EXIT_FAIL
 * with the message printed.
 */
int load_schema_file(const char *cmd, const char *file, void **data, size_t *size);

#endif /* LIB_SCHEMA_FILE_H */
