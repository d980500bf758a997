/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The process that a BPF ring ends with. */
#ifndef LIBRING_BASE_OWNER_H
#define LIBRING_BASE_OWNER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "export.h"

LIBRING_SHARED void libring_owner_self(__u64 *owner, __u64 *pidns);
LIBRING_SHARED bool libring_owner_alive(uint64_t owner, uint64_t pidns);
bool libring_owner_open(uint64_t owner, uint64_t pidns, int *fd);

#endif /* LIBRING_BASE_OWNER_H */
