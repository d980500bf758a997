// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings that could defeat each other: merge window, size of the ring, rate of the writer,
 * watermark, and the way to read. A reader that loses nothing without a window loses nothing with
 * one.
 *
 * Writer and readers take turns in one thread, so nothing depends on time: a rate is how much is
 * published between two looks of a reader at its descriptor.
 */

#include <inttypes.h>
#include <poll.h>

#include "unit.h"

enum { RINGS = 4, LAPS = 2, PAYLOAD = 1000 };

/* The rings of one combination, without the reader's own settings. */
struct shape {
	uint64_t data_size;
	unsigned int steps_per_lap; /* a part of the busiest ring is published at once */
	unsigned int busy;	    /* so many rings are busy */
};

struct watermark {
	const char *name;
	uint64_t records;
	uint64_t divisor; /* of the data area, for the bytes; 0: no bytes */
	uint64_t timeout_ns;
};

static const struct watermark watermarks[] = {
	{ "any record", 0, 0, 0 },
	/* What ringctl cat and ringctl trace take. */
	{ "an eighth or 10 ms", 1u << 30, 8, 10 * MS },
	{ "an eighth", 1u << 30, 8, 0 },
	{ "5 records", 5, 0, 0 },
	{ "5 records or 1 h", 5, 0, 3600000 * MS },
	{ "half", 1u << 30, 0, 0 },
};

static const uint64_t windows[] = { 1, 100000, MS, 10 * MS, 1000 * MS, 3600000 * MS };

/* @at_once: so many records are read by one call; 0: all */
struct follower {
	struct ring_reader *r;
	int fd;
	unsigned int at_once;
	uint64_t read;
};

static int follow_record(const struct ring_record *rec, void *arg)
{
	struct follower *f = arg;

	(void)rec;
	f->read++;
	return 0;
}

static void start(struct follower *f, struct ring_writer *w, const struct shape *shape,
		  uint64_t window_ns, const struct watermark *watermark, bool by_fd)
{
	*f = (struct follower) { .fd = -1, .at_once = by_fd ? 0 : 7 };
	f->r = open_reader(w,
			   OPEN_OPTS(.whence = RING_HEAD, .merge_window_ns = window_ns,
				     .wake_records = watermark->records,
				     .wake_bytes = watermark->divisor ?
							   shape->data_size / watermark->divisor :
							   0,
				     .wake_timeout_ns = watermark->timeout_ns));
	if (by_fd)
		assert_int_equal(ring_fd(f->r, &f->fd), 0);
}

static bool is_woken(const struct follower *f)
{
	struct pollfd pfd = { .fd = f->fd, .events = POLLIN };

	return f->fd < 0 ? !ring_wait(f->r, 0) : poll(&pfd, 1, 0) == 1;
}

/* Reads whatever there is, as often as the reader is woken now. */
static void serve(struct follower *f)
{
	uint64_t before;

	while (is_woken(f)) {
		before = f->read;
		while (!ring_consume(f->r, follow_record, f, f->at_once, NULL))
			;
		if (f->read == before)
			return;
	}
}

static void publish_part(struct ring_writer *w, const struct shape *shape)
{
	static const char payload[PAYLOAD];
	uint64_t part = shape->data_size / shape->steps_per_lap, n = part / (PAYLOAD + 24);
	unsigned int ring;

	for (; n; n--)
		for (ring = 0; ring < shape->busy; ring++)
			assert_int_equal(ring_writer_publish(w, ring, 1, payload, PAYLOAD), 0);
	/* One ring is nearly idle, and the last one is idle. */
	if (shape->busy < RINGS - 1)
		assert_int_equal(ring_writer_publish(w, RINGS - 2, 1, "", 0), 0);
}

/* @w: a ring for each reader: those of one would wake each other. The first is the control's. */
static void try_one(struct ring_writer *const *w, const struct shape *shape,
		    const struct watermark *watermark, uint64_t window_ns, bool by_fd)
{
	struct ring_stats st[2];
	struct follower f[2];
	uint64_t before[2];
	unsigned int i, step;

	for (i = 0; i < 2; i++) {
		start(&f[i], w[i], shape, i ? window_ns : 0, watermark, by_fd);
		before[i] = stats_of(f[i].r).published;
	}
	for (step = 0; step < LAPS * shape->steps_per_lap; step++) {
		for (i = 0; i < 2; i++) {
			publish_part(w[i], shape);
			serve(&f[i]);
		}
	}
	for (i = 0; i < 2; i++) {
		st[i] = stats_of(f[i].r);
		assert_int_equal(f[i].read, st[i].read);
		assert_int_equal(st[i].read + st[i].lost + st[i].lag_records,
				 st[i].published - before[i]);
		ring_close(f[i].r);
	}
	if (!st[0].lost && !st[1].lost)
		return;
	fail_msg("window %" PRIu64 " ns, %" PRIu64 " bytes, a lap in %u steps, %u busy, %s, %s: "
		 "lost %" PRIu64 " of %" PRIu64 ", the control %" PRIu64,
		 window_ns, shape->data_size, shape->steps_per_lap, shape->busy, watermark->name,
		 by_fd ? "ring_fd" : "ring_wait", st[1].lost, st[1].published - before[1],
		 st[0].lost);
}

static void try_all(uint64_t data_size)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		/* Without membarrier(2), which takes long. */
		.flags = RING_WRITER_FULL_FENCE,
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.nr_rings = RINGS,
		.data_size = data_size,
	};
	struct shape shape = { .data_size = data_size };
	struct ring_writer *w[2];
	size_t i, k;

	for (i = 0; i < 2; i++)
		assert_int_equal(ring_writer_create(&opts, &w[i]), 0);
	for (shape.steps_per_lap = 4; shape.steps_per_lap <= 16; shape.steps_per_lap *= 4)
		for (shape.busy = 1; shape.busy < RINGS; shape.busy += 2)
			for (i = 0; i < ARRAY_SIZE(watermarks); i++)
				for (k = 0; k < 2 * ARRAY_SIZE(windows); k++)
					try_one(w, &shape, &watermarks[i], windows[k / 2], k % 2);
	for (i = 0; i < 2; i++)
		ring_writer_close(w[i]);
}

static void test_small_rings(void **state)
{
	(void)state;
	try_all(DATA_SIZE);
}

static void test_large_rings(void **state)
{
	(void)state;
	try_all(4 * DATA_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_rings),
		cmocka_unit_test(test_large_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
