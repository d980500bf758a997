/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Checks that all option structs share. */
#ifndef LIBRING_BASE_OPTIONS_H
#define LIBRING_BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

LIBRING_SHARED int libring_get_opts(void *opts, size_t known, const void *user, const char *what);
int libring_get_grown_opts(void *opts, size_t known, size_t first, const void *user,
			   const char *what);
LIBRING_SHARED void libring_put_result(void *user, const void *result, size_t known);
LIBRING_SHARED int libring_check_shape(const char *what, uint32_t clock_id, uint64_t data_size,
				       const void *schema, size_t schema_size);

#endif /* LIBRING_BASE_OPTIONS_H */
