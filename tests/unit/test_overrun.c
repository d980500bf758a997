// SPDX-License-Identifier: GPL-2.0-only
/*
 * Overrun in the worst moment: between the copy and the check that it was whole.
 * The library's own code, built with a barrier backend that calls this test there.
 */

#define SEQRING_BARRIER_BACKEND "../../tests/unit/overrun_backend.h"

#include "unit.h"

#include "../../libring/reader/merge.c"
#include "../../libring/reader/peek.c"
#include "../../libring/reader/read.c"
#include "../../libring/reader/seek.c"
#include "../../libring/reader/source.c"

static struct ring_writer *writer;
static unsigned int laps_left;
static unsigned int segments_left;
static bool first_is_late;
static unsigned int after;
static uint64_t published;
static uint32_t len = sizeof(published); /* of what overwrite() publishes */

static void overwrite(unsigned int ring, uint64_t bytes)
{
	struct seqring_writer *w = &writer->rings[ring].w;
	uint64_t end = w->pos + bytes, payload[16] = { 0 };

	while (w->pos < end) {
		payload[0] = ++published;
		assert_int_equal(seqring_writer_publish(w, 0, published, payload, len), 0);
	}
}

/* Laps the ring, as a fast writer does. */
static void lap(unsigned int ring)
{
	overwrite(ring, 2 * DATA_SIZE);
}

void at_read_fence(void)
{
	if (first_is_late) {
		first_is_late = false;
		publish_at(writer, 0, 50, &published, 8);
	}
	if (segments_left) {
		segments_left--;
		overwrite(0, DATA_SIZE / SEQRING_SEGMENTS);
	}
	if (!laps_left)
		return;
	if (after) {
		after--;
		return;
	}
	laps_left--;
	lap(0);
}

static int setup(void **state)
{
	laps_left = 0;
	segments_left = 0;
	after = 0;
	published = 0;
	writer = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	*state = open_reader(writer, NULL);
	lap(0);
	assert_int_equal(ring_seek(*state, RING_SEQ, 1), 0);
	return 0;
}

static int setup_two(void **state)
{
	laps_left = 0;
	segments_left = 0;
	after = 0;
	published = 0;
	writer = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	*state = open_reader(writer, NULL);
	publish_at(writer, 1, 1ULL << 60, &published, 8);
	lap(0);
	return 0;
}

static int teardown(void **state)
{
	ring_close(*state);
	ring_writer_close(writer);
	return 0;
}

/* The next record is whole, and the records missing before it are counted. */
static uint64_t check_next(struct ring_reader *r, uint64_t seq)
{
	struct ring_record rec;
	uint64_t payload[16];

	assert_int_equal(ring_read(r, &rec, payload, sizeof(payload)), 0);
	assert_int_equal(rec.seq, payload[0]);
	assert_int_equal(rec.seq, seq + rec.lost);
	return rec.seq;
}

static void test_read(void **state)
{
	uint64_t seq = 1;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		laps_left = i;
		seq = check_next(*state, seq) + 1;
		assert_int_equal(laps_left, 0);
	}
	assert_true(stats_of(*state).overruns >= 100);
}

/* Records that are not short go another way. */
static void test_read_middle(void **state)
{
	len = 100;
	lap(0);
	test_read(state);
	len = sizeof(published);
}

/* A payload that is cut goes another way, whose second recheck is that of the copy. */
static void test_read_cut(void **state)
{
	struct ring_record rec;
	uint32_t n;

	laps_left = 1;
	after = 1;
	assert_int_equal(ring_read(*state, &rec, &n, sizeof(n)), 0);
	assert_int_equal(laps_left, 0);
	assert_true(stats_of(*state).overruns > 0);
	assert_int_equal(n, (uint32_t)rec.seq);
}

static void test_read_gives_up(void **state)
{
	struct ring_record rec;
	uint64_t n, seq, all;

	laps_left = 1000;
	assert_rejected(ring_read(*state, &rec, &n, sizeof(n)), EPIPE);
	assert_in_range(laps_left, 1000 - LIBRING_OVERRUNS - 2, 1000 - LIBRING_OVERRUNS);
	assert_rejected(ring_read(*state, &rec, &n, sizeof(n)), EPIPE);
	/* One record in between, and it may be overrun as often again. */
	laps_left = LIBRING_OVERRUNS - 1;
	seq = check_next(*state, 1);
	laps_left = LIBRING_OVERRUNS - 1;
	seq = check_next(*state, seq + 1);
	assert_int_equal(stats_of(*state).read, 2);
	assert_int_equal(stats_of(*state).lost, seq - 2);
	/* ring_stats() is overtaken as well: no record of before is left. */
	all = published;
	laps_left = 1000;
	assert_int_equal(stats_of(*state).lost, all - 2);
	assert_true(laps_left > 0);
}

static void test_batch(void **state)
{
	_Alignas(8) unsigned char buf[800];
	struct ring_record recs[100];
	uint64_t next = 1;
	unsigned int n, i, round;

	for (round = 0; round < 100; round++) {
		lap(0);
		laps_left = 1;
		/* At the recheck of all records together, or later at that of a single one. */
		after = round % 4;
		assert_int_equal(ring_read_batch(*state, recs, 100, buf, sizeof(buf), &n), 0);
		for (i = 0; i < n; i++) {
			assert_int_equal(recs[i].seq, next + recs[i].lost);
			assert_memory_equal(recs[i].payload, &recs[i].seq, 8);
			next = recs[i].seq + 1;
		}
	}
	laps_left = 1000;
	after = 0;
	assert_rejected(ring_read_batch(*state, recs, 100, buf, sizeof(buf), &n), EPIPE);
	assert_int_equal(n, 0);
}

/* The writer overwrites only the first records of a batch: all of it counts as overrun. */
static void test_batch_half_overrun(void **state)
{
	enum { NR = 3 * DATA_SIZE / SEQRING_SEGMENTS / 32 };
	static _Alignas(8) unsigned char buf[8 * NR];
	static struct ring_record recs[NR];
	unsigned int n;

	assert_int_equal(ring_seek(*state, RING_OLDEST, 0), 0);
	/* The tail is at a record that the next segment needs. */
	overwrite(0, DATA_SIZE);
	assert_int_equal(ring_seek(*state, RING_OLDEST, 0), 0);
	segments_left = 1;
	assert_int_equal(ring_read_batch(*state, recs, NR, buf, sizeof(buf), &n), 0);
	assert_int_equal(segments_left, 0);
	assert_true(recs[0].lost > 0);
	assert_memory_equal(recs[0].payload, &recs[0].seq, 8);
	assert_int_equal(ring_seek(*state, RING_OLDEST, 0), 0);
	assert_int_equal(ring_peek_batch(*state, recs, RING_PEEK_MAX, &n), 0);
	segments_left = 1;
	assert_rejected(ring_recheck(*state), ESTALE);
}

static int check_one(const struct ring_record *rec, void *arg)
{
	uint64_t *next = arg;

	assert_int_equal(rec->seq, *next + rec->lost);
	assert_memory_equal(rec->payload, &rec->seq, 8);
	*next = rec->seq + 1;
	return 0;
}

static void test_consume(void **state)
{
	uint64_t next = 1;
	unsigned int i;

	for (i = 0; i < 50; i++) {
		lap(0);
		laps_left = 1;
		after = 10 * i;
		assert_int_equal(ring_consume(*state, check_one, &next, 0, NULL), 0);
		assert_true(next <= published + 1);
	}
	lap(0);
	laps_left = 1000;
	after = 0;
	assert_rejected(ring_consume(*state, check_one, &next, 0, NULL), EPIPE);
}

static void test_peek(void **state)
{
	struct ring_record rec;
	uint64_t n, seq = 1;
	int i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(ring_peek(*state, &rec), 0);
		laps_left = 1;
		assert_rejected(ring_recheck(*state), ESTALE);
		assert_int_equal(ring_peek(*state, &rec), 0);
		assert_int_equal(rec.seq, seq + rec.lost);
		assert_memory_equal(rec.payload, &rec.seq, 8);
	}
	seq = check_next(*state, seq);
	/* The newest record at the end of a lap, and then not. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(ring_newest(*state, 0, &rec, &n, sizeof(n)), 0);
		assert_int_equal(rec.seq, published);
		laps_left = LIBRING_OVERRUNS - 1;
		assert_int_equal(ring_newest(*state, 0, &rec, &n, sizeof(n)), 0);
		assert_int_equal(laps_left, 0);
		assert_int_equal(rec.seq, published);
		assert_int_equal(n, published);
		overwrite(0, 1);
	}
	laps_left = LIBRING_OVERRUNS + 1;
	assert_rejected(ring_newest(*state, 0, &rec, &n, sizeof(n)), EPIPE);
}

static void test_peek_batch(void **state)
{
	struct ring_record recs[40];
	uint64_t next = 1, lost;
	unsigned int i, n, round;

	for (round = 0; round < 100; round++) {
		lap(0);
		assert_int_equal(ring_peek_batch(*state, recs, ARRAY_SIZE(recs), &n), 0);
		assert_int_equal(n, ARRAY_SIZE(recs));
		/* None of them is consumed, and all that are not there any more count as lost. */
		laps_left = 1;
		assert_rejected(ring_recheck(*state), ESTALE);
		assert_rejected(ring_advance(*state), EINVAL);
		assert_int_equal(ring_peek_batch(*state, recs, ARRAY_SIZE(recs), &n), 0);
		for (i = 0; i < n; i++)
			assert_memory_equal(recs[i].payload, &recs[i].seq, 8);
		assert_int_equal(recs[0].seq, next + recs[0].lost);
		assert_int_equal(ring_recheck(*state), 0);
		/* Overwritten between the recheck and the advance: they were read all the same. */
		lap(0);
		lost = stats_of(*state).lost;
		assert_int_equal(ring_advance_some(*state, 1 + round % n), 0);
		next = recs[0].seq + 1 + round % n;
		assert_true(stats_of(*state).lost > lost - recs[0].lost);
	}
	next = check_next(*state, next);
	assert_int_equal(stats_of(*state).read + stats_of(*state).lost, next);
}

static void test_seek(void **state)
{
	struct ring_record rec;
	uint64_t seq;

	laps_left = 1;
	assert_int_equal(ring_seek(*state, RING_SEQ, 1), 0);
	check_next(*state, 1);
	laps_left = 1000;
	assert_rejected(ring_seek(*state, RING_SEQ, 1), EPIPE);
	laps_left = 3;
	assert_int_equal(ring_seek(*state, RING_OLDEST, 0), 0);
	assert_int_equal(laps_left, 0);
	assert_int_equal(ring_read(*state, &rec, NULL, 0), 0);
	assert_int_equal(rec.lost, 0);
	check_next(*state, rec.seq + 1);
	laps_left = 3;
	assert_int_equal(ring_seek(*state, RING_HEAD, 0), 0);
	seq = published;
	lap(0);
	check_next(*state, seq + 1);
}

static void test_merge(void **state)
{
	struct ring_record rec;
	uint64_t n, seq, next;
	unsigned int i;

	assert_int_equal(ring_read(*state, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.ring, 0);
	next = rec.seq + 1;
	for (i = 0; i < 200; i++) {
		laps_left = 1;
		after = i % 4;
		assert_int_equal(ring_read(*state, &rec, &n, sizeof(n)), 0);
		assert_int_equal(rec.ring, 0);
		assert_int_equal(rec.seq, n);
		assert_int_equal(rec.seq, next + rec.lost);
		next = rec.seq + 1;
	}
	after = 0;
	laps_left = 100000;
	assert_rejected(ring_read(*state, &rec, &n, sizeof(n)), EPIPE);
	laps_left = 0;
	assert_int_equal(stats_of(*state).misordered, 0);
	while (!ring_read(*state, &rec, &n, sizeof(n)))
		seq = rec.ring ? seq : rec.seq;
	assert_int_equal(seq, published);
	assert_int_equal(stats_of(*state).read + stats_of(*state).lost,
			 published + 1 - stats_of(*state).lag_records);
}

/*
 * Ring 0 is found empty; then a record is found on ring 1 that was published later. Ring 0
 * may have got an earlier record by then.
 */
static void test_merge_looks_again(void **state)
{
	struct ring_record rec;
	uint64_t n;

	writer = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	*state = open_reader(writer, NULL);
	assert_rejected(ring_read(*state, &rec, &n, sizeof(n)), EAGAIN);
	publish_at(writer, 1, 100, &published, 8);
	first_is_late = true;
	assert_int_equal(ring_read(*state, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.ring, 0);
	assert_int_equal(ring_read(*state, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.ring, 1);
	assert_int_equal(stats_of(*state).misordered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_half_overrun, setup, teardown),
		cmocka_unit_test_setup_teardown(test_consume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peek, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peek_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seek, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merge, setup_two, teardown),
		cmocka_unit_test_teardown(test_merge_looks_again, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
