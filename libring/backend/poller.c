// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* An epoll instance with a timer: one descriptor for everything that wakes a reader. */

#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "poller.h"

#define EVENTS_MAX 8

/* Creates the instance, with the timer in it. libring_poller_close() it after a failure, too. */
int libring_poller_open(struct ring_poller *p)
{
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epfd < 0)
		return libring_set_error(errno, "epoll_create1: %s", strerror(errno));
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->timer < 0)
		return libring_set_error(errno, "timerfd_create: %s", strerror(errno));
	return libring_poller_add(p, p->timer, EPOLLIN | EPOLLET, POLLER_TIMER);
}

void libring_poller_close(struct ring_poller *p)
{
	libring_close_fd(p->epfd);
	libring_close_fd(p->timer);
}

/* Adds @fd, which stays the caller's and stands for @what, one of POLLER_*. */
int libring_poller_add(struct ring_poller *p, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event ev = { .events = events, .data.u32 = what };

	if (epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &ev))
		return libring_set_error(errno == EPERM ? EPROTO : errno,
					 "cannot wait for descriptor %d of the ring: %s", fd,
					 strerror(errno));
	return 0;
}

void libring_poller_remove(struct ring_poller *p, int fd)
{
	epoll_ctl(p->epfd, EPOLL_CTL_DEL, fd, NULL);
}

/* Makes the instance ask @fd again, which libring_poller_add() added with the same values. */
void libring_poller_look(struct ring_poller *p, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event ev = { .events = events, .data.u32 = what };

	epoll_ctl(p->epfd, EPOLL_CTL_MOD, fd, &ev);
}

/* Takes all edges out, so that only later events make the instance readable. Return: POLLER_*. */
uint32_t libring_poller_drain(struct ring_poller *p)
{
	struct epoll_event events[EVENTS_MAX];
	uint32_t found = 0;
	int i, n;

	if (p->epfd < 0)
		return 0;
	n = epoll_wait(p->epfd, events, EVENTS_MAX, 0);
	for (i = 0; i < n; i++)
		if (events[i].data.u32 != POLLER_PEER ||
		    events[i].events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
			found |= events[i].data.u32;
	return found;
}

/* Makes the instance readable at @at_ns; 0: never. */
void libring_poller_set_timer(struct ring_poller *p, uint64_t at_ns)
{
	struct itimerspec its = { .it_value = libring_to_timespec(at_ns) };

	if (!at_ns && !p->timer_ns)
		return;
	p->timer_ns = at_ns;
	timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &its, NULL);
}
