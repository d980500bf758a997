/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of waking: a writer for each, and records that come while it waits. */
#ifndef UNIT_WOKEN_H
#define UNIT_WOKEN_H

#include <pthread.h>

#include "unit.h"

static inline int setup(void **state)
{
	*state = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	return 0;
}

static inline int teardown(void **state)
{
	ring_writer_close(*state);
	return 0;
}

/* Reads until there is none, as an application does. Return: how many records */
static inline unsigned int drain(struct ring_reader *r)
{
	struct ring_record rec;
	unsigned int n = 0;
	int err;

	while (!(err = ring_read(r, &rec, NULL, 0)))
		n++;
	assert_true(err == -EAGAIN || err == -ENODEV);
	return n;
}

struct later {
	struct ring_writer *w;
	uint64_t nr;
	uint64_t delay_ns;
	pthread_t thread;
};

static inline void *publish_later(void *arg)
{
	struct later *l = arg;
	uint64_t i;

	sleep_ns(l->delay_ns);
	for (i = 0; i < l->nr; i++)
		if (ring_writer_publish(l->w, 0, 7, &i, sizeof(i)))
			abort();
	return NULL;
}

/* Publishes so many records after a while; the caller joins @l->thread. */
static inline void later(struct later *l, struct ring_writer *w, uint64_t nr, uint64_t delay_ns)
{
	l->w = w;
	l->nr = nr;
	l->delay_ns = delay_ns;
	assert_int_equal(pthread_create(&l->thread, NULL, publish_later, l), 0);
}

#endif /* UNIT_WOKEN_H */
