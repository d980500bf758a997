/* SPDX-License-Identifier: GPL-2.0-only */
/* Replaces a file for programs that read it again and again. */
#ifndef LIB_REPLACE_H
#define LIB_REPLACE_H

#include <stddef.h>

/*
 * Replaces the file, or makes it, with @size bytes that all users may read. Its readers see the
 * old bytes or the new ones, whole. Until then they are in PATH.tmp, which a failure removes.
 * Return: 0; -errno: the file is as before.
 */
int replace_file(const char *path, const void *bytes, size_t size);

#endif /* LIB_REPLACE_H */
