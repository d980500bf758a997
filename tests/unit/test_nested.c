// SPDX-License-Identifier: GPL-2.0-only
/* What a function that ring_consume() calls may do with the same reader. */

#include <errno.h>

#include "unit.h"

#define RECORDS 6

enum what { CONSUME, READ, BATCH, PEEK, SEEK, NEWEST, STATS, WAIT, WAKEUP, CLOSE, CLOSE_STOP };

/*
 * @calls: of the function; the first makes the nested call
 * @seqs: of the records that it got, and that its nested call got
 */
struct nested {
	struct ring_reader *r;
	enum what what;
	int err;
	unsigned int calls;
	unsigned int nr;
	uint64_t seqs[2 * RECORDS];
};

static int never(const struct ring_record *rec, void *arg)
{
	(void)rec;
	(void)arg;
	fail_msg("a nested ring_consume() calls its function");
	return 1;
}

static int call(struct nested *n)
{
	_Alignas(8) char buf[64];
	struct ring_record rec[2] = { 0 };
	unsigned int nr = 77, i;
	int err = 0;

	switch (n->what) {
	case CONSUME:
		err = ring_consume(n->r, never, NULL, 1, &nr);
		assert_int_equal(nr, 0);
		return err;
	case READ:
		err = ring_read(n->r, &rec[0], buf, sizeof(buf));
		n->seqs[n->nr++] = rec[0].seq;
		return err;
	case BATCH:
		err = ring_read_batch(n->r, rec, 2, buf, sizeof(buf), &nr);
		for (i = 0; i < nr; i++)
			n->seqs[n->nr++] = rec[i].seq;
		return err;
	case PEEK:
		err = ring_peek(n->r, &rec[0]);
		return err ? err : ring_recheck(n->r);
	case SEEK:
		return ring_seek(n->r, RING_SEQ, RECORDS);
	case NEWEST:
		return ring_newest(n->r, 0, &rec[0], buf, sizeof(buf));
	case STATS:
		assert_int_equal(stats_of(n->r).lag_records, RECORDS - 1);
		return 0;
	case WAIT:
		return ring_wait(n->r, 10);
	case WAKEUP:
		return ring_set_wakeup(n->r, 3, 0, 0);
	case CLOSE:
	case CLOSE_STOP:
		ring_close(n->r);
		return 0;
	}
	return -1;
}

static int nest(const struct ring_record *rec, void *arg)
{
	struct nested *n = arg;
	unsigned char before[64], *payload = (unsigned char *)rec->payload;

	assert_true(rec->len <= sizeof(before));
	n->seqs[n->nr++] = rec->seq;
	memcpy(before, payload, rec->len);
	if (!n->calls++)
		n->err = call(n);
	/* Whatever was called: the record is still the same. */
	assert_true(test_payload_is(payload, rec->seq, rec->len));
	assert_memory_equal(before, payload, rec->len);
	return n->what == CLOSE_STOP ? -EBUSY : 0;
}

static void run(uint32_t nr_rings, enum what what, struct nested *n, int *err, unsigned int *nr)
{
	struct ring_writer *w = make_writer(nr_rings, SEQRING_CLOCK_MONOTONIC, 0);
	unsigned char buf[48];
	unsigned int i;

	*n = (struct nested) { .r = open_reader(w, NULL), .what = what };
	for (i = 1; i <= RECORDS; i++) {
		payload_fill(buf, i, sizeof(buf));
		assert_int_equal(ring_writer_publish(w, 0, 7, buf, sizeof(buf)), 0);
	}
	*err = ring_consume(n->r, nest, n, 0, nr);
	if (what != CLOSE && what != CLOSE_STOP) {
		/* The reader is as usable as before. */
		assert_int_equal(ring_seek(n->r, RING_OLDEST, 0), 0);
		assert_int_equal(ring_consume(n->r, nest, n, 1, nr), 0);
		ring_close(n->r);
	}
	ring_writer_close(w);
}

static void test_nested(void **state)
{
	static const struct {
		enum what what;
		int err;
	} table[] = {
		{ CONSUME, -EBUSY }, { READ, 0 },  { BATCH, 0 }, { PEEK, 0 },
		{ NEWEST, 0 },	     { STATS, 0 }, { WAIT, 0 },	 { WAKEUP, 0 },
	};
	struct nested n;
	uint32_t rings;
	unsigned int nr, j;
	int err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (rings = 1; rings <= 2; rings++) {
			run(rings, table[i].what, &n, &err, &nr);
			assert_int_equal(n.err, table[i].err);
			assert_int_equal(err, 0);
			/* Each record once and in order, here or there; then the first again. */
			assert_int_equal(n.nr, RECORDS + 1);
			for (j = 0; j < RECORDS; j++)
				assert_int_equal(n.seqs[j], j + 1);
		}
	}
}

static void test_nested_seek(void **state)
{
	struct nested n;
	unsigned int nr;
	int err;

	(void)state;
	run(1, SEEK, &n, &err, &nr);
	assert_int_equal(n.err, 0);
	assert_int_equal(err, 0);
	assert_int_equal(n.seqs[1], RECORDS);
}

static void test_nested_close(void **state)
{
	const int fds = count_fds();
	struct nested n;
	unsigned int nr = 9;
	int err;

	(void)state;
	run(1, CLOSE, &n, &err, &nr);
	assert_int_equal(err, 0);
	assert_int_equal(n.calls, 1);
	assert_int_equal(nr, 1);
	run(2, CLOSE, &n, &err, &nr);
	assert_int_equal(n.calls, 1);
	/* What the function returns is its own, even if it looks like an error of the library. */
	run(1, CLOSE_STOP, &n, &err, &nr);
	assert_int_equal(err, RING_STOPPED);
	assert_int_equal(nr, 1);
	assert_int_equal(count_fds(), fds);
	assert_int_equal(count_maps("memfd:seqring"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_seek),
		cmocka_unit_test(test_nested_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
