// SPDX-License-Identifier: GPL-2.0-only
/* Readers with a filter: what they get, and that read, lost and filtered are all there was. */

#include <poll.h>

#include "filter_unit.h"
#include "follow.h"

/* Type 1: the number and its last decimal digit. Type 2: the number alone. */
struct digit {
	uint64_t n;
	uint32_t digit;
	uint32_t zero;
};

static struct ring_filter *make_filter(const char *text)
{
	struct types t = make_types();
	struct ring_filter *f = NULL;
	struct ring_schema *s;

	begin_struct(&t, "digit", sizeof(struct digit));
	add_field(&t, "n", t.u64, BITS(struct digit, n));
	add_field(&t, "digit", t.u32, BITS(struct digit, digit));
	begin_struct(&t, "number", 8);
	add_field(&t, "n", t.u64, 0);
	begin_records(&t);
	add_record(&t, "digit", 1);
	add_record(&t, "number", 2);
	s = open_types(&t);
	f = compile(s, text);
	ring_schema_close(s);
	return f;
}

static void filter_reader(struct ring_reader *r, const char *text)
{
	struct ring_filter *f = make_filter(text);

	assert_int_equal(ring_set_filter(r, f), 0);
	/* The reader has its own. */
	ring_filter_free(f);
}

static void publish(struct ring_writer *w, unsigned int ring, uint64_t n)
{
	struct digit d = { .n = n, .digit = (uint32_t)(n % 10) };

	assert_int_equal(ring_writer_publish(w, ring, n % 3 ? 1 : 2, &d, n % 3 ? sizeof(d) : 8), 0);
}

/* What "digit in {2, 5}" selects. */
static bool is_wanted(uint64_t n)
{
	return n % 3 && (n % 10 == 2 || n % 10 == 5);
}

#define WANTED "digit in {2, 5}"

/* @next: at least so much is the next number; @lost: as the records told */
struct got {
	uint64_t next;
	uint64_t nr;
	uint64_t lost;
};

static void check(const struct ring_record *rec, struct got *g)
{
	uint64_t n;

	memcpy(&n, rec->payload, sizeof(n));
	assert_true(is_wanted(n) && rec->type == 1 && n >= g->next + rec->lost);
	assert_int_equal(n, rec->seq);
	g->next = n + 1;
	g->nr++;
	g->lost += rec->lost;
}

static int by_read(struct ring_reader *r, struct got *g)
{
	struct ring_record rec;
	struct digit d;
	int err = ring_read(r, &rec, &d, sizeof(d));

	if (!err)
		check(&rec, g);
	return err;
}

static int by_batch(struct ring_reader *r, struct got *g)
{
	struct ring_record recs[7];
	uint64_t buf[16];
	unsigned int i, nr;
	int err = ring_read_batch(r, recs, ARRAY_SIZE(recs), buf, sizeof(buf), &nr);

	for (i = 0; i < nr; i++)
		check(&recs[i], g);
	return err;
}

static int callback(const struct ring_record *rec, void *g)
{
	check(rec, g);
	return 0;
}

static int by_consume(struct ring_reader *r, struct got *g)
{
	return ring_consume(r, callback, g, 5, NULL);
}

static int by_all(struct ring_reader *r, struct got *g)
{
	return ring_consume(r, callback, g, 0, NULL);
}

static int by_peek(struct ring_reader *r, struct got *g)
{
	struct ring_record recs[9];
	unsigned int i, nr;
	int err = ring_peek_batch(r, recs, ARRAY_SIZE(recs), &nr);

	if (err)
		return err;
	assert_int_equal(ring_recheck(r), 0);
	nr = nr > 1 ? nr - 1 : 1;
	for (i = 0; i < nr; i++)
		check(&recs[i], g);
	return ring_advance_some(r, nr);
}

static int (*const ways[])(struct ring_reader *r, struct got *g) = { by_read, by_batch, by_consume,
								     by_all, by_peek };

/* Each way to read, eager or not: without loss, and when the writer was faster. */
static void test_ways(void **state)
{
	unsigned int k, round, i;
	struct ring_writer *w;
	struct ring_reader *r;
	struct ring_stats st;
	uint64_t n, wanted;
	struct got g;
	int err;

	(void)state;
	for (k = 0; k < 2 * ARRAY_SIZE(ways); k++) {
		w = make_writer(1, SEQRING_CLOCK_NONE, 0);
		r = open_reader(w, OPEN_OPTS(.flags = k % 2 ? RING_EAGER : 0));
		filter_reader(r, WANTED);
		g = (struct got) { .next = 1 };
		for (n = 0, wanted = 0, round = 0; round < 100; round++) {
			for (i = 0; i < 30 + round % 7; i++) {
				publish(w, 0, ++n);
				wanted += is_wanted(n);
			}
			do {
				err = ways[k / 2](r, &g);
			} while (!err);
			assert_int_equal(err, -EAGAIN);
			assert_int_equal(g.nr, wanted);
			st = stats_of(r);
			assert_int_equal(st.read, wanted);
			assert_int_equal(st.filtered, n - wanted);
			assert_true(!st.lost && !st.lag_records);
		}
		for (i = 0; i < 20000; i++)
			publish(w, 0, ++n);
		while (!ways[k / 2](r, &g))
			;
		st = stats_of(r);
		assert_true(st.lost && st.overruns && !st.lag_records);
		assert_int_equal(st.read + st.lost + st.filtered, n);
		/* The loss was told by a record that was delivered. */
		assert_int_equal(g.lost, st.lost);
		assert_int_equal(g.nr, st.read);
		ring_close(r);
		ring_writer_close(w);
	}
}

/* A loss in front of records that are left out is told by the next one that is not. */
static void test_loss_is_told(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	struct digit d;
	uint64_t n;

	(void)state;
	filter_reader(r, "n == 10001");
	for (n = 1; n <= 10001; n++)
		publish(w, 0, n);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(rec.seq, 10001);
	assert_true(rec.lost > 0);
	assert_int_equal(rec.lost + stats_of(r).filtered, 10000);
	/* And if none comes, ring_stats does. */
	for (; n <= 20001; n++)
		publish(w, 0, n);
	assert_rejected(ring_read(r, &rec, &d, sizeof(d)), EAGAIN);
	assert_int_equal(stats_of(r).lost + stats_of(r).filtered + 1, 20001);
	ring_close(r);
	ring_writer_close(w);
}

static void test_several_rings(void **state)
{
	struct ring_writer *w = make_writer(3, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	struct ring_stats st;
	uint64_t n, ts = 0, got = 0;
	struct digit d;

	(void)state;
	filter_reader(r, "digit == 5 && ring != 1");
	for (n = 0; n < 3000; n++)
		publish(w, n % 3, n);
	while (!ring_read(r, &rec, &d, sizeof(d))) {
		assert_true(d.n % 10 == 5 && d.n % 3 == 2 && rec.ring == 2);
		assert_true(rec.ts_ns >= ts && rec.seq == d.n / 3 + 1);
		ts = rec.ts_ns;
		got++;
	}
	assert_int_equal(got, 100);
	st = stats_of(r);
	assert_int_equal(st.filtered, 2900);
	assert_int_equal(st.read + st.lost, 100);
	assert_int_equal(st.misordered, 0);
	/* Overruns of one ring and of all. */
	for (; n < 60000; n++)
		publish(w, n % 10 ? 0 : n % 3, n);
	while (!ring_read(r, &rec, &d, sizeof(d)))
		assert_true(d.digit == 5 && rec.ring != 1);
	st = stats_of(r);
	assert_true(st.lost);
	assert_int_equal(st.read + st.lost + st.filtered, 60000);
	ring_close(r);
	ring_writer_close(w);
}

/* A filter may come, change and go; a seek keeps it. */
static void test_change_and_seek(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	static const uint16_t digits[] = { 1 };
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.types = digits, .nr_types = 1));
	struct ring_record rec;
	struct digit d;
	uint64_t n;

	(void)state;
	for (n = 1; n <= 100; n++)
		publish(w, 0, n);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 1);
	/* Both have to select: of all numbers above 20 that of type 1. */
	filter_reader(r, "n >= 21");
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 22);
	filter_reader(r, "n >= 49 && n <= 50");
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.seq, 49);
	/* What was peeked at is not that of the next filter. */
	filter_reader(r, "n == 50");
	assert_rejected(ring_recheck(r), EINVAL);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 50);
	assert_int_equal(ring_seek(r, RING_SEQ, 10), 0);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 50);
	assert_int_equal(rec.lost, 0);
	assert_int_equal(ring_set_filter(r, NULL), 0);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	/* Without it, ring_open_opts.types is what is left. */
	assert_int_equal(d.n, 52);
	ring_close(r);
	ring_writer_close(w);
}

/* The writer ends the ring: after the last record that matches, and what follows it, -ENODEV. */
static void test_end(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	struct ring_stats st;
	struct digit d;
	uint64_t n;

	(void)state;
	filter_reader(r, "n == 4");
	for (n = 1; n <= 9; n++)
		publish(w, 0, n);
	ring_writer_close(w);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 4);
	assert_rejected(ring_read(r, &rec, &d, sizeof(d)), ENODEV);
	st = stats_of(r);
	assert_int_equal(st.read, 1);
	assert_int_equal(st.filtered, 8);
	assert_true(!st.lost && st.published == 9 && st.dead);
	ring_close(r);
}

static int set_within(const struct ring_record *rec, void *r)
{
	(void)rec;
	assert_rejected(ring_set_filter(r, NULL), EBUSY);
	return 1;
}

/* Sleeping: no wait returns for a record that does not match, and none is missed that does. */
static void test_sleep(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;
	struct digit d;

	(void)state;
	filter_reader(r, "digit == 4");
	publish(w, 0, 1);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	publish(w, 0, 4);
	assert_int_equal(ring_wait(r, 0), 0);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	publish(w, 0, 5);
	assert_rejected(ring_read(r, &rec, &d, sizeof(d)), EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish(w, 0, 14);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_int_equal(ring_consume(r, set_within, r, 0, NULL), RING_STOPPED);
	/* The last one that matches leaves the descriptor armed, whatever follows it. */
	publish(w, 0, 34);
	publish(w, 0, 35);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(stats_of(r).lag_records, 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish(w, 0, 44);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	ring_close(r);
	ring_writer_close(w);
}

/* A call ends, however many records it passes, and the next one goes on. */
static void test_many(void **state)
{
	struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = 1 << 23 };
	const struct digit one = { .n = 1 };
	struct ring_reader *r;
	struct ring_writer *w;
	struct ring_record rec;
	struct digit d;
	unsigned int i;

	(void)state;
	assert_int_equal(ring_writer_create(&opts, &w), 0);
	r = open_reader(w, NULL);
	filter_reader(r, "n == 3");
	for (i = 0; i < 2 * LIBRING_SKIPS + 100; i++)
		seqring_writer_publish(&w->rings[0].w, 1, 0, &one, 8);
	publish(w, 0, 3);
	assert_rejected(ring_read(r, &rec, &d, sizeof(d)), EAGAIN);
	assert_int_equal(stats_of(r).filtered, LIBRING_SKIPS);
	assert_int_equal(ring_wait(r, PATIENCE_MS), 0);
	assert_int_equal(stats_of(r).filtered, 2 * LIBRING_SKIPS);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 3);
	ring_close(r);
	ring_writer_close(w);
}

/* The next ring of the name may have another schema: it is read without the filter. */
static void test_next_ring(void **state)
{
	struct ring_reader *r = open_following();
	struct ring_writer *w;
	struct ring_record rec;
	struct digit d;

	(void)state;
	assert_rejected(ring_set_filter(r, NULL), EAGAIN);
	w = start_writer(1);
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	filter_reader(r, "n == 2");
	publish(w, 0, 1);
	publish(w, 0, 2);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 2);
	ring_writer_close(w);
	w = start_writer(1);
	publish(w, 0, 1);
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	assert_int_equal(ring_read(r, &rec, &d, sizeof(d)), 0);
	assert_int_equal(d.n, 1);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_loss_is_told),
		cmocka_unit_test(test_several_rings),
		cmocka_unit_test(test_change_and_seek),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_many),
		cmocka_unit_test_setup_teardown(test_next_ring, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
