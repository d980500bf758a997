// SPDX-License-Identifier: GPL-2.0-only
/*
 * The writer overwrites a record while a filter looks at it, or before its verdict counts. The
 * library's own code, built with a barrier backend that calls this test at its loads and rechecks.
 */

#define SEQRING_BARRIER_BACKEND "../../tests/unit/record_backend.h"

#include "filter_unit.h"
#include "laps.h"

#include "../../libring/filter/match.c"
#include "../../libring/reader/end.c"
#include "../../libring/reader/merge.c"
#include "../../libring/reader/peek.c"
#include "../../libring/reader/read.c"
#include "../../libring/reader/source.c"

static struct ring_writer *writer;
static uint64_t number;

/* Each record begins with its number, which is not 0; all behind it is. */
static void publish(unsigned int ring, uint64_t nr, uint32_t len)
{
	uint64_t payload[16] = { 0 };

	while (nr--) {
		payload[0] = ++number;
		assert_int_equal(seqring_writer_publish(&writer->rings[ring].w, 1, number, payload,
							len),
				 0);
	}
}

static void act(void)
{
	if (!is_lap_due())
		return;
	/* Other lengths: where numbers were, there are zeros. */
	publish(0, 2 * DATA_SIZE / 64, 128 - 8 * (uint32_t)(number % 3));
}

void at_read_fence(void)
{
	act();
}

void at_load(void)
{
	act();
}

static struct ring_filter *make_filter(const char *text)
{
	struct types t = make_types();
	struct ring_filter *f = NULL;
	struct ring_schema *s;

	begin_struct(&t, "rec", 8);
	add_field(&t, "n", t.u64, 0);
	one_record(&t, "rec");
	s = open_types(&t);
	assert_int_equal(ring_filter_compile(s, text, &f), 0);
	ring_schema_close(s);
	return f;
}

static void check(const struct ring_record *rec, uint64_t n)
{
	assert_true(rec->type == 1 && rec->len >= 16 && n);
	assert_int_equal(n, rec->ts_ns);
}

static int by_read(struct ring_reader *r)
{
	struct ring_record rec;
	uint64_t n[16];
	int err = ring_read(r, &rec, n, sizeof(n));

	if (!err)
		check(&rec, n[0]);
	return err;
}

static int by_batch(struct ring_reader *r)
{
	struct ring_record recs[16];
	uint64_t buf[16 * 16];
	unsigned int i, nr;
	int err = ring_read_batch(r, recs, ARRAY_SIZE(recs), buf, sizeof(buf), &nr);

	for (i = 0; i < nr; i++)
		check(&recs[i], *(const uint64_t *)recs[i].payload);
	return err;
}

static int by_peek(struct ring_reader *r)
{
	struct ring_record recs[16];
	uint64_t n[16];
	unsigned int i, nr;
	int err = ring_peek_batch(r, recs, ARRAY_SIZE(recs), &nr);

	if (err)
		return err;
	for (i = 0; i < nr; i++)
		n[i] = *(const uint64_t *)recs[i].payload;
	if (ring_recheck(r))
		return 0;
	for (i = 0; i < nr; i++)
		check(&recs[i], n[i]);
	return ring_advance(r);
}

/*
 * With @all, all records but the first one match: one that is lost in the filter's hands must not
 * count as filtered.
 */
static void run(uint32_t nr_rings, int (*read)(struct ring_reader *r), const char *text, bool all)
{
	struct ring_filter *f = make_filter(text);
	struct ring_reader *r;
	struct ring_stats st;
	const uint64_t zero[2] = { 0 };
	unsigned int at;
	int err;

	for (at = 0; at < 60; at++) {
		number = 0;
		writer = make_writer(nr_rings, SEQRING_CLOCK_MONOTONIC, 0);
		r = open_reader(writer, NULL);
		assert_int_equal(ring_set_filter(r, f), 0);
		if (all)
			seqring_writer_publish(&writer->rings[0].w, 1, 0, zero, sizeof(zero));
		publish(0, 100, 16);
		if (nr_rings > 1)
			publish(1, 20, 16);
		skip = at;
		laps_left = 3;
		do {
			err = read(r);
		} while (!err);
		assert_int_equal(err, -EAGAIN);
		st = stats_of(r);
		assert_int_equal(st.read + st.lost + st.filtered, st.published);
		assert_true(!laps_left && st.lost);
		if (all)
			assert_true(st.filtered <= 1);
		else
			assert_int_equal(st.read, 0);
		ring_close(r);
		ring_writer_close(writer);
	}
	ring_filter_free(f);
}

static void test_one_ring(void **state)
{
	(void)state;
	run(1, by_read, "n > 0", true);
	run(1, by_batch, "n > 0", true);
	run(1, by_peek, "n > 0", true);
}

static void test_two_rings(void **state)
{
	(void)state;
	run(2, by_read, "n > 0", true);
	run(2, by_batch, "n > 0", true);
	run(2, by_peek, "n > 0", true);
}

static void test_none_match(void **state)
{
	(void)state;
	run(1, by_read, "n == 0", false);
	run(1, by_batch, "n == 0", false);
	run(2, by_peek, "n == 0", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_ring),
		cmocka_unit_test(test_two_rings),
		cmocka_unit_test(test_none_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
