// SPDX-License-Identifier: GPL-2.0-only
/* What a recorder and a reader of recordings refuse, and the checksum that they share. */

#include "../../libring/base/crc32c.h"
#include <seqring/recording.h>

#include "recording.h"

static void test_the_checksum_is_crc32c(void **state)
{
	unsigned char buf[4096];
	uint32_t crc = 0;
	size_t i, n;

	(void)state;
	/* The check value that the CRC's definitions give. */
	assert_int_equal(libring_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(libring_crc32c_plain(0, "123456789", 9), 0xe3069283);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)(i * i >> 3);
	for (i = 0; i < sizeof(buf); i += n) {
		n = i % 41 + 1 < sizeof(buf) - i ? i % 41 + 1 : sizeof(buf) - i;
		crc = libring_crc32c(crc, buf + i, n);
	}
	assert_int_equal(crc, libring_crc32c_plain(0, buf, sizeof(buf)));
}

static void test_bad_options_are_rejected(void **state)
{
	struct ring_recorder *rec = NULL;
	struct ring_reader *r;
	struct recorded t = { 0 };
	const struct ring_recorder_opts shorter = { .size = 8 };
	struct {
		struct ring_recorder_opts opts;
		uint64_t unknown;
	} longer = { { .size = sizeof(longer) }, 1 };

	(void)state;
	recorded_dir(&t);
	t.w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	r = open_reader(t.w, NULL);
	assert_rejected(ring_recorder_create(t.dir, r, &shorter, &rec), EINVAL);
	assert_rejected(ring_recorder_create(t.dir, r, &longer.opts, &rec), E2BIG);
	assert_rejected(ring_recorder_create(t.dir, r, RECORDER_OPTS(.segment_bytes = 65535), &rec),
			EINVAL);
	assert_rejected(ring_recorder_create(t.dir, r,
					     RECORDER_OPTS(.segment_bytes = RING_SEGMENT_MAX + 1),
					     &rec),
			EINVAL);
	assert_rejected(ring_recorder_create(t.dir, r,
					     RECORDER_OPTS(.segment_bytes = 65536,
							   .size_max = 131071),
					     &rec),
			EINVAL);
	assert_rejected(ring_recorder_create(t.dir, r, RECORDER_OPTS(.keep_ns = 999999999), &rec),
			EINVAL);
	assert_rejected(ring_recorder_create("/dev/full", r, NULL, &rec), ENOTDIR);
	assert_rejected(ring_recorder_create("/nowhere/rec", r, NULL, &rec), ENOENT);
	ring_close(r);
	ring_writer_close(t.w);
	t.w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	r = open_reader(t.w, NULL);
	assert_rejected(ring_recorder_create(t.dir, r, RECORDER_OPTS(.until_ns = 1), &rec), EINVAL);
	assert_null(rec);
	assert_int_not_equal(access(t.dir, F_OK), 0);
	ring_close(r);
	recorded_end(&t);
}

static void test_a_recording_is_never_overwritten(void **state)
{
	struct ring_recorder *rec = NULL;
	struct ring_reader *r, *from;
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 10);
	r = open_reader(t.w, NULL);
	assert_rejected(ring_recorder_create(t.dir, r, NULL, &rec), EBUSY);
	recorded_close(&t);
	assert_rejected(ring_recorder_create(t.dir, r, NULL, &rec), EEXIST);
	/* Nor is a recording recorded. */
	from = recorded_open(&t, NULL);
	strcat(t.dir, "2");
	assert_rejected(ring_recorder_create(t.dir, from, NULL, &rec), EINVAL);
	t.dir[strlen(t.dir) - 1] = 0;
	assert_null(rec);
	ring_close(from);
	ring_close(r);
	recorded_end(&t);
}

static void patch(const struct recorded *t, unsigned int file, off_t at, const void *bytes,
		  size_t n)
{
	int fd = open(recorded_file(t, file), O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

/* Computes the CRC of a header that was patched, so that nothing but the patch is wrong. */
static void patch_header(const struct recorded *t, off_t at, const void *bytes, size_t n)
{
	const off_t crc_at = sizeof(struct seqring_header) +
			     offsetof(struct seqring_recording, crc);
	unsigned char head[1024];
	uint32_t crc = 0;
	int fd;

	patch(t, 1, at, bytes, n);
	fd = open(recorded_file(t, 1), O_RDWR);
	assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
	memcpy(head + crc_at, &crc, sizeof(crc));
	crc = libring_crc32c(0, head, sizeof(head));
	close(fd);
	patch(t, 1, crc_at, &crc, sizeof(crc));
}

#define PATCH_HEADER(t, field, value) \
	patch_header(t, offsetof(struct seqring_header, field), value, sizeof(*(value)))
#define PATCH_REC(t, field, value)                                                                 \
	patch_header(t, sizeof(struct seqring_header) + offsetof(struct seqring_recording, field), \
		     value, sizeof(*(value)))

static void test_bad_headers_are_rejected(void **state)
{
	const uint64_t wild = 1ull << 40, features = SEQRING_REQUIRE_RECORDING | 2, odd = 1028;
	const uint32_t two = 2, none = 0, many = SEQRING_RINGS_MAX + 1;
	const uint32_t one = 1;
	const uint64_t good = SEQRING_REQUIRE_RECORDING, offset = 1024, size = DATA_SIZE;
	struct ring_reader *r = NULL;
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 10);
	recorded_close(&t);
	PATCH_REC(&t, version, &two);
	assert_rejected(ring_open(t.dir, NULL, &r), ENOTSUP);
	PATCH_REC(&t, version, &one);
	PATCH_HEADER(&t, compat_version, &two);
	assert_rejected(ring_open(t.dir, NULL, &r), ENOTSUP);
	PATCH_HEADER(&t, compat_version, &one);
	PATCH_HEADER(&t, features_required, &features);
	assert_rejected(ring_open(t.dir, NULL, &r), ENOTSUP);
	PATCH_HEADER(&t, features_required, &good);
	PATCH_HEADER(&t, nr_rings, &none);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	PATCH_HEADER(&t, nr_rings, &many);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	PATCH_HEADER(&t, nr_rings, &one);
	PATCH_HEADER(&t, data_size, &wild);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	PATCH_HEADER(&t, data_size, &size);
	PATCH_HEADER(&t, schema_size, &wild);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	PATCH_HEADER(&t, schema_size, &(uint64_t) { 0 });
	PATCH_REC(&t, chunk_offset, &odd);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	PATCH_REC(&t, chunk_offset, &wild);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	PATCH_REC(&t, chunk_offset, &offset);
	assert_int_equal(ring_open(t.dir, NULL, &r), 0);
	ring_close(r);
	patch(&t, 1, 300, "x", 1);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	recorded_end(&t);
}

static void test_what_is_no_recording_is_told(void **state)
{
	struct ring_recording_info ri = { .size = sizeof(ri) };
	struct ring_recorder_stats st = { .size = 8 };
	struct ring_reader *r = NULL;
	struct recorded t, other;
	char path[128];

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	assert_rejected(ring_recording_info(t.r, &ri), EOPNOTSUPP);
	assert_rejected(ring_recorder_stats(t.rec, &st), EINVAL);
	recorded_publish(&t, 10);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	ri.size = 8;
	assert_rejected(ring_recording_info(r, &ri), EINVAL);
	ring_close(r);
	assert_rejected(ring_open(t.base, NULL, &r), EPROTO);
	assert_rejected(ring_open(t.dir, OPEN_OPTS(.flags = RING_FOLLOW), &r), EOPNOTSUPP);
	assert_rejected(ring_open(t.dir, OPEN_OPTS(.one_ring = 1, .ring = 1), &r), EINVAL);

	/* A file of another recording among them. */
	recorded_begin(&other, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_close(&other);
	snprintf(path, sizeof(path), "%s", recorded_file(&other, 1));
	assert_int_equal(rename(path, recorded_file(&t, 2)), 0);
	assert_rejected(ring_open(t.dir, NULL, &r), EPROTO);
	assert_null(strstr(ring_strerror(), "not a ring"));
	recorded_end(&other);
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_checksum_is_crc32c),
		cmocka_unit_test(test_bad_options_are_rejected),
		cmocka_unit_test(test_a_recording_is_never_overwritten),
		cmocka_unit_test(test_bad_headers_are_rejected),
		cmocka_unit_test(test_what_is_no_recording_is_told),
	};

	return cmocka_run_group_tests_name("record_reject", tests, NULL, NULL);
}
