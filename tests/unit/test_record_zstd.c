// SPDX-License-Identifier: GPL-2.0-only
/* Recordings that are compressed, and frames that no recorder writes. */

#include "../../libring/base/zstd.h"
#include "../lib/random.h"
#include "chunks.h"

#define ZSTD(...) RECORDER_OPTS(.compression = RING_COMPRESSION_ZSTD, __VA_ARGS__)
#define GOOD	  1000 /* records of the recording that chunks are appended to */

static void need_zstd(void)
{
	if (!libring_has_zstd())
		skip();
}

/* Compressed, a recording reads as the ring, by all ways to read, and is shorter. */
static void test_a_compressed_recording_reads_as_the_ring(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct ring_record rec, recs[64];
	struct ring_reader *r;
	struct recorded t;
	unsigned char buf[4096];
	uint64_t i, number;
	unsigned int nr;

	(void)state;
	need_zstd();
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, ZSTD(.compression_level = 5));
	for (i = 1; i <= 20000; i++) {
		publish_at(t.w, 0, 1000 + i, &i, sizeof(i));
		if (i % 1000 == 0)
			recorded_copy(&t);
	}
	assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
	assert_int_equal(st.record_bytes, 20000 * 32);
	assert_true(st.bytes < st.record_bytes / 2);
	/* A program of an earlier version has no room for it. */
	st.size = offsetof(struct ring_recorder_stats, record_bytes);
	st.record_bytes = 77;
	assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
	assert_int_equal(st.record_bytes, 77);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	for (i = 1; i <= 20000; i++) {
		assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
		assert_int_equal(number, i);
		assert_int_equal(rec.seq, i);
		assert_int_equal(rec.ts_ns, 1000 + i);
		assert_int_equal(rec.lost, 0);
	}
	assert_rejected(ring_read(r, &rec, &number, sizeof(number)), ENODEV);
	assert_int_equal(ring_seek(r, RING_SEQ, 15000), 0);
	assert_int_equal(ring_newest(r, 0, &rec, &number, sizeof(number)), 0);
	assert_int_equal(number, 20000);
	assert_int_equal(ring_read_batch(r, recs, 64, buf, sizeof(buf), &nr), 0);
	assert_true(nr > 1);
	assert_int_equal(recs[nr - 1].seq, 15000 + nr - 1);
	assert_int_equal(ring_seek(r, RING_TIME, 1000 + 777), 0);
	assert_int_equal(ring_read(r, &rec, &number, sizeof(number)), 0);
	assert_int_equal(number, 777);
	assert_int_equal(recorded_info(r).damaged, 0);
	ring_close(r);
	recorded_end(&t);
}

/* What compression would make longer stays as it is, beside chunks that are compressed. */
static void test_noise_is_not_compressed(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct ring_record rec;
	struct ring_reader *r;
	struct recorded t;
	uint64_t seed = 1;
	unsigned char noise[8000], buf[8000];
	size_t i;

	(void)state;
	need_zstd();
	for (i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)(next_random(&seed) >> 32);
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, ZSTD());
	assert_int_equal(ring_writer_publish(t.w, 0, 1, noise, sizeof(noise)), 0);
	recorded_copy(&t);
	assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
	assert_true(st.bytes > sizeof(noise));
	publish_numbers(t.w, 0, 1000);
	recorded_copy(&t);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.len, sizeof(noise));
	assert_memory_equal(buf, noise, sizeof(noise));
	assert_int_equal(read_all(r, &seed), 1000);
	ring_close(r);
	recorded_end(&t);
}

/* Compresses @size bytes. Return: the bytes in @to. */
static size_t pack(unsigned char *to, const void *from, size_t size)
{
	struct libring_packer *p;
	const void *packed;
	size_t n;

	assert_int_equal(libring_packer_open(1, size, &p), 0);
	n = libring_pack(p, from, size, &packed);
	assert_true(n && n < size);
	memcpy(to, packed, n);
	libring_packer_close(p);
	return n;
}

/*
 * Appends @size bytes as a frame that claims @records records in @raw_size bytes. Return: how many
 * records can be read; the others of the chunk have to be told as damaged.
 */
static uint64_t read_with(uint64_t records, uint64_t raw_size, const void *frame, size_t size)
{
	struct seqring_chunk c = chunk_of(GOOD + 1, records, size);
	struct ring_recording_info ri;
	struct ring_reader *r;
	struct recorded t;
	uint64_t number, n, first;

	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, ZSTD());
	publish_numbers(t.w, 0, GOOD);
	assert_int_equal(recorded_copy(&t), GOOD);
	c.raw_size = raw_size;
	c.compression = SEQRING_COMPRESSION_ZSTD;
	append(&t, c, frame, size);
	r = recorded_open(&t, NULL);
	first = recorded_info(r).records;
	n = read_all(r, &number);
	ri = recorded_info(r);
	/* A chunk that cannot be is passed; one that cannot be read is damaged. */
	assert_int_equal(n + ri.damaged, first);
	assert_int_equal(ri.records, first);
	ring_close(r);
	recorded_end(&t);
	return n;
}

static void test_hostile_frames_are_lost(void **state)
{
	static unsigned char raw[1 << 20], frame[1 << 20];
	size_t size, n;

	(void)state;
	need_zstd();
	size = fill_records(raw, GOOD + 1, 100);
	n = pack(frame, raw, size);
	assert_int_equal(read_with(100, size, frame, n), GOOD + 100);
	/* Less in it than it claims, more, and much more. */
	assert_int_equal(read_with(100, size + 32, frame, n), GOOD);
	assert_int_equal(read_with(99, size - 32, frame, n), GOOD);
	n = pack(frame, raw, sizeof(raw));
	assert_int_equal(read_with(100, size, frame, n), GOOD);
	assert_int_equal(read_with(1, n + 8, frame, n), GOOD);
	/* More than the ring had room for. */
	assert_int_equal(read_with(100, sizeof(raw), frame, n), GOOD);
	/* No frame, half of one, and one that is no shorter than it claims. */
	memset(frame, 0x55, 64);
	assert_int_equal(read_with(100, size, frame, 64), GOOD);
	n = pack(frame, raw, size);
	assert_int_equal(read_with(100, size, frame, n / 2), GOOD);
	assert_int_equal(read_with(1, 32, frame, n), GOOD);
	assert_int_equal(read_with(100, size, frame, 0), GOOD);
}

static void test_compressions_that_are_rejected(void **state)
{
	struct ring_recorder_opts old = { .size = offsetof(struct ring_recorder_opts, compression),
					  .compression = 7 };
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, &old);
	recorded_close(&t);
	remove_recording(t.dir);
	assert_rejected(ring_recorder_create(t.dir, t.r, RECORDER_OPTS(.compression = 2), &t.rec),
			EINVAL);
	assert_non_null(strstr(ring_strerror(), "compression is 2: 0 (none) or 1 (Zstandard)"));
	assert_rejected(ring_recorder_create(t.dir, t.r, RECORDER_OPTS(.compression_level = 1),
					     &t.rec),
			EINVAL);
	assert_rejected(ring_recorder_create(t.dir, t.r, ZSTD(.compression_level = 20), &t.rec),
			EINVAL);
	assert_non_null(strstr(ring_strerror(), "compression_level is 20: 1 to 19"));
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_compressed_recording_reads_as_the_ring),
		cmocka_unit_test(test_noise_is_not_compressed),
		cmocka_unit_test(test_hostile_frames_are_lost),
		cmocka_unit_test(test_compressions_that_are_rejected),
	};

	return cmocka_run_group_tests_name("record_zstd", tests, NULL, NULL);
}
