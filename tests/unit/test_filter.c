// SPDX-License-Identifier: GPL-2.0-only
/* Readers that get records of some types only. */

#include <poll.h>

#include "unit.h"

static const uint16_t some[] = { 3, 64, 65535, 3 };

#define SOME .types = some, .nr_types = ARRAY_SIZE(some)

static void publish_type(struct ring_writer *w, unsigned int ring, uint16_t type)
{
	uint64_t n = type;

	assert_int_equal(ring_writer_publish(w, ring, type, &n, sizeof(n)), 0);
}

static bool is_wanted(uint16_t type)
{
	return type == 3 || type == 64 || type == 65535;
}

/* Ways to read: each gives one record at least. Return: as the library; the seq of the last. */
struct way {
	const char *name;
	int (*read)(struct ring_reader *r, uint64_t *seq, unsigned int *nr);
};

static void check(const struct ring_record *rec, uint64_t *seq)
{
	assert_true(is_wanted(rec->type));
	assert_int_equal(rec->len, 8);
	assert_true(rec->seq >= *seq + 1 + rec->lost);
	*seq = rec->seq;
}

static int by_read(struct ring_reader *r, uint64_t *seq, unsigned int *nr)
{
	struct ring_record rec;
	uint64_t n;
	int err = ring_read(r, &rec, &n, sizeof(n));

	*nr = !err;
	if (err)
		return err;
	assert_int_equal(n, rec.type);
	check(&rec, seq);
	return 0;
}

static int by_batch(struct ring_reader *r, uint64_t *seq, unsigned int *nr)
{
	struct ring_record recs[16];
	uint64_t buf[16];
	unsigned int i;
	int err = ring_read_batch(r, recs, ARRAY_SIZE(recs), buf, sizeof(buf), nr);

	for (i = 0; i < *nr; i++) {
		assert_int_equal(buf[i], recs[i].type);
		check(&recs[i], seq);
	}
	return err;
}

static int by_callback(const struct ring_record *rec, void *seq)
{
	check(rec, seq);
	return 0;
}

static int by_consume(struct ring_reader *r, uint64_t *seq, unsigned int *nr)
{
	return ring_consume(r, by_callback, seq, 5, nr);
}

static int by_peek(struct ring_reader *r, uint64_t *seq, unsigned int *nr)
{
	struct ring_record recs[16];
	unsigned int i;
	int err = ring_peek_batch(r, recs, ARRAY_SIZE(recs), nr);

	if (err)
		return err;
	assert_int_equal(ring_recheck(r), 0);
	*nr = *nr > 1 ? *nr - 1 : 1;
	for (i = 0; i < *nr; i++)
		check(&recs[i], seq);
	return ring_advance_some(r, *nr);
}

static const struct way ways[] = {
	{ "ring_read", by_read },
	{ "ring_read_batch", by_batch },
	{ "ring_consume", by_consume },
	{ "ring_peek_batch", by_peek },
};

/* All that is published is read, lost or filtered, whichever way it is read. */
static void test_ways(void **state)
{
	unsigned int k, round, i, nr, wanted;
	struct ring_writer *w;
	struct ring_reader *r;
	struct ring_stats st;
	uint64_t seq;
	int err;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(ways) * 2; k++) {
		w = make_writer(1, SEQRING_CLOCK_NONE, 0);
		r = open_reader(w, OPEN_OPTS(SOME, .flags = k % 2 ? RING_EAGER : 0));
		for (seq = 0, round = 0; round < 200; round++) {
			for (wanted = 0, i = 0; i < 40 + round % 7; i++) {
				uint16_t type = (uint16_t)(round % 3 ? i % 5 : 64 + i % 3);

				publish_type(w, 0, type);
				wanted += is_wanted(type);
			}
			while (!(err = ways[k / 2].read(r, &seq, &nr)))
				wanted -= nr;
			assert_int_equal(err, -EAGAIN);
			assert_int_equal(wanted, 0);
			st = stats_of(r);
			assert_int_equal(st.lost, 0);
			assert_int_equal(st.lag_records, 0);
			assert_int_equal(st.read + st.filtered, st.published);
			assert_true(st.filtered > 0);
		}
		/* Overrun: the loss is told once, by a record that is delivered. */
		for (i = 0; i < 20000; i++)
			publish_type(w, 0, i % 50 ? 1 : 3);
		while (!ways[k / 2].read(r, &seq, &nr))
			;
		st = stats_of(r);
		assert_true(st.lost > 0 && st.overruns > 0);
		assert_int_equal(st.read + st.filtered + st.lost, st.published);
		ring_close(r);
		ring_writer_close(w);
	}
}

/* The loss before a record that is filtered is told by the next one that is not. */
static void test_loss_is_told(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(SOME));
	struct ring_record rec;
	uint64_t n, before;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		publish_type(w, 0, 1);
	publish_type(w, 0, 3);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.seq, 10001);
	assert_true(rec.lost > 0);
	before = stats_of(r).filtered;
	assert_int_equal(rec.lost + before, 10000);
	assert_int_equal(stats_of(r).lost, rec.lost);
	ring_close(r);
	ring_writer_close(w);
}

static void test_several_rings(void **state)
{
	struct ring_writer *w = make_writer(3, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(SOME));
	struct ring_stats st;
	unsigned int i, nr, got = 0;
	uint64_t n = 0, ts = 0;
	struct ring_record rec;

	(void)state;
	for (i = 0; i < 300; i++)
		publish_type(w, i % 3, i % 4 ? 9 : 64);
	while (!ring_read(r, &rec, &n, sizeof(n))) {
		assert_int_equal(rec.type, 64);
		assert_true(rec.ts_ns >= ts);
		ts = rec.ts_ns;
		got++;
	}
	assert_int_equal(got, 75);
	st = stats_of(r);
	assert_int_equal(st.filtered, 225);
	assert_int_equal(st.misordered, 0);
	publish_type(w, 1, 9);
	assert_rejected(ring_peek_batch(r, &rec, 1, &nr), EAGAIN);
	assert_int_equal(stats_of(r).filtered, 226);
	ring_close(r);
	ring_writer_close(w);
}

static int feed(const struct ring_record *rec, void *w)
{
	assert_int_equal(rec->type, 3);
	publish_type(w, 0, 3);
	return 0;
}

/* ring_consume() without a limit ends, and counts what it delivers. */
static void test_consume(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(SOME));
	unsigned int i, nr;
	uint64_t seq = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		publish_type(w, 0, i % 10 ? 1 : 3);
	assert_int_equal(ring_consume(r, by_callback, &seq, 0, &nr), 0);
	assert_int_equal(nr, 10);
	for (i = 0; i < 100; i++)
		publish_type(w, 0, 1);
	assert_rejected(ring_consume(r, by_callback, &seq, 0, &nr), EAGAIN);
	assert_int_equal(nr, 0);
	assert_int_equal(stats_of(r).filtered, 190);
	/* It ends with the records that were there, those that are left out included. */
	for (i = 0; i < 100; i++)
		publish_type(w, 0, i % 2 ? 3 : 1);
	assert_int_equal(ring_consume(r, feed, w, 0, &nr), 0);
	assert_int_equal(nr, 50);
	ring_close(r);
	ring_writer_close(w);
}

/* A call ends, however many records it has to pass; nobody sleeps while there are more. */
static void test_many(void **state)
{
	struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = 1 << 23 };
	struct ring_reader *r;
	struct ring_writer *w;
	struct ring_record rec;
	struct pollfd pfd = { .events = POLLIN };
	unsigned int i;
	uint64_t n;

	(void)state;
	assert_int_equal(ring_writer_create(&opts, &w), 0);
	r = open_reader(w, OPEN_OPTS(SOME));
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	/* Drained and armed; these records ring no doorbell. */
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	for (i = 0; i < 2 * LIBRING_SKIPS + 100; i++)
		seqring_writer_publish(&w->rings[0].w, 1, 0, NULL, 0);
	n = 3;
	seqring_writer_publish(&w->rings[0].w, 3, 0, &n, sizeof(n));
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	assert_int_equal(stats_of(r).filtered, LIBRING_SKIPS);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(ring_wait(r, PATIENCE_MS), 0);
	assert_int_equal(stats_of(r).filtered, 2 * LIBRING_SKIPS);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(n, 3);
	assert_int_equal(stats_of(r).lost, 0);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	/* Woken by a record that it does not get, it sleeps again. */
	publish_type(w, 0, 1);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish_type(w, 0, 3);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	ring_close(r);
	/* ring_wait() does not return for it. */
	r = open_reader(w, OPEN_OPTS(SOME, .whence = RING_HEAD));
	publish_type(w, 0, 1);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	publish_type(w, 0, 3);
	assert_int_equal(ring_wait(r, 0), 0);
	ring_close(r);
	ring_writer_close(w);
}

/* The last record that is delivered leaves the descriptor armed, whatever follows it. */
static void test_armed_behind_the_last(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(SOME));
	const struct seqring_wait *wait = w->rings[0].wait;
	struct ring_record rec;
	uint64_t n;
	int fd;

	(void)state;
	assert_int_equal(ring_fd(r, &fd), 0);
	publish_type(w, 0, 3);
	publish_type(w, 0, 1);
	assert_true(wait->pos == SEQRING_WAIT_NONE);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(stats_of(r).filtered, 1);
	assert_true(wait->pos != SEQRING_WAIT_NONE);
	ring_close(r);
	ring_writer_close(w);
}

static void test_newest_of_any_type(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(SOME));
	struct ring_record rec;
	uint64_t n;

	(void)state;
	publish_type(w, 0, 1);
	assert_int_equal(ring_newest(r, 0, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.type, 1);
	ring_close(r);
	ring_writer_close(w);
}

static void test_options(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	static uint16_t every[65536];
	struct ring_reader *r = NULL;
	struct ring_record rec;
	struct ring_stats st = { .size = offsetof(struct ring_stats, filtered) };
	struct ring_fds fds;
	unsigned int i;

	(void)state;
	ring_writer_fds(w, &fds);
	assert_rejected(ring_open_fds(&fds, OPEN_OPTS(.nr_types = 1), &r), EINVAL);
	assert_rejected(ring_open_fds(&fds, OPEN_OPTS(.types = some), &r), EINVAL);
	assert_rejected(ring_open_fds(&fds, OPEN_OPTS(.types = every, .nr_types = 65537), &r),
			EINVAL);
	assert_null(r);
	for (i = 0; i < ARRAY_SIZE(every); i++)
		every[i] = (uint16_t)i;
	r = open_reader(w, OPEN_OPTS(.types = every, .nr_types = ARRAY_SIZE(every)));
	/* The types were copied. */
	memset(every, 0, sizeof(every));
	publish_type(w, 0, 65535);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	/* A program that knows no filter gets the other statistics. */
	st.filtered = 99;
	assert_int_equal(ring_stats(r, &st), 0);
	assert_int_equal(st.read, 1);
	assert_int_equal(st.filtered, 99);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_loss_is_told),
		cmocka_unit_test(test_several_rings),
		cmocka_unit_test(test_consume),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_armed_behind_the_last),
		cmocka_unit_test(test_newest_of_any_type),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
