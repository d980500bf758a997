// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader that sleeps until a user process sends: a ring in a memfd, and what else
 * one process wakes another with.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <libring.h>

#include "latency.h"

#define WAIT_MS 1000
#define TYPE	7
#define BATCH	64u /* records that are read from a pipe at once */
#define PAGE	4096u

static int epoll_of(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		fail("no epoll instance: %s", strerror(errno));
	return epoll;
}

/* Whether it became readable. */
static bool epoll_one(int epoll)
{
	struct epoll_event event;
	int n = epoll_wait(epoll, &event, 1, WAIT_MS);

	if (n < 0)
		fail("epoll_wait: %s", strerror(errno));
	return n;
}

struct event {
	int fd;
	int epoll;
};

static void eventfd_open(struct contender *c)
{
	struct event *e = calloc(1, sizeof(*e));

	if (!e)
		fail("no memory");
	e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->fd < 0)
		fail("no eventfd: %s", strerror(errno));
	e->epoll = epoll_of(e->fd);
	c->impl = e;
}

static void eventfd_close(struct contender *c)
{
	struct event *e = c->impl;

	close(e->epoll);
	close(e->fd);
	free(e);
}

static void eventfd_send(struct contender *c, uint64_t due)
{
	const struct event *e = c->impl;
	uint64_t one = 1;

	(void)due;
	if (write(e->fd, &one, sizeof(one)) != sizeof(one))
		fail("eventfd: %s", strerror(errno));
}

static void eventfd_receive(struct contender *c)
{
	const struct event *e = c->impl;
	uint64_t count;

	if (!epoll_one(e->epoll))
		return;
	if (read(e->fd, &count, sizeof(count)) != sizeof(count))
		fail("eventfd: %s", strerror(errno));
	arrived_up_to(c, c->arrived + count);
}

const struct kind kind_eventfd = {
	.name = "eventfd",
	.open = eventfd_open,
	.send = eventfd_send,
	.receive = eventfd_receive,
	.close = eventfd_close,
};

static void pipe_open(struct contender *c)
{
	int *fd = calloc(2, sizeof(*fd));

	if (!fd || pipe2(fd, O_CLOEXEC))
		fail("no pipe: %s", strerror(errno));
	c->impl = fd;
}

static void pipe_close(struct contender *c)
{
	int *fd = c->impl;

	close(fd[0]);
	close(fd[1]);
	free(fd);
}

static void pipe_send(struct contender *c, uint64_t due)
{
	const int *fd = c->impl;

	if (write(fd[1], &due, sizeof(due)) != sizeof(due))
		fail("pipe: %s", strerror(errno));
}

static void pipe_receive(struct contender *c)
{
	const int *fd = c->impl;
	uint64_t due[BATCH];
	ssize_t n, i;

	n = read(fd[0], due, sizeof(due));
	if (n <= 0 || n % (ssize_t)sizeof(due[0]))
		fail("pipe: %s", n < 0 ? strerror(errno) : "a part of a record");
	for (i = 0; i < n / (ssize_t)sizeof(due[0]); i++)
		arrived(c, due[i]);
}

const struct kind kind_pipe = {
	.name = "pipe",
	.open = pipe_open,
	.send = pipe_send,
	.receive = pipe_receive,
	.close = pipe_close,
};

/* Not private to the process: the others work between processes, too. */
static long futex(uint32_t *word, int op, uint32_t value)
{
	struct timespec ts = { .tv_sec = WAIT_MS / 1000 };

	return syscall(SYS_futex, word, op, value, op == FUTEX_WAIT ? &ts : NULL, NULL, 0);
}

static void futex_open(struct contender *c)
{
	c->impl = map_shared(PAGE, NULL);
}

static void futex_close(struct contender *c)
{
	munmap(c->impl, PAGE);
}

static void futex_send(struct contender *c, uint64_t due)
{
	uint32_t *word = c->impl;

	(void)due;
	__atomic_store_n(word, (uint32_t)c->sent + 1, __ATOMIC_RELEASE);
	if (futex(word, FUTEX_WAKE, 1) < 0)
		fail("futex: %s", strerror(errno));
}

static void futex_receive(struct contender *c)
{
	uint32_t *word = c->impl, old = (uint32_t)c->arrived, now;

	now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	if (now != old)
		arrived_up_to(c, c->arrived + (uint32_t)(now - old));
	else if (futex(word, FUTEX_WAIT, old) && errno != EAGAIN && errno != ETIMEDOUT)
		fail("futex: %s", strerror(errno));
}

const struct kind kind_futex = {
	.name = "futex",
	.open = futex_open,
	.send = futex_send,
	.receive = futex_receive,
	.close = futex_close,
};

/* @epoll: the application's own, on the descriptor of the reader; or -1 */
struct sleeper {
	struct ring_writer *w;
	struct ring_reader *r;
	int epoll;
};

static void sleeper_open(struct contender *c)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	struct sleeper *s = calloc(1, sizeof(*s));
	struct ring_fds fds;
	int fd;

	if (!s)
		fail("no memory");
	s->epoll = -1;
	s->w = library_writer(ring_size(RING_CACHED));
	if (ring_writer_fds(s->w, &fds) || ring_open_fds(&fds, &opts, &s->r))
		fail("no reader of libring's: %s", ring_strerror());
	if (c->kind == &kind_ring_epoll) {
		if (ring_fd(s->r, &fd))
			fail("%s", ring_strerror());
		s->epoll = epoll_of(fd);
	}
	c->impl = s;
}

static void sleeper_close(struct contender *c)
{
	struct sleeper *s = c->impl;

	if (s->epoll >= 0)
		close(s->epoll);
	ring_close(s->r);
	ring_writer_close(s->w);
	free(s);
}

static void sleeper_send(struct contender *c, uint64_t due)
{
	const struct sleeper *s = c->impl;

	if (ring_writer_publish(s->w, 0, TYPE, &due, sizeof(due)))
		fail("libring does not publish: %s", ring_strerror());
}

static void sleeper_receive(struct contender *c)
{
	const struct sleeper *s = c->impl;
	struct ring_record rec;
	uint64_t due;
	int err;

	err = ring_read(s->r, &rec, &due, sizeof(due));
	if (!err) {
		arrived(c, due);
		if (rec.lost || rec.len != sizeof(due) || rec.type != TYPE || rec.seq != c->arrived)
			wrong("latency: header of record %llu is torn",
			      (unsigned long long)rec.seq);
	} else if (err != -EAGAIN) {
		wrong("libring: %s", ring_strerror());
	} else if (s->epoll >= 0) {
		epoll_one(s->epoll);
	} else {
		err = ring_wait(s->r, WAIT_MS);
		if (err && err != -ETIMEDOUT)
			wrong("libring: %s", ring_strerror());
	}
}

const struct kind kind_ring_wait = {
	.name = "ring",
	.open = sleeper_open,
	.send = sleeper_send,
	.receive = sleeper_receive,
	.close = sleeper_close,
};

const struct kind kind_ring_epoll = {
	.name = "ring, epoll",
	.open = sleeper_open,
	.send = sleeper_send,
	.receive = sleeper_receive,
	.close = sleeper_close,
};
