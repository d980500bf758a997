// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * SEQRING_CLOCK_COARSE of BPF programs. They cannot read CLOCK_MONOTONIC_COARSE, but
 * jiffies, at the cost of a load; both go on with the same ticks.
 */

#include <errno.h>
#include <time.h>

#include "internal.h"

#define TRIES 10000

static uint64_t coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t libring_bpf_tick_ns(void)
{
	struct timespec ts = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_nsec;
}

/**
 * libring_bpf_clock_base() - tell what CLOCK_MONOTONIC_COARSE was when jiffies were 0
 * @ctl: the control program
 * @tick_ns: a jiffy
 * @base_ns: set to it; modulo 2^64, for jiffies start below 0
 *
 * Jiffies go on a moment before the clock does, and then the answer is a tick too low:
 * so that of several ticks is taken, and the highest.
 *
 * Return: 0; -EAGAIN: the clock never stood still; what the program returns.
 */
int libring_bpf_clock_base(int ctl, uint64_t tick_ns, uint64_t *base_ns)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_CLOCK };
	uint64_t before, base, first = 0;
	int i, err, ticks = 0;

	for (i = 0; i < TRIES && ticks < 3; i++) {
		before = coarse_ns();
		err = libring_bpf_run(ctl, &c);
		if (err)
			return err;
		if (coarse_ns() != before)
			continue;
		base = before - c.ticks * tick_ns;
		if (!ticks || (int64_t)(base - *base_ns) > 0)
			*base_ns = base;
		if (!ticks || c.ticks != first) {
			first = c.ticks;
			ticks++;
		}
	}
	return ticks ? 0 : -EAGAIN;
}
