// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* When a reader has what it waits for, and the descriptor that tells this to an event loop. */

#include <string.h>
#include <sys/eventfd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"
#include "watermark.h"

/* Return: 0; -EOPNOTSUPP. */
int libring_check_can_sleep(const struct ring_reader *r)
{
	if (r->wakeup.poll_fd >= 0)
		return 0;
	return libring_set_error(EOPNOTSUPP,
				 "this reader cannot be woken: the ring was opened by its memfd "
				 "or map alone, or may only be read. Open it by name, socket or "
				 "ring_open_fds()");
}

/* Opens what ring_wake() writes to, if the reader has the means to sleep. */
int libring_open_wake(struct ring_wakeup *w)
{
	if (w->poll_fd < 0)
		return 0;
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->wake_fd < 0 ? libring_set_error(errno, "eventfd: %s", strerror(errno)) : 0;
}

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

/* Gives the time of the first unread record; if it tells none, when it was noticed. */
static uint64_t unread_since(struct ring_reader *r, const struct ring_source *top, uint64_t now)
{
	struct ring_wakeup *w = &r->wakeup;

	if (r->mapping.hdr.clock_id == SEQRING_CLOCK_MONOTONIC) {
		uint64_t since = libring_merge_own_time(&r->merge, top->view.ts_ns);

		/* Now, for a time in the future, would be later at each look. */
		if (since <= now)
			return since;
	}
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
int libring_check_ready(struct ring_reader *r, bool vouched, uint64_t *at)
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
			/* Until then a ring wakes by what it holds, and then by the watermark. */
			if (err)
				*at = m->due_ns;
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

/**
 * libring_arm_and_check() - arm for the watermark, then check it again
 * @r: the reader, after libring_check_ready()
 * @for_fd: as in ring_backend.arm
 * @at: as in libring_check_ready()
 *
 * A record that was published before the arming wakes nobody.
 *
 * Return: as libring_check_ready().
 */
int libring_arm_and_check(struct ring_reader *r, bool for_fd, uint64_t *at)
{
	uint64_t due;
	uint32_t pending;
	int err;

	r->wakeup.armed = false;
	libring_walltime_sample(&r->walltime);
	do {
		pending = count_pending(r);
		due = r->merge.due_ns;
		r->backend->drain(r);
		r->wakeup.ready_ns = *at;
		r->backend->arm(r, for_fd);
		err = libring_check_ready(r, false, at);
		/* Thresholds depend on which sources have a record, and the timer on a deadline. */
	} while (err == -EAGAIN &&
		 (count_pending(r) != pending || (for_fd && r->merge.due_ns != due)));
	return err;
}

/**
 * libring_rearm() - arm the descriptor that was given out
 * @r: the reader, with fd_given, after libring_next()
 * @out: as in libring_next()
 *
 * Return: as libring_next(). Only after -EAGAIN the descriptor sleeps; otherwise it
 * is readable, since ring_read() has a record or an error to return.
 */
int libring_rearm(struct ring_reader *r, struct ring_source **out)
{
	bool armed = r->wakeup.armed && !r->merge.due_ns;
	uint64_t due;
	int err;

	libring_walltime_sample(&r->walltime);
	/* Once: each further call looks at everything anew, also at the writer's process. */
	r->wakeup.armed = false;
	do {
		due = r->merge.due_ns;
		/* The call before emptied the ring and armed, and nothing has happened since. */
		if (!r->backend->drain(r) && armed)
			return -EAGAIN;
		armed = false;
		r->wakeup.ready_ns = LIBRING_NEVER;
		r->backend->arm(r, true);
		err = libring_next(r, false, out);
		/* If the deadline changed, the timer has to be set again. */
	} while (err == -EAGAIN && r->merge.due_ns != due);
	if (err != -EAGAIN)
		r->backend->kick(r);
	return err;
}

/* Makes whoever waits for the descriptor notice: by an edge, too. */
static void tell(struct ring_reader *r)
{
	r->backend->kick(r);
	if (r->backend->look)
		r->backend->look(r);
}

/**
 * libring_settle() - leave the descriptor that was given out as it has to be between two calls
 * @r: the reader, with fd_given, after records were consumed
 *
 * An edge is told once, and the application may call once for each. So the descriptor is armed
 * if the watermark is not met, and gives a new edge if it is.
 */
void libring_settle(struct ring_reader *r)
{
	uint64_t at;
	int err;

	err = libring_check_ready(r, false, &at);
	if (err == -EAGAIN)
		err = libring_arm_and_check(r, true, &at);
	if (err != -EAGAIN)
		tell(r);
	else if (!count_pending(r))
		r->wakeup.armed = true;
	else if (r->backend->look)
		r->backend->look(r); /* the time for what is unread has to run */
	/* The call that it ends succeeded. */
	libring_forget_error();
}

/* The same after a call that takes one record: only if it was the last one. */
void libring_settle_empty(struct ring_reader *r)
{
	struct ring_source *s;
	int err;

	/* The first in the heap was consumed; the others are unread, and may be of any type. */
	if (r->merge.nr_heap > 1 && !r->types)
		return;
	/* -ESTALE: nothing that is unread may be delivered. */
	err = libring_next(r, false, &s);
	if (err == -EAGAIN || err == -ESTALE)
		libring_settle(r);
}

/* Makes the descriptor that was given out wait for the reader's present place and watermark. */
void libring_update_wakeup(struct ring_reader *r)
{
	struct ring_source *s;

	if (!r->wakeup.fd_given)
		return;
	r->wakeup.armed = false;
	/* Thresholds depend on which sources have a record. */
	libring_merge_next(&r->merge, false, &s);
	libring_rearm(r, &s);
	if (r->backend->look)
		r->backend->look(r);
	libring_forget_error();
}

int ring_fd(struct ring_reader *r, int *fd)
{
	int err;

	libring_forget_error();
	err = libring_check_can_sleep(r);
	if (err)
		return err;
	r->wakeup.fd_given = true;
	libring_update_wakeup(r);
	*fd = r->wakeup.app_fd;
	return 0;
}

int ring_set_wakeup(struct ring_reader *r, uint64_t records, uint64_t bytes, uint64_t timeout_ns)
{
	libring_forget_error();
	r->wakeup.records = records;
	r->wakeup.bytes = bytes;
	r->wakeup.timeout_ns = timeout_ns;
	libring_update_wakeup(r);
	return 0;
}
