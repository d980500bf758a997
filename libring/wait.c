// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Sleeping: when there is enough to read, and what both kinds of ring do about
 * it in the same way.
 */

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "internal.h"

#define NSEC_PER_SEC 1000000000ULL

/* epoll_event.data of timer, writer's process and doorbell; the others have their events. */
#define TIMER_EVENT    0u
#define OWNER_EVENT    1u
#define OTHER_EVENT    2u
#define DOORBELL_EVENT 3u

static struct timespec timespec_of(uint64_t ns)
{
	/* Later than any clock gets, and it fits a 32-bit time_t. */
	if (ns > INT32_MAX * NSEC_PER_SEC)
		ns = INT32_MAX * NSEC_PER_SEC;
	return (struct timespec) {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};
}

uint64_t libring_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t libring_now_ns(void)
{
	return libring_clock_ns(CLOCK_MONOTONIC);
}

/*
 * What to wake for. Half a ring unread is enough for anybody: later, it would be
 * lost. The module says the same.
 */
uint64_t libring_watermark_bytes(const struct ring_reader *r)
{
	uint64_t half = r->hdr.data_size / 2;

	return r->wake_bytes && r->wake_bytes < half ? r->wake_bytes : half;
}

/* LIBRING_NEVER: the number of records does not matter. */
uint64_t libring_watermark_records(const struct ring_reader *r)
{
	if (r->wake_records)
		return r->wake_records;
	return r->wake_bytes ? LIBRING_NEVER : 1;
}

/* The seq that comes next on @s. */
uint64_t libring_next_seq(const struct ring_source *s)
{
	/* After a lap to an empty place rd.seq is that of a lost record. */
	if (s->rd.any && !s->pending)
		return seqring_read(&s->rd.ctl->seq) + 1;
	return s->rd.seq;
}

static bool has_enough(const struct ring_reader *r, const struct ring_source *s)
{
	__u64 records, bytes;

	if (!s->pending)
		return false;
	seqring_reader_lag(&s->rd, &records, &bytes);
	/* Of a writer that is gone there never will be more. */
	return records >= libring_watermark_records(r) || bytes >= libring_watermark_bytes(r) ||
	       seqring_read(&s->rd.ctl->state) & SEQRING_STATE_DEAD;
}

static bool watermark_met(const struct ring_reader *r)
{
	uint32_t i;

	if (r->hup || libring_watermark_records(r) == 1)
		return true;
	for (i = 0; i < r->nr_src; i++)
		if (has_enough(r, &r->src[i]))
			return true;
	return false;
}

/* Time of the first unread record, or when it was noticed without a clock. */
static uint64_t unread_since(struct ring_reader *r, const struct ring_source *top, uint64_t now)
{
	if (r->hdr.clock_id == SEQRING_CLOCK_MONOTONIC)
		return top->view.ts_ns < now ? top->view.ts_ns : now;
	if (r->since_seq != top->view.seq || r->since_ring != top->ring) {
		r->since_seq = top->view.seq;
		r->since_ring = top->ring;
		r->since_ns = now;
	}
	return r->since_ns;
}

/*
 * Looks whether there is what the reader waits for. @vouched: the kernel says
 * that the watermark is met.
 *
 * Return: 0; -ENODEV; -EAGAIN with @at, when time alone will make it so.
 */
static int ready(struct ring_reader *r, bool vouched, uint64_t *at)
{
	struct ring_source *top;
	uint64_t now;
	int err;

	*at = LIBRING_NEVER;
	err = libring_select(r, false, &top);
	if (err == -EAGAIN && r->due_ns)
		top = r->heap[0];
	else if (err == -EAGAIN || err == -ENODEV)
		return err;
	else if (err)
		return 0; /* for ring_read() to say */

	if (!vouched && !watermark_met(r)) {
		now = libring_now_ns();
		if (r->wake_timeout_ns)
			*at = libring_add(unread_since(r, top, now), r->wake_timeout_ns);
		if (now < *at) {
			*at = *at > r->due_ns ? *at : r->due_ns;
			return -EAGAIN;
		}
	}
	if (err)
		*at = r->due_ns;
	return err;
}

static uint32_t count_pending(const struct ring_reader *r)
{
	uint32_t i, n = 0;

	for (i = 0; i < r->nr_src; i++)
		n += r->src[i].pending;
	return n;
}

/* Arms, then looks again: what came before it was armed wakes nobody. */
static int arm_and_look(struct ring_reader *r, uint64_t *at)
{
	uint32_t pending;
	int err;

	do {
		pending = count_pending(r);
		libring_drain(r);
		r->ops->arm(r, false);
		err = ready(r, false, at);
		/* What is there now may be waited for in another way. */
	} while (err == -EAGAIN && count_pending(r) != pending);
	return err;
}

static int no_means(void)
{
	return libring_fail(EOPNOTSUPP, "the ring was opened by its memfd or map alone, or may "
					"only be read, and so cannot wake anybody: open it by "
					"name, socket or ring_open_fds()");
}

/* Return: 0 @until came; 1 something else did; -errno. */
static int sleep_until(struct ring_reader *r, uint64_t until, bool *vouched)
{
	struct pollfd pfd = { .fd = r->poll_fd, .events = POLLIN };
	uint64_t now = libring_now_ns();
	struct timespec ts = timespec_of(until > now ? until - now : 0);
	int n;

	n = ppoll(&pfd, 1, until == LIBRING_NEVER ? NULL : &ts, NULL);
	if (n < 0)
		return libring_fail(errno, "the wait ended: %s", strerror(errno));
	*vouched = n && r->ops->woken && r->ops->woken(r, pfd.revents);
	return n;
}

int ring_wait(struct ring_reader *r, int timeout_ms)
{
	uint64_t until = LIBRING_NEVER, at;
	bool vouched = false, slept = false;
	int err;

	if (!r->ops)
		return no_means();
	if (timeout_ms > 0)
		until = libring_now_ns() + (uint64_t)timeout_ms * 1000000;
	for (;;) {
		err = ready(r, vouched, &at);
		if (err == -EAGAIN)
			err = arm_and_look(r, &at);
		if (err != -EAGAIN)
			return libring_status(err);
		if (!timeout_ms || libring_now_ns() >= until)
			return libring_say(ETIMEDOUT, "nothing came in time");
		r->waits += !slept;
		slept = true;
		err = sleep_until(r, at < until ? at : until, &vouched);
		if (err < 0)
			return err;
	}
}

/*
 * Empties the descriptor, so that only what happens from now on makes it readable.
 * What that was is noted in @r.
 */
void libring_drain(struct ring_reader *r)
{
	struct epoll_event events[4];
	int i, n;

	r->fired = false;
	if (r->epfd < 0)
		return;
	n = epoll_wait(r->epfd, events, 4, 0);
	for (i = 0; i < n; i++) {
		if (events[i].data.u32 == TIMER_EVENT)
			r->fired = true;
		else if (events[i].data.u32 == OWNER_EVENT)
			libring_watch_owner(r, true);
		/* Every reader can make an eventfd overflow, which is an error of it. */
		else if (events[i].data.u32 != DOORBELL_EVENT &&
			 events[i].events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
			r->hup = true;
	}
}

/**
 * libring_rearm() - arm the descriptor that was given out
 * @r: the reader, with fd_given, after libring_select()
 * @out: as in libring_select()
 *
 * Return: as libring_select(). Only after -EAGAIN the descriptor sleeps; else
 * there is something to say, and it is readable.
 */
int libring_rearm(struct ring_reader *r, struct ring_source **out)
{
	uint64_t due;
	int err;

	do {
		due = r->due_ns;
		libring_drain(r);
		r->ops->arm(r, true);
		err = libring_select(r, false, out);
		/* Another deadline, or the first one: the timer has to know. */
	} while (err == -EAGAIN && r->due_ns != due);
	if (err != -EAGAIN)
		r->ops->kick(r);
	return err;
}

/* The place or the watermark is another one: what the descriptor waits for, too. */
void libring_changed(struct ring_reader *r)
{
	struct ring_source *s;

	if (!r->fd_given)
		return;
	/* What is to be armed depends on what is there. */
	libring_select(r, false, &s);
	libring_rearm(r, &s);
}

int ring_fd(struct ring_reader *r, int *fd)
{
	if (!r->ops)
		return no_means();
	r->fd_given = true;
	libring_changed(r);
	*fd = r->app_fd;
	return 0;
}

int ring_set_wakeup(struct ring_reader *r, uint64_t records, uint64_t bytes, uint64_t timeout_ns)
{
	r->wake_records = records;
	r->wake_bytes = bytes;
	r->wake_timeout_ns = timeout_ns;
	libring_changed(r);
	return 0;
}

/* Adds @fd, whose end means the end of the writer, to the epoll instance. */
int libring_poll_add(struct ring_reader *r, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u32 = OTHER_EVENT };

	if (fd == r->timer)
		ev.data.u32 = TIMER_EVENT;
	else if (fd == r->doorbell)
		ev.data.u32 = DOORBELL_EVENT;
	else if (fd == r->sock && r->hdr.writer_kind == SEQRING_WRITER_BPF)
		ev.data.u32 = OWNER_EVENT;
	if (epoll_ctl(r->epfd, EPOLL_CTL_ADD, fd, &ev))
		return libring_fail(errno == EPERM ? EPROTO : errno,
				    "cannot wait for descriptor "
				    "%d of the ring: %s",
				    fd, strerror(errno));
	return 0;
}

/* Creates the epoll instance, with the timer in it. */
int libring_poll_open(struct ring_reader *r)
{
	r->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epfd < 0)
		return libring_fail(errno, "epoll_create1: %s", strerror(errno));
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->timer < 0)
		return libring_fail(errno, "timerfd_create: %s", strerror(errno));
	return libring_poll_add(r, r->timer, EPOLLIN | EPOLLET);
}

/* Makes the descriptor readable at @at_ns; 0: never. */
void libring_timer_set(struct ring_reader *r, uint64_t at_ns)
{
	struct itimerspec its = { .it_value = timespec_of(at_ns) };

	if (!at_ns && !r->timer_ns)
		return;
	r->timer_ns = at_ns;
	timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &its, NULL);
}
