/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The one table of all kinds of ring. */
#ifndef LIBRING_OPEN_BACKENDS_H
#define LIBRING_OPEN_BACKENDS_H

#include "../reader/backend.h"

/* In the order in which a name is looked up. */
#define LIBRING_NR_BACKENDS 4

extern const struct ring_backend *const libring_backends[LIBRING_NR_BACKENDS];

#endif /* LIBRING_OPEN_BACKENDS_H */
