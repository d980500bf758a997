/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of a ring, and how they change over time. */
#ifndef WATCH_SAMPLE_H
#define WATCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
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
 * @asked_ns: now_ns() when the ring was last asked whether its process was killed
 * @is_read: set by a caller that reads the records itself, up to the newest one; else each sample
 *           may go on to the newest one
 * @rings: the last sample, an entry for each ring of the device; NULL: there is none yet
 * @ended: no more records will come
 */
struct watched {
	const char *name;
	struct ring_reader *ring;
	struct ring_info info;
	uint64_t at_ns;
	uint64_t asked_ns;
	bool is_read;
	struct ring_stats_at *rings;
	bool ended;
};

/*
 * Opens a ring and takes the first sample. @name stays the caller's. Return: 0; -ENOMEM;
 * -EOPNOTSUPP: it is a recording; what ring_open() gives.
 */
int watched_open(struct watched *w, const char *name);

/*
 * The same without waiting for the process that serves the ring: watched_begin() asks it, and
 * watched_join() takes the answer. Return: 0; -EAGAIN: there is no answer yet, call watched_join()
 * later; -errno as watched_open(): @w is closed.
 */
int watched_begin(struct watched *w, const char *name);
int watched_join(struct watched *w);

void watched_close(struct watched *w);

/* Takes a sample. Return: 0 with the change since the one before in @c; -errno. */
int watched_sample(struct watched *w, struct change *c);

/* The change of one ring of a device from @old to @new, @ns later, is added to @c. */
void change_add(struct change *c, const struct ring_stats_at *old, const struct ring_stats_at *new,
		uint64_t data_size, uint64_t ns);

uint64_t change_dropped(const struct change *c);

/* @n in @ns, as so many a second. */
double change_rate(uint64_t n, uint64_t ns);

/* The overrun_ns of @c in seconds; "-" if nothing was published. */
void change_overrun(const struct change *c, char *buf, size_t size);

#endif /* WATCH_SAMPLE_H */
