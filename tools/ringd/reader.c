// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "log.h"
#include "metrics.h"
#include "reader.h"

#define POLL_NS 20000000ULL /* how often to look at a ring that cannot wake readers */

/*
 * @lock: protects the lists, and followed.dropped. Only the thread takes a ring out of @list
 * @fd: wakes the thread
 * @list: what it reads; @done: what it gives back
 * @fds: of @room
 */
struct reader {
	pthread_t thread;
	struct queue *q;
	int fd;

	pthread_mutex_t lock;
	struct followed *list;
	struct followed *done;
	bool stop;

	struct pollfd *fds;
	size_t room;
	bool paused;
};

static void wake(struct reader *rd)
{
	const uint64_t one = 1;

	if (write(rd->fd, &one, sizeof(one)) < 0)
		return; /* it is awake: the counter is at its limit */
}

/* The first ring. Only this thread changes the list behind its head. */
static struct followed *get_first(struct reader *rd)
{
	struct followed *f;

	pthread_mutex_lock(&rd->lock);
	f = rd->list;
	pthread_mutex_unlock(&rd->lock);
	return f;
}

/* Moves rings that have ended to those that are given back. Return: rings that are left. */
static unsigned int sort_out(struct reader *rd, bool *stop)
{
	struct followed **at, *f;
	unsigned int nr = 0;

	pthread_mutex_lock(&rd->lock);
	for (at = &rd->list; (f = *at);) {
		if (f->dropped && !f->ended)
			follow_leave(f);
		if (f->dropped || f->ended) {
			*at = f->next;
			f->next = rd->done;
			rd->done = f;
		} else {
			at = &f->next;
			nr++;
		}
	}
	*stop = rd->stop;
	pthread_mutex_unlock(&rd->lock);
	set_gauge(&metrics.rings, nr);
	return nr;
}

/* The queue is full: what the rings lose from now on is lost for that. */
static void pause_all(struct reader *rd)
{
	struct followed *f;

	if (!rd->paused)
		count(&metrics.queue_full, 1);
	rd->paused = true;
	for (f = get_first(rd); f; f = f->next)
		follow_pause(f);
}

/* Sleeps until there is something to do. @nr: rings in the list */
static void wait_for_work(struct reader *rd, unsigned int nr, bool full, bool more, uint64_t until)
{
	uint64_t ns = more ? 0 : ns_until(until);
	nfds_t used = 0;
	uint64_t events;
	struct followed *f;

	if (rd->room < nr + 2) {
		struct pollfd *fds = realloc(rd->fds, (nr + 2) * sizeof(*fds));

		/* The next round tries again. */
		if (!fds) {
			poll(NULL, 0, 10);
			return;
		}
		rd->fds = fds;
		rd->room = nr + 2;
	}
	rd->fds[used++] = (struct pollfd) { .fd = rd->fd, .events = POLLIN };
	if (full)
		rd->fds[used++] = (struct pollfd) { .fd = queue_fd(rd->q), .events = POLLIN };
	for (f = full ? NULL : get_first(rd); f && used < rd->room; f = f->next) {
		rd->fds[used++] = (struct pollfd) { .fd = f->fd, .events = POLLIN };
		if (f->fd < 0 && ns > POLL_NS)
			ns = POLL_NS;
	}
	if (poll_ns(rd->fds, used, ns) > 0 && rd->fds[0].revents &&
	    read(rd->fd, &events, sizeof(events)) < 0)
		return;
}

static void *run(void *arg)
{
	struct reader *rd = arg;
	struct followed *f;
	bool stop = false;

	while (!stop) {
		uint64_t until = now_ns() + NSEC_PER_SEC, due;
		bool more = false, full;
		unsigned int nr;

		count(&metrics.rounds, 1);
		nr = sort_out(rd, &stop);
		full = queue_is_full(rd->q);
		if (full)
			pause_all(rd);
		else
			rd->paused = false;
		for (f = get_first(rd); f && !full && !stop; f = f->next) {
			more |= follow_read(f);
			if (f->ended) {
				more = true;
				continue;
			}
			due = follow_due(f, now_ns());
			if (due < until)
				until = due;
		}
		if (!stop)
			wait_for_work(rd, nr, full, more, until);
	}
	for (f = get_first(rd); f; f = f->next)
		follow_leave(f);
	queue_end(rd->q);
	return NULL;
}

int reader_start(struct queue *q, struct reader **out)
{
	struct reader *rd = calloc(1, sizeof(*rd));
	int err;

	if (!rd)
		return -ENOMEM;
	rd->q = q;
	rd->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rd->fd < 0) {
		free(rd);
		return -errno;
	}
	pthread_mutex_init(&rd->lock, NULL);
	err = -pthread_create(&rd->thread, NULL, run, rd);
	if (err) {
		close(rd->fd);
		free(rd);
		return err;
	}
	pthread_setname_np(rd->thread, "ringd-read");
	*out = rd;
	return 0;
}

void reader_add(struct reader *rd, struct followed *f)
{
	pthread_mutex_lock(&rd->lock);
	f->next = rd->list;
	rd->list = f;
	pthread_mutex_unlock(&rd->lock);
	wake(rd);
}

bool reader_has(struct reader *rd, const char *name, struct fleet_identity *id)
{
	struct followed *f;

	pthread_mutex_lock(&rd->lock);
	for (f = rd->list; f; f = f->next)
		if (!strcmp(f->ring_name, name))
			break;
	for (f = f ? f : rd->done; f && strcmp(f->ring_name, name); f = f->next)
		;
	if (f)
		*id = f->id;
	pthread_mutex_unlock(&rd->lock);
	return f;
}

void reader_filter(struct reader *rd, bool (*wanted)(const char *name, void *arg), void *arg)
{
	struct followed *f;

	pthread_mutex_lock(&rd->lock);
	for (f = rd->list; f; f = f->next)
		if (!wanted(f->ring_name, arg))
			f->dropped = true;
	pthread_mutex_unlock(&rd->lock);
	wake(rd);
}

struct followed *reader_collect(struct reader *rd)
{
	struct followed *f;

	pthread_mutex_lock(&rd->lock);
	f = rd->done;
	if (f)
		rd->done = f->next;
	pthread_mutex_unlock(&rd->lock);
	return f;
}

void reader_stop(struct reader *rd)
{
	struct followed *f;

	if (!rd)
		return;
	pthread_mutex_lock(&rd->lock);
	rd->stop = true;
	pthread_mutex_unlock(&rd->lock);
	wake(rd);
	pthread_join(rd->thread, NULL);
	while ((f = rd->list)) {
		rd->list = f->next;
		follow_free(f);
	}
	while ((f = rd->done)) {
		rd->done = f->next;
		follow_free(f);
	}
	pthread_mutex_destroy(&rd->lock);
	close(rd->fd);
	free(rd->fds);
	free(rd);
}
