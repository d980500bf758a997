/* SPDX-License-Identifier: GPL-2.0-only */
/* A way to wait for a descriptor: a call, perhaps on epoll instances around it. */
#ifndef TESTS_LIB_WAIT_WAY_H
#define TESTS_LIB_WAIT_WAY_H

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "aio.h"
#include "uring.h"

#define WAIT_DEPTH  3
#define WAIT_LISTED 300

/* What sleeps, on the reader's descriptor or on the outermost epoll instance. */
enum wait_call {
	CALL_POLL,
	CALL_PPOLL,
	CALL_SELECT,
	CALL_PSELECT,
	CALL_EPOLL,
	CALL_EPOLL_PWAIT2,
	CALL_URING,
	CALL_URING_MULTI,
	CALL_AIO,
};

#define WAY_MANY	(1u << 0) /* the descriptor is listed many times, or in many sets */
#define WAY_LATE	(1u << 1) /* added when there is data already */
#define WAY_MODIFY	(1u << 2) /* EPOLL_CTL_MOD in each round, with and without data */
#define WAY_REMOVE	(1u << 3) /* EPOLL_CTL_DEL and ADD in each round, likewise */
#define WAY_DUPLICATE	(1u << 4) /* by a duplicate of the descriptor, closed after the ADD */
#define WAY_BOTH	(1u << 5) /* the descriptor and a duplicate, which is closed half-way */
#define WAY_TWICE	(1u << 6) /* two epoll instances on one open file */
#define WAY_TWO_READERS (1u << 7) /* two readers, each in an epoll instance of its own */
#define WAY_ONE_CALL	(1u << 8) /* the reader makes one call for each report */

/*
 * @depth: epoll instances in each other
 * @leaf: events for the reader's descriptor in the innermost one
 * @outer: events for each epoll instance in the next one
 * @setup: IORING_SETUP_*
 */
struct wait_way {
	const char *name;
	enum wait_call call;
	unsigned int depth;
	uint32_t leaf;
	uint32_t outer;
	unsigned int flags;
	unsigned int setup;
};

/*
 * A way to wait, set up on a descriptor.
 *
 * @ep: the epoll instances, the innermost first
 * @dup: another descriptor in the innermost one; -1: none
 * @pending: a request of io_uring or AIO is under way
 */
struct waiting {
	const struct wait_way *way;
	int fd;
	int dup;
	int ep[WAIT_DEPTH];
	struct uring uring;
	aio_context_t aio;
	struct iocb iocb;
	bool pending;
};

static inline bool wait_uses_uring(const struct wait_way *way)
{
	return way->call == CALL_URING || way->call == CALL_URING_MULTI;
}

static inline int waiting_top(const struct waiting *w)
{
	if (w->way->depth)
		return w->ep[w->way->depth - 1];
	return w->dup >= 0 ? w->dup : w->fd;
}

static inline void waiting_ctl(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (epoll_ctl(ep, op, fd, &ev))
		T_DIE("setup.epoll", "epoll_ctl(%d, events %#x): %s", op, events, strerror(errno));
}

static inline void waiting_add(struct waiting *w)
{
	const struct wait_way *way = w->way;

	if (way->flags & (WAY_DUPLICATE | WAY_BOTH)) {
		w->dup = dup(w->fd);
		waiting_ctl(w->ep[0], EPOLL_CTL_ADD, w->dup, EPOLLIN | way->leaf);
	}
	if (!(way->flags & WAY_DUPLICATE))
		waiting_ctl(w->ep[0], EPOLL_CTL_ADD, w->fd, EPOLLIN | way->leaf);
	else
		close(w->dup);
}

/* Return: false if this kernel does not have it. */
static inline bool waiting_open(struct waiting *w, const struct wait_way *way, int fd)
{
	unsigned int i;

	memset(w, 0, sizeof(*w));
	w->way = way;
	w->fd = fd;
	w->dup = -1;
	if (wait_uses_uring(way) && uring_open(&w->uring, 8, way->setup))
		return false;
	if (way->call == CALL_AIO)
		w->aio = aio_open(8);
	for (i = 0; i < way->depth; i++) {
		w->ep[i] = epoll_create1(EPOLL_CLOEXEC);
		if (i)
			waiting_ctl(w->ep[i], EPOLL_CTL_ADD, w->ep[i - 1], EPOLLIN | way->outer);
	}
	if (way->depth)
		waiting_add(w);
	else if (way->flags & WAY_DUPLICATE)
		w->dup = dup(fd);
	return true;
}

static inline void waiting_close(struct waiting *w)
{
	unsigned int i;

	if (wait_uses_uring(w->way))
		uring_close(&w->uring);
	if (w->way->call == CALL_AIO)
		aio_close(w->aio);
	for (i = 0; i < w->way->depth; i++)
		close(w->ep[i]);
	if (w->dup >= 0 && (!(w->way->flags & WAY_DUPLICATE) || !w->way->depth))
		close(w->dup);
}

/* Before each wait: oneshot items are armed again, and others are changed as the way says. */
static inline void waiting_rearm(struct waiting *w)
{
	const struct wait_way *way = w->way;
	unsigned int i;

	if (!way->depth)
		return;
	if (way->flags & WAY_REMOVE) {
		waiting_ctl(w->ep[0], EPOLL_CTL_DEL, w->fd, 0);
		waiting_ctl(w->ep[0], EPOLL_CTL_ADD, w->fd, EPOLLIN | way->leaf);
	} else if (way->flags & WAY_MODIFY || way->leaf & EPOLLONESHOT) {
		waiting_ctl(w->ep[0], EPOLL_CTL_MOD, w->fd, EPOLLIN | way->leaf);
		if (w->dup >= 0)
			waiting_ctl(w->ep[0], EPOLL_CTL_MOD, w->dup, EPOLLIN | way->leaf);
	}
	for (i = 1; i < way->depth; i++)
		if (way->outer & EPOLLONESHOT)
			waiting_ctl(w->ep[i], EPOLL_CTL_MOD, w->ep[i - 1], EPOLLIN | way->outer);
}

static inline int waiting_poll(const struct waiting *w, unsigned int timeout_ms)
{
	struct timespec ts = { .tv_sec = timeout_ms / 1000,
			       .tv_nsec = timeout_ms % 1000 * 1000000L };
	int i, n, nr = w->way->flags & WAY_MANY ? WAIT_LISTED : 1;
	struct pollfd p[WAIT_LISTED];

	for (i = 0; i < nr; i++)
		p[i] = (struct pollfd) { .fd = waiting_top(w), .events = POLLIN };
	n = w->way->call == CALL_POLL ? poll(p, (nfds_t)nr, (int)timeout_ms) :
					ppoll(p, (nfds_t)nr, &ts, NULL);
	/* The data may come while the kernel looks at one entry after the other. */
	return n;
}

static inline int waiting_select(const struct waiting *w, unsigned int timeout_ms)
{
	struct timespec ts = { .tv_sec = timeout_ms / 1000,
			       .tv_nsec = timeout_ms % 1000 * 1000000L };
	struct timeval tv = { .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	bool many = w->way->flags & WAY_MANY;
	fd_set in, except;
	int fd = waiting_top(w);

	FD_ZERO(&in);
	FD_ZERO(&except);
	FD_SET(fd, &in);
	FD_SET(fd, &except);
	if (w->way->call == CALL_SELECT)
		return select(fd + 1, &in, NULL, many ? &except : NULL, &tv);
	return pselect(fd + 1, &in, NULL, many ? &except : NULL, &ts, NULL);
}

static inline int waiting_epoll(const struct waiting *w, unsigned int timeout_ms)
{
	struct timespec ts = { .tv_sec = timeout_ms / 1000,
			       .tv_nsec = timeout_ms % 1000 * 1000000L };
	struct epoll_event ev[2];

	return w->way->call == CALL_EPOLL ? epoll_wait(waiting_top(w), ev, 2, (int)timeout_ms) :
					    epoll_pwait2(waiting_top(w), ev, 2, &ts, NULL);
}

static inline int waiting_uring(struct waiting *w, unsigned int timeout_ms)
{
	unsigned int flags = w->way->call == CALL_URING ? 0 : IORING_POLL_ADD_MULTI;
	struct io_uring_cqe cqe;

	if (!w->pending)
		uring_prepare_poll(&w->uring, waiting_top(w), POLLIN, flags, 1);
	w->pending = true;
	if (!uring_wait(&w->uring, timeout_ms, &cqe))
		return 0;
	w->pending = cqe.flags & IORING_CQE_F_MORE;
	if (cqe.res <= 0)
		T_DIE("waits.uring", "the poll completed with %d", cqe.res);
	return 1;
}

static inline int waiting_aio(struct waiting *w, unsigned int timeout_ms)
{
	struct io_event ev;
	int err;

	if (!w->pending) {
		err = aio_poll(w->aio, &w->iocb, waiting_top(w), 0);
		if (err)
			T_DIE("waits.aio", "io_submit: %s", strerror(-err));
	}
	w->pending = true;
	if (!aio_wait(w->aio, &ev, 1, timeout_ms))
		return 0;
	w->pending = false;
	return 1;
}

/* Waits. Return: whether it reported something. */
static inline bool waiting_wait(struct waiting *w, unsigned int timeout_ms)
{
	struct epoll_event ev[2];
	unsigned int i;
	int n = 0;

	do {
		switch (w->way->call) {
		case CALL_POLL:
		case CALL_PPOLL:
			n = waiting_poll(w, timeout_ms);
			break;
		case CALL_SELECT:
		case CALL_PSELECT:
			n = waiting_select(w, timeout_ms);
			break;
		case CALL_EPOLL:
		case CALL_EPOLL_PWAIT2:
			n = waiting_epoll(w, timeout_ms);
			break;
		case CALL_AIO:
			n = waiting_aio(w, timeout_ms);
			break;
		default:
			n = waiting_uring(w, timeout_ms);
		}
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		T_DIE("waits.call", "%s: %s", w->way->name, strerror(errno));
	/* Whoever is told asks inwards, once, as an event loop does. */
	i = w->way->depth;
	if (n > 0 && i && (w->way->call == CALL_EPOLL || w->way->call == CALL_EPOLL_PWAIT2))
		i--;
	while (n > 0 && i--)
		epoll_wait(w->ep[i], ev, 2, 0);
	return n > 0;
}

/* True if the way reports the same records again until they are read. */
static inline bool wait_is_level(const struct wait_way *way)
{
	return way->call != CALL_URING_MULTI &&
	       !((way->leaf | way->outer) & (EPOLLET | EPOLLONESHOT));
}

/*
 * True if a wake-up that was on its way may complete a request after its records were read:
 * io_uring and AIO believe what an epoll instance says when it wakes them.
 */
static inline bool wait_may_be_stale(const struct wait_way *way)
{
	return way->depth && (wait_uses_uring(way) || way->call == CALL_AIO);
}

#endif /* TESTS_LIB_WAIT_WAY_H */
