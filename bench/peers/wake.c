// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's means to wake a process, without any payload: what a reader that sleeps
 * needs at least.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peers.h"

struct event {
	int fd;
	int epoll;
};

static const char *eventfd_create(struct stream *s)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct event *e = stream_alloc(s, sizeof(*e));

	e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->fd < 0 || e->epoll < 0 || epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->fd, &event))
		fail("no eventfd: %s", strerror(errno));
	s->impl = e;
	return NULL;
}

static void eventfd_destroy(struct stream *s)
{
	const struct event *e = s->impl;

	close(e->epoll);
	close(e->fd);
}

static void eventfd_send(struct stream *s, unsigned int n)
{
	const struct event *e = s->impl;
	uint64_t one = 1;

	for (; n; n--) {
		s->seq++;
		if (write(e->fd, &one, sizeof(one)) != sizeof(one))
			fail("eventfd: %s", strerror(errno));
	}
}

static unsigned int came(struct reader *rd, uint64_t n)
{
	rd->newest += n;
	rd->read += n;
	return (unsigned int)n;
}

static unsigned int eventfd_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	const struct event *e = s->impl;
	struct epoll_event event;
	uint64_t count;

	(void)max;
	if (rd->may_block && epoll_wait(e->epoll, &event, 1, -1) < 0)
		fail("epoll_wait: %s", strerror(errno));
	if (read(e->fd, &count, sizeof(count)) == sizeof(count))
		return came(rd, count);
	if (errno != EAGAIN)
		fail("eventfd: %s", strerror(errno));
	return 0;
}

const struct stream_kind kind_eventfd = {
	.name = "eventfd",
	.create = eventfd_create,
	.write = eventfd_send,
	.collect = eventfd_collect,
	.destroy = eventfd_destroy,
};

/* Not private to the process: the other contenders work between processes, too. */
static long futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static const char *futex_create(struct stream *s)
{
	s->impl = stream_map(s, 4096, NULL);
	return NULL;
}

static void futex_send(struct stream *s, unsigned int n)
{
	uint32_t *word = s->impl;

	for (; n; n--) {
		s->seq++;
		__atomic_store_n(word, (uint32_t)s->seq, __ATOMIC_RELEASE);
		if (futex(word, FUTEX_WAKE, 1) < 0)
			fail("futex: %s", strerror(errno));
	}
}

static unsigned int futex_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	uint32_t *word = s->impl, old = (uint32_t)rd->newest, now;

	(void)max;
	now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	if (now == old && rd->may_block) {
		if (futex(word, FUTEX_WAIT, old) && errno != EAGAIN && errno != EINTR)
			fail("futex: %s", strerror(errno));
		now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	}
	return came(rd, (uint32_t)(now - old));
}

const struct stream_kind kind_futex = {
	.name = "futex",
	.create = futex_create,
	.write = futex_send,
	.collect = futex_collect,
};
