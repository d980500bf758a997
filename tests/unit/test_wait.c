// SPDX-License-Identifier: GPL-2.0-only
/* ring_wait(): the conditions that it waits for, and the events that end it. */

#include <signal.h>
#include <sys/time.h>

#include "woken.h"

#define NEVER_MS 20 /* time in which something must not happen */

static void test_timeouts(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t start = now_ns();

	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	assert_int_equal(stats_of(r).waits, 0);
	assert_rejected(ring_wait(r, 30), ETIMEDOUT);
	assert_true(now_ns() >= start + 30 * MS);
	assert_int_equal(stats_of(r).waits, 1);
	publish_numbers(w, 0, 1);
	assert_int_equal(ring_wait(r, 0), 0);
	assert_int_equal(ring_wait(r, 10), 0);
	assert_int_equal(ring_wait(r, -1), 0);
	assert_int_equal(stats_of(r).waits, 1);
	drain(r);
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	ring_close(r);
}

static void test_wakes(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct later l;
	int i;

	for (i = 0; i < 5; i++) {
		later(&l, w, 1, 10 * MS);
		assert_int_equal(wait_woken(r), 0);
		pthread_join(l.thread, NULL);
		drain(r);
	}
	/* Unless this thread was so slow that it did not have to sleep. */
	assert_in_range(stats_of(r).wakeups, 1, 5);
	ring_close(r);
}

/* Without a sleeper nothing is armed and nobody is woken. */
static void test_nobody_sleeps(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);

	publish_numbers(w, 0, 10);
	drain(r);
	assert_int_equal(w->wait[0].pos, SEQRING_WAIT_NONE);
	assert_int_equal(w->wait[0].seq, SEQRING_WAIT_NONE);
	publish_numbers(w, 0, 10);
	assert_int_equal(stats_of(r).wakeups, 0);
	ring_close(r);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void test_signal(void **state)
{
	struct ring_reader *r = open_reader(*state, NULL);
	/* Again and again: the first record may come before the wait begins. */
	struct itimerval soon = { { .tv_usec = 20000 }, { .tv_usec = 20000 } }, never = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_rejected(ring_wait(r, -1), EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
	ring_close(r);
}

static void *close_later(void *arg)
{
	sleep_ns(20 * MS);
	ring_writer_close(arg);
	return NULL;
}

static void test_end_wakes(void **state)
{
	struct ring_writer *w = make_writer(3, 0, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 100));
	pthread_t thread;

	(void)state;
	/* Fewer records than the watermark, and no more will come: they can be read. */
	publish_numbers(w, 1, 2);
	pthread_create(&thread, NULL, close_later, w);
	assert_int_equal(wait_woken(r), 0);
	pthread_join(thread, NULL);
	drain(r);
	assert_rejected(ring_wait(r, -1), ENODEV);
	ring_close(r);
}

static void test_watermark_records(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 10));
	uint64_t wakeups;
	struct later l;
	int round;

	for (round = 0; round < 3; round++) {
		publish_numbers(w, 0, 9);
		assert_rejected(ring_wait(r, 0), ETIMEDOUT);
		assert_rejected(ring_wait(r, NEVER_MS), ETIMEDOUT);
		later(&l, w, 1, 10 * MS);
		assert_int_equal(wait_woken(r), 0);
		pthread_join(l.thread, NULL);
		assert_int_equal(stats_of(r).lag_records, 10);
		drain(r);
	}
	/* The reader sleeps on an empty ring. */
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	wakeups = stats_of(r).wakeups;
	publish_numbers(w, 0, 9);
	assert_int_equal(stats_of(r).wakeups, wakeups);
	publish_numbers(w, 0, 1);
	assert_int_equal(stats_of(r).wakeups, wakeups + 1);
	assert_int_equal(ring_wait(r, 0), 0);
	ring_close(r);
}

static void test_watermark_bytes(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_bytes = 320));
	struct later l;

	/* 32 bytes each; no number of records is enough by itself. */
	publish_numbers(w, 0, 9);
	assert_rejected(ring_wait(r, NEVER_MS), ETIMEDOUT);
	later(&l, w, 1, 10 * MS);
	assert_int_equal(wait_woken(r), 0);
	pthread_join(l.thread, NULL);
	drain(r);
	/* Whichever comes first. */
	assert_int_equal(ring_set_wakeup(r, 3, 320, 0), 0);
	publish_numbers(w, 0, 2);
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	publish_numbers(w, 0, 1);
	assert_int_equal(ring_wait(r, 0), 0);
	assert_int_equal(ring_set_wakeup(r, 100, 96, 0), 0);
	assert_int_equal(ring_wait(r, 0), 0);
	assert_int_equal(ring_set_wakeup(r, 100, 97, 0), 0);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	assert_int_equal(ring_set_wakeup(r, 0, 0, 0), 0);
	assert_int_equal(ring_wait(r, 0), 0);
	ring_close(r);
}

/* A watermark above half a ring is lowered: more could be overwritten meanwhile. */
static void test_watermark_without_bound(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w,
					    OPEN_OPTS(.wake_records = ~0ULL, .wake_bytes = ~0ULL));

	publish_numbers(w, 0, DATA_SIZE / 2 / 32 - 1);
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	assert_int_equal(stats_of(r).wakeups, 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(stats_of(r).wakeups, 1);
	assert_int_equal(ring_wait(r, 0), 0);
	ring_close(r);
}

/* The timeout of a watermark runs from the first unread record. */
static bool watermark_timeout_once(void *writer)
{
	struct ring_writer *w = writer;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 100,
							 .wake_timeout_ns = 60 * MS));
	uint64_t start;
	struct later l;
	bool in_time;
	int err;

	drain(r);
	/* The record is there when the wait begins. */
	start = now_ns();
	publish_numbers(w, 0, 1);
	err = ring_wait(r, 0);
	in_time = now_ns() < start + 60 * MS;
	assert_true(!in_time || err == -ETIMEDOUT);
	assert_int_equal(ring_wait(r, -1), 0);
	assert_true(now_ns() >= start + 60 * MS);
	drain(r);
	/* The record comes during the wait. */
	assert_rejected(ring_wait(r, 100), ETIMEDOUT);
	start = now_ns();
	later(&l, w, 1, 80 * MS);
	assert_int_equal(wait_woken(r), 0);
	assert_true(now_ns() >= start + 140 * MS);
	pthread_join(l.thread, NULL);
	assert_int_equal(ring_wait(r, 0), 0);
	drain(r);
	/* Enough records do not wait for the time. */
	publish_numbers(w, 0, 100);
	assert_int_equal(ring_wait(r, 0), 0);
	ring_close(r);
	return in_time;
}

static void test_watermark_timeout(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);

	judge_in_time(watermark_timeout_once, *state);
	judge_in_time(watermark_timeout_once, w);
	ring_writer_close(w);
}

/* The watermark must be met on one ring; the sum of all rings does not count. */
static void test_watermark_of_several_rings(void **state)
{
	struct ring_writer *w = make_writer(3, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 5));

	(void)state;
	publish_numbers(w, 0, 4);
	publish_numbers(w, 1, 4);
	publish_numbers(w, 2, 4);
	assert_rejected(ring_wait(r, NEVER_MS), ETIMEDOUT);
	publish_numbers(w, 1, 1);
	assert_int_equal(ring_wait(r, -1), 0);
	ring_close(r);
	ring_writer_close(w);
}

/* After an overrun to an empty place, the old seq must not wake at once. */
static void test_overrun_to_head(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 3));
	struct ring_source *s = r->merge.src;

	publish_numbers(w, 0, 10);
	drain(r);
	publish_numbers(w, 0, 10000);
	/* As if seqring_reader_resync() had led here. */
	s->rd.pos = w->rings[0].w.pos;
	s->rd.any = 1;
	assert_int_equal(stats_of(r).lost, 10000);
	assert_int_equal(stats_of(r).lag_records, 0);
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	publish_numbers(w, 0, 2);
	assert_int_equal(stats_of(r).wakeups, 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(stats_of(r).wakeups, 1);
	assert_int_equal(ring_wait(r, -1), 0);
	assert_int_equal(stats_of(r).lost, 10000);
	ring_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timeouts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test(test_end_wakes),
		cmocka_unit_test_setup_teardown(test_watermark_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark_without_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark_timeout, setup, teardown),
		cmocka_unit_test(test_watermark_of_several_rings),
		cmocka_unit_test_setup_teardown(test_overrun_to_head, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
