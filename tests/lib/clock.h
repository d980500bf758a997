/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading clocks and sleeping, for every test in C. */
#ifndef TESTS_LIB_CLOCK_H
#define TESTS_LIB_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#define MS ((uint64_t)1000000) /* in nanoseconds */

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* CPU time of this thread. */
static inline uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Sleeps the whole time, also when signals arrive. */
static inline void sleep_ns(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static inline void sleep_us(uint64_t us)
{
	sleep_ns(us * 1000);
}

#endif /* TESTS_LIB_CLOCK_H */
