/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Time in nanoseconds. */
#ifndef LIBRING_BASE_CLOCK_H
#define LIBRING_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "export.h"

#define LIBRING_NEVER	UINT64_MAX
#define LIBRING_MSEC_NS 1000000ULL

LIBRING_SHARED uint64_t libring_now_ns(void);
LIBRING_SHARED uint64_t libring_clock_ns(clockid_t id);
clockid_t libring_user_clock(uint32_t clock_id);
struct timespec libring_to_timespec(uint64_t ns);

/* Sum of two times, positions or counts; LIBRING_NEVER instead of wrapping around. */
static inline uint64_t libring_add_saturating(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

#endif /* LIBRING_BASE_CLOCK_H */
