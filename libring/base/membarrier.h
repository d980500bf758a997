/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* membarrier(2): fences on behalf of other threads, and RCU grace periods. */
#ifndef LIBRING_BASE_MEMBARRIER_H
#define LIBRING_BASE_MEMBARRIER_H

#include <linux/membarrier.h>
#include <stdbool.h>

#include "export.h"

LIBRING_SHARED bool libring_membarrier_has(int cmds);
LIBRING_SHARED int libring_grace_period(void);
int libring_membarrier(int cmd);

#endif /* LIBRING_BASE_MEMBARRIER_H */
