// SPDX-License-Identifier: GPL-2.0-only
/* Several rings as one stream: its order, and what a merge window adds to it. */

#include <poll.h>
#include <pthread.h>

#include "unit.h"

#define CLOCK SEQRING_CLOCK_MONOTONIC

static void put(struct ring_writer *w, unsigned int ring, uint64_t ts_ns)
{
	publish_at(w, ring, ts_ns, &ts_ns, sizeof(ts_ns));
}

/* Checks that the next record is that of @ring and @ts_ns; 0: there is none. */
static void expect(struct ring_reader *r, unsigned int ring, uint64_t ts_ns)
{
	struct ring_record rec;
	uint64_t payload = 0;
	int err = ring_read(r, &rec, &payload, sizeof(payload));

	if (!ts_ns) {
		assert_int_equal(err, -EAGAIN);
		return;
	}
	assert_int_equal(err, 0);
	assert_int_equal(rec.ts_ns, ts_ns);
	assert_int_equal(rec.ring, ring);
	assert_int_equal(payload, ts_ns);
}

static void test_order(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);

	(void)state;
	expect(r, 0, 0);
	put(w, 2, 10);
	put(w, 0, 20);
	put(w, 1, 15);
	put(w, 2, 20); /* a tie: the lower ring first */
	put(w, 1, 20);
	expect(r, 2, 10);
	expect(r, 1, 15);
	expect(r, 0, 20);
	expect(r, 1, 20);
	expect(r, 2, 20);
	expect(r, 0, 0);
	ring_close(r);
	ring_writer_close(w);
}

/* Each call peeks at every ring that was empty, even if another ring has a record. */
static void test_idle_rings_are_looked_at(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;

	(void)state;
	put(w, 0, 10);
	put(w, 0, 30);
	put(w, 0, 50);
	expect(r, 0, 10);
	put(w, 1, 20);
	expect(r, 1, 20);
	put(w, 2, 25);
	put(w, 1, 28);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.ts_ns, 25);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_advance(r), 0);
	expect(r, 1, 28);
	expect(r, 0, 30);
	expect(r, 0, 50);
	expect(r, 0, 0);
	assert_int_equal(stats_of(r).misordered, 0);
	ring_close(r);
	ring_writer_close(w);
}

static void run_random_order(uint32_t nr_rings, unsigned int batch)
{
	struct ring_writer *w = make_writer(nr_rings, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t ts = 1000, last = 0, published = 0;
	_Alignas(8) unsigned char buf[4096];
	struct ring_record recs[64];
	unsigned int i, n, last_ring = 0;
	int round, err;

	srand(nr_rings);
	for (round = 0; round < 200; round++) {
		for (i = (unsigned int)rand() % 300; i; i--) {
			ts += (uint64_t)rand() % 3;
			put(w, (unsigned int)rand() % nr_rings, ts);
			published++;
		}
		ts++;
		do {
			err = ring_read_batch(r, recs, batch, buf, sizeof(buf), &n);
			for (i = 0; i < n; i++) {
				assert_true(recs[i].ts_ns > last ||
					    (recs[i].ts_ns == last && recs[i].ring >= last_ring));
				last = recs[i].ts_ns;
				last_ring = recs[i].ring;
				assert_memory_equal(recs[i].payload, &last, sizeof(last));
				assert_int_equal(recs[i].lost, 0);
			}
		} while (!err);
		assert_int_equal(err, -EAGAIN);
		assert_int_equal(stats_of(r).read, published);
	}
	assert_int_equal(stats_of(r).misordered, 0);
	ring_close(r);
	ring_writer_close(w);
}

static void test_random_order(void **state)
{
	(void)state;
	run_random_order(2, 1);
	run_random_order(2, 64);
	run_random_order(7, 3);
	run_random_order(70, 1);
	run_random_order(70, 64);
}

static void test_misordered(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);

	(void)state;
	put(w, 0, 20);
	expect(r, 0, 20);
	put(w, 1, 10);
	expect(r, 1, 10);
	assert_int_equal(stats_of(r).misordered, 1);
	/* Times that go back within one ring do not count as misordered. */
	put(w, 0, 15);
	expect(r, 0, 15);
	assert_int_equal(stats_of(r).misordered, 1);
	put(w, 1, 12);
	expect(r, 1, 12);
	assert_int_equal(stats_of(r).misordered, 2);
	put(w, 2, 20);
	expect(r, 2, 20);
	put(w, 0, 19);
	expect(r, 0, 19);
	assert_int_equal(stats_of(r).misordered, 3);
	/* After a seek, times delivered before no longer matter. */
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	put(w, 1, 5);
	expect(r, 1, 5);
	assert_int_equal(stats_of(r).misordered, 3);
	ring_close(r);
	ring_writer_close(w);
}

/* A record that was next and is overrun loses its place. */
static void test_overrun_while_pending(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t i, last = 0, n = 0, lost = 0, payload;
	struct ring_record rec;

	(void)state;
	put(w, 0, 10);
	put(w, 0, 30);
	put(w, 1, 20);
	put(w, 1, 40);
	expect(r, 0, 10);
	for (i = 0; i < 5000; i++)
		put(w, 1, 100 + i);
	expect(r, 0, 30); /* 20 and 40 are gone, and so is their ts */
	while (!ring_read(r, &rec, &payload, sizeof(payload))) {
		assert_true(rec.ts_ns > last);
		last = rec.ts_ns;
		lost += rec.lost;
		n++;
	}
	assert_true(lost > 1000);
	assert_int_equal(n + lost, 5002);
	assert_int_equal(last, 100 + 4999);
	assert_int_equal(stats_of(r).lost, lost);
	assert_int_equal(stats_of(r).misordered, 0);
	ring_close(r);
	ring_writer_close(w);
}

static void test_peek_overrun(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	uint64_t i;

	(void)state;
	put(w, 0, 10);
	put(w, 1, 20);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.ring, 0);
	for (i = 0; i < 5000; i++)
		put(w, 0, 100 + i);
	assert_rejected(ring_recheck(r), ESTALE);
	expect(r, 1, 20);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.ring, 0);
	assert_int_equal(rec.seq, 1 + rec.lost);
	ring_close(r);
	ring_writer_close(w);
}

static void test_dead_when_all_are(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;

	(void)state;
	put(w, 0, 10);
	seqring_writer_end(&w->rings[0].w);
	seqring_writer_end(&w->rings[1].w);
	expect(r, 0, 10);
	expect(r, 0, 0);
	assert_int_equal(stats_of(r).dead, 0);
	put(w, 2, 5);
	expect(r, 2, 5);
	expect(r, 0, 0);
	ring_writer_close(w);
	assert_rejected(ring_read(r, &rec, NULL, 0), ENODEV);
	assert_int_equal(stats_of(r).dead, 1);
	/* Still true after going back. */
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	expect(r, 2, 5);
	expect(r, 0, 10);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -ENODEV);
	ring_close(r);
}

static void test_newest_of_each(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++)
		put(w, i, 10 * (i + 1));
	for (i = 0; i < 3; i++) {
		assert_int_equal(ring_newest(r, i, &rec, NULL, 0), 0);
		assert_int_equal(rec.ts_ns, 10 * (i + 1));
		assert_int_equal(rec.ring, i);
	}
	ring_close(r);
	ring_writer_close(w);
}

static void test_one_ring(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.one_ring = 1, .ring = 1));
	struct ring_stats_at st = { .size = sizeof(st) };
	struct ring_record rec;

	(void)state;
	put(w, 0, 10);
	put(w, 1, 20);
	put(w, 2, 30);
	expect(r, 1, 20);
	expect(r, 0, 0);
	assert_int_equal(stats_of(r).published, 1);
	/* Newest record and statistics of the other rings are available. */
	assert_int_equal(ring_newest(r, 2, &rec, NULL, 0), 0);
	assert_int_equal(rec.ts_ns, 30);
	assert_int_equal(rec.ring, 2);
	assert_int_equal(ring_newest(r, 1, &rec, NULL, 0), 0);
	assert_int_equal(rec.ts_ns, 20);
	assert_int_equal(ring_stats_at(r, 2, &st), 0);
	assert_int_equal(st.published, 1);
	assert_int_equal(st.id, 2);
	assert_int_equal(ring_seek(r, RING_SEQ, 1), 0);
	expect(r, 1, 20);
	ring_close(r);
	ring_writer_close(w);
}

static void test_seek(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t i;

	(void)state;
	for (i = 1; i <= 50; i++)
		put(w, i % 2, i);
	expect(r, 1, 1);
	assert_int_equal(ring_seek(r, RING_TIME, 20), 0);
	expect(r, 0, 20);
	expect(r, 1, 21);
	assert_int_equal(ring_seek(r, RING_NEWEST, 0), 0);
	expect(r, 1, 49);
	expect(r, 0, 50);
	expect(r, 0, 0);
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	expect(r, 1, 1);
	assert_rejected(ring_seek(r, RING_SEQ, 1), EOPNOTSUPP);
	expect(r, 0, 2);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	expect(r, 0, 0);
	ring_close(r);
	ring_writer_close(w);
}

/* Without a clock no ring starves another. */
static void test_turns(void **state)
{
	struct ring_writer *w = make_writer(3, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	unsigned int got[3] = { 0 }, i;
	struct ring_record rec;

	(void)state;
	publish_numbers(w, 0, 100);
	publish_numbers(w, 1, 100);
	publish_numbers(w, 2, 10);
	for (i = 0; i < 30; i++) {
		assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
		got[rec.ring]++;
		publish_numbers(w, 0, 1);
	}
	assert_int_equal(got[0], 10);
	assert_int_equal(got[1], 10);
	assert_int_equal(got[2], 10);
	assert_int_equal(stats_of(r).misordered, 0);
	assert_rejected(ring_seek(r, RING_TIME, 0), EOPNOTSUPP);
	ring_close(r);
	ring_writer_close(w);
}

static void test_corrupt_ring(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	int i;

	(void)state;
	for (i = 1; i < 5; i++)
		put(w, 0, (uint64_t)i);
	put(w, 1, 10);
	expect(r, 0, 1);
	((uint64_t *)w->rings[0].w.data)[4] = 99; /* the stamp of the second */
	assert_rejected(ring_read(r, &rec, NULL, 0), EBADMSG);
	assert_rejected(ring_read(r, &rec, NULL, 0), EBADMSG);
	assert_int_equal(ring_seek(r, RING_NEWEST, 0), 0);
	expect(r, 0, 4);
	expect(r, 1, 10);
	ring_close(r);
	ring_writer_close(w);
}

#define WINDOW	    (200 * MS)
#define LONG_WINDOW (30000 * MS) /* longer than any pause of the machine */

static void test_window_holds_back(void **state)
{
	struct ring_writer *w = make_writer(3, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = LONG_WINDOW));
	struct ring_reader *soon = open_reader(w, OPEN_OPTS(.merge_window_ns = WINDOW));
	uint64_t start = now_ns();

	(void)state;
	/* Old enough, */
	put(w, 0, 1);
	expect(r, 0, 1);
	/* too young, */
	put(w, 0, start);
	expect(r, 0, 0);
	assert_int_equal(stats_of(r).lag_records, 1);
	/* an earlier one that came later goes first once both are old, */
	put(w, 1, start - 10);
	expect(r, 0, 0);
	/* or at once when every ring has one. */
	put(w, 2, start + 5);
	expect(r, 1, start - 10);
	expect(r, 0, 0);
	assert_int_equal(stats_of(r).misordered, 0);
	/* The same by time alone; test_window_wait shows that the record is not early. */
	sleep_ns(WINDOW + MS);
	expect(soon, 0, 1);
	expect(soon, 1, start - 10);
	expect(soon, 0, start);
	expect(soon, 2, start + 5);
	expect(soon, 0, 0);
	assert_int_equal(stats_of(soon).misordered, 0);
	ring_close(soon);
	ring_close(r);
	ring_writer_close(w);
}

static void test_window_and_dead_rings(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = 3600 * 1000 * MS));
	uint64_t ts = now_ns();

	(void)state;
	put(w, 0, ts);
	expect(r, 0, 0);
	/* The merge does not wait for a ring that is drained and has ended. */
	seqring_writer_end(&w->rings[1].w);
	expect(r, 0, ts);
	put(w, 0, ts + 1);
	expect(r, 0, ts + 1);
	ring_close(r);
	ring_writer_close(w);
}

/* With one ring, no record is held back. */
static void test_window_of_one_ring(void **state)
{
	struct ring_writer *w = make_writer(1, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = 3600 * 1000 * MS));

	(void)state;
	put(w, 0, now_ns());
	assert_int_equal(ring_wait(r, 0), 0);
	assert_int_equal(ring_read(r, &(struct ring_record) { 0 }, NULL, 0), 0);
	ring_close(r);
	ring_writer_close(w);
}

static bool window_wait_once(void *arg)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = WINDOW));
	struct ring_record rec;
	uint64_t start;
	bool in_time;
	int err[2];

	(void)arg;
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	start = now_ns();
	publish_numbers(w, 0, 1);
	err[0] = ring_wait(r, 0);
	err[1] = ring_wait(r, 1);
	in_time = now_ns() < start + WINDOW;
	assert_true(!in_time || (err[0] == -ETIMEDOUT && err[1] == -ETIMEDOUT));
	/* Nothing more is published: time alone makes it due. */
	assert_int_equal(ring_wait(r, -1), 0);
	assert_true(now_ns() >= start + WINDOW);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	ring_close(r);
	ring_writer_close(w);
	return in_time;
}

static void test_window_wait(void **state)
{
	(void)state;
	judge_in_time(window_wait_once, NULL);
}

static void test_window_fd(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = WINDOW));
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;
	uint64_t start = now_ns();
	unsigned int wakes = 0;

	(void)state;
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	publish_numbers(w, 0, 1);
	while (ring_read(r, &rec, NULL, 0)) {
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		wakes++;
	}
	assert_true(now_ns() >= start + WINDOW);
	assert_true(wakes <= 3);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	ring_close(r);
	/* Held back, until the other ring has one, too. */
	r = open_reader(w, OPEN_OPTS(.merge_window_ns = LONG_WINDOW, .whence = RING_HEAD));
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish_numbers(w, 1, 1);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	ring_close(r);
	ring_writer_close(w);
}

struct busy_writer {
	struct ring_writer *w;
	unsigned int ring;
	uint64_t nr;
};

static void *write_all(void *arg)
{
	const struct busy_writer *b = arg;
	uint64_t i;

	for (i = 0; i < b->nr; i++) {
		if (ring_writer_publish(b->w, b->ring, 1, &i, sizeof(i)))
			abort();
		if (i % 64 == 63)
			sleep_ns(100000);
	}
	return NULL;
}

/*
 * Each ring has a writer thread: all losses are counted, and the other records come in order.
 * Return: how many records were misordered.
 */
static uint64_t run_threads(uint64_t window_ns)
{
	enum { RINGS = 4, NR = 20000 };
	struct ring_writer *w = make_writer(RINGS, CLOCK, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.merge_window_ns = window_ns));
	uint64_t next[RINGS] = { 1, 1, 1, 1 }, read = 0, lost = 0, last = 0, late = 0, n;
	struct busy_writer b[RINGS];
	pthread_t threads[RINGS];
	struct ring_record rec;
	unsigned int i;
	int err;

	for (i = 0; i < RINGS; i++) {
		b[i] = (struct busy_writer) { w, i, NR };
		assert_int_equal(pthread_create(&threads[i], NULL, write_all, &b[i]), 0);
	}
	while (read + lost < (uint64_t)RINGS * NR) {
		err = ring_read(r, &rec, &n, sizeof(n));
		if (err == -EAGAIN) {
			assert_int_equal(wait_woken(r), 0);
			continue;
		}
		assert_int_equal(err, 0);
		assert_int_equal(rec.seq, next[rec.ring] + rec.lost);
		assert_int_equal(n, rec.seq - 1);
		next[rec.ring] = rec.seq + 1;
		late += rec.ts_ns < last;
		if (rec.ts_ns > last)
			last = rec.ts_ns;
		read++;
		lost += rec.lost;
	}
	for (i = 0; i < RINGS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(stats_of(r).misordered, late);
	assert_int_equal(stats_of(r).read, read);
	assert_int_equal(stats_of(r).lost, lost);
	assert_int_equal(stats_of(r).published, (uint64_t)RINGS * NR);
	ring_close(r);
	ring_writer_close(w);
	return late;
}

static void test_threads(void **state)
{
	(void)state;
	run_threads(0);
}

/* With half a second all records come in order, unless a writer stopped for longer. */
static bool threads_once(void *arg)
{
	(void)arg;
	return !run_threads(500 * MS);
}

static void test_threads_with_window(void **state)
{
	(void)state;
	judge_in_time(threads_once, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_idle_rings_are_looked_at),
		cmocka_unit_test(test_random_order),
		cmocka_unit_test(test_misordered),
		cmocka_unit_test(test_overrun_while_pending),
		cmocka_unit_test(test_peek_overrun),
		cmocka_unit_test(test_dead_when_all_are),
		cmocka_unit_test(test_newest_of_each),
		cmocka_unit_test(test_one_ring),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_corrupt_ring),
		cmocka_unit_test(test_window_holds_back),
		cmocka_unit_test(test_window_and_dead_rings),
		cmocka_unit_test(test_window_of_one_ring),
		cmocka_unit_test(test_window_wait),
		cmocka_unit_test(test_window_fd),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_threads_with_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
