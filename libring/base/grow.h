/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Arrays that grow as entries are added. */
#ifndef LIBRING_BASE_GROW_H
#define LIBRING_BASE_GROW_H

#include <stddef.h>

int libring_grow(void *array, size_t nr, size_t *room, size_t size, const char *what);

#endif /* LIBRING_BASE_GROW_H */
