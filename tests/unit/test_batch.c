// SPDX-License-Identifier: GPL-2.0-only
/* Many records at once: copied out and in place. */

#include "unit.h"

static int setup(void **state)
{
	*state = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	return 0;
}

static int teardown(void **state)
{
	ring_writer_close(*state);
	return 0;
}

static uint64_t number_of(const struct ring_record *rec)
{
	uint64_t n;

	assert_int_equal(rec->len, sizeof(n));
	memcpy(&n, rec->payload, sizeof(n));
	return n;
}

static void test_peek_batch(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[2 * RING_PEEK_MAX], rec;
	unsigned int n = 99, i, round, at;
	uint64_t seq = 1;

	assert_rejected(ring_peek_batch(r, recs, 0, &n), EINVAL);
	assert_int_equal(n, 0);
	n = 99;
	assert_rejected(ring_peek_batch(r, recs, 10, &n), EAGAIN);
	assert_int_equal(n, 0);
	assert_rejected(ring_advance_some(r, 0), EINVAL);
	publish_numbers(w, 0, 10);
	assert_int_equal(ring_peek_batch(r, recs, 4, &n), 0);
	assert_int_equal(n, 4);
	for (i = 0; i < n; i++) {
		assert_int_equal(recs[i].seq, 1 + i);
		assert_int_equal(recs[i].type, 7);
		assert_int_equal(recs[i].lost, 0);
		assert_int_equal(recs[i].ring, 0);
		assert_int_equal(recs[i].reserved[0] | recs[i].reserved[1] | recs[i].reserved[2],
				 0);
		assert_int_equal(number_of(&recs[i]), i);
		/* They lie in the ring. */
		assert_in_range((uintptr_t)recs[i].payload, (uintptr_t)r->mapping.map,
				(uintptr_t)r->mapping.map + r->mapping.size);
	}
	assert_rejected(ring_advance(r), EINVAL);
	assert_rejected(ring_advance_some(r, 1), EINVAL);
	assert_int_equal(ring_recheck(r), 0);
	assert_rejected(ring_advance_some(r, 5), EINVAL);
	assert_int_equal(stats_of(r).lag_records, 10);
	assert_int_equal(ring_advance_some(r, 3), 0);
	assert_rejected(ring_advance_some(r, 1), EINVAL);
	assert_rejected(ring_recheck(r), EINVAL);
	assert_int_equal(stats_of(r).read, 3);
	assert_int_equal(stats_of(r).lag_records, 7);
	/* The rest comes again. None of it may be consumed. */
	assert_int_equal(ring_peek_batch(r, recs, 20, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(recs[0].seq, 4);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_advance_some(r, 0), 0);
	assert_rejected(ring_advance(r), EINVAL);
	assert_int_equal(ring_peek_batch(r, recs, 20, &n), 0);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_advance(r), 0);
	assert_int_equal(stats_of(r).read, 10);
	assert_int_equal(ring_peek_batch(r, recs, 20, &n), -EAGAIN);

	/* Around the end of the data area, by all ways to read in turn. */
	for (round = 0, seq = 11; round < 1000; round++) {
		publish_numbers(w, 0, 300);
		for (at = 0; at < 300;) {
			if (round % 3 == 2) {
				assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
				assert_int_equal(rec.seq, seq++);
				at++;
			}
			assert_int_equal(ring_peek_batch(r, recs, ARRAY_SIZE(recs), &n), 0);
			assert_int_equal(n, 300 - at < RING_PEEK_MAX ? 300 - at : RING_PEEK_MAX);
			assert_int_equal(ring_recheck(r), 0);
			for (i = 0; i < n; i++) {
				assert_int_equal(recs[i].seq, seq + i);
				assert_int_equal(number_of(&recs[i]), at + i);
			}
			n = round % 2 ? n : 1 + round % n;
			assert_int_equal(ring_advance_some(r, n), 0);
			seq += n;
			at += n;
			if (at == 299) {
				assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
				assert_int_equal(rec.seq, seq++);
				at++;
			}
		}
	}
	assert_int_equal(stats_of(r).lost, 0);

	/* Overwritten while they were looked at: what of them is lost is told once. */
	publish_numbers(w, 0, 100);
	assert_int_equal(ring_peek_batch(r, recs, 100, &n), 0);
	publish_numbers(w, 0, 10000);
	assert_rejected(ring_recheck(r), ESTALE);
	assert_rejected(ring_advance_some(r, 1), EINVAL);
	assert_int_equal(ring_peek_batch(r, recs, 100, &n), 0);
	assert_true(recs[0].lost > 1000);
	assert_int_equal(recs[0].seq, seq + recs[0].lost);
	assert_int_equal(recs[1].lost, 0);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_advance(r), 0);
	assert_int_equal(stats_of(r).lost, recs[0].lost);
	ring_close(r);
}

/* With several rings there is one record at a time, in the order of ring_read(). */
static void test_peek_batch_of_several(void **state)
{
	struct ring_writer *w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[4];
	unsigned int n, i;

	(void)state;
	for (i = 0; i < 10; i++)
		publish_at(w, i % 2, 100 + i, &i, sizeof(i));
	for (i = 0; i < 10; i++) {
		assert_int_equal(ring_peek_batch(r, recs, ARRAY_SIZE(recs), &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(recs[0].ring, i % 2);
		assert_int_equal(recs[0].ts_ns, 100 + i);
		assert_int_equal(ring_recheck(r), 0);
		assert_int_equal(ring_advance(r), 0);
	}
	assert_rejected(ring_peek_batch(r, recs, ARRAY_SIZE(recs), &n), EAGAIN);
	assert_int_equal(stats_of(r).misordered, 0);
	assert_int_equal(stats_of(r).read, 10);
	ring_close(r);
	ring_writer_close(w);
}

/* Batches around the end of the data area, of payloads of all lengths. */
static void test_batch_of_all_lengths(void **state)
{
	static unsigned char payload[600], buf[8192] __attribute__((aligned(8)));
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[64], rec;
	unsigned int len, n, i, seen;

	(void)state;
	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (unsigned char)(i * 7 + 1);
	for (len = 0; len <= sizeof(payload); len++) {
		for (i = 0; i < 20; i++)
			assert_int_equal(ring_writer_publish(w, 0, 7, payload, len), 0);
		for (seen = 0; seen < 18; seen += n) {
			assert_int_equal(ring_read_batch(r, recs, 18 - seen, buf, sizeof(buf), &n),
					 0);
			for (i = 0; i < n; i++) {
				assert_int_equal(recs[i].len, len);
				assert_memory_equal(recs[i].payload, payload, len);
			}
		}
		memset(buf, 0xee, sizeof(buf));
		assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
		assert_memory_equal(buf, payload, len);
		assert_int_equal(buf[len], 0xee);
		assert_int_equal(ring_peek(r, &rec), 0);
		assert_memory_equal(rec.payload, payload, len);
		/* Zeros behind it, up to a multiple of eight bytes. */
		for (i = len; i % 8; i++)
			assert_int_equal(((const unsigned char *)rec.payload)[i], 0);
		assert_int_equal(ring_recheck(r), 0);
		assert_int_equal(ring_advance(r), 0);
	}
	ring_close(r);
	ring_writer_close(w);
}

/* A batch ends with the buffer, also behind a payload that is no multiple of eight bytes. */
static void test_batch_buffer(void **state)
{
	_Alignas(8) unsigned char buf[64];
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[10];
	unsigned int n, i;

	for (i = 0; i < 3; i++)
		assert_int_equal(ring_writer_publish(w, 0, 7, "0123456789", i < 2 ? 10 : 0), 0);
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(ring_read_batch(r, recs, 10, buf, 26, &n), 0);
	assert_int_equal(n, 2);
	assert_ptr_equal(recs[1].payload, buf + 16);
	assert_int_equal(buf[26], 0xee);
	assert_int_equal(ring_read_batch(r, recs, 10, buf, 0, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(recs[0].len, 0);
	ring_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_peek_batch, setup, teardown),
		cmocka_unit_test(test_peek_batch_of_several),
		cmocka_unit_test(test_batch_of_all_lengths),
		cmocka_unit_test_setup_teardown(test_batch_buffer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
