// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Time in nanoseconds. */

#include <seqring/abi.h>

#include "clock.h"

#define NSEC_PER_SEC 1000000000ULL

uint64_t libring_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t libring_now_ns(void)
{
	return libring_clock_ns(CLOCK_MONOTONIC);
}

/* The clock of this process that shows the time of a ring; SEQRING_NO_CLOCKID: there is none. */
clockid_t libring_user_clock(uint32_t clock_id)
{
#define USER_CLOCK(ID, number, name, text, kernel, user, bpf, base) \
	case SEQRING_CLOCK_##ID:                                    \
		return user;
	switch (clock_id) {
		SEQRING_CLOCKS(USER_CLOCK)
	}
#undef USER_CLOCK
	/* A clock of a newer version. */
	return SEQRING_NO_CLOCKID;
}

struct timespec libring_to_timespec(uint64_t ns)
{
	/* No clock gets as far as this limit, which fits a 32-bit time_t. */
	if (ns > INT32_MAX * NSEC_PER_SEC)
		ns = INT32_MAX * NSEC_PER_SEC;
	return (struct timespec) {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};
}
