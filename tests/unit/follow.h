/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of readers that wait for a name, or follow it. */
#ifndef UNIT_FOLLOW_H
#define UNIT_FOLLOW_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "run_dir.h"

#define NAME	  "followed"
#define PUBLISHED 5

static inline int setup(void **state)
{
	(void)state;
	run_dir_name();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	run_dir_remove();
	return 0;
}

/* A writer that serves NAME. Its readers get their greeting by ring_writer_serve(). */
static inline struct ring_writer *start_writer(uint32_t nr_rings)
{
	struct ring_writer *w = make_writer(nr_rings, SEQRING_CLOCK_MONOTONIC, 0);
	int fd;

	assert_int_equal(ring_writer_listen(w, NAME, &fd), 0);
	return w;
}

static inline struct ring_reader *open_following(void)
{
	struct ring_reader *r = NULL;

	assert_int_equal(ring_open(NAME, OPEN_OPTS(.flags = RING_FOLLOW | RING_NONBLOCK), &r), 0);
	assert_non_null(r);
	return r;
}

/* Serves and reads until something other than -EAGAIN comes. Return: what ring_read() did. */
static inline int read_served(struct ring_reader *r, struct ring_writer *w, struct ring_record *rec)
{
	struct pollfd pfd = { .events = POLLIN };
	uint64_t n;
	int err;

	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	while ((err = ring_read(r, rec, &n, sizeof(n))) == -EAGAIN) {
		/* The reader may have connected by now. */
		if (w)
			ring_writer_serve(w);
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	}
	return err;
}

/* Reads records @from to @to, with nothing lost in between. */
static inline void check_numbers(struct ring_reader *r, uint64_t from, uint64_t to)
{
	struct ring_record rec;

	for (; from <= to; from++) {
		assert_int_equal(read_served(r, NULL, &rec), 0);
		assert_int_equal(rec.seq, from);
		assert_int_equal(rec.lost, 0);
	}
}

/* A process that serves NAME, publishes and lives until it is killed. */
static inline pid_t fork_writer(struct ring_writer *w)
{
	struct pollfd pfd = { .events = POLLIN };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (ring_writer_adopt(w) || ring_writer_listen(w, NAME, &pfd.fd))
		_exit(1);
	publish_numbers(w, 0, PUBLISHED);
	for (;;)
		if (poll(&pfd, 1, -1) == 1)
			ring_writer_serve(w);
}

struct late_writer {
	struct ring_writer *w;
	pthread_t thread;
	bool stop;
};

/* Lets the reader sleep, then serves. */
static inline void *serve_late(void *arg)
{
	struct late_writer *l = arg;
	struct pollfd pfd = { .events = POLLIN };

	sleep_us(300000);
	assert_int_equal(ring_writer_listen(l->w, NAME, &pfd.fd), 0);
	publish_numbers(l->w, 0, 1);
	while (!__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE))
		if (poll(&pfd, 1, 10) == 1)
			ring_writer_serve(l->w);
	return NULL;
}

static inline void start_late(struct late_writer *l)
{
	*l = (struct late_writer) { .w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0) };
	assert_int_equal(pthread_create(&l->thread, NULL, serve_late, l), 0);
}

static inline void stop_late(struct late_writer *l)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(l->thread, NULL), 0);
	ring_writer_close(l->w);
}

#endif /* UNIT_FOLLOW_H */
