// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sleeping until the watermark is met. */

#include <poll.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"
#include "watermark.h"

static bool has_enough(const struct ring_reader *r, const struct ring_source *s)
{
	__u64 records, bytes;

	if (!s->pending)
		return false;
	seqring_reader_lag(&s->rd, &records, &bytes);
	/* A writer that is gone publishes no more: what is there is enough. */
	return records >= libring_watermark_records(r) || bytes >= libring_watermark_bytes(r) ||
	       seqring_read(&s->rd.ctl->state) & SEQRING_STATE_DEAD;
}

static bool watermark_met(const struct ring_reader *r)
{
	uint32_t i;

	if (r->merge.writer_gone || libring_watermark_records(r) == 1)
		return true;
	for (i = 0; i < r->merge.nr_src; i++)
		if (has_enough(r, &r->merge.src[i]))
			return true;
	return false;
}

/* Gives the time of the first unread record; without a clock, when it was noticed. */
static uint64_t unread_since(struct ring_reader *r, const struct ring_source *top, uint64_t now)
{
	struct ring_wakeup *w = &r->wakeup;

	if (r->mapping.hdr.clock_id == SEQRING_CLOCK_MONOTONIC)
		return top->view.ts_ns < now ? top->view.ts_ns : now;
	if (w->since_seq != top->view.seq || w->since_ring != top->ring) {
		w->since_seq = top->view.seq;
		w->since_ring = top->ring;
		w->since_ns = now;
	}
	return w->since_ns;
}

/*
 * Checks whether the reader has what it waits for. @vouched: the kernel says that the
 * watermark is met.
 *
 * Return: 0; -ENODEV; -EAGAIN. Then @at is when time alone makes it ready, or LIBRING_NEVER.
 */
static int check_ready(struct ring_reader *r, bool vouched, uint64_t *at)
{
	struct ring_merge *m = &r->merge;
	struct ring_source *top;
	uint64_t now;
	int err;

	*at = LIBRING_NEVER;
	err = libring_next(r, false, &top);
	if (err == -EAGAIN && m->due_ns)
		top = m->heap[0];
	else if (err == -EAGAIN || err == -ENODEV)
		return err;
	else if (err)
		return 0; /* ring_read() returns the error */

	if (!vouched && !watermark_met(r)) {
		now = libring_now_ns();
		if (r->wakeup.timeout_ns)
			*at = libring_add_saturating(unread_since(r, top, now),
						     r->wakeup.timeout_ns);
		if (now < *at) {
			*at = *at > m->due_ns ? *at : m->due_ns;
			return -EAGAIN;
		}
	}
	if (err)
		*at = m->due_ns;
	return err;
}

static uint32_t count_pending(const struct ring_reader *r)
{
	uint32_t i, n = 0;

	for (i = 0; i < r->merge.nr_src; i++)
		n += r->merge.src[i].pending;
	return n;
}

/* Arms, then checks again: a record that was published before the arming wakes nobody. */
static int arm_and_check(struct ring_reader *r, uint64_t *at)
{
	uint32_t pending;
	int err;

	do {
		pending = count_pending(r);
		r->backend->drain(r);
		r->backend->arm(r, false);
		err = check_ready(r, false, at);
		/* Thresholds depend on which sources have a record. */
	} while (err == -EAGAIN && count_pending(r) != pending);
	return err;
}

/* Return: 0 @until came; 1 the descriptor is readable; -errno. */
static int sleep_until(struct ring_reader *r, uint64_t until, bool *vouched)
{
	struct pollfd pfd = { .fd = r->wakeup.poll_fd, .events = POLLIN };
	uint64_t now = libring_now_ns();
	struct timespec ts = libring_to_timespec(until > now ? until - now : 0);
	int n;

	n = ppoll(&pfd, 1, until == LIBRING_NEVER ? NULL : &ts, NULL);
	if (n < 0)
		return libring_set_error(errno, "the wait ended: %s", strerror(errno));
	*vouched = n && r->backend->woken && r->backend->woken(r, pfd.revents);
	return n;
}

int ring_wait(struct ring_reader *r, int timeout_ms)
{
	uint64_t until = LIBRING_NEVER, at;
	bool vouched = false, slept = false;
	int err;

	err = libring_check_can_sleep(r);
	if (err)
		return err;
	if (timeout_ms > 0)
		until = libring_now_ns() + (uint64_t)timeout_ms * LIBRING_MSEC_NS;
	for (;;) {
		err = check_ready(r, vouched, &at);
		if (err == -EAGAIN)
			err = arm_and_check(r, &at);
		if (err != -EAGAIN)
			return libring_explain(r, err);
		if (!timeout_ms || libring_now_ns() >= until)
			return libring_set_error_text(ETIMEDOUT, "nothing came in time");
		r->wakeup.waits += !slept;
		slept = true;
		err = sleep_until(r, at < until ? at : until, &vouched);
		if (err < 0)
			return err;
	}
}
