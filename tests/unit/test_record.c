// SPDX-License-Identifier: GPL-2.0-only
/* A ring is recorded, and read back by the same functions. */

#include "recording.h"

static void test_a_recording_reads_as_the_ring(void **state)
{
	struct ring_info live = { .size = sizeof(live) }, info = { .size = sizeof(info) };
	struct ring_recording_info ri;
	struct ring_reader *r;
	struct recorded t;
	struct ring_record rec;
	uint64_t i, number;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 10000);
	assert_int_equal(stats_of(t.r).read, 10000);
	recorded_close(&t);

	r = recorded_open(&t, NULL);
	assert_int_equal(ring_info(t.r, &live), 0);
	assert_int_equal(ring_info(r, &info), 0);
	assert_string_equal(info.name, live.name);
	assert_int_equal(info.writer, live.writer);
	assert_int_equal(info.data_size, live.data_size);
	assert_int_equal(info.payload_max, live.payload_max);
	assert_int_equal(stats_of(r).lag_records, 10000);
	for (i = 1; i <= 10000; i++) {
		assert_int_equal(ring_wait(r, 0), 0);
		assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
		assert_int_equal(rec.seq, i);
		assert_int_equal(rec.lost, 0);
		assert_int_equal(rec.type, 7);
		assert_int_equal(rec.len, sizeof(number));
		assert_int_equal(number, (i - 1) % 1000);
		if (i % 1000 == 0)
			assert_int_equal(stats_of(r).lag_records, 10000 - i);
	}
	assert_rejected(ring_read(r, &rec, &number, sizeof(number)), ENODEV);
	assert_rejected(ring_wait(r, 0), ENODEV);
	assert_int_equal(stats_of(r).end, RING_ENDED);
	ri = recorded_info(r);
	assert_int_equal(ri.records, 10000);
	assert_int_equal(ri.segments, 1);
	assert_true(ri.complete);
	assert_int_equal(ri.recorder_lost + ri.removed + ri.damaged + ri.torn_bytes, 0);
	assert_true(ri.first_ns && ri.last_ns >= ri.first_ns);
	ring_close(r);
	recorded_end(&t);
}

/* Payloads of all lengths, which fill the laps to their ends, so that there are PADs. */
static void test_lengths_and_laps_are_kept(void **state)
{
	static unsigned char out[DATA_SIZE], in[DATA_SIZE];
	struct ring_reader *r;
	struct ring_record rec;
	struct recorded t;
	uint32_t i, len;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_NONE, NULL);
	for (i = 0; i < 2000; i++) {
		len = i * 7919 % (SEQRING_PAYLOAD_MAX(DATA_SIZE) + 1);
		payload_fill(out, i + 1, len);
		assert_int_equal(ring_writer_publish(t.w, 0, (uint16_t)i, out, len), 0);
		if (i % 3 == 2)
			recorded_copy(&t);
	}
	recorded_copy(&t);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	for (i = 0; i < 2000; i++) {
		len = i * 7919 % (SEQRING_PAYLOAD_MAX(DATA_SIZE) + 1);
		assert_int_equal(ring_read(r, &rec, in, sizeof(in)), 0);
		assert_int_equal(rec.seq, i + 1);
		assert_int_equal(rec.lost, 0);
		assert_int_equal(rec.len, len);
		assert_true(test_payload_is(in, i + 1, len));
	}
	assert_rejected(ring_read(r, &rec, in, sizeof(in)), ENODEV);
	ring_close(r);
	recorded_end(&t);
}

static int add_seq(const struct ring_record *rec, void *arg)
{
	uint64_t *sum = arg;

	*sum += rec->seq;
	return 0;
}

/* Each way to read gets the same records. */
static void test_all_ways_read_it(void **state)
{
	const uint64_t sum = 5000ull * 5001 / 2;
	unsigned char buf[4096] __attribute__((aligned(8)));
	struct ring_record recs[64];
	uint64_t got = 0;
	unsigned int i, nr;
	struct ring_reader *r;
	struct recorded t;
	int err;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 5000);
	recorded_close(&t);

	r = recorded_open(&t, NULL);
	while (!(err = ring_read_batch(r, recs, 64, buf, sizeof(buf), &nr)))
		for (i = 0; i < nr; i++)
			got += recs[i].seq;
	assert_int_equal(err, -ENODEV);
	assert_int_equal(got, sum);

	got = 0;
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	while (!(err = ring_consume(r, add_seq, &got, 0, NULL)))
		;
	assert_int_equal(err, -ENODEV);
	assert_int_equal(got, sum);

	got = 0;
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	while (!(err = ring_peek_batch(r, recs, 64, &nr))) {
		for (i = 0; i < nr; i++)
			got += recs[i].seq;
		assert_int_equal(ring_recheck(r), 0);
		assert_int_equal(ring_advance(r), 0);
	}
	assert_int_equal(err, -ENODEV);
	assert_int_equal(got, sum);
	assert_int_equal(stats_of(r).read, 15000);
	assert_int_equal(stats_of(r).lost, 0);
	ring_close(r);
	recorded_end(&t);
}

static uint64_t read_seq(struct ring_reader *r)
{
	struct ring_record rec;
	uint64_t number;

	return ring_read(r, &rec, &number, sizeof(number)) ? 0 : rec.seq;
}

static void test_seeks_find_their_record(void **state)
{
	struct ring_record rec, newest;
	struct ring_reader *r;
	uint64_t number, i, wall, now;
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	/* The time of record n is 10 n, or that much later: some have the same time as others. */
	for (i = 1; i <= 5000; i++) {
		number = i;
		publish_at(t.w, 0, 10 * i, &number, sizeof(number));
		if (i % 700 == 0)
			recorded_copy(&t);
	}
	recorded_copy(&t);
	recorded_close(&t);

	r = recorded_open(&t, OPEN_OPTS(.whence = RING_SEQ, .value = 701));
	assert_int_equal(read_seq(r), 701);
	for (i = 1; i <= 5000; i += 233) {
		assert_int_equal(ring_seek(r, RING_SEQ, i), 0);
		assert_int_equal(read_seq(r), i);
		assert_int_equal(ring_seek(r, RING_TIME, 10 * i - 5), 0);
		assert_int_equal(read_seq(r), i);
		assert_int_equal(ring_seek(r, RING_TIME, 10 * i), 0);
		assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
		assert_int_equal(rec.seq, i);
		assert_int_equal(rec.lost, 0);
		assert_int_equal(ring_wall_time(r, rec.ts_ns, &wall), 0);
		assert_int_equal(ring_seek(r, RING_REALTIME, wall), 0);
		assert_int_equal(read_seq(r), i);
	}
	assert_int_equal(ring_seek(r, RING_TIME, 50001), 0);
	assert_int_equal(read_seq(r), 0);
	assert_int_equal(ring_seek(r, RING_SEQ, 5001), 0);
	assert_int_equal(read_seq(r), 0);
	assert_rejected(ring_seek(r, RING_SEQ, 5002), ERANGE);
	assert_int_equal(ring_seek(r, RING_NEWEST, 0), 0);
	assert_int_equal(ring_newest(r, 0, &newest, &number, sizeof(number)), 0);
	assert_int_equal(newest.seq, 5000);
	assert_int_equal(number, 5000);
	assert_int_equal(read_seq(r), 5000);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_int_equal(read_seq(r), 0);
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_int_equal(read_seq(r), 1);
	assert_int_equal(ring_now(r, &now), 0);
	assert_int_equal(now, 50000);
	assert_int_equal(stats_of(r).lost, 0);
	ring_close(r);
	recorded_end(&t);
}

/* A live ring is searched by the wall clock, too. */
static void test_a_ring_is_searched_by_the_wall_clock(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_writer *none = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	const uint64_t start = now_ns();
	uint64_t i, wall;

	(void)state;
	for (i = 1; i <= 100; i++)
		publish_at(w, 0, start + i * MS, &i, sizeof(i));
	for (i = 1; i <= 100; i += 9) {
		/* The pair may be measured better the next time, by less than this. */
		assert_int_equal(ring_wall_time(r, start + i * MS - MS / 2, &wall), 0);
		assert_int_equal(ring_seek(r, RING_REALTIME, wall), 0);
		assert_int_equal(read_seq(r), i);
	}
	ring_close(r);
	r = open_reader(none, NULL);
	assert_rejected(ring_seek(r, RING_REALTIME, wall), EOPNOTSUPP);
	ring_close(r);
	ring_writer_close(none);
	ring_writer_close(w);
}

/* The ring overruns the recorder; the recording tells it as the ring did. */
static void test_what_the_recorder_lost_is_told(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct ring_recording_info ri;
	struct ring_reader *r;
	uint64_t lost, n;
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 100);
	publish_numbers(t.w, 0, 10000);
	n = recorded_copy(&t);
	assert_true(n < 10000);
	recorded_publish(&t, 100);
	assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
	assert_int_equal(st.records, 200 + n);
	assert_int_equal(st.lost, 10000 - n);
	assert_int_equal(stats_of(t.r).lost, 10000 - n);
	recorded_close(&t);

	r = recorded_open(&t, NULL);
	assert_int_equal(read_all(r, &lost), 200 + n);
	assert_int_equal(lost, 10000 - n);
	assert_int_equal(stats_of(r).lost, lost);
	ri = recorded_info(r);
	assert_int_equal(ri.recorder_lost, lost);
	assert_int_equal(ri.damaged, 0);
	/* A seek into the gap. */
	assert_int_equal(ring_seek(r, RING_SEQ, 150), 0);
	assert_int_equal(read_seq(r), 100 + 10000 - n + 1);
	assert_int_equal(stats_of(r).lost, lost + 100 + 10000 - n + 1 - 150);
	ring_close(r);
	recorded_end(&t);
}

/* Several rings come back in the order of time, each with its own number and counters. */
static void test_several_rings_are_merged(void **state)
{
	struct ring_stats_at at = { .size = sizeof(at) };
	struct ring_reader *r;
	struct ring_record rec;
	uint64_t i, number, seqs[4] = { 0 };
	struct recorded t;

	(void)state;
	recorded_begin(&t, 4, SEQRING_CLOCK_MONOTONIC, NULL);
	for (i = 1; i <= 8000; i++) {
		number = i;
		publish_at(t.w, (unsigned int)(i * 7 / 5 % 4), i, &number, sizeof(number));
		if (i % 1000 == 0)
			recorded_copy(&t);
	}
	assert_rejected(ring_writer_publish(t.w, 2, 0, t.base, DATA_SIZE), EMSGSIZE);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	for (i = 1; i <= 8000; i++) {
		assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
		assert_int_equal(number, i);
		assert_int_equal(rec.ring, i * 7 / 5 % 4);
		assert_int_equal(rec.seq, ++seqs[rec.ring]);
	}
	assert_rejected(ring_read(r, &rec, &number, sizeof(number)), ENODEV);
	assert_int_equal(stats_of(r).misordered, 0);
	assert_int_equal(stats_of(r).dropped, 1);
	assert_int_equal(ring_stats_at(r, 2, &at), 0);
	assert_int_equal(at.dropped[SEQRING_DROP_TOO_BIG], 1);
	assert_int_equal(at.published, seqs[2]);
	assert_int_equal(at.id, 2);
	ring_close(r);
	r = recorded_open(&t, OPEN_OPTS(.one_ring = 1, .ring = 2));
	assert_int_equal(read_all(r, &number), seqs[2]);
	ring_close(r);
	recorded_end(&t);
}

/* What was dropped before the recording began is told apart. */
static void test_drops_before_the_recording_are_told(void **state)
{
	struct ring_stats_at at = { .size = sizeof(at) };
	struct ring_reader *r, *other;
	struct ring_recorder *rec;
	struct recorded t;
	char dir[96];

	(void)state;
	recorded_begin(&t, 2, SEQRING_CLOCK_MONOTONIC, NULL);
	assert_int_equal(ring_stats_at(t.r, 1, &at), 0);
	assert_int_equal(at.dropped_before[SEQRING_DROP_TOO_BIG], 0);
	assert_rejected(ring_writer_publish(t.w, 1, 0, t.base, DATA_SIZE), EMSGSIZE);
	snprintf(dir, sizeof(dir), "%s/later", t.base);
	other = open_reader(t.w, NULL);
	assert_int_equal(ring_recorder_create(dir, other, NULL, &rec), 0);
	publish_numbers(t.w, 1, 10);
	assert_rejected(ring_writer_publish(t.w, 1, 0, t.base, DATA_SIZE), EMSGSIZE);
	recorded_copy(&t);
	recorded_close(&t);
	while (!ring_recorder_copy(rec, NULL))
		;
	assert_int_equal(ring_recorder_close(rec), 0);
	ring_close(other);
	r = recorded_open(&t, NULL);
	assert_int_equal(ring_stats_at(r, 1, &at), 0);
	assert_int_equal(at.dropped[SEQRING_DROP_TOO_BIG], 2);
	assert_int_equal(at.dropped_before[SEQRING_DROP_TOO_BIG], 0);
	ring_close(r);
	assert_int_equal(ring_open(dir, NULL, &r), 0);
	assert_int_equal(ring_stats_at(r, 1, &at), 0);
	assert_int_equal(at.dropped[SEQRING_DROP_TOO_BIG], 2);
	assert_int_equal(at.dropped_before[SEQRING_DROP_TOO_BIG], 1);
	assert_int_equal(ring_stats_at(r, 0, &at), 0);
	assert_int_equal(at.dropped_before[SEQRING_DROP_TOO_BIG], 0);
	/* A program of an earlier version has no room for it. */
	at.size = offsetof(struct ring_stats_at, dropped_before);
	at.dropped_before[0] = 77;
	assert_int_equal(ring_stats_at(r, 1, &at), 0);
	assert_int_equal(at.dropped_before[0], 77);
	ring_close(r);
	remove_recording(dir);
	recorded_end(&t);
}

/* More files than the limit allows: the oldest are removed, and the rest reads as before. */
static void test_old_files_are_removed(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct ring_recording_info ri;
	struct ring_reader *r;
	uint64_t lost, most = 0;
	struct recorded t;
	int i;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC,
		       RECORDER_OPTS(.segment_bytes = 1 << 16, .size_max = 5 << 16));
	for (i = 0; i < 100; i++) {
		recorded_publish(&t, 1000);
		assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
		most = st.bytes > most ? st.bytes : most;
	}
	assert_int_equal(st.records, 100000);
	assert_true(st.removed_segments > 10);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	ri = recorded_info(r);
	assert_true(most <= 5 << 16 && ri.bytes <= 5 << 16);
	assert_true(ri.segments >= 3);
	assert_int_equal(ri.removed, st.removed_records);
	assert_int_equal(ri.records + ri.removed, 100000);
	assert_int_equal(ri.damaged, 0);
	assert_int_equal(read_all(r, &lost), ri.records);
	assert_int_equal(lost, 0);
	/* By seq, those that were removed count. */
	assert_int_equal(ring_seek(r, RING_SEQ, 1), 0);
	read_all(r, &lost);
	assert_int_equal(lost, ri.removed);
	ring_close(r);
	/* One file alone. */
	assert_int_equal(ring_open(recorded_file(&t, (unsigned int)st.removed_segments + 2), NULL,
				   &r),
			 0);
	assert_true(read_all(r, &lost) < ri.records);
	ring_close(r);
	recorded_end(&t);
}

static void test_the_reader_goes_on_after_the_recorder(void **state)
{
	struct recorded t;

	(void)state;
	recorded_begin(&t, 2, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 10);
	recorded_close(&t);
	publish_numbers(t.w, 0, 1);
	publish_numbers(t.w, 1, 1);
	assert_int_equal(read_seq(t.r), 11);
	assert_int_equal(read_seq(t.r), 1);
	recorded_end(&t);
}

static void test_the_end_of_the_ring_is_recorded(void **state)
{
	struct ring_reader *r;
	struct recorded t;
	uint64_t nr;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t.w, 0, 5);
	ring_writer_close(t.w);
	t.w = NULL;
	assert_rejected(ring_recorder_copy(t.rec, &nr), ENODEV);
	assert_int_equal(nr, 5);
	assert_rejected(ring_recorder_copy(t.rec, &nr), ENODEV);
	assert_int_equal(nr, 0);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	assert_int_equal(read_all(r, &nr), 5);
	ring_close(r);
	recorded_end(&t);
}

/* Reads the times of the next records of a ring of their own. */
static void read_times(struct ring_writer *w, unsigned int ring, uint64_t *ts_ns, unsigned int nr)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .one_ring = 1, .ring = ring };
	struct ring_reader *r = open_reader(w, &opts);
	struct ring_record rec;
	uint64_t number;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
		ts_ns[i] = rec.ts_ns;
	}
	ring_close(r);
}

/* Up to @until_ns, which the record after the last one of ring 0 misses by @short_ns. */
static void check_until(uint64_t short_ns)
{
	struct recorded t = { 0 };
	struct ring_reader *r;
	uint64_t ts_ns[100], until, lost, wanted = 0, nr;
	int i;

	recorded_dir(&t);
	t.w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	publish_numbers(t.w, 0, 100);
	read_times(t.w, 0, ts_ns, 100);
	until = ts_ns[50] - short_ns;
	for (i = 0; i < 100; i++)
		wanted += ts_ns[i] <= until;
	assert_in_range(wanted, 1, 99);
	t.r = open_reader(t.w, NULL);
	assert_int_equal(ring_recorder_create(t.dir, t.r, RECORDER_OPTS(.until_ns = until), &t.rec),
			 0);
	/* Ring 1 may still get a record of that time. */
	assert_rejected(ring_recorder_copy(t.rec, &nr), EAGAIN);
	assert_int_equal(nr, wanted);
	publish_numbers(t.w, 1, 5);
	assert_rejected(ring_recorder_copy(t.rec, &nr), ENODATA);
	assert_int_equal(nr, 0);
	publish_numbers(t.w, 0, 5);
	assert_rejected(ring_recorder_copy(t.rec, &nr), ENODATA);
	assert_int_equal(nr, 0);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	assert_int_equal(read_all(r, &lost), wanted);
	assert_int_equal(lost, 0);
	assert_int_equal(recorded_info(r).complete, 1);
	assert_true(recorded_info(r).last_ns <= until);
	ring_close(r);
	recorded_end(&t);
}

static void test_a_recording_ends_at_a_time(void **state)
{
	(void)state;
	check_until(0);
	check_until(1);
}

/* The reader is at the first record that is too late, and it is not corrupt. */
static void test_the_reader_goes_on_after_a_time(void **state)
{
	struct recorded t = { 0 };
	struct ring_record rec;
	uint64_t number, ts_ns[3];

	(void)state;
	recorded_dir(&t);
	t.w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	publish_numbers(t.w, 0, 3);
	read_times(t.w, 0, ts_ns, 3);
	t.r = open_reader(t.w, NULL);
	assert_int_equal(ring_recorder_create(t.dir, t.r, RECORDER_OPTS(.until_ns = ts_ns[0] - 1),
					      &t.rec),
			 0);
	assert_rejected(ring_recorder_copy(t.rec, NULL), ENODATA);
	recorded_close(&t);
	assert_int_equal(ring_read(t.r, &rec, &number, sizeof(number)), 0);
	assert_int_equal(rec.seq, 1);
	assert_int_equal(rec.lost, 0);
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recording_reads_as_the_ring),
		cmocka_unit_test(test_lengths_and_laps_are_kept),
		cmocka_unit_test(test_all_ways_read_it),
		cmocka_unit_test(test_seeks_find_their_record),
		cmocka_unit_test(test_a_ring_is_searched_by_the_wall_clock),
		cmocka_unit_test(test_what_the_recorder_lost_is_told),
		cmocka_unit_test(test_several_rings_are_merged),
		cmocka_unit_test(test_drops_before_the_recording_are_told),
		cmocka_unit_test(test_old_files_are_removed),
		cmocka_unit_test(test_the_reader_goes_on_after_the_recorder),
		cmocka_unit_test(test_the_end_of_the_ring_is_recorded),
		cmocka_unit_test(test_a_recording_ends_at_a_time),
		cmocka_unit_test(test_the_reader_goes_on_after_a_time),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
