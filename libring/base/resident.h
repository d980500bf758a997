/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Memory of a ring that is there before it is used, and stays. */
#ifndef LIBRING_BASE_RESIDENT_H
#define LIBRING_BASE_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>

int libring_prefault(void *at, size_t size, bool write);
int libring_lock(const void *at, size_t size);

#endif /* LIBRING_BASE_RESIDENT_H */
