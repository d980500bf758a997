// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Several rings as one stream, by time. Sources with a record are in a heap, ordered by
 * the record's ts_ns; sources without one are idle.
 *
 * A record may be delivered once every idle source was found empty after the snapshot
 * that the record is below: an idle ring gets only later records from then on. So each
 * call peeks at every idle source once, and once more if that brought the record that
 * comes first. This is the price of the order: one cache line per idle ring. A batch is
 * one call.
 *
 * With a window, a record is held back while an idle ring may still get an earlier one. Only
 * reading makes room in a ring, so a record that is held while the writers go on is overrun in the
 * end. No record is held once a ring of the merge is half unread: the other half is the time
 * that the reader has to come back.
 */

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "merge.h"

static bool before(const struct ring_source *a, const struct ring_source *b)
{
	return a->key != b->key ? a->key < b->key : a->ring < b->ring;
}

static void sift_down(struct ring_merge *m)
{
	struct ring_source *s = m->heap[0];
	uint32_t i = 0, child;

	for (; (child = 2 * i + 1) < m->nr_heap; i = child) {
		if (child + 1 < m->nr_heap && before(m->heap[child + 1], m->heap[child]))
			child++;
		if (!before(m->heap[child], s))
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = s;
}

static void push(struct ring_merge *m, struct ring_source *s)
{
	uint32_t i = m->nr_heap++;

	for (; i && before(s, m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = s;
}

static void pop(struct ring_merge *m)
{
	m->heap[0] = m->heap[--m->nr_heap];
	if (m->nr_heap)
		sift_down(m);
}

static int peek(struct ring_merge *m, struct ring_source *s)
{
	uint64_t snap = s->rd.snap;
	int err = libring_source_peek(s);

	if (err)
		return err;
	/* Without a clock, the source that waited longest. */
	s->key = m->by_time ? s->view.ts_ns : m->turn++;
	if (s->rd.eager || s->rd.snap != snap)
		s->seen = ++m->tick;
	return 0;
}

/* Peeks at the top again after its record was consumed or overrun. */
static int refresh_top(struct ring_merge *m)
{
	struct ring_source *s = m->heap[0];
	int err = peek(m, s);

	if (err && err != -EAGAIN && err != -ENODEV)
		return err;
	if (err == -EAGAIN)
		m->idle[m->nr_idle++] = s;
	if (err)
		pop(m);
	else
		sift_down(m);
	m->stale = false;
	return 0;
}

static int peek_at_idle(struct ring_merge *m)
{
	uint32_t i = 0;
	int err;

	m->pass = ++m->tick;
	while (i < m->nr_idle) {
		struct ring_source *s = m->idle[i];

		err = peek(m, s);
		if (err == -EAGAIN) {
			i++;
			continue;
		}
		if (err && err != -ENODEV)
			return err;
		m->idle[i] = m->idle[--m->nr_idle];
		if (!err)
			push(m, s);
	}
	return 0;
}

/* Brings the heap up to date. Return: 0 there is a record; -EAGAIN; -ENODEV; -EPIPE; -EBADMSG. */
static int fill_heap(struct ring_merge *m)
{
	int err;

	if (m->stale) {
		err = refresh_top(m);
		if (err)
			return err;
	}
	while (m->nr_idle && (!m->pass || (m->nr_heap && m->heap[0]->seen > m->pass))) {
		err = peek_at_idle(m);
		if (err)
			return err;
	}
	if (!m->nr_heap)
		return m->nr_idle && !m->writer_gone ? -EAGAIN : -ENODEV;
	return 0;
}

static void set_hold(struct ring_merge *m, uint64_t ns)
{
	m->hold_ns = ns < m->window_ns ? ns : m->window_ns;
	m->most_held = 0;
	/* The shortest step lets it grow from 0, too. */
	ns = m->hold_ns > m->window_ns / 1024 ? m->hold_ns : m->window_ns / 1024;
	m->grow_ns = libring_add_saturating(m->now_ns, ns < UINT64_MAX / 4 ? 4 * ns : UINT64_MAX);
}

void libring_merge_set_window(struct ring_merge *m, uint64_t window_ns)
{
	m->window_ns = window_ns;
	m->hold_ns = window_ns;
}

/* Grows the time to hold, when it was in force for long enough. */
static __attribute__((cold)) void grow_hold(struct ring_merge *m)
{
	uint64_t shortest = m->window_ns / 1024 + 1;

	/* Twice the time holds twice the bytes, and this must stay below half of the ring. */
	if (m->most_held < libring_merge_half(m) / 2)
		set_hold(m, m->hold_ns < shortest ? shortest :
						    libring_add_saturating(m->hold_ns, m->hold_ns));
	else
		set_hold(m, m->hold_ns);
}

/*
 * Begins the peeks of a call, or begins them anew. The time comes before any of them: a record
 * that is published later took its time later.
 */
static inline void begin(struct ring_merge *m)
{
	m->pass = 0;
	if (!m->window_ns)
		return;
	m->now_ns = libring_now_ns();
	if (seqring_unlikely(m->hold_ns < m->window_ns && m->now_ns >= m->grow_ns))
		grow_hold(m);
}

/* True if the record at the top is not @ns old yet, and a ring may still get an earlier one. */
static inline bool is_younger(const struct ring_merge *m, uint64_t ns)
{
	return m->nr_idle && !m->writer_gone &&
	       libring_add_saturating(libring_merge_own_time(m, m->heap[0]->key), ns) > m->now_ns;
}

/* Gives the unread bytes of the fullest ring; not of those in which no record is pending. */
static uint64_t count_most_unread(const struct ring_merge *m)
{
	uint64_t most = 0;
	uint32_t i;

	for (i = 0; i < m->nr_heap; i++) {
		const struct seqring_reader *rd = &m->heap[i]->rd;
		uint64_t head = seqring_read(&rd->ctl->head);

		if (head > rd->pos && head - rd->pos > most)
			most = head - rd->pos;
	}
	return most;
}

/*
 * Holds back the record at the top, which is younger than m->hold_ns, unless a ring is half
 * unread, or the record's time lies in the future: then the time is not that of the clock that it
 * is compared with, and may never come. @fresh: the call has just begun; it may have begun long ago
 * otherwise, and then the record's age counts anew.
 *
 * When a ring is half unread, it got this within the age of the record at the top, which is
 * the oldest. Half of that age is the new time to hold: a quarter of the ring, at this rate.
 *
 * Return: 0 the record is to be delivered; -EAGAIN; -ESTALE the call begins anew.
 */
static int hold_back(struct ring_merge *m, bool fresh)
{
	uint64_t since = libring_merge_own_time(m, m->heap[0]->key);
	uint64_t most = count_most_unread(m);

	if (!fresh && (most >= libring_merge_half(m) || since > m->now_ns)) {
		begin(m);
		return -ESTALE;
	}
	if (most >= libring_merge_half(m)) {
		set_hold(m, since < m->now_ns ? (m->now_ns - since) / 2 : 0);
		return 0;
	}
	if (since > m->now_ns)
		return 0;
	if (most > m->most_held)
		m->most_held = most;
	m->due_ns = libring_add_saturating(since, m->hold_ns);
	return -EAGAIN;
}

/* Decides on the record at the top, which is younger than the window. Return: as hold_back(). */
static __attribute__((cold)) int judge_young(struct ring_merge *m, bool fresh)
{
	int err = is_younger(m, m->hold_ns) ? hold_back(m, fresh) : 0;

	m->is_early = !err;
	return err;
}

static int next_of_several(struct ring_merge *m, bool again, struct ring_source **out)
{
	bool fresh = false;
	int err;

	m->due_ns = 0;
	m->is_early = false;
	if (!again)
		begin(m);
	do {
		err = fill_heap(m);
		if (err)
			return err;
		if (!m->window_ns || !is_younger(m, m->window_ns))
			break;
		err = judge_young(m, fresh);
		fresh = true;
	} while (err == -ESTALE);
	*out = m->heap[0];
	return err;
}

/**
 * libring_merge_next() - find the record that comes next
 * @m: the merge
 * @again: not the first time in this call of the library: sources that were found empty
 *         in the call are not peeked at once more
 * @out: the source of the record, which is its view
 *
 * Return: 0; -EAGAIN (with m->due_ns if a record is held back); -ENODEV, -EPIPE,
 * -EBADMSG. Sets no sentence.
 */
int libring_merge_next(struct ring_merge *m, bool again, struct ring_source **out)
{
	int err;

	libring_merge_forget_place(m);
	/* A reader that waits for its ring has none, and so nothing is left. */
	if (m->nr_src != 1)
		return next_of_several(m, again, out);
	err = libring_source_peek(m->src);
	if (err == -EAGAIN && m->writer_gone)
		return -ENODEV;
	*out = m->src;
	return err;
}

/* Notes that the record of @s, the top of several, was consumed with @ts_ns. */
void libring_merge_consumed(struct ring_merge *m, const struct ring_source *s, uint64_t ts_ns)
{
	m->stale = true;
	m->early += m->is_early;
	if (ts_ns < (s->ring == m->max_ring ? m->max_ts_other : m->max_ts))
		m->misordered++;
	if (ts_ns >= m->max_ts) {
		if (s->ring != m->max_ring)
			m->max_ts_other = m->max_ts;
		m->max_ts = ts_ns;
		m->max_ring = s->ring;
	} else if (s->ring != m->max_ring && ts_ns > m->max_ts_other) {
		m->max_ts_other = ts_ns;
	}
}

/* Forgets what is known of the sources: they seek. */
void libring_merge_reset(struct ring_merge *m)
{
	uint32_t i;

	libring_merge_forget_place(m);
	for (i = 0; i < m->nr_src; i++)
		m->idle[i] = &m->src[i];
	m->nr_idle = m->nr_src;
	m->nr_heap = 0;
	m->stale = false;
	m->due_ns = 0;
	m->max_ts = 0;
	m->max_ts_other = 0;
}

/* Return: 0; -ENOMEM with a sentence. */
int libring_merge_alloc(struct ring_merge *m, uint32_t nr_src)
{
	m->nr_src = nr_src;
	m->src = aligned_alloc(_Alignof(struct ring_source), nr_src * sizeof(*m->src));
	m->heap = calloc(nr_src, sizeof(*m->heap));
	m->idle = calloc(nr_src, sizeof(*m->idle));
	if (!m->src || !m->heap || !m->idle)
		return libring_set_error(ENOMEM, "no memory to read %u rings", nr_src);
	memset(m->src, 0, nr_src * sizeof(*m->src));
	return 0;
}

void libring_merge_free(struct ring_merge *m)
{
	free(m->src);
	free(m->heap);
	free(m->idle);
}
