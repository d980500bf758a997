/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Zstandard, the compression of recordings. libring may be built without it (make ZSTD=): then it
 * refuses what needs it.
 */
#ifndef LIBRING_BASE_ZSTD_H
#define LIBRING_BASE_ZSTD_H

#include <stdbool.h>
#include <stddef.h>

#define LIBRING_ZSTD_LEVEL 1 /* if none is asked for */

struct libring_packer;

/* True if this library was built with it. */
bool libring_has_zstd(void);

/*
 * Opens what compresses up to @longest bytes at once. Return: 0; -ENOTSUP; -ENOMEM, with a
 * sentence.
 */
int libring_packer_open(int level, size_t longest, struct libring_packer **out);
void libring_packer_close(struct libring_packer *p);

/*
 * Compresses @size bytes. @out: set to the result, which is valid until the next call. Return: its
 * bytes; 0: it would not be shorter.
 */
size_t libring_pack(struct libring_packer *p, const void *from, size_t size, const void **out);

/*
 * Decompresses @from, which nobody vouches for. Never writes behind @size bytes. Return: whether
 * the result has exactly @size bytes.
 */
bool libring_unpack(void *to, size_t size, const void *from, size_t from_size);

#endif /* LIBRING_BASE_ZSTD_H */
