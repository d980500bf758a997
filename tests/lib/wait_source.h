/* SPDX-License-Identifier: GPL-2.0-only */
/* A source of records that readers wait for, of any kind. */
#ifndef TESTS_LIB_WAIT_SOURCE_H
#define TESTS_LIB_WAIT_SOURCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "random.h"
#include "tap.h"

/* When a reader wants to wake. */
struct wait_mark {
	const char *name;
	unsigned int records;
	uint64_t timeout_ns;
};

#define WAIT_EACH    (1u << 0)
#define WAIT_FIVE    (1u << 1)
#define WAIT_TIMEOUT (1u << 2)

static const struct wait_mark wait_marks[] = {
	{ "each record", 1, 0 },
	{ "five records", 5, 0 },
	/* Never so many, so that only the time wakes. */
	{ "a timeout", 1000, 3 * MS },
};

struct wait_source;

/*
 * One reader of a source.
 *
 * @fd: what it waits for
 * @seq: of the last record that it read
 * @bad: records that it did not expect
 * @one_call: it makes one call for each report, as users of libbpf do
 */
struct wait_reader {
	struct wait_source *src;
	int fd;
	void *state;
	uint64_t seq;
	unsigned int bad;
	bool one_call;
};

struct ring_open_opts;
struct ring_reader;

/*
 * A kind of source.
 *
 * @marks: which of wait_marks[] it knows
 * @nested: its descriptors are epoll instances: the kernel forbids EPOLLEXCLUSIVE on them
 * @early: a timeout may wake before it is over, and without a record; a reader that was closed
 *	may make another one wake early
 * @by_call: its readers know @one_call
 * @one_reader: its readers take records from each other
 * @window_ns: merge window of its readers; for libring only
 * @publish: one record
 * @open_ring: opens a reader of libring with these options, for wait_ring_open()
 * @drain: reads all that is there. Return: how many records
 * @set_mark: waits for another mark from now on; NULL: it has none
 * @seek: moves to the oldest record, or behind the newest; NULL: it cannot
 */
struct wait_backend {
	const char *name;
	unsigned int marks;
	bool nested;
	bool early;
	bool by_call;
	bool one_reader;
	uint64_t window_ns;
	void (*create)(struct wait_source *s);
	void (*destroy)(struct wait_source *s);
	void (*publish)(struct wait_source *s);
	void (*open)(struct wait_reader *r, const struct wait_mark *mark);
	int (*open_ring)(struct wait_source *s, const struct ring_open_opts *opts,
			 struct ring_reader **ring);
	void (*close)(struct wait_reader *r);
	unsigned int (*drain)(struct wait_reader *r);
	void (*set_mark)(struct wait_reader *r, const struct wait_mark *mark);
	void (*seek)(struct wait_reader *r, bool oldest);
};

/*
 * A source, with a thread that publishes while the waiter sleeps.
 *
 * @later: records that the thread is to publish, after @later_ns
 * @act: what it is to do then, with @arg; NULL: nothing
 */
struct wait_source {
	const struct wait_backend *kind;
	void *state;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int later;
	uint64_t later_ns;
	void (*act)(void *arg);
	void *arg;
	bool stop;
	uint64_t rnd;
};

static void *wait_publisher(void *arg)
{
	struct wait_source *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (!s->later && !s->act) {
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		sleep_ns(s->later_ns);
		while (s->later) {
			s->kind->publish(s);
			__atomic_store_n(&s->later, s->later - 1, __ATOMIC_RELEASE);
		}
		if (s->act)
			s->act(s->arg);
		pthread_mutex_lock(&s->lock);
		s->act = NULL;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static inline void wait_source_open(struct wait_source *s, const struct wait_backend *kind)
{
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->rnd = 1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	kind->create(s);
	if (pthread_create(&s->thread, NULL, wait_publisher, s))
		T_DIE("setup.publisher", "pthread_create");
}

static inline void wait_source_close(struct wait_source *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->kind->destroy(s);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static inline void wait_publish(struct wait_source *s, unsigned int nr)
{
	while (nr--)
		s->kind->publish(s);
}

/*
 * Publishes from the source's thread and calls @act, about when the caller goes to sleep or long
 * after.
 */
static inline void wait_act_later(struct wait_source *s, unsigned int nr, void (*act)(void *arg),
				  void *arg)
{
	uint64_t r = next_random(&s->rnd);

	pthread_mutex_lock(&s->lock);
	s->later_ns = r % 8 ? (r >> 8) % 100000 : 2 * MS;
	s->later = nr;
	s->act = act;
	s->arg = arg;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline void wait_publish_later(struct wait_source *s, unsigned int nr)
{
	wait_act_later(s, nr, NULL, NULL);
}

/* Waits until all is published and done. */
static inline void wait_published(struct wait_source *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->later || s->act)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static inline void wait_reader_open(struct wait_reader *r, struct wait_source *s,
				    const struct wait_mark *mark)
{
	memset(r, 0, sizeof(*r));
	r->src = s;
	s->kind->open(r, mark);
}

static inline void wait_reader_close(struct wait_reader *r)
{
	r->src->kind->close(r);
}

/* For drain(): the record with this seq was read. */
static inline void wait_got(struct wait_reader *r, uint64_t seq)
{
	r->bad += r->seq && seq != r->seq + 1;
	r->seq = seq;
}

#endif /* TESTS_LIB_WAIT_SOURCE_H */
