// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "clock.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t add_ns(uint64_t now, uint64_t ns)
{
	return now + ns < now ? UINT64_MAX : now + ns;
}

uint64_t ns_until(uint64_t until_ns)
{
	uint64_t now = now_ns();

	if (until_ns == UINT64_MAX)
		return UINT64_MAX;
	return until_ns > now ? until_ns - now : 0;
}

uint64_t next_turn(uint64_t turn_ns, uint64_t interval_ns)
{
	uint64_t now = now_ns(), next = turn_ns + interval_ns;

	return next < now ? now : next;
}

int poll_ns(struct pollfd *fds, nfds_t nr, uint64_t ns)
{
	const struct timespec ts = { .tv_sec = (time_t)(ns / NSEC_PER_SEC),
				     .tv_nsec = (long)(ns % NSEC_PER_SEC) };

	return ppoll(fds, nr, ns == UINT64_MAX ? NULL : &ts, NULL);
}

int poll_until(struct pollfd *fds, nfds_t nr, uint64_t until_ns)
{
	return poll_ns(fds, nr, ns_until(until_ns));
}
