// SPDX-License-Identifier: GPL-2.0-only
/* ring_wall_time(): the wall-clock time of records, also around steps of the clocks. */

#include <sys/syscall.h>
#include <time.h>

#include "unit.h"

#define HOUR 3600000000000LL

/* What the clocks were set by: the wall clock, or a suspend, which moves CLOCK_BOOTTIME, too. */
static struct {
	int64_t real_ns;
	int64_t boot_ns;
} moved;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t add = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? moved.real_ns :
		      id == CLOCK_BOOTTIME				  ? moved.boot_ns :
									    0;
	int err = (int)syscall(SYS_clock_gettime, id, ts);

	add += ts->tv_sec * 1000000000LL + ts->tv_nsec;
	ts->tv_sec = add / 1000000000;
	ts->tv_nsec = add % 1000000000;
	return err;
}

static uint64_t get(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int reset(void **state)
{
	(void)state;
	memset(&moved, 0, sizeof(moved));
	return 0;
}

/* A record, and the wall clock before and after it. */
struct event {
	uint64_t ts_ns;
	uint64_t from;
	uint64_t to;
};

static struct event publish_event(struct ring_writer *w, struct ring_reader *r)
{
	clockid_t id = w->rings[0].clock == CLOCK_MONOTONIC_COARSE ? CLOCK_REALTIME_COARSE :
								     CLOCK_REALTIME;
	struct ring_record rec;
	struct event e;

	e.from = get(id);
	publish_numbers(w, 0, 1);
	e.to = get(id);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	e.ts_ns = rec.ts_ns;
	return e;
}

/* The time of @e is right, but for what the measurements may be wrong by. */
static void check(struct ring_reader *r, const struct event *e)
{
	uint64_t real = 0, wrong = 0;
	unsigned int i;

	assert_int_equal(ring_wall_time(r, e->ts_ns, &real), 0);
	for (i = 0; i < r->walltime.nr; i++)
		if (wrong < r->walltime.pairs[i].width_ns)
			wrong = r->walltime.pairs[i].width_ns;
	assert_in_range(real, e->from - wrong, e->to + wrong);
}

static void test_each_clock(void **state)
{
	static const uint32_t ids[] = { SEQRING_CLOCK_MONOTONIC, SEQRING_CLOCK_COARSE,
					SEQRING_CLOCK_BOOTTIME };
	unsigned int i;

	(void)state;
	assert_int_equal(ARRAY_SIZE(ids), SEQRING_CLOCK_MAX);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct ring_writer *w = make_writer(1, ids[i], 0);
		struct ring_reader *r = open_reader(w, NULL);
		struct event before, after;

		before = publish_event(w, r);
		check(r, &before);
		/* A step, and the records on both of its sides. */
		moved.real_ns += i % 2 ? HOUR : -HOUR;
		/* A coarse time lags by a tick, and would still be that of before. */
		sleep_ns(20 * MS);
		after = publish_event(w, r);
		check(r, &after);
		check(r, &before);
		assert_int_equal(r->walltime.nr, 2);
		ring_close(r);
		ring_writer_close(w);
	}
}

static void test_no_clock(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t real = 77;

	(void)state;
	assert_rejected(ring_wall_time(r, 0, &real), EOPNOTSUPP);
	assert_int_equal(real, 77);
	ring_close(r);
	ring_writer_close(w);
}

/* A hostile ring may say that its clock is any time ahead of, or behind, this process's. */
static void test_far_clocks(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;

	(void)state;
	publish_event(w, r);
	r->merge.clock_shift_ns = INT64_MAX;
	assert_int_equal(ring_seek(r, RING_REALTIME, INT64_MAX), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	r->merge.clock_shift_ns = INT64_MIN;
	assert_int_equal(ring_seek(r, RING_REALTIME, 0), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	ring_close(r);
	ring_writer_close(w);
}

/* The reader measures before it sleeps: nobody has to ask before the step. */
static void test_measured_before_sleep(void **state)
{
	unsigned int by_fd;
	int fd;

	(void)state;
	for (by_fd = 0; by_fd < 2; by_fd++) {
		struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
		struct ring_reader *r = open_reader(w, NULL);
		struct event before, after;

		before = publish_event(w, r);
		if (by_fd)
			assert_int_equal(ring_fd(r, &fd), 0);
		else
			assert_int_equal(ring_wait(r, 0), -ETIMEDOUT);
		moved.real_ns += HOUR;
		after = publish_event(w, r);
		check(r, &after);
		check(r, &before);
		ring_close(r);
		ring_writer_close(w);
	}
}

/* A suspend is a step for CLOCK_MONOTONIC, and none for CLOCK_BOOTTIME. */
static void test_suspend(void **state)
{
	unsigned int boot;

	(void)state;
	for (boot = 0; boot < 2; boot++) {
		struct ring_writer *w = make_writer(1,
						    boot ? SEQRING_CLOCK_BOOTTIME :
							   SEQRING_CLOCK_MONOTONIC,
						    0);
		struct ring_reader *r = open_reader(w, NULL);
		struct event before = publish_event(w, r), after;

		check(r, &before);
		moved.real_ns += HOUR;
		moved.boot_ns += HOUR;
		after = publish_event(w, r);
		check(r, &after);
		check(r, &before);
		assert_int_equal(r->walltime.nr, boot ? 1 : 2);
		ring_close(r);
		ring_writer_close(w);
	}
}

/* More steps than pairs: the latest are right, and what is older gets the oldest pair. */
static void test_many_steps(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct event e[LIBRING_PAIRS + 3];
	unsigned int i, nr = ARRAY_SIZE(e);
	uint64_t real;

	(void)state;
	for (i = 0; i < nr; i++) {
		e[i] = publish_event(w, r);
		check(r, &e[i]);
		moved.real_ns += HOUR;
	}
	moved.real_ns -= HOUR;
	assert_int_equal(r->walltime.nr, LIBRING_PAIRS);
	for (i = nr - LIBRING_PAIRS; i < nr; i++)
		check(r, &e[i]);
	assert_int_equal(ring_wall_time(r, e[0].ts_ns, &real), 0);
	assert_int_equal(real, e[0].ts_ns + (uint64_t)r->walltime.pairs[0].offset_ns);
	ring_close(r);
	ring_writer_close(w);
}

static void test_out_of_range(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t real = 77;

	(void)state;
	assert_rejected(ring_wall_time(r, UINT64_MAX, &real), ERANGE);
	assert_rejected(ring_wall_time(r, INT64_MAX, &real), ERANGE);
	ring_close(r);
	/* The wall clock began after the ring's. */
	moved.real_ns = 1 - (int64_t)get(CLOCK_REALTIME);
	r = open_reader(w, NULL);
	assert_rejected(ring_wall_time(r, 0, &real), ERANGE);
	assert_int_equal(real, 77);
	ring_close(r);
	ring_writer_close(w);
}

/* A measurement that took long does not hide a step for good. */
static void test_better_measurement(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct event e;

	(void)state;
	r->walltime.pairs[0].offset_ns += HOUR / 4;
	r->walltime.pairs[0].width_ns = HOUR;
	e = publish_event(w, r);
	check(r, &e);
	assert_in_range(r->walltime.pairs[0].width_ns, 0, HOUR / 2);
	moved.real_ns += HOUR / 4;
	e = publish_event(w, r);
	check(r, &e);
	assert_int_equal(r->walltime.nr, 2);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_clock, reset),
		cmocka_unit_test_setup(test_no_clock, reset),
		cmocka_unit_test_setup(test_measured_before_sleep, reset),
		cmocka_unit_test_setup(test_suspend, reset),
		cmocka_unit_test_setup(test_many_steps, reset),
		cmocka_unit_test_setup(test_out_of_range, reset),
		cmocka_unit_test_setup(test_far_clocks, reset),
		cmocka_unit_test_setup(test_better_measurement, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
