/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The wall-clock time of a record, from pairs of times that are kept. */
#ifndef LIBRING_READER_WALLTIME_H
#define LIBRING_READER_WALLTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct ring_reader;

#define LIBRING_PAIRS 16

/*
 * What to add to the ring's clock to get CLOCK_REALTIME.
 *
 * @since_ns: first time of the ring's clock that it holds for
 * @seen_ns: last time at which it was found true
 * @offset_ns: what to add
 * @width_ns: time that the measurement took: @offset_ns is wrong by half of that at most
 */
struct ring_pair {
	uint64_t since_ns;
	uint64_t seen_ns;
	int64_t offset_ns;
	uint64_t width_ns;
};

/*
 * @clock: the ring's, as clock_gettime(2) knows it; SEQRING_NO_CLOCKID: the ring has none
 * @pairs: in the order of time; when there is no more room, the oldest is forgotten
 * @recorded: those of a recording, in times of the ring's clock; NULL: there are none. They are
 *          the backend's, set before libring_walltime_open()
 */
struct ring_walltime {
	clockid_t clock;
	unsigned int nr;
	struct ring_pair pairs[LIBRING_PAIRS];
	const struct ring_pair *recorded;
	unsigned int nr_recorded;
};

void libring_walltime_open(struct ring_walltime *w, uint32_t clock_id);
void libring_walltime_sample(struct ring_walltime *w);
int libring_from_wall_time(struct ring_reader *r, uint64_t realtime_ns, uint64_t *ts_ns);

#endif /* LIBRING_READER_WALLTIME_H */
