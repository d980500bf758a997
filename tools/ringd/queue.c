// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "queue.h"

/* @waiting: the reading thread found the queue full. @fd: tells it that this is over */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct item *first;
	struct item **end;
	uint64_t bytes;
	uint64_t limit;
	bool waiting;
	bool ended;
	int fd;
};

struct item *item_new(uint64_t body_room)
{
	struct item *item = calloc(1, sizeof(*item));

	if (item && item_grow(item, body_room)) {
		free(item);
		return NULL;
	}
	return item;
}

int item_grow(struct item *item, uint64_t body_room)
{
	const uint64_t room = FLEET_HEADER_SIZE + ((body_room + 7) & ~7ULL);
	unsigned char *grown;

	if (room <= item->room)
		return 0;
	grown = realloc(item->bytes, room);
	if (!grown)
		return -ENOMEM;
	item->bytes = grown;
	item->room = room;
	return 0;
}

void item_free(struct item *item)
{
	if (item)
		free(item->bytes);
	free(item);
}

int queue_open(uint64_t limit, struct queue **out)
{
	struct queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (!q)
		return -ENOMEM;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		free(q);
		return -errno;
	}
	q->limit = limit;
	q->end = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attr);
	pthread_condattr_destroy(&attr);
	*out = q;
	return 0;
}

void queue_close(struct queue *q)
{
	struct item *item;

	if (!q)
		return;
	while ((item = q->first)) {
		q->first = item->next;
		item_free(item);
	}
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	close(q->fd);
	free(q);
}

void queue_put(struct queue *q, struct item *item)
{
	item->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->end = item;
	q->end = &item->next;
	q->bytes += item->room;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

bool queue_is_full(struct queue *q)
{
	uint64_t count;
	bool full;

	pthread_mutex_lock(&q->lock);
	full = q->bytes > q->limit;
	q->waiting = full;
	/* An event of before says nothing. */
	if (full && read(q->fd, &count, sizeof(count)) < 0)
		count = 0;
	pthread_mutex_unlock(&q->lock);
	return full;
}

int queue_fd(const struct queue *q)
{
	return q->fd;
}

void queue_end(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->ended = true;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

struct item *queue_take(struct queue *q, uint64_t until_ns, bool *ended)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
					.tv_nsec = (long)(until_ns % NSEC_PER_SEC) };
	const uint64_t one = 1;
	struct item *item;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->ended)
		if (pthread_cond_timedwait(&q->filled, &q->lock, &until))
			break;
	item = q->first;
	if (item) {
		q->first = item->next;
		if (!q->first)
			q->end = &q->first;
		q->bytes -= item->room;
	}
	*ended = !item && q->ended;
	if (q->waiting && q->bytes <= q->limit) {
		q->waiting = false;
		if (write(q->fd, &one, sizeof(one)) < 0)
			q->waiting = true;
	}
	pthread_mutex_unlock(&q->lock);
	return item;
}
