// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Several rings as one stream, by time. Rings with a record wait in a heap, by
 * its ts_ns; rings without one are idle.
 *
 * A record may be delivered once every idle ring was found empty after the
 * snapshot that the record was found below: what such a ring gets from then on
 * was published later. Therefore each call looks at every idle ring once, which
 * is the price of the order, one cache line each; and once more when that look
 * brought what comes first. A batch is one call.
 */

#include "internal.h"

static bool before(const struct ring_source *a, const struct ring_source *b)
{
	return a->key != b->key ? a->key < b->key : a->ring < b->ring;
}

static void sift_down(struct ring_reader *r)
{
	struct ring_source *s = r->heap[0];
	uint32_t i = 0, child;

	for (; (child = 2 * i + 1) < r->nr_heap; i = child) {
		if (child + 1 < r->nr_heap && before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!before(r->heap[child], s))
			break;
		r->heap[i] = r->heap[child];
	}
	r->heap[i] = s;
}

static void push(struct ring_reader *r, struct ring_source *s)
{
	uint32_t i = r->nr_heap++;

	for (; i && before(s, r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = s;
}

static void pop(struct ring_reader *r)
{
	r->heap[0] = r->heap[--r->nr_heap];
	if (r->nr_heap)
		sift_down(r);
}

static int look(struct ring_reader *r, struct ring_source *s)
{
	uint64_t snap = s->rd.snap;
	int err = libring_source_peek(s);

	if (err)
		return err;
	/* Without a clock, whoever waited longest. */
	s->key = r->hdr.clock_id == SEQRING_CLOCK_NONE ? r->turn++ : s->view.ts_ns;
	if (s->rd.eager || s->rd.snap != snap)
		s->seen = ++r->tick;
	return 0;
}

/* After the top was consumed or overrun: its next record, if there is one. */
static int refresh_top(struct ring_reader *r)
{
	struct ring_source *s = r->heap[0];
	int err = look(r, s);

	if (err && err != -EAGAIN && err != -ENODEV)
		return err;
	if (err == -EAGAIN)
		r->idle[r->nr_idle++] = s;
	if (err)
		pop(r);
	else
		sift_down(r);
	r->stale = false;
	return 0;
}

static int look_at_idle(struct ring_reader *r)
{
	uint32_t i = 0;
	int err;

	r->pass = ++r->tick;
	while (i < r->nr_idle) {
		struct ring_source *s = r->idle[i];

		err = look(r, s);
		if (err == -EAGAIN) {
			i++;
			continue;
		}
		if (err && err != -ENODEV)
			return err;
		r->idle[i] = r->idle[--r->nr_idle];
		if (!err)
			push(r, s);
	}
	return 0;
}

/* The case of several rings in libring_select(). */
int libring_merge_select(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err;

	r->due_ns = 0;
	if (!again) {
		r->pass = 0;
		/* Before any look: what is published later took its time later. */
		if (r->window_ns)
			r->now_ns = libring_now_ns();
	}
	if (r->stale) {
		err = refresh_top(r);
		if (err)
			return err;
	}
	while (r->nr_idle && (!r->pass || (r->nr_heap && r->heap[0]->seen > r->pass))) {
		err = look_at_idle(r);
		if (err)
			return err;
	}
	if (!r->nr_heap)
		return r->nr_idle && !r->hup ? -EAGAIN : -ENODEV;
	if (r->window_ns && r->nr_idle && !r->hup &&
	    libring_add(r->heap[0]->key, r->window_ns) > r->now_ns) {
		r->due_ns = libring_add(r->heap[0]->key, r->window_ns);
		return -EAGAIN;
	}
	*out = r->heap[0];
	return 0;
}

/* @s, the top, was delivered with @ts_ns. */
void libring_merge_taken(struct ring_reader *r, const struct ring_source *s, uint64_t ts_ns)
{
	r->stale = true;
	if (ts_ns < (s->ring == r->max_ring ? r->max_ts_other : r->max_ts))
		r->misordered++;
	if (ts_ns >= r->max_ts) {
		if (s->ring != r->max_ring)
			r->max_ts_other = r->max_ts;
		r->max_ts = ts_ns;
		r->max_ring = s->ring;
	} else if (s->ring != r->max_ring && ts_ns > r->max_ts_other) {
		r->max_ts_other = ts_ns;
	}
}

/* After a seek: nothing is known of any ring. */
void libring_merge_reset(struct ring_reader *r)
{
	uint32_t i;

	for (i = 0; i < r->nr_src; i++)
		r->idle[i] = &r->src[i];
	r->nr_idle = r->nr_src;
	r->nr_heap = 0;
	r->stale = false;
	r->due_ns = 0;
	r->max_ts = 0;
	r->max_ts_other = 0;
}
