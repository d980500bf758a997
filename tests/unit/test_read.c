// SPDX-License-Identifier: GPL-2.0-only
/* Reading one ring through the library, without concurrency. */

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

static void test_read(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t before = now_ns();
	struct ring_record rec;
	char buf[16];

	assert_rejected(ring_read(r, &rec, buf, sizeof(buf)), EAGAIN);
	assert_int_equal(ring_writer_publish(w, 0, 42, "0123456789", 10), 0);
	assert_int_equal(ring_writer_publish(w, 0, 43, NULL, 0), 0);
	memset(&rec, 0xff, sizeof(rec));
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.seq, 1);
	assert_true(rec.ts_ns >= before && rec.ts_ns <= now_ns());
	assert_int_equal(rec.lost, 0);
	assert_ptr_equal(rec.payload, buf);
	assert_int_equal(rec.len, 10);
	assert_int_equal(rec.ring, 0);
	assert_int_equal(rec.type, 42);
	assert_int_equal(rec.reserved[0] | rec.reserved[1] | rec.reserved[2], 0);
	assert_memory_equal(buf, "0123456789", 10);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.seq, 2);
	assert_int_equal(rec.len, 0);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), -EAGAIN);
	ring_close(r);
}

static void test_short_buffer(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	char buf[8] = "........";

	ring_writer_publish(w, 0, 0, "0123456789", 10);
	assert_int_equal(ring_read(r, &rec, buf, 3), 0);
	assert_int_equal(rec.len, 10);
	assert_memory_equal(buf, "012.....", 8);
	/* Any size is accepted. */
	ring_writer_publish(w, 0, 0, "ab", 2);
	assert_int_equal(ring_read(r, &rec, buf, SIZE_MAX), 0);
	assert_memory_equal(buf, "ab2.....", 8);
	ring_close(r);
}

static void test_end(void **state)
{
	struct ring_writer *w = make_writer(1, 0, 0);
	struct ring_reader *r = open_reader(w, NULL), *late;
	struct ring_fds fds;
	struct ring_record rec;
	char buf[8];
	int ring;

	(void)state;
	ring_writer_fds(w, &fds);
	ring = dup(fds.ring);
	publish_numbers(w, 0, 2);
	assert_int_equal(stats_of(r).dead, 0);
	ring_writer_close(w);
	assert_int_equal(stats_of(r).dead, 1);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(ring_wait(r, -1), 0);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_rejected(ring_read(r, &rec, buf, sizeof(buf)), ENODEV);
	assert_rejected(ring_wait(r, -1), ENODEV);
	assert_int_equal(ring_newest(r, 0, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.seq, 2);
	ring_close(r);
	/* The records stay for readers that come later. */
	assert_int_equal(ring_open_fd(ring, NULL, &late), 0);
	assert_int_equal(ring_read(late, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.seq, 1);
	ring_close(late);
	close(ring);
	ring_writer_close(NULL);
}

static void test_batch(void **state)
{
	_Alignas(8) unsigned char buf[64];
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record recs[10];
	unsigned int n = 99, i;

	assert_rejected(ring_read_batch(r, recs, 0, buf, sizeof(buf), &n), EINVAL);
	assert_int_equal(n, 0);
	n = 99;
	assert_rejected(ring_read_batch(r, recs, 10, buf + 4, 32, &n), EINVAL);
	assert_int_equal(n, 0);
	n = 99;
	assert_rejected(ring_read_batch(r, recs, 10, buf, sizeof(buf), &n), EAGAIN);
	assert_int_equal(n, 0);

	publish_numbers(w, 0, 15);
	assert_int_equal(ring_read_batch(r, recs, 3, buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(ring_read_batch(r, recs, 10, buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 8);
	for (i = 0; i < n; i++) {
		assert_int_equal(recs[i].seq, 4 + i);
		assert_ptr_equal(recs[i].payload, buf + 8 * i);
		assert_int_equal(number_of(&recs[i]), 3 + i);
		assert_int_equal(recs[i].type, 7);
	}
	/* A first one that is too long is cut, none after it is lost. */
	assert_int_equal(ring_read_batch(r, recs, 10, buf, 5, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(recs[0].len, 8);
	assert_int_equal(ring_read_batch(r, recs, 10, buf, 15, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(ring_read_batch(r, recs, 10, buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(recs[1].seq, 15);
	assert_int_equal(stats_of(r).read, 15);
	ring_close(r);
}

struct tally {
	struct ring_writer *w;
	uint64_t seq;
	unsigned int calls;
	unsigned int stop_at;
	int code;
};

static int count(const struct ring_record *rec, void *arg)
{
	struct tally *t = arg;

	assert_int_equal(number_of(rec), t->seq);
	assert_int_equal(rec->seq, ++t->seq);
	t->calls++;
	/* A writer that never pauses. */
	if (t->w)
		ring_writer_publish(t->w, 0, 7, &rec->seq, sizeof(rec->seq));
	return t->calls == t->stop_at ? t->code : 0;
}

static void test_consume(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct tally t = { 0 };
	unsigned int n = 99;

	assert_rejected(ring_consume(r, count, &t, 0, &n), EAGAIN);
	assert_int_equal(n, 0);
	publish_numbers(w, 0, 10);
	assert_int_equal(ring_consume(r, count, &t, 4, &n), 0);
	assert_int_equal(n, 4);
	/* Stopped: that record is consumed. No code of the function is taken for an error. */
	t.stop_at = 6;
	t.code = -EAGAIN;
	assert_int_equal(ring_consume(r, count, &t, 0, &n), RING_STOPPED);
	assert_int_equal(n, 2);
	t.stop_at = 8;
	t.code = 5;
	assert_int_equal(ring_consume(r, count, &t, 0, &n), RING_STOPPED);
	assert_int_equal(n, 2);
	assert_int_equal(ring_consume(r, count, &t, 100, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(t.calls, 10);
	assert_int_equal(ring_consume(r, count, &t, 0, NULL), -EAGAIN);
	ring_close(r);
}

static int feed(const struct ring_record *rec, void *arg)
{
	(void)rec;
	publish_numbers(arg, 0, 1);
	return 0;
}

/* A pass reads the records that were there when it began, even if each brings another. */
static void test_consume_is_bounded(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	unsigned int n;

	publish_numbers(w, 0, 100);
	assert_int_equal(ring_consume(r, feed, w, 0, &n), 0);
	assert_int_equal(n, 100);
	assert_int_equal(stats_of(r).lag_records, 100);
	/* Overrun during the pass: the lost records belong to it. */
	publish_numbers(w, 0, 10000);
	assert_int_equal(ring_consume(r, feed, w, 0, &n), 0);
	assert_int_equal(stats_of(r).lag_records, n);
	assert_int_equal(100 + n + stats_of(r).lost, 100 + 100 + 10000);
	ring_close(r);
}

static void test_peek(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec, other;
	uint64_t n;

	assert_rejected(ring_recheck(r), EINVAL);
	assert_rejected(ring_advance(r), EINVAL);
	assert_rejected(ring_peek(r, &rec), EAGAIN);
	assert_rejected(ring_advance(r), EINVAL);
	publish_numbers(w, 0, 3);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.seq, 1);
	assert_int_equal(number_of(&rec), 0);
	/* The record is not consumed before it was found whole. */
	assert_rejected(ring_advance(r), EINVAL);
	assert_int_equal(ring_recheck(r), 0);
	/* Reading the statistics changes nothing. */
	assert_int_equal(stats_of(r).lag_records, 3);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_peek(r, &other), 0);
	assert_int_equal(other.seq, 1);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_advance(r), 0);
	assert_rejected(ring_advance(r), EINVAL);
	assert_rejected(ring_recheck(r), EINVAL);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(rec.seq, 2);

	/* Overwritten while it was looked at. */
	publish_numbers(w, 0, 10000);
	assert_rejected(ring_recheck(r), ESTALE);
	assert_rejected(ring_recheck(r), EINVAL);
	assert_rejected(ring_advance(r), EINVAL);
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_true(rec.lost > 1000);
	assert_int_equal(rec.seq, 2 + rec.lost);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_advance(r), 0);
	assert_int_equal(stats_of(r).lost, rec.lost);
	assert_int_equal(stats_of(r).read, 2);

	/* A read in between consumes the record. */
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_read(r, &other, &n, sizeof(n)), 0);
	assert_int_equal(other.seq, rec.seq);
	assert_rejected(ring_advance(r), EINVAL);
	ring_close(r);
}

static void test_loss(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t read = 0, lost = 0, next = 1, published = 0, n;
	struct ring_record rec;
	struct ring_stats st;
	int round, err;

	srand(1);
	for (round = 0; round < 100; round++) {
		uint64_t nr = (uint64_t)rand() % 3000;

		publish_numbers(w, 0, nr);
		published += nr;
		/* Exact also before the next record tells. */
		st = stats_of(r);
		if (round)
			assert_int_equal(st.read + st.lost + st.lag_records, published);
		while (!(err = ring_read(r, &rec, &n, sizeof(n)))) {
			assert_int_equal(rec.seq, next + rec.lost);
			next = rec.seq + 1;
			lost += rec.lost;
			read++;
		}
		assert_int_equal(err, -EAGAIN);
	}
	st = stats_of(r);
	assert_true(lost > 0 && st.overruns > 0);
	assert_int_equal(st.read, read);
	assert_int_equal(st.lost, lost);
	assert_int_equal(st.published, published);
	assert_int_equal(read + lost, published);
	assert_int_equal(st.lag_records, 0);
	assert_int_equal(st.lag_bytes, 0);
	assert_int_equal(st.misordered, 0);
	ring_close(r);
}

static uint64_t next_seq(struct ring_reader *r)
{
	struct ring_record rec;
	int err = ring_read(r, &rec, NULL, 0);

	return err == -EAGAIN ? 0 : rec.seq;
}

static void test_whence(void **state)
{
	struct ring_writer *w = *state;
	struct ring_record rec;
	struct ring_reader *r;

	publish_numbers(w, 0, 20);
	r = open_reader(w, OPEN_OPTS(.whence = RING_OLDEST));
	assert_int_equal(next_seq(r), 1);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.whence = RING_NEWEST));
	assert_int_equal(stats_of(r).lag_records, 1);
	assert_int_equal(next_seq(r), 20);
	assert_int_equal(next_seq(r), 0);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.whence = RING_HEAD));
	assert_int_equal(next_seq(r), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(next_seq(r), 21);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.whence = RING_SEQ, .value = 13));
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.seq, 13);
	assert_int_equal(rec.lost, 0);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.whence = RING_TIME, .value = rec.ts_ns));
	assert_int_equal(next_seq(r), 13);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.whence = RING_TIME, .value = now_ns()));
	assert_int_equal(next_seq(r), 0);
	ring_close(r);
}

static void test_seek(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;

	publish_numbers(w, 0, 20);
	assert_rejected(ring_seek(r, (enum ring_whence)6, 0), EINVAL);
	assert_rejected(ring_seek(r, RING_SEQ, 22), ERANGE);
	assert_rejected(ring_seek(r, RING_SEQ, ~0ULL), ERANGE);
	assert_int_equal(next_seq(r), 1);
	assert_int_equal(ring_seek(r, RING_SEQ, 21), 0);
	assert_int_equal(next_seq(r), 0);
	assert_int_equal(ring_seek(r, RING_SEQ, 7), 0);
	assert_int_equal(next_seq(r), 7);
	assert_int_equal(ring_seek(r, RING_NEWEST, 0), 0);
	assert_int_equal(next_seq(r), 20);
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_int_equal(next_seq(r), 1);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_int_equal(next_seq(r), 0);
	assert_int_equal(stats_of(r).lost, 0);

	/* The loss counts from the seq that was asked for. */
	publish_numbers(w, 0, 10000);
	assert_int_equal(ring_seek(r, RING_SEQ, 5), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.seq, 5 + rec.lost);
	assert_true(rec.lost > 1000);
	/* A peek does not survive it. */
	assert_int_equal(ring_peek(r, &rec), 0);
	assert_int_equal(ring_recheck(r), 0);
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_rejected(ring_advance(r), EINVAL);
	ring_close(r);
}

static void test_newest(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	uint64_t n;
	int i;

	assert_rejected(ring_newest(r, 0, &rec, &n, sizeof(n)), EAGAIN);
	assert_rejected(ring_newest(r, 1, &rec, &n, sizeof(n)), ENOENT);
	for (i = 0; i < 5000; i++) {
		publish_numbers(w, 0, 1 + (uint64_t)i % 3);
		assert_int_equal(ring_newest(r, 0, &rec, &n, sizeof(n)), 0);
		assert_int_equal(n, i % 3);
		assert_int_equal(rec.lost, 0);
		assert_ptr_equal(rec.payload, &n);
	}
	assert_int_equal(ring_newest(r, 0, &rec, &n, 3), 0);
	assert_int_equal(rec.len, 8);
	assert_int_equal(stats_of(r).read, 0);
	ring_close(r);

	w = make_writer(1, 0, 0);
	r = open_reader(w, NULL);
	ring_writer_close(w);
	assert_rejected(ring_newest(r, 0, &rec, &n, sizeof(n)), ENODEV);
	ring_close(r);
}

/* A ring that becomes corrupt: each call reports this, until a seek. */
static void test_corrupt(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	uint64_t stamp, *at = (uint64_t *)w->rings[0].w.data;
	unsigned int n;

	publish_numbers(w, 0, 3);
	stamp = *at;
	*at = 0;
	assert_rejected(ring_read(r, &rec, NULL, 0), EBADMSG);
	assert_rejected(ring_peek(r, &rec), EBADMSG);
	assert_rejected(ring_read_batch(r, &rec, 1, NULL, 0, &n), EBADMSG);
	assert_rejected(ring_consume(r, count, NULL, 0, &n), EBADMSG);
	/* The reader does not look at the ring again, even if it changes. */
	*at = stamp;
	assert_rejected(ring_read(r, &rec, NULL, 0), EBADMSG);
	*at = 0;
	/* ring_read() reports it. */
	assert_int_equal(ring_wait(r, -1), 0);
	assert_int_equal(ring_seek(r, RING_NEWEST, 0), 0);
	assert_int_equal(next_seq(r), 3);
	w->rings[0].w.ctl->tail = 5;
	assert_rejected(ring_seek(r, RING_OLDEST, 0), EBADMSG);
	w->rings[0].w.ctl->tail = 0;
	w->rings[0].w.ctl->last = 5;
	assert_rejected(ring_newest(r, 0, &rec, NULL, 0), EBADMSG);
	*at = stamp;
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_int_equal(next_seq(r), 1);

	/* Overrun without a place to continue at: after a peek, this is found later. */
	assert_int_equal(ring_peek(r, &rec), 0);
	w->rings[0].w.ctl->tail = 1ULL << 40;
	assert_rejected(ring_recheck(r), ESTALE);
	assert_rejected(ring_peek(r, &rec), EBADMSG);
	ring_close(r);
}

static void test_info(void **state)
{
	static const char schema[] = "whatever describes the records";
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.nr_rings = 2,
		.data_size = 4 * DATA_SIZE,
		.name = "1234567890123456789012345678901",
		.schema = schema,
		.schema_size = sizeof(schema),
	};
	struct {
		struct ring_info info;
		uint64_t later;
	} i = { .info.size = sizeof(i) };
	struct ring_writer *w;
	struct ring_reader *r;

	assert_int_equal(ring_writer_create(&opts, &w), 0);
	r = open_reader(w, NULL);
	assert_int_equal(ring_info(r, &i.info), 0);
	assert_int_equal(i.info.size, sizeof(i));
	assert_int_equal(i.info.writer, SEQRING_WRITER_MEMFD);
	assert_int_equal(i.info.nr_rings, 2);
	assert_int_equal(i.info.clock_id, SEQRING_CLOCK_MONOTONIC);
	assert_int_equal(i.info.page_size, sysconf(_SC_PAGESIZE));
	assert_int_equal(i.info.data_size, 4 * DATA_SIZE);
	assert_int_equal(i.info.payload_max, DATA_SIZE - 24);
	assert_int_equal(i.info.schema_size, sizeof(schema));
	assert_memory_equal(i.info.schema, schema, sizeof(schema));
	assert_string_equal(i.info.name, opts.name);
	i.later = 1;
	assert_rejected(ring_info(r, &i.info), E2BIG);
	i.info.size = offsetof(struct ring_info, peer_known) - 1;
	assert_rejected(ring_info(r, &i.info), EINVAL);
	ring_close(r);
	ring_writer_close(w);

	r = open_reader(*state, NULL);
	i.info.size = sizeof(struct ring_info);
	assert_int_equal(ring_info(r, &i.info), 0);
	assert_null(i.info.schema);
	assert_int_equal(i.info.schema_size, 0);
	ring_close(r);
}

static void test_stats(void **state)
{
	struct ring_writer *w = *state;
	struct ring_stats_at one = { .size = sizeof(one) };
	struct ring_stats st = { .size = offsetof(struct ring_stats, unfenced) - 1 };
	struct ring_reader *r = open_reader(w, NULL);

	assert_rejected(ring_stats(r, &st), EINVAL);
	/* A program of the time before `restarts` has no room for it. */
	st.size++;
	st.restarts = 77;
	assert_int_equal(ring_stats(r, &st), 0);
	assert_int_equal(st.restarts, 77);
	st.size = SIZE_MAX;
	assert_rejected(ring_stats(r, &st), E2BIG);
	publish_numbers(w, 0, 3);
	ring_writer_publish(w, 0, 0, NULL, DATA_SIZE);
	next_seq(r);
	st = stats_of(r);
	assert_int_equal(st.lag_records, 2);
	assert_int_equal(st.lag_bytes, 64);
	assert_int_equal(st.published, 3);
	assert_int_equal(st.dropped, 1);
	assert_int_equal(st.dead, 0);

	assert_int_equal(ring_stats_at(r, 0, &one), 0);
	assert_int_equal(one.head, 96);
	assert_int_equal(one.tail, 0);
	assert_int_equal(one.published, 3);
	assert_int_equal(one.dropped[SEQRING_DROP_TOO_BIG], 1);
	assert_int_equal(one.dropped[SEQRING_DROP_BUSY], 0);
	assert_int_equal(one.id, 0);
	assert_int_equal(one.dead, 0);
	assert_rejected(ring_stats_at(r, 1, &one), ENOENT);
	one.size = 4;
	assert_rejected(ring_stats_at(r, 0, &one), EINVAL);
	ring_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_consume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_consume_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peek, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seek, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
