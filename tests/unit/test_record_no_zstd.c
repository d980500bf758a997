// SPDX-License-Identifier: GPL-2.0-only
/* A library that was built without libzstd says so where it is needed. */

#undef LIBRING_ZSTD
#include "../../libring/base/zstd.c"
#include "chunks.h"

static void test_without_zstd_nothing_is_compressed(void **state)
{
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_close(&t);
	remove_recording(t.dir);
	assert_rejected(ring_recorder_create(t.dir, t.r,
					     RECORDER_OPTS(.compression = RING_COMPRESSION_ZSTD),
					     &t.rec),
			ENOTSUP);
	assert_non_null(strstr(ring_strerror(), "built without Zstandard (libzstd)"));
	assert_int_not_equal(access(t.dir, F_OK), 0);
	recorded_end(&t);
}

static void test_without_zstd_compressed_recordings_are_refused(void **state)
{
	struct ring_reader *r;
	struct seqring_chunk c;
	struct recorded t;
	uint64_t number;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t.w, 0, 10);
	recorded_copy(&t);
	r = recorded_open(&t, NULL);
	assert_int_equal(read_all(r, &number), 10);
	ring_close(r);
	c = chunk_of(11, 4, 16);
	c.raw_size = 128;
	c.compression = SEQRING_COMPRESSION_ZSTD;
	append(&t, c, "0123456789abcdef", 16);
	assert_rejected(ring_open(t.dir, NULL, &r), ENOTSUP);
	assert_non_null(strstr(ring_strerror(), "built without Zstandard (libzstd)"));
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_zstd_nothing_is_compressed),
		cmocka_unit_test(test_without_zstd_compressed_recordings_are_refused),
	};

	return cmocka_run_group_tests_name("record_no_zstd", tests, NULL, NULL);
}
