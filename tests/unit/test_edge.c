// SPDX-License-Identifier: GPL-2.0-only
/*
 * The promise of tail, at every step: all records from tail to head are whole and
 * in a row. Record sizes that divide the segments put record starts exactly on
 * every edge; others put them everywhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "seqring/reader.h"
#include "seqring/writer.h"

enum { DATA_SIZE = 65536, SEGMENT = DATA_SIZE / SEQRING_SEGMENTS };

struct fixture {
	struct seqring_ring_ctl ctl;
	_Alignas(8) unsigned char data[DATA_SIZE];
	unsigned char buf[DATA_SIZE];
	struct seqring_writer w;
};

/* Walks from tail to head. */
static void check_all(struct fixture *f)
{
	struct seqring_reader r;
	struct seqring_view v = { 0 };
	uint64_t seq = 0;

	assert_int_equal(seqring_reader_init(&r, &f->ctl, f->data, DATA_SIZE), 0);
	for (;;) {
		enum seqring_outcome outcome = seqring_reader_read(&r, &v, f->buf, 8);

		if (outcome == SEQRING_EMPTY)
			break;
		assert_int_equal(outcome, SEQRING_OK);
		if (seq)
			assert_int_equal(v.seq, seq + 1);
		seq = v.seq;
		assert_int_equal(v.ts_ns, seq * 3);
	}
	assert_int_equal(seq, f->w.seq);
	/* Tail is no further than necessary: the ring is nearly full of records. */
	if (f->ctl.head > DATA_SIZE)
		assert_true(f->ctl.head - f->ctl.tail > DATA_SIZE / 4);
}

static void run(uint32_t len, unsigned int every)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *payload;
	unsigned int n;

	assert_non_null(f);
	assert_int_equal(seqring_writer_init(&f->w, &f->ctl, f->data, DATA_SIZE), 0);
	for (n = 1; f->w.pos < 3 * DATA_SIZE; n++) {
		assert_int_equal(seqring_writer_reserve(&f->w, len, &payload), 0);
		/* Between reserve and commit, too. */
		if (n % every == 0)
			check_all(f);
		seqring_writer_commit(&f->w, 1, n * 3);
		if (n % every == 0)
			check_all(f);
	}
	free(f);
}

static void test_sizes_on_every_edge(void **state)
{
	(void)state;
	run(8, 1);
	run(SEGMENT / 4 - 24, 1);
	run(SEGMENT - 24, 1);
	run(2 * SEGMENT - 24, 1);
	run(SEQRING_PAYLOAD_MAX(DATA_SIZE), 1);
}

static void test_sizes_between_edges(void **state)
{
	uint32_t len;

	(void)state;
	for (len = 0; len < 200; len += 8)
		run(len, 37);
	for (len = SEGMENT - 56; len < SEGMENT + 8; len += 8)
		run(len, 1);
	for (len = SEQRING_PAYLOAD_MAX(DATA_SIZE) - 64; len < SEQRING_PAYLOAD_MAX(DATA_SIZE);
	     len += 8)
		run(len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_on_every_edge),
		cmocka_unit_test(test_sizes_between_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
