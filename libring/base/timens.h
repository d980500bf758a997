/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The time namespace of this process. */
#ifndef LIBRING_BASE_TIMENS_H
#define LIBRING_BASE_TIMENS_H

#include <stdint.h>
#include <time.h>

#include "export.h"

LIBRING_SHARED int64_t libring_clock_offset_ns(clockid_t id);

#endif /* LIBRING_BASE_TIMENS_H */
