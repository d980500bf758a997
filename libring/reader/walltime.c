// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The wall-clock time of a record. The kernel disciplines CLOCK_REALTIME, CLOCK_MONOTONIC and
 * CLOCK_BOOTTIME by the same rate, so their difference changes only by a step: somebody sets the
 * time, a leap second, or, for CLOCK_MONOTONIC, a suspend. So one pair holds until the next step.
 * The reader measures whenever it prepares to sleep and whenever it is asked. A step is noticed at
 * the next measurement; records later than the last one before the step get the new time.
 */

#include <inttypes.h>
#include <string.h>

#include <seqring/clocks.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"
#include "walltime.h"

#define TRIES	    3
#define GOOD_ENOUGH 1000 /* ns that a measurement takes if nothing interrupts it */

static clockid_t get_clock(uint32_t clock_id)
{
	const clockid_t clock = libring_user_clock(clock_id);

	/* The same time as of the last tick: it takes the same steps, and lags in between. */
	return clock == CLOCK_MONOTONIC_COARSE ? CLOCK_MONOTONIC : clock;
}

/* Measures the offset now. The pair begins, and was seen, at the end of the measurement. */
static struct ring_pair measure(clockid_t clock)
{
	struct ring_pair best = { .width_ns = UINT64_MAX };
	uint64_t before, real, after;
	int i;

	for (i = 0; i < TRIES && best.width_ns > GOOD_ENOUGH; i++) {
		before = libring_clock_ns(clock);
		real = libring_clock_ns(CLOCK_REALTIME);
		after = libring_clock_ns(clock);
		if (after - before >= best.width_ns)
			continue;
		best = (struct ring_pair) {
			.since_ns = after,
			.seen_ns = after,
			.offset_ns = (int64_t)(real - before - (after - before) / 2),
			.width_ns = after - before,
		};
	}
	return best;
}

/* True if the two differ by no more than the measurements may be wrong. */
static bool same_offset(const struct ring_pair *a, const struct ring_pair *b)
{
	int64_t apart = a->offset_ns - b->offset_ns;

	return (uint64_t)(apart < 0 ? -apart : apart) <= (a->width_ns + b->width_ns) / 2 + 1;
}

static void add_pair(struct ring_walltime *w, const struct ring_pair *p)
{
	if (w->nr == LIBRING_PAIRS)
		memmove(w->pairs, w->pairs + 1, --w->nr * sizeof(*w->pairs));
	w->pairs[w->nr++] = *p;
}

/* Measures, and keeps a new pair if there was a step. Costs three reads of a clock. */
void libring_walltime_sample(struct ring_walltime *w)
{
	struct ring_pair now, *last = &w->pairs[w->nr ? w->nr - 1 : 0];

	if (w->clock == SEQRING_NO_CLOCKID)
		return;
	now = measure(w->clock);
	if (!w->nr) {
		add_pair(w, &now);
	} else if (same_offset(last, &now)) {
		last->seen_ns = now.seen_ns;
		/* The first measurement may have been interrupted for long. */
		if (now.width_ns < last->width_ns / 2) {
			last->offset_ns = now.offset_ns;
			last->width_ns = now.width_ns;
		}
	} else {
		now.since_ns = last->seen_ns + 1;
		add_pair(w, &now);
	}
}

void libring_walltime_open(struct ring_walltime *w, uint32_t clock_id)
{
	/* The clock of a recording has gone on, or is another machine's. */
	w->clock = w->recorded ? SEQRING_NO_CLOCKID : get_clock(clock_id);
	libring_walltime_sample(w);
}

static int fail_clock(void)
{
	return libring_set_error(EOPNOTSUPP, "the ring has no clock: its records have no time");
}

/* Gives the pairs that hold now. Return: their number; 0: the ring has no clock. */
static unsigned int get_pairs(struct ring_reader *r, const struct ring_pair **pairs)
{
	struct ring_walltime *w = &r->walltime;

	*pairs = w->recorded ? w->recorded : w->pairs;
	if (w->recorded)
		return w->nr_recorded;
	libring_walltime_sample(w);
	return w->nr;
}

/**
 * libring_from_wall_time() - convert a time of the wall clock to that of a ring's clock
 * @r: the reader
 * @realtime_ns: nanoseconds of CLOCK_REALTIME
 * @ts_ns: set to the first time of the ring's clock at which the wall clock showed this or more
 *
 * Return: 0; -EOPNOTSUPP the ring has no clock.
 */
int libring_from_wall_time(struct ring_reader *r, uint64_t realtime_ns, uint64_t *ts_ns)
{
	/* Of a hostile ring it may be any number. */
	const int64_t shift = r->walltime.recorded ? 0 : r->merge.clock_shift_ns;
	const struct ring_pair *pairs;
	unsigned int i, nr = get_pairs(r, &pairs);
	int64_t since = 0, at = 0;

	if (!nr)
		return fail_clock();
	if (realtime_ns > INT64_MAX)
		realtime_ns = INT64_MAX;
	for (i = 0; i < nr; i++) {
		since = i ? (int64_t)pairs[i].since_ns : 0;
		if (__builtin_sub_overflow((int64_t)realtime_ns, pairs[i].offset_ns, &at))
			at = pairs[i].offset_ns < 0 ? INT64_MAX : 0;
		if (at < since)
			at = since;
		/* Up to the next step of the wall clock. */
		if (i + 1 == nr || at < (int64_t)pairs[i + 1].since_ns)
			break;
	}
	if (__builtin_add_overflow(at, shift, &at))
		at = shift < 0 ? 0 : INT64_MAX;
	*ts_ns = at > 0 ? (uint64_t)at : 0;
	return 0;
}

int ring_wall_time(struct ring_reader *r, uint64_t ts_ns, uint64_t *realtime_ns)
{
	const struct ring_pair *pairs;
	unsigned int i;
	uint64_t own_ns;
	int64_t real;

	libring_forget_error();
	i = get_pairs(r, &pairs);
	if (!i)
		return fail_clock();
	/* Measured pairs are of this process's clock, which a time namespace may shift. */
	own_ns = r->walltime.recorded ? ts_ns : libring_merge_own_time(&r->merge, ts_ns);
	while (--i && own_ns < pairs[i].since_ns)
		;
	if (own_ns > INT64_MAX ||
	    __builtin_add_overflow((int64_t)own_ns, pairs[i].offset_ns, &real) || real < 0)
		return libring_set_error(ERANGE,
					 "%" PRIu64
					 " ns of the ring's clock is no time from 1970 to "
					 "2262",
					 ts_ns);
	*realtime_ns = (uint64_t)real;
	return 0;
}
