// SPDX-License-Identifier: GPL-2.0-only
/* Chunks that no recorder writes, all with the right CRCs. */

#include "chunks.h"

#define GOOD 50 /* records of the recording, in one chunk */

/* A recording without end or index: what is appended is read as a chunk. */
static void begin(struct recorded *t)
{
	recorded_begin(t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t->w, 0, GOOD);
	assert_int_equal(recorded_copy(t), GOOD);
}

/* Reads all. Return: the records; @err: how it ended. */
static uint64_t count(const struct recorded *t, int *err, struct ring_recording_info *ri)
{
	struct ring_reader *r = recorded_open(t, NULL);
	struct ring_record rec;
	unsigned char buf[64];
	uint64_t n = 0;

	*ri = recorded_info(r);
	while (!(*err = ring_read(r, &rec, buf, sizeof(buf))))
		n++;
	ring_close(r);
	return n;
}

static void check_passed(const struct recorded *t)
{
	struct ring_recording_info ri;
	int err;

	assert_int_equal(count(t, &err, &ri), GOOD);
	assert_int_equal(err, -ENODEV);
	assert_int_equal(ri.records, GOOD);
}

static void test_impossible_chunks_are_passed(void **state)
{
	static unsigned char payload[3 * DATA_SIZE];
	const size_t size = fill_records(payload, GOOD + 1, 4);
	struct seqring_chunk c;
	struct recorded t;

	(void)state;
	begin(&t);
	check_passed(&t);
	c = chunk_of(GOOD + 1, 4, size);
	c.ring = 1;
	append(&t, c, payload, size);
	check_passed(&t);
	c.ring = 1u << 30;
	append(&t, c, payload, size);
	check_passed(&t);
	c.type = SEQRING_CHUNK_COUNTERS;
	append(&t, c, payload, sizeof(struct seqring_chunk_counters));
	check_passed(&t);
	append(&t, chunk_of(1, 4, size), payload, size);
	check_passed(&t);
	append(&t, chunk_of(GOOD, 4, size), payload, size);
	check_passed(&t);
	append(&t, chunk_of(GOOD + 1, 0, size), payload, size);
	check_passed(&t);
	append(&t, chunk_of(GOOD + 1, 6, size), payload, size);
	check_passed(&t);
	append(&t, chunk_of(UINT64_MAX - 2, 4, size), payload, size);
	check_passed(&t);
	append(&t, chunk_of(GOOD + 1, 4, size - 4), payload, size - 4);
	write_at(&t, size_of(&t), payload, 4);
	check_passed(&t);
	c = chunk_of(GOOD + 1, 4, size);
	c.raw_size = size + 8;
	append(&t, c, payload, size);
	check_passed(&t);
	append(&t, chunk_of(GOOD + 1, fill_records(payload, GOOD + 1, 6144) / 32, 6144 * 32),
	       payload, 6144 * 32);
	check_passed(&t);
	c = (struct seqring_chunk) { .type = 99, .size = 8, .raw_size = 8 };
	append(&t, c, payload, 8);
	check_passed(&t);
	recorded_end(&t);
}

/* A method of compression that is not known cannot be passed: it would look like a loss. */
static void test_compression_is_refused(void **state)
{
	unsigned char payload[64];
	struct ring_reader *r = NULL;
	struct seqring_chunk c;
	struct recorded t;

	(void)state;
	begin(&t);
	c = chunk_of(GOOD + 1, 2, fill_records(payload, GOOD + 1, 2));
	c.compression = 77;
	append(&t, c, payload, sizeof(payload));
	assert_rejected(ring_open(t.dir, NULL, &r), ENOTSUP);
	recorded_end(&t);
}

/* Behind the end of the file, or with another payload: torn. */
static void test_what_is_not_whole_is_torn(void **state)
{
	unsigned char payload[64];
	const size_t size = fill_records(payload, GOOD + 1, 2);
	struct ring_recording_info ri;
	struct seqring_chunk c;
	struct recorded t;
	uint64_t at;
	int err;

	(void)state;
	begin(&t);
	at = size_of(&t);
	/* With its header, it would have no bytes at all. */
	c = chunk_of(GOOD + 1, 2, UINT64_MAX - sizeof(c) + 1);
	append(&t, c, payload, size);
	assert_int_equal(count(&t, &err, &ri), GOOD);
	assert_int_equal(ri.torn_bytes, sizeof(c) + size);
	assert_int_equal(truncate(recorded_file(&t, 1), (off_t)at), 0);

	/* A header that was changed, and could be right. */
	append(&t, chunk_of(GOOD + 1, 2, size), payload, size);
	write_at(&t, at + offsetof(struct seqring_chunk, lost), "x", 1);
	assert_int_equal(count(&t, &err, &ri), GOOD);
	assert_int_equal(ri.torn_bytes, sizeof(c) + size);
	assert_int_equal(truncate(recorded_file(&t, 1), (off_t)at), 0);

	append(&t, chunk_of(GOOD + 1, 2, size), payload, size);
	write_at(&t, at + sizeof(c) + 40, "x", 1);
	assert_int_equal(count(&t, &err, &ri), GOOD);
	assert_int_equal(err, -ENODEV);
	assert_int_equal(ri.records, GOOD);
	assert_int_equal(ri.torn_bytes, sizeof(c) + size);
	recorded_end(&t);
}

/* A record may have the copy of a chunk. When its own chunk's header is damaged, it is none. */
static void test_a_copy_of_a_chunk_is_none(void **state)
{
	unsigned char payload[24 + 200] = { 0 };
	struct seqring_record h = { .stamp = GOOD + 1, .meta = { .len = 200 } };
	struct ring_recording_info ri;
	struct seqring_chunk copy;
	struct recorded t;
	uint64_t at;
	int err;

	(void)state;
	begin(&t);
	copy = chunk_of(GOOD + 1, 1, 32);
	fill_records(payload + 24 + 128, GOOD + 1, 1);
	copy.crc = libring_crc32c(0, payload + 24 + 128, 32);
	seal(&copy, 4096);
	memcpy(payload, &h, sizeof(h));
	memcpy(payload + 24, &copy, sizeof(copy));
	at = size_of(&t);
	append(&t, chunk_of(GOOD + 1, 1, sizeof(payload)), payload, sizeof(payload));
	assert_int_equal(count(&t, &err, &ri), GOOD + 1);
	write_at(&t, at + 60, "x", 1);
	assert_int_equal(count(&t, &err, &ri), GOOD);
	assert_int_equal(ri.records, GOOD);
	/* What comes behind it is found. */
	append(&t, chunk_of(GOOD + 5, 2, fill_records(payload, GOOD + 5, 2)), payload, 64);
	assert_int_equal(count(&t, &err, &ri), GOOD + 2);
	assert_int_equal(ri.damaged, 4);
	recorded_end(&t);
}

/* Records that contradict themselves are told as in a ring. */
static void test_wrong_records_are_corrupt(void **state)
{
	unsigned char payload[64];
	const uint32_t long_len = 1000000;
	struct ring_recording_info ri;
	struct recorded t;
	size_t size;
	int err;

	(void)state;
	begin(&t);
	size = fill_records(payload, GOOD + 7, 2);
	append(&t, chunk_of(GOOD + 1, 2, size), payload, size);
	assert_int_equal(count(&t, &err, &ri), GOOD);
	assert_int_equal(err, -EBADMSG);
	recorded_end(&t);

	begin(&t);
	size = fill_records(payload, GOOD + 1, 2);
	memcpy(payload + 32 + 16, &long_len, sizeof(long_len));
	append(&t, chunk_of(GOOD + 1, 2, size), payload, size);
	assert_int_equal(count(&t, &err, &ri), GOOD + 1);
	assert_int_equal(err, -EBADMSG);
	recorded_end(&t);
}

/* The wall clock is what the recorder measured, on whatever machine. */
static void test_the_recorded_clock_counts(void **state)
{
	const struct seqring_clock_pair pairs[] = {
		{ .since_ns = 0, .offset_ns = 1000000 },
		{ .since_ns = 500, .offset_ns = 2000000 },
		{ .since_ns = 800, .offset_ns = 1500000 },
	};
	struct seqring_chunk c = {
		.type = SEQRING_CHUNK_CLOCK,
		.size = sizeof(pairs),
		.raw_size = sizeof(pairs),
	};
	struct ring_reader *r;
	struct recorded t;
	uint64_t wall, i, number,
		tries[][2] = {
			{ 1000100, 100 }, { 1000600, 500 }, { 2000500, 500 },
			{ 2000799, 799 }, { 1500900, 500 }, { 2000900, 900 },
		};
	struct ring_record rec;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	for (i = 1; i <= 1000; i++)
		publish_at(t.w, 0, i, &i, sizeof(i));
	recorded_copy(&t);
	append(&t, c, pairs, sizeof(pairs));
	r = recorded_open(&t, NULL);
	assert_int_equal(ring_wall_time(r, 499, &wall), 0);
	assert_int_equal(wall, 1000499);
	assert_int_equal(ring_wall_time(r, 500, &wall), 0);
	assert_int_equal(wall, 2000500);
	assert_int_equal(ring_wall_time(r, 900, &wall), 0);
	assert_int_equal(wall, 1500900);
	/* The first record at which the wall clock showed this or more. */
	for (i = 0; i < 5; i++) {
		assert_int_equal(ring_seek(r, RING_REALTIME, tries[i][0]), 0);
		assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
		assert_int_equal(number, tries[i][1]);
	}
	assert_int_equal(ring_seek(r, RING_REALTIME, 1), 0);
	assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
	assert_int_equal(number, 1);
	assert_int_equal(ring_seek(r, RING_REALTIME, UINT64_MAX), 0);
	assert_rejected(ring_read(r, &rec, &number, sizeof(number)), ENODEV);
	ring_close(r);
	recorded_end(&t);
}

/* Old files go after a second; the test asks until they have. */
static void test_old_files_are_removed_by_age(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct recorded t;
	uint64_t before;
	int i;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, RECORDER_OPTS(.keep_ns = 1000000000));
	before = now_ns();
	for (i = 0; i < 6000 && !st.removed_segments; i++) {
		publish_numbers(t.w, 0, 1);
		recorded_copy(&t);
		assert_int_equal(ring_recorder_sync(t.rec), 0);
		assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
		usleep(10000);
	}
	assert_true(st.removed_segments);
	assert_true(now_ns() - before >= 1000000000);
	assert_true(st.removed_records < st.records);
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_chunks_are_passed),
		cmocka_unit_test(test_compression_is_refused),
		cmocka_unit_test(test_what_is_not_whole_is_torn),
		cmocka_unit_test(test_a_copy_of_a_chunk_is_none),
		cmocka_unit_test(test_wrong_records_are_corrupt),
		cmocka_unit_test(test_the_recorded_clock_counts),
		cmocka_unit_test(test_old_files_are_removed_by_age),
	};

	return cmocka_run_group_tests_name("record_hostile", tests, NULL, NULL);
}
