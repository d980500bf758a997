/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What a descriptor is, found out before it is used. */
#ifndef LIBRING_BASE_KIND_H
#define LIBRING_BASE_KIND_H

#include <stdbool.h>
#include <sys/types.h>

bool libring_is_memfd(int fd);
int libring_get_type(int fd, mode_t *type);
int libring_check_eventfd(int fd, const char *what);
void libring_close_foreign(int fd);

#endif /* LIBRING_BASE_KIND_H */
