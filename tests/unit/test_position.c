// SPDX-License-Identifier: GPL-2.0-only
/* The position of a reader: laps and exact loss, late joins, seeks, large numbers. */

#include "unit.h"

static int setup(void **state)
{
	struct bare *b = calloc(1, sizeof(*b));

	bare_init(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bare_free(*state);
	free(*state);
	return 0;
}

/* Random lengths, mostly small ones, so that every alignment occurs. */
static void publish_some(struct bare *b, unsigned int nr)
{
	while (nr--)
		bare_publish(b, rand() % 50 ? (uint32_t)rand() % 100 :
					      (uint32_t)rand() % (b->w.cold.payload_max + 1));
}

/* At any pace, records read and lost add up to those published. */
static void run_paces(struct bare *b)
{
	uint64_t first = b->w.seq, read = 0, lost = 0;
	unsigned int round;

	for (round = 0; round < 300; round++) {
		publish_some(b, (unsigned int)rand() % 2000);
		read += bare_drain(b, &lost);
		assert_int_equal(first + read + lost, b->w.seq);
	}
	assert_true(read > 1000);
	assert_true(lost > 1000);
	assert_true(b->r.overruns > 10);
	assert_int_equal(b->r.lost_total, lost);
}

static void test_loss_is_exact(void **state)
{
	srand(2);
	/* Only a reader that was there before can lose the first record. */
	assert_int_equal(seqring_reader_seek(&((struct bare *)*state)->r, 0, 1), SEQRING_OK);
	run_paces(*state);
}

static void test_loss_is_exact_eager(void **state)
{
	struct bare *b = *state;

	srand(3);
	assert_int_equal(seqring_reader_seek(&b->r, 0, 1), SEQRING_OK);
	b->r.eager = 1;
	run_paces(b);
}

static void test_large_numbers(void **state)
{
	static const uint64_t starts[] = {
		(1ULL << 32) - 4 * DATA_SIZE,
		(1ULL << 63) - 4 * DATA_SIZE,
	};
	struct bare *b = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		srand(4);
		memset(b->data, 0, DATA_SIZE);
		assert_int_equal(seqring_writer_init(&b->w, b->ctl, b->data, DATA_SIZE), 0);
		bare_preset(b, starts[i], starts[i] - 1);
		assert_int_equal(seqring_reader_seek(&b->r, 0, starts[i]), SEQRING_OK);
		run_paces(b);
		assert_true(b->w.pos > starts[i] + 8 * DATA_SIZE);
		assert_true(b->w.seq > starts[i]);
	}
}

static void test_overrun_while_looking(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	uint64_t lost = 0, read;

	srand(9);
	publish_some(b, 10);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	/* One byte over the line is over the line. */
	while (b->w.pos < 4 * DATA_SIZE) {
		publish_some(b, 1);
		v.pos = b->ctl->tail;
		assert_int_equal(seqring_reader_recheck(&b->r, &v), SEQRING_OK);
		v.pos--;
		if (b->ctl->tail)
			assert_int_equal(seqring_reader_recheck(&b->r, &v), SEQRING_OVERRUN);
	}
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OVERRUN);
	assert_int_equal(seqring_reader_resync(&b->r), SEQRING_OK);
	read = bare_drain(b, &lost);
	assert_int_equal(read + lost, b->w.seq);
}

/*
 * Every record above tail is whole at any time, even while a record is reserved and half
 * written in the place of the oldest ones.
 */
static void test_whole_from_tail_on(void **state)
{
	static unsigned char buf[DATA_SIZE];
	struct bare *b = *state;
	uint64_t lost, first, n;
	struct seqring_view v;
	void *payload = NULL;
	uint32_t len;
	int i;

	srand(10);
	for (i = 0; i < 1000; i++) {
		len = rand() % 20 ? (uint32_t)rand() % 200 :
				    (uint32_t)rand() % (b->w.cold.payload_max + 1);
		assert_int_equal(seqring_writer_reserve(&b->w, len, &payload), 0);
		memset(payload, 0xee, len);
		assert_int_equal(seqring_reader_seek_oldest(&b->r), SEQRING_OK);
		b->r.snap = 0;
		if (b->w.seq) {
			assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
			first = v.seq;
			lost = 0;
			n = bare_drain(b, &lost);
			assert_int_equal(n, b->w.seq - first + 1);
			assert_int_equal(lost, 0);
			/* The writer gives up one segment and the record that crosses its end. */
			assert_true(b->w.pos - b->ctl->tail >= DATA_SIZE / 4 ||
				    b->w.pos < DATA_SIZE);
		}
		payload_fill(buf, b->w.seq + 1, len);
		memcpy(payload, buf, len);
		seqring_writer_commit(&b->w, (uint16_t)len, b->w.seq + 1000);
	}
}

/* The margin: not the very edge, where the next record would lap the reader again. */
static void test_resync_leaves_a_margin(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	int i;

	publish_some(b, 1);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	for (i = 0; i < 6; i++) {
		uint64_t end = b->w.pos + 2 * DATA_SIZE;

		while (b->w.pos < end)
			bare_publish(b, 40);
		assert_int_equal(seqring_reader_resync(&b->r), SEQRING_OK);
		assert_true(b->r.pos >= b->ctl->tail + DATA_SIZE / 8);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
		/* Far on before the next lap: the margin stays as it is. */
		b->r.pos = b->w.pos;
	}
}

/* Overrun again at once, the margin grows; at last only the newest record is left. */
static void test_resync_margin_grows(void **state)
{
	struct bare *b = *state;
	uint64_t margin, before = 0;
	struct seqring_view v;
	int i;

	publish_some(b, 1);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	for (i = 0; i < 3; i++) {
		uint64_t end = b->w.pos + 2 * DATA_SIZE;

		while (b->w.pos < end)
			bare_publish(b, 40);
		assert_int_equal(seqring_reader_resync(&b->r), SEQRING_OK);
		margin = b->r.pos - b->ctl->tail;
		assert_true(margin > before);
		before = margin;
	}
}

static void test_late_join(void **state)
{
	unsigned char buf[DATA_SIZE];
	struct bare *b = *state;
	struct seqring_reader r;
	struct seqring_view v;
	uint64_t lost = 0;
	int i;

	srand(5);
	for (i = 0; i < 300; i++) {
		publish_some(b, (unsigned int)rand() % 300 + 1);

		assert_int_equal(seqring_reader_init(&b->r, b->ctl, b->data, DATA_SIZE), 0);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
		assert_int_equal(v.lost, 0);
		/* At tail, or after the PAD that stands there. */
		assert_true(v.pos == b->ctl->tail ||
			    (v.pos % DATA_SIZE == 0 && v.pos - b->ctl->tail < DATA_SIZE / 4));
		assert_int_equal(bare_drain(b, &lost), b->w.seq - v.seq + 1);

		assert_int_equal(seqring_reader_seek_newest(&b->r), SEQRING_OK);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
		assert_int_equal(v.seq, b->w.seq);
		assert_int_equal(bare_drain(b, &lost), 1);

		assert_int_equal(seqring_reader_seek_head(&b->r), SEQRING_OK);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
		bare_publish(b, 9);
		assert_int_equal(bare_drain(b, &lost), 1);
		assert_int_equal(lost, 0);

		/* The reader's place does not matter for the newest one. */
		r = b->r;
		r.pos = 0;
		r.lost = 5;
		assert_int_equal(seqring_reader_newest(&r, &v, buf, sizeof(buf)), SEQRING_OK);
		assert_int_equal(v.seq, b->w.seq);
		assert_int_equal(v.lost, 0);
		check_record(&v, buf);
		assert_int_equal(r.pos, 0);
	}
}

static void test_seek_by_seq(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	uint64_t oldest, seq, lost;

	srand(6);
	publish_some(b, 3000);
	assert_int_equal(seqring_reader_seek_oldest(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	oldest = v.seq;
	assert_true(oldest > 1000);
	for (seq = 1; seq <= b->w.seq; seq++) {
		assert_int_equal(seqring_reader_seek(&b->r, 0, seq), SEQRING_OK);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
		assert_int_equal(v.seq, seq < oldest ? oldest : seq);
		assert_int_equal(v.lost, seq < oldest ? oldest - seq : 0);
	}
	/* The next record: found if it is there, lost if it is gone. */
	assert_int_equal(seqring_reader_seek(&b->r, 0, b->w.seq + 1), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	seq = b->w.seq + 1;
	bare_publish(b, 10);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	assert_int_equal(v.seq, seq);
	assert_int_equal(v.lost, 0);
	assert_int_equal(seqring_reader_seek(&b->r, 0, b->w.seq + 1), SEQRING_OK);
	seq = b->w.seq;
	publish_some(b, 3000);
	lost = 0;
	assert_int_equal(bare_drain(b, &lost) + lost, 3000);
	assert_int_equal(seq + 3000, b->w.seq);
	/* 0 is no seq, and asks for no record in particular. */
	assert_int_equal(seqring_reader_seek(&b->r, 0, 0), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	assert_int_equal(v.lost, 0);
}

static void test_seek_by_time(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	uint64_t oldest, ts;

	srand(7);
	publish_some(b, 3000);
	assert_int_equal(seqring_reader_seek_oldest(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	oldest = v.ts_ns;
	for (ts = oldest - 10; ts <= b->w.seq - 1 + 1000; ts++) {
		assert_int_equal(seqring_reader_seek(&b->r, 1, ts), SEQRING_OK);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
		assert_int_equal(v.ts_ns, ts < oldest ? oldest : ts);
		assert_int_equal(v.lost, 0);
	}
	assert_int_equal(seqring_reader_seek(&b->r, 1, ts), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	bare_publish(b, 10);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
}

/* A loss not yet reported before a seek is not reported after it. */
static void test_seek_forgets_loss(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;

	publish_some(b, 1);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	publish_some(b, 5000);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OVERRUN);
	assert_int_equal(seqring_reader_resync(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	assert_true(v.lost > 0);
	assert_int_equal(seqring_reader_seek_newest(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	assert_int_equal(v.lost, 0);
	assert_int_equal(b->r.lost_total, 0);
}

static void test_lag(void **state)
{
	struct bare *b = *state;
	__u64 records, bytes;
	struct seqring_view v;

	bare_publish(b, 8);
	bare_publish(b, 16);
	bare_publish(b, 24);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_OK);
	seqring_reader_lag(&b->r, &records, &bytes);
	assert_int_equal(records, 3);
	assert_int_equal(bytes, 3 * 24 + 8 + 16 + 24);
	seqring_reader_consume(&b->r, &v);
	seqring_reader_lag(&b->r, &records, &bytes);
	assert_int_equal(records, 2);
	assert_int_equal(bytes, 2 * 24 + 16 + 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_loss_is_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loss_is_exact_eager, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrun_while_looking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_from_tail_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resync_leaves_a_margin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resync_margin_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_join, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seek_by_seq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seek_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seek_forgets_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lag, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
