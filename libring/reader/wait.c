// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sleeping until the watermark of a reader is met, and ending that sleep from another thread. */

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"

/*
 * The readers that a call waits for. @fds: two for each reader, what the ring wakes it by and
 * what ring_wake() does. @found: the reader that the outcome is about
 */
struct wait {
	struct ring_reader *const *readers;
	unsigned int nr;
	struct pollfd *fds;
	unsigned int found;
};

/*
 * Takes a call of ring_wake(). The descriptor is emptied first: a call in between leaves the flag
 * set, or makes the descriptor readable once more, which wakes for nothing.
 */
static bool take_wake(struct ring_wakeup *w)
{
	uint64_t n;

	if (!__atomic_load_n(&w->cancelled, __ATOMIC_RELAXED))
		return false;
	if (read(w->wake_fd, &n, sizeof(n)) < 0)
		n = 0; /* ring_wake() has not written yet */
	__atomic_store_n(&w->cancelled, 0, __ATOMIC_RELAXED);
	return true;
}

static int cancel(void)
{
	return libring_set_error_text(ECANCELED, "ring_wake() was called for the reader");
}

/*
 * Looks for a reader that is ready, from the one behind the last find on. @arm: none was; arms
 * each before the look.
 *
 * Return: 0; -ENODEV; -ECANCELED: w->found says whose; -EAGAIN: then @at is when time alone makes
 * one ready, or LIBRING_NEVER.
 */
static int find_ready(struct wait *w, bool arm, uint64_t *at)
{
	const unsigned int first = w->readers[0]->wakeup.turn;
	uint64_t one_at = LIBRING_NEVER;
	unsigned int i;
	int err;

	*at = LIBRING_NEVER;
	for (i = 0; i < w->nr; i++) {
		struct ring_reader *r = w->readers[(first + i) % w->nr];

		w->found = (first + i) % w->nr;
		if (take_wake(&r->wakeup))
			return cancel();
		err = arm ? libring_arm_and_check(r, false, &one_at) :
			    libring_check_ready(r, r->wakeup.vouched, &one_at);
		if (err != -EAGAIN)
			return libring_explain(r, err);
		if (one_at < *at)
			*at = one_at;
	}
	return -EAGAIN;
}

/* Sets the sentence: nobody takes unread records for none. Return: -ETIMEDOUT. */
static int time_out(const struct wait *w)
{
	__u64 records, bytes, lost;
	uint64_t unread = 0;
	bool held = false;
	unsigned int i;
	uint32_t s;

	for (i = 0; i < w->nr; i++) {
		const struct ring_merge *m = &w->readers[i]->merge;

		held |= m->due_ns;
		for (s = 0; s < m->nr_src; s++) {
			libring_source_account(&m->src[s], &records, &bytes, &lost);
			unread = libring_add_saturating(unread, records);
		}
	}
	if (!unread)
		return libring_set_error_text(ETIMEDOUT, "nothing came in time");
	return libring_set_error(ETIMEDOUT,
				 "the time is over, and %" PRIu64 " records are unread: %s", unread,
				 held ? "the merge window holds some back" :
					"fewer than the watermark asks for");
}

static struct timespec time_left(uint64_t until)
{
	uint64_t now = libring_now_ns();

	return libring_to_timespec(until > now ? until - now : 0);
}

/* Gives the end of a sleep until @until: a reader that has no fence looks again soon. */
static uint64_t bound(const struct wait *w, uint64_t until)
{
	uint64_t soon;
	unsigned int i;

	for (i = 0; i < w->nr; i++) {
		if (!w->readers[i]->wakeup.unfenced)
			continue;
		soon = libring_now_ns() + LIBRING_UNFENCED_NS;
		return soon < until ? soon : until;
	}
	return until;
}

/* Return: 0 @until came, or a descriptor is readable; -errno. */
static int sleep_until(const struct wait *w, uint64_t until)
{
	struct timespec ts = time_left(until);
	unsigned int i;
	int n;

	for (i = 0; i < w->nr; i++) {
		const struct ring_wakeup *up = &w->readers[i]->wakeup;

		w->fds[2 * (size_t)i] = (struct pollfd) { .fd = up->poll_fd, .events = POLLIN };
		w->fds[2 * (size_t)i + 1] = (struct pollfd) { .fd = up->wake_fd, .events = POLLIN };
	}
	n = ppoll(w->fds, 2 * (nfds_t)w->nr, until == LIBRING_NEVER ? NULL : &ts, NULL);
	if (n < 0)
		return libring_set_error(errno, "the wait ended: %s", strerror(errno));
	for (i = 0; i < w->nr; i++) {
		struct ring_reader *r = w->readers[i];
		const struct pollfd *fds = &w->fds[2 * (size_t)i];
		uint64_t none;

		r->wakeup.vouched = fds[0].revents && r->backend->woken &&
				    r->backend->woken(r, fds[0].revents);
		/* Left by a call whose flag was taken before it wrote. */
		if (fds[1].revents && !__atomic_load_n(&r->wakeup.cancelled, __ATOMIC_RELAXED) &&
		    read(r->wakeup.wake_fd, &none, sizeof(none)) < 0)
			continue;
	}
	return 0;
}

static int wait_for(struct wait *w, int timeout_ms)
{
	uint64_t until = LIBRING_NEVER, at;
	bool slept = false;
	unsigned int i;
	int err;

	for (i = 0; i < w->nr; i++) {
		w->found = i;
		w->readers[i]->wakeup.vouched = false;
		err = libring_check_can_sleep(w->readers[i]);
		if (err)
			return err;
	}
	if (timeout_ms > 0)
		until = libring_now_ns() + (uint64_t)timeout_ms * LIBRING_MSEC_NS;
	for (;;) {
		err = find_ready(w, false, &at);
		if (err == -EAGAIN)
			err = find_ready(w, true, &at);
		if (err != -EAGAIN)
			return err;
		if (!timeout_ms || libring_now_ns() >= until)
			return time_out(w);
		for (i = 0; i < w->nr; i++)
			w->readers[i]->wakeup.waits += !slept;
		slept = true;
		err = sleep_until(w, bound(w, at < until ? at : until));
		if (err < 0)
			return err;
	}
}

int ring_wait(struct ring_reader *r, int timeout_ms)
{
	struct pollfd fds[2];
	struct wait w = { .readers = &r, .nr = 1, .fds = fds };

	return libring_forget_if_good(wait_for(&w, timeout_ms));
}

int ring_wait_any(struct ring_reader *const *readers, unsigned int nr, int timeout_ms,
		  unsigned int *index)
{
	struct pollfd fds[2 * RING_WAIT_MAX];
	struct wait w = { .readers = readers, .nr = nr, .fds = fds };
	int err;

	if (!nr || nr > RING_WAIT_MAX)
		return libring_set_error(EINVAL, "%u readers to wait for: 1 to %u", nr,
					 RING_WAIT_MAX);
	err = wait_for(&w, timeout_ms);
	if (err == -ETIMEDOUT || err == -EINTR)
		return err;
	readers[0]->wakeup.turn = w.found + 1;
	*index = w.found;
	return libring_forget_if_good(err);
}

/* Async-signal-safe: a store and write(2). */
int ring_wake(struct ring_reader *r)
{
	const uint64_t one = 1;
	const int err = errno;

	__atomic_store_n(&r->wakeup.cancelled, 1, __ATOMIC_RELAXED);
	/* Fails on a reader without the means to sleep only: nobody waits for that. */
	if (write(r->wakeup.wake_fd, &one, sizeof(one)) < 0)
		errno = err;
	return 0;
}
