// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Clocks that BPF programs derive from jiffies. A BPF program cannot read
 * CLOCK_MONOTONIC_COARSE. It can read jiffies, at the cost of one load, and the same
 * tick advances both. So the coarse time is jiffies times the tick, plus a base that
 * is measured here once.
 */

#include <errno.h>
#include <time.h>

#include "internal.h"

#define TRIES 10000

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t libring_bpf_get_tick_ns(void)
{
	struct timespec ts = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_nsec;
}

/* The clock that the program derives from jiffies, or SEQRING_NO_CLOCKID. */
static clockid_t clock_of_jiffies(uint32_t clock_id)
{
#define BASE(ID, number, name, text, kernel, user, bpf, base) \
	if (clock_id == SEQRING_CLOCK_##ID)                   \
		return base;
	SEQRING_CLOCKS(BASE)
#undef BASE
	/* Not reached: libring_check_shape() admits the clocks of the table only. */
	return SEQRING_NO_CLOCKID;
}

/**
 * libring_bpf_measure_clock_base() - find what the ring's clock was at jiffies = 0
 * @ctl: the control program
 * @clock_id: the ring's clock
 * @tick_ns: nanoseconds of a jiffy
 * @base_ns: set to the base, modulo 2^64: jiffies start below 0. Left alone if the
 *	program does not derive the clock from jiffies
 *
 * Jiffies advance a moment before the clock does. A measurement in between gives a
 * base that is one tick too low. So this measures in several ticks and takes the
 * highest base.
 *
 * Return: 0; -EAGAIN the clock advanced during every measurement; what the control
 * program returns.
 */
int libring_bpf_measure_clock_base(int ctl, uint32_t clock_id, uint64_t tick_ns, uint64_t *base_ns)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_CLOCK };
	const clockid_t clock = clock_of_jiffies(clock_id);
	uint64_t before, base, first = 0, shift;
	int i, err, ticks = 0;

	if (clock == SEQRING_NO_CLOCKID)
		return 0;
	/* The programs give all processes the same time, in whatever time namespace they are. */
	shift = (uint64_t)libring_clock_offset_ns(clock);
	for (i = 0; i < TRIES && ticks < 3; i++) {
		before = read_ns(clock);
		err = libring_bpf_run_control(ctl, &c);
		if (err)
			return err;
		if (read_ns(clock) != before)
			continue;
		base = before - shift - c.ticks * tick_ns;
		if (!ticks || (int64_t)(base - *base_ns) > 0)
			*base_ns = base;
		if (!ticks || c.ticks != first) {
			first = c.ticks;
			ticks++;
		}
	}
	return ticks ? 0 : -EAGAIN;
}
