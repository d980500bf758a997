/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The rings that a reader reads, merged into one stream of records. */
#ifndef LIBRING_READER_MERGE_H
#define LIBRING_READER_MERGE_H

#include "../base/clock.h"
#include "source.h"

/*
 * @src:       the rings; a single one is passed through, without all that follows @peeked
 * @by_time:   the ring has a clock; else sources take turns
 * @writer_gone: the writer's process is gone
 * @run_end:   a single ring's records below this position follow one another, and are published:
 *             read.c asks nothing else for them. 0: none. Void after any move by another way
 * @short_end: the same for ring_read()'s hot path, which has no filter and arms no descriptor
 * @peeked:    the source of the record that ring_peek() gave out; void after any move
 * @heap:      sources with a pending record, by key; @idle: those found empty
 * @stale:     the record at the top of the heap was consumed or overrun
 * @tick:      counts snapshots
 * @pass:      tick at which all idle sources were last peeked at; 0: not yet in this call
 * @turn:      key of the next source, without a clock
 * @nr_newest: of so many rings the newest record is in the mapping, where source n reads ring n
 * @clock_shift_ns: what the ring's clock is ahead of this process's CLOCK_MONOTONIC
 * @window_ns: how long to hold a record back at most; @hold_ns: how long at present
 * @now_ns:    when this call began; all times here but those of records are this process's
 * @due_ns:    when the record that is held back is due; 0: none is
 * @most_held: most bytes that were unread in a ring when a record was held back, since @hold_ns
 *             was set; @grow_ns: when it may grow
 * @is_early:  the record at the top is delivered before @window_ns is over; @early: how many were
 * @max_ts:    greatest ts delivered, from ring @max_ring; @max_ts_other: from another one
 */
struct ring_merge {
	struct ring_source *src;
	uint32_t nr_src;
	uint32_t nr_newest;
	bool by_time;
	bool writer_gone;
	bool stale;
	uint64_t short_end;
	uint64_t run_end;
	struct ring_source *peeked;

	struct ring_source **heap;
	struct ring_source **idle;
	uint32_t nr_heap;
	uint32_t nr_idle;
	uint64_t tick;
	uint64_t pass;
	uint64_t turn;
	int64_t clock_shift_ns;
	uint64_t window_ns;
	uint64_t hold_ns;
	uint64_t now_ns;
	uint64_t due_ns;
	uint64_t most_held;
	uint64_t grow_ns;
	bool is_early;
	uint64_t early;
	uint64_t max_ts;
	uint64_t max_ts_other;
	uint32_t max_ring;
	uint64_t misordered;
};

/* Forgets what only holds while the reader stands where it stands. */
static inline void libring_merge_forget_place(struct ring_merge *m)
{
	m->peeked = NULL;
	m->run_end = 0;
	m->short_end = 0;
}

/* When @ts_ns of the ring's clock was, by this process's CLOCK_MONOTONIC; 0: before it began. */
static inline uint64_t libring_merge_own_time(const struct ring_merge *m, uint64_t ts_ns)
{
	uint64_t shift = (uint64_t)m->clock_shift_ns;

	if (m->clock_shift_ns < 0)
		return libring_add_saturating(ts_ns, 0 - shift);
	return ts_ns > shift ? ts_ns - shift : 0;
}

/* The unread bytes from which on a ring holds no record back, nor lets another one do so. */
static inline uint64_t libring_merge_half(const struct ring_merge *m)
{
	return (m->src->rd.mask + 1) / 2;
}

int libring_merge_alloc(struct ring_merge *m, uint32_t nr_src);
void libring_merge_set_window(struct ring_merge *m, uint64_t window_ns);
void libring_merge_free(struct ring_merge *m);
int libring_merge_next(struct ring_merge *m, bool again, struct ring_source **out);
void libring_merge_consumed(struct ring_merge *m, const struct ring_source *s, uint64_t ts_ns);
void libring_merge_reset(struct ring_merge *m);

#endif /* LIBRING_READER_MERGE_H */
