/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of a ring, and how they change over time. */
#ifndef WATCH_SAMPLE_H
#define WATCH_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>
#include <seqring/abi.h>

/**
 * struct change - what happened in a ring between two samples
 * @ns: time between them
 * @published: records, of all rings of the device
 * @bytes: their bytes, headers included
 * @dropped: records that the writers dropped, by SEQRING_DROP_*
 * @wakeups: of readers
 * @overrun_ns: at this rate, a reader that stops behind the newest record begins to lose records
 *              after so long; UINT64_MAX: nothing was published. Of the ring that is the fastest
 */
struct change {
	uint64_t ns;
	uint64_t published;
	uint64_t bytes;
	uint64_t dropped[SEQRING_DROP_CAUSES];
	uint64_t wakeups;
	uint64_t overrun_ns;
};

/**
 * struct watched - a ring that is sampled
 * @at_ns: now_ns() of the last sample
 * @rings: the last sample, an entry for each ring of the device
 * @ended: no more records will come
 */
struct watched {
	const char *name;
	struct ring_reader *ring;
	struct ring_info info;
	uint64_t at_ns;
	struct ring_stats_at *rings;
	bool ended;
};

/*
 * Opens a ring and takes the first sample. @name stays the caller's. Return: 0; -ENOMEM;
 * -EOPNOTSUPP: it is a recording; what ring_open() gives.
 */
int watched_open(struct watched *w, const char *name);
void watched_close(struct watched *w);

/* Takes a sample. Return: 0 with the change since the one before in @c; -errno. */
int watched_sample(struct watched *w, struct change *c);

/* The change of one ring of a device from @old to @new, @ns later, is added to @c. */
void change_add(struct change *c, const struct ring_stats_at *old, const struct ring_stats_at *new,
		uint64_t data_size, uint64_t ns);

uint64_t change_dropped(const struct change *c);

#endif /* WATCH_SAMPLE_H */
