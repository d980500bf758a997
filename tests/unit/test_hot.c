// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hot paths of reading: they do the same as the others, whatever the length of a record and
 * wherever it lies, and leave to the others what is not theirs.
 */
#include <poll.h>

#include "unit.h"

#define LEN_MAX 600u

/* Where a buffer ends: behind it nothing is mapped. */
static unsigned char *buf_end;
static size_t page;

static int setup(void **state)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	*state = guarded_alloc(page);
	buf_end = (unsigned char *)*state + page;
	return 0;
}

static int teardown(void **state)
{
	guarded_free(*state, page);
	return 0;
}

static uint32_t len_of(uint64_t seq)
{
	return (uint32_t)(seq * 2654435761u >> 7) % (seq % 3 ? 64 : LEN_MAX);
}

static void publish_lens(struct ring_writer *w, unsigned int nr)
{
	unsigned char payload[LEN_MAX];
	uint64_t seq;

	for (; nr; nr--) {
		seq = w->rings->w.seq + 1;
		payload_fill(payload, seq, len_of(seq));
		assert_int_equal(ring_writer_publish(w, 0, (uint16_t)seq, payload, len_of(seq)), 0);
	}
}

/* Checks a record of publish_lens(), of which @size bytes were copied. */
static void check_copy(const struct ring_record *rec, uint64_t seq, uint32_t size)
{
	unsigned char payload[LEN_MAX];

	assert_int_equal(rec->seq, seq);
	assert_int_equal(rec->lost, 0);
	assert_int_equal(rec->len, len_of(seq));
	assert_int_equal(rec->type, (uint16_t)seq);
	assert_int_equal(rec->ring, 0);
	assert_int_equal(rec->reserved[0] | rec->reserved[1] | rec->reserved[2], 0);
	payload_fill(payload, seq, rec->len);
	assert_memory_equal(rec->payload, payload, size);
}

/* Many laps of all lengths. No byte behind a record's length is written. */
static void test_each_length(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	unsigned int round, nr;
	struct ring_record rec;
	uint64_t seq = 0;
	uint32_t len;

	(void)state;
	for (round = 0; round < 400; round++) {
		nr = 1 + round % 97;
		publish_lens(w, nr);
		for (; nr; nr--) {
			len = len_of(++seq);
			/* Now and then a payload is cut. */
			if (seq % 11 == 0 && len)
				len--;
			memset(&rec, 0xff, sizeof(rec));
			assert_int_equal(ring_read(r, &rec, len ? buf_end - len : NULL, len), 0);
			check_copy(&rec, seq, len);
		}
		assert_rejected(ring_read(r, &rec, NULL, 0), EAGAIN);
	}
	assert_int_equal(stats_of(r).read, seq);
	ring_close(r);
	ring_writer_close(w);
}

/* The same by batches of some number into a buffer of any size. */
static void test_each_length_in_batches(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[64];
	unsigned int round, nr, n, i;
	uint64_t seq = 0;
	size_t size;

	(void)state;
	for (round = 0; round < 400; round++) {
		nr = 1 + round % 97;
		publish_lens(w, nr);
		for (; nr; nr -= n) {
			size = LEN_MAX + 8 * (round % 300);
			assert_int_equal(ring_read_batch(r, recs, 1 + round % 64, buf_end - size,
							 size, &n),
					 0);
			for (i = 0; i < n; i++)
				check_copy(&recs[i], ++seq, recs[i].len);
		}
	}
	assert_int_equal(stats_of(r).read, seq);
	ring_close(r);
	ring_writer_close(w);
}

/* A payload may end where the buffer ends, within a word. Then the batch ends, too. */
static void test_batch_ends_within_a_word(void **state)
{
	static const uint32_t lens[] = { 20, 100 };
	unsigned char buf[256] __attribute__((aligned(8))), payload[100] = { 0 };
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[8];
	unsigned int i, k, nr;
	size_t size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		for (k = 0; k < 6; k++)
			assert_int_equal(ring_writer_publish(w, 0, 0, payload, lens[i]), 0);
		memset(buf, 0xee, sizeof(buf));
		size = lens[i] + ((lens[i] + 7) & ~7u);
		for (k = 0; k < 3; k++) {
			assert_int_equal(ring_read_batch(r, recs, 8, buf, size, &nr), 0);
			assert_int_equal(nr, 2);
			assert_int_equal(buf[size], 0xee);
			assert_int_equal(buf[((size + 7) & ~(size_t)7)], 0xee);
		}
		assert_rejected(ring_read_batch(r, recs, 8, buf, size, &nr), EAGAIN);
	}
	ring_close(r);
	ring_writer_close(w);
}

static void test_newest(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	uint64_t seq;
	uint32_t len;

	(void)state;
	for (seq = 1; seq < 5000; seq++) {
		publish_lens(w, 1);
		len = len_of(seq);
		if (seq % 11 == 0 && len)
			len--;
		memset(&rec, 0xff, sizeof(rec));
		assert_int_equal(ring_newest(r, 0, &rec, len ? buf_end - len : NULL, len), 0);
		check_copy(&rec, seq, len);
	}
	ring_close(r);
	ring_writer_close(w);
}

/* A ring's number is not its place among the rings that are read. */
static void test_newest_beside_one_ring(void **state)
{
	struct ring_writer *w = make_writer(3, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.one_ring = 1, .ring = 2));
	struct ring_record rec;
	unsigned int i;
	uint64_t n;

	(void)state;
	for (n = 10; n < 13; n++)
		assert_int_equal(ring_writer_publish(w, (unsigned int)n - 10, 0, &n, sizeof(n)), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ring_newest(r, i, &rec, &n, sizeof(n)), 0);
		assert_int_equal(n, 10 + i);
		assert_int_equal(rec.ring, i);
	}
	ring_close(r);
	ring_writer_close(w);
}

/*
 * After a seek into an earlier lap, the reader stops at the end of that lap. 16 bytes are left
 * there, fewer than a header, and both sides skip them.
 */
static void test_seek_back(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	const unsigned int lap = DATA_SIZE / 40;
	struct ring_record rec;
	uint64_t n[2] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < lap; i++) {
		n[0]++;
		assert_int_equal(ring_writer_publish(w, 0, 0, n, sizeof(n)), 0);
		assert_int_equal(ring_read(r, &rec, n, sizeof(n)), 0);
	}
	/* Within the second lap, the first one is still there from its middle on. */
	for (i = 0; i < lap / 2; i++) {
		n[0]++;
		assert_int_equal(ring_writer_publish(w, 0, 0, n, sizeof(n)), 0);
	}
	assert_int_equal(ring_read(r, &rec, n, sizeof(n)), 0);
	assert_int_equal(ring_read(r, &rec, n, sizeof(n)), 0);
	assert_int_equal(rec.seq, lap + 2);
	assert_int_equal(ring_seek(r, RING_SEQ, lap - 5), 0);
	for (i = 0; i < lap / 2 + 6; i++) {
		assert_int_equal(ring_read(r, &rec, n, sizeof(n)), 0);
		assert_int_equal(rec.seq, lap - 5 + i);
		assert_int_equal(n[0], rec.seq);
		assert_int_equal(rec.lost, 0);
	}
	assert_rejected(ring_read(r, &rec, n, sizeof(n)), EAGAIN);
	ring_close(r);
	ring_writer_close(w);
}

/* A record that was seen in place is not forgotten by what reads it next. */
static void test_peek_between(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	uint64_t n;

	(void)state;
	publish_numbers(w, 0, 6);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.seq, 3);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.seq, 3);
	/* It was read: nothing is peeked at any more. */
	assert_rejected(ring_recheck(r), EINVAL);
	assert_rejected(ring_advance(r), EINVAL);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.seq, 4);
	ring_close(r);
	ring_writer_close(w);
}

static int is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0);
}

/* A descriptor that is given out while the hot path is in use sleeps after the last record. */
static void test_fd_between(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	unsigned int i, round;
	struct ring_record rec;
	uint64_t n;
	int fd;

	(void)state;
	publish_numbers(w, 0, 20);
	for (i = 0; i < 10; i++)
		assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(ring_fd(r, &fd), 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 10; i++) {
			assert_int_equal(is_readable(fd), 1);
			assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
		}
		assert_int_equal(is_readable(fd), 0);
		publish_numbers(w, 0, 10);
	}
	ring_close(r);
	ring_writer_close(w);
}

/* Whatever the length of a record, it wakes who sleeps, and a reader arms behind it. */
static void test_wake_by_each_length(void **state)
{
	static const uint32_t lens[] = { 0, 8, 20, 100, 511, 512, 5000 };
	static unsigned char payload[5000];
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	unsigned int i;
	int fd;

	(void)state;
	assert_int_equal(ring_fd(r, &fd), 0);
	for (i = 0; i < ARRAY_SIZE(lens) * 20; i++) {
		assert_int_equal(is_readable(fd), 0);
		assert_int_equal(ring_writer_publish(w, 0, 1, payload, lens[i % ARRAY_SIZE(lens)]),
				 0);
		assert_int_equal(is_readable(fd), 1);
		assert_int_equal(ring_read(r, &rec, payload, sizeof(payload)), 0);
	}
	ring_close(r);
	ring_writer_close(w);
}

/* The hot path of a reader is told where it ends. */
static void test_run_end(void **state)
{
	struct bare b;
	uint64_t lost;

	(void)state;
	bare_init(&b);
	bare_publish(&b, 8);
	bare_publish(&b, 8);
	/* No record follows another one, and none is known to be there. */
	assert_int_equal(seqring_reader_run_end(&b.r), 0);
	lost = 0;
	assert_int_equal(bare_drain(&b, &lost), 2);
	assert_int_equal(seqring_reader_run_end(&b.r), b.r.pos);

	b.r.snap = ~0ULL;
	assert_int_equal(seqring_reader_run_end(&b.r), DATA_SIZE - SEQRING_SHORT_ROOM);
	b.r.lost = 1;
	assert_int_equal(seqring_reader_run_end(&b.r), 0);
	b.r.lost = 0;
	b.r.any = 1;
	assert_int_equal(seqring_reader_run_end(&b.r), 0);
	b.r.any = 0;
	/* A short record might be longer than the header allows. */
	assert_int_equal(seqring_reader_limit(&b.r, SEQRING_SHORT_LEN - 1), 0);
	assert_int_equal(seqring_reader_run_end(&b.r), 0);
	assert_int_equal(seqring_reader_limit(&b.r, SEQRING_SHORT_LEN), 0);
	/* Not even the header behind a short record fits. */
	b.r.pos = DATA_SIZE - SEQRING_SHORT_ROOM;
	assert_int_equal(seqring_reader_run_end(&b.r), 0);
	b.r.pos -= 8;
	assert_int_equal(seqring_reader_run_end(&b.r), b.r.pos + 8);
	/* The last lap of all: behind it, positions begin anew. */
	b.r.pos = 0ULL - DATA_SIZE;
	assert_int_equal(seqring_reader_run_end(&b.r), 0);
	b.r.pos -= DATA_SIZE;
	assert_int_equal(seqring_reader_run_end(&b.r), 0ULL - DATA_SIZE - SEQRING_SHORT_ROOM);
	bare_free(&b);
}

/* The hot path of the newest record leaves a longer one to the other path. */
static void test_newest_is_short(void **state)
{
	struct seqring_view v;
	struct bare b;

	(void)state;
	bare_init(&b);
	assert_int_equal(seqring_reader_peek_newest(&b.r, 1, &v), 0);
	bare_publish(&b, SEQRING_SHORT_LEN);
	assert_int_equal(seqring_reader_peek_newest(&b.r, 1, &v), 1);
	assert_int_equal(v.seq, 1);
	bare_publish(&b, SEQRING_SHORT_LEN + 1);
	assert_int_equal(seqring_reader_peek_newest(&b.r, 1, &v), 0);
	assert_int_equal(seqring_reader_peek_newest(&b.r, 0, &v), 1);
	assert_int_equal(v.seq, 2);
	bare_free(&b);
}

/* The hot path leaves a stamp that is not the expected one to the other path. */
static void test_stamp_is_expected(void **state)
{
	struct seqring_view v;
	uint64_t end;
	struct bare b;
	char buf[8];
	int i;

	(void)state;
	bare_init(&b);
	for (i = 0; i < 3; i++)
		bare_publish(&b, 8);
	assert_int_equal(seqring_reader_read(&b.r, &v, buf, sizeof(buf)), SEQRING_OK);
	end = seqring_reader_run_end(&b.r);
	assert_true(b.r.pos < end);
	assert_int_equal(seqring_reader_peek_short(&b.r, end, &v), 1);
	assert_int_equal(v.seq, 2);
	b.r.seq++;
	assert_int_equal(seqring_reader_peek_short(&b.r, end, &v), 0);
	bare_free(&b);
}

/* Publishes until tail has passed @pos, whose record nobody overwrites yet. */
static void pass_by(struct bare *b, uint64_t pos)
{
	while (b->ctl->tail <= pos)
		bare_publish(b, 8);
}

/*
 * A record that tail has passed, while all its bytes are there. If the writer publishes no more, it
 * looks whole for ever: who peeks without a recheck finds it each time, and never gets it.
 */
static void test_tail_has_passed(void **state)
{
	struct seqring_view v;
	uint64_t lost, read;
	struct bare b;
	char buf[8];
	int i;

	(void)state;
	bare_init(&b);
	for (i = 0; i < 20; i++)
		bare_publish(&b, 8);
	for (i = 0; i < 10; i++)
		assert_int_equal(seqring_reader_read(&b.r, &v, buf, sizeof(buf)), SEQRING_OK);
	pass_by(&b, b.r.pos);
	for (i = 0; i < 3; i++) {
		assert_int_equal(seqring_reader_peek(&b.r, &v), SEQRING_OK);
		assert_int_equal(v.seq, 11);
		assert_int_equal(seqring_reader_recheck(&b.r, &v), SEQRING_OVERRUN);
		assert_int_equal(seqring_reader_peek_whole(&b.r, &v), SEQRING_OVERRUN);
	}
	assert_int_equal(seqring_reader_resync(&b.r), SEQRING_OK);
	assert_int_equal(seqring_reader_peek_whole(&b.r, &v), SEQRING_OK);
	assert_true(v.lost > 0);
	lost = 0;
	read = bare_drain(&b, &lost);
	assert_int_equal(10 + read + lost, b.w.seq);
	bare_free(&b);
}

/* libring counts that record as lost, not as unread. */
static void test_tail_has_passed_reader(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	struct ring_stats st;
	uint64_t n;
	int i;

	(void)state;
	publish_numbers(w, 0, 20);
	for (i = 0; i < 10; i++)
		assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	while (w->rings->w.ctl->tail <= r->merge.src->rd.pos)
		publish_numbers(w, 0, 1);
	st = stats_of(r);
	assert_true(st.lost > 0);
	assert_int_equal(st.read + st.lost + st.lag_records, st.published);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.lost, st.lost);
	assert_int_equal(rec.seq, 11 + rec.lost);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_length_in_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
		cmocka_unit_test(test_newest_beside_one_ring),
		cmocka_unit_test(test_batch_ends_within_a_word),
		cmocka_unit_test(test_seek_back),
		cmocka_unit_test(test_peek_between),
		cmocka_unit_test(test_fd_between),
		cmocka_unit_test(test_wake_by_each_length),
		cmocka_unit_test(test_run_end),
		cmocka_unit_test(test_newest_is_short),
		cmocka_unit_test(test_stamp_is_expected),
		cmocka_unit_test(test_tail_has_passed),
		cmocka_unit_test(test_tail_has_passed_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
