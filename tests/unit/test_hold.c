// SPDX-License-Identifier: GPL-2.0-only
/* A merge window yields to the rings: no record is held until it is overwritten. */

#include <poll.h>
#include <pthread.h>

#include "unit.h"

#define CLOCK	  SEQRING_CLOCK_MONOTONIC
#define RECORD	  32u			   /* bytes of a record with a number as its payload */
#define HALF	  (DATA_SIZE / 2 / RECORD) /* so many fill half of a ring */
#define SECOND_NS (1000 * MS)
#define HOUR_NS	  (3600 * SECOND_NS) /* longer than any pause of the machine */

/* Publishes @nr records, the first at @ts_ns and each a nanosecond later. */
static void put(struct ring_writer *w, unsigned int ring, uint64_t ts_ns, uint64_t nr)
{
	for (; nr; nr--, ts_ns++)
		publish_at(w, ring, ts_ns, &ts_ns, sizeof(ts_ns));
}

/* Reads all that may be read now. Return: the number of records. */
static uint64_t drain(struct ring_reader *r)
{
	struct ring_record rec;
	uint64_t n = 0;
	int err;

	while (!(err = ring_read(r, &rec, NULL, 0)))
		n++;
	assert_int_equal(err, -EAGAIN);
	return n;
}

static void expect(struct ring_reader *r, unsigned int ring, uint64_t ts_ns)
{
	struct ring_record rec;

	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.ring, ring);
	assert_int_equal(rec.ts_ns, ts_ns);
}

/* Held up to half of the ring, and not a record longer. */
static void test_half_unread(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = HOUR_NS));
	uint64_t start = now_ns() - 100 * SECOND_NS, age, window;

	(void)state;
	put(w, 0, start, HALF - 1);
	assert_int_equal(drain(r), 0);
	assert_int_equal(stats_of(r).window_ns, HOUR_NS);
	put(w, 0, start + HALF - 1, 1);
	age = now_ns() - start;
	/* All are older than the window that is in force from then on. */
	assert_int_equal(drain(r), HALF);
	window = stats_of(r).window_ns;
	assert_true(window >= age / 2);
	assert_true(window <= (now_ns() - start) / 2);
	assert_int_equal(stats_of(r).early, HALF);
	assert_int_equal(stats_of(r).misordered, 0);
	/* What is younger than that is held again. */
	put(w, 0, now_ns(), 10);
	assert_int_equal(drain(r), 0);
	assert_int_equal(stats_of(r).early, HALF);
	ring_close(r);
	ring_writer_close(w);
}

/* Any ring of the merge counts, and the record at the top is the one that is released. */
static void test_another_ring_is_half_unread(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = HOUR_NS));
	uint64_t start = now_ns() - SECOND_NS;

	(void)state;
	put(w, 2, start, 1);
	put(w, 0, start + 10, HALF - 1);
	assert_int_equal(drain(r), 0);
	put(w, 0, start + 10 + HALF - 1, 1);
	expect(r, 2, start);
	expect(r, 0, start + 10);
	ring_close(r);
	ring_writer_close(w);
}

/* What the early release costs in order is counted apart from what it was: early. */
static void test_early_and_misordered(void **state)
{
	/* The clock began at boot, which may be less than an hour ago. */
	const uint64_t window = now_ns() / 2;
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = window));
	uint64_t start = now_ns() - window / 2, now;
	struct ring_record rec;

	(void)state;
	put(w, 0, start, HALF);
	/* Looking does not count, consuming does. */
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(stats_of(r).early, 0);
	expect(r, 0, start);
	assert_int_equal(stats_of(r).early, 1);
	assert_int_equal(stats_of(r).misordered, 0);
	/* The whole window would have kept this one in order. */
	put(w, 1, start - 1, 1);
	expect(r, 1, start - 1);
	assert_int_equal(stats_of(r).early, 1);
	assert_int_equal(stats_of(r).misordered, 1);
	/* A record that is old enough, or that no ring can precede, is not early. */
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	put(w, 0, 5, 1);
	expect(r, 0, 5);
	now = now_ns();
	put(w, 0, now, 1);
	put(w, 1, now, 1);
	expect(r, 0, now);
	assert_int_equal(stats_of(r).early, 1);
	ring_close(r);
	ring_writer_close(w);
}

/* An older struct has no room for the new fields. */
static void test_older_stats(void **state)
{
	struct ring_writer *w = make_writer(1, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_stats st = { .size = offsetof(struct ring_stats, early), .early = 77 };

	(void)state;
	put(w, 0, 1, 3);
	assert_int_equal(ring_stats(r, &st), 0);
	assert_int_equal(st.size, offsetof(struct ring_stats, early));
	assert_int_equal(st.lag_records, 3);
	assert_int_equal(st.early, 77);
	ring_close(r);
	ring_writer_close(w);
}

/* A time that lies in the future may never come: the writer has another clock. */
static void test_future(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = HOUR_NS));
	uint64_t now = now_ns();

	(void)state;
	put(w, 0, now, 1);
	assert_int_equal(drain(r), 0);
	put(w, 1, now + 2, 1);
	expect(r, 0, now);
	assert_int_equal(drain(r), 0);
	ring_seek(r, RING_HEAD, 0);
	put(w, 0, UINT64_MAX, 1);
	put(w, 1, now, 1);
	expect(r, 1, now);
	expect(r, 0, UINT64_MAX);
	assert_int_equal(stats_of(r).early, 1);
	/* This tells nothing of what the rings can hold. */
	assert_int_equal(stats_of(r).window_ns, HOUR_NS);
	ring_close(r);
	ring_writer_close(w);
}

struct late_burst {
	struct ring_writer *w;
	unsigned int calls;
};

/* Publishes half a ring in the first call, and returns when the window of these is over. */
static int publish_burst(const struct ring_record *rec, void *arg)
{
	struct late_burst *b = arg;

	(void)rec;
	if (b->calls++)
		return 0;
	put(b->w, 0, now_ns(), HALF);
	sleep_ns(2 * MS);
	return 0;
}

/* The age of a record is its age now, not when a long call began. */
static void test_long_call(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = MS));
	struct late_burst b = { .w = w };
	unsigned int n;

	(void)state;
	put(w, 0, 1, 1);
	assert_int_equal(ring_consume(r, publish_burst, &b, 1 + HALF, &n), 0);
	assert_int_equal(n, 1 + HALF);
	assert_int_equal(stats_of(r).window_ns, MS);
	assert_int_equal(stats_of(r).early, 0);
	ring_close(r);
	ring_writer_close(w);
}

/* Shrunk, the window doubles again, unless it already holds a quarter of a ring. */
static void test_growth(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = 10 * HOUR_NS));
	struct ring_merge *m = &r->merge;

	(void)state;
	m->hold_ns = HOUR_NS;
	m->grow_ns = UINT64_MAX;
	put(w, 0, now_ns(), HALF / 2);
	assert_int_equal(drain(r), 0);
	m->grow_ns = 0;
	assert_int_equal(drain(r), 0);
	assert_int_equal(m->hold_ns, HOUR_NS);
	/* It was judged, so four times its length pass before it is judged again. */
	assert_true(m->grow_ns >= now_ns() + 3 * HOUR_NS);

	ring_seek(r, RING_HEAD, 0);
	m->grow_ns = 0;
	m->most_held = 0;
	put(w, 0, now_ns(), HALF / 2 - 1);
	assert_int_equal(drain(r), 0);
	assert_int_equal(m->hold_ns, 2 * HOUR_NS);
	m->grow_ns = 0;
	assert_int_equal(drain(r), 0);
	assert_int_equal(m->hold_ns, 4 * HOUR_NS);
	m->hold_ns = 9 * HOUR_NS;
	m->grow_ns = 0;
	assert_int_equal(drain(r), 0);
	assert_int_equal(m->hold_ns, 10 * HOUR_NS);
	/* From nothing, it begins with a small step. */
	m->hold_ns = 0;
	m->grow_ns = 0;
	ring_seek(r, RING_HEAD, 0);
	assert_int_equal(drain(r), 0);
	assert_int_equal(m->hold_ns, 10 * HOUR_NS / 1024 + 1);
	ring_close(r);
	ring_writer_close(w);
}

/* After a burst the whole window is in force again, without any call but those that read. */
static void test_window_comes_back(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = 20 * MS));
	uint64_t start = now_ns();

	(void)state;
	/* A pause of the machine may make them too old to be held. */
	do {
		ring_seek(r, RING_HEAD, 0);
		put(w, 0, now_ns(), HALF);
		drain(r);
	} while (stats_of(r).window_ns == 20 * MS && now_ns() < start + PATIENCE_MS * MS);
	assert_true(stats_of(r).window_ns < 20 * MS);
	while (stats_of(r).window_ns < 20 * MS) {
		assert_true(now_ns() < start + PATIENCE_MS * MS);
		drain(r);
		sleep_ns(MS);
	}
	ring_close(r);
	ring_writer_close(w);
}

static int readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0);
}

/* A burst wakes who waits for the descriptor, before it overwrites the record that is held. */
static void test_fd_wakes_at_half(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = HOUR_NS));
	uint64_t n, left;
	int fd;

	(void)state;
	assert_int_equal(ring_fd(r, &fd), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(drain(r), 0);
	assert_int_equal(readable(fd), 0);
	publish_numbers(w, 0, HALF - 2);
	assert_int_equal(readable(fd), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd), 1);
	n = drain(r);
	assert_true(n > 0);
	assert_int_equal(stats_of(r).lost, 0);
	/* And again, from the next place. Some of the first burst may be held still. */
	for (n = 0, left = HALF; !n; left--) {
		assert_true(left > 0);
		publish_numbers(w, 0, 1);
		n = readable(fd) ? drain(r) : 0;
	}
	assert_int_equal(stats_of(r).lost, 0);
	ring_close(r);
	ring_writer_close(w);
}

/*
 * A reader that wants batches is not woken by the first record of another ring: the record that is
 * held will be due soon. A reader that wants each record is.
 */
static void test_batches(void **state)
{
	struct ring_writer *w[2];
	struct ring_reader *r[2]; /* each with a writer of its own: wake-ups reach all readers */
	unsigned int i;
	int fd[2];

	(void)state;
	for (i = 0; i < 2; i++) {
		w[i] = make_writer(3, CLOCK, 0);
		r[i] = open_reader(w[i],
				   OPEN_OPTS(.merge_window_ns = HOUR_NS, .wake_records = i ? 5 : 0,
					     .wake_timeout_ns = i ? 2 * HOUR_NS : 0));
		assert_int_equal(ring_fd(r[i], &fd[i]), 0);
		publish_numbers(w[i], 0, 5);
		assert_int_equal(readable(fd[i]), 1);
		assert_int_equal(drain(r[i]), 0);
		publish_numbers(w[i], 1, 1);
		assert_int_equal(readable(fd[i]), !i);
		publish_numbers(w[i], 1, 4);
		assert_int_equal(readable(fd[i]), 1);
		ring_close(r[i]);
		ring_writer_close(w[i]);
	}
}

struct later {
	struct ring_writer *w;
	uint64_t after_ns;
	uint64_t nr;
};

static void *publish_later(void *arg)
{
	const struct later *l = arg;

	sleep_ns((int64_t)l->after_ns);
	publish_numbers(l->w, 0, l->nr);
	return NULL;
}

/* Sleeps in ring_wait() while a thread publishes @nr records @after_ns from now. */
static void wait_for_burst(struct ring_reader *r, struct ring_writer *w, uint64_t after_ns,
			   uint64_t nr)
{
	struct later l = { .w = w, .after_ns = after_ns, .nr = nr };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, publish_later, &l), 0);
	assert_int_equal(wait_woken(r), 0);
	pthread_join(thread, NULL);
	assert_int_equal(stats_of(r).lost, 0);
}

static void test_wait_wakes_at_half(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = HOUR_NS));

	(void)state;
	publish_numbers(w, 0, 1);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	wait_for_burst(r, w, 20 * MS, HALF);
	assert_true(drain(r) > 0);
	ring_close(r);
	/* The same with a watermark that no number of records meets. */
	r = open_reader(w, OPEN_OPTS(.merge_window_ns = HOUR_NS, .wake_records = 1u << 30,
				     .whence = RING_HEAD));
	publish_numbers(w, 0, 1);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	wait_for_burst(r, w, 20 * MS, HALF);
	assert_true(drain(r) > 0);
	ring_close(r);
	ring_writer_close(w);
}

/* Once the record is due, the watermark decides again: here the bytes, long before half. */
static void test_watermark_after_due(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = 20 * MS,
							 .wake_bytes = DATA_SIZE / 8));

	(void)state;
	publish_numbers(w, 0, 1);
	wait_for_burst(r, w, 60 * MS, HALF / 2);
	assert_int_equal(drain(r) > 0, 1);
	ring_close(r);
	ring_writer_close(w);
}

/* A timeout counts from when a record was noticed, if its time lies in the future. */
static void test_timeout_of_future(void **state)
{
	struct ring_writer *w = make_writer(1, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 100,
							 .wake_timeout_ns = 20 * MS));

	(void)state;
	put(w, 0, now_ns() + HOUR_NS, 1);
	assert_int_equal(wait_woken(r), 0);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_unread),
		cmocka_unit_test(test_another_ring_is_half_unread),
		cmocka_unit_test(test_early_and_misordered),
		cmocka_unit_test(test_older_stats),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_long_call),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_window_comes_back),
		cmocka_unit_test(test_fd_wakes_at_half),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_wait_wakes_at_half),
		cmocka_unit_test(test_watermark_after_due),
		cmocka_unit_test(test_timeout_of_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
