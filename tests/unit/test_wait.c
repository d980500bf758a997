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

/* The sentence after a timeout, and whether ring_read() then has a record. */
static void check_timed_out(struct ring_reader *r, const char *says, unsigned int readable)
{
	struct ring_record rec;

	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	assert_non_null(strstr(ring_strerror(), says));
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	assert_non_null(strstr(ring_strerror(), says));
	while (readable--)
		assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
}

/* A timeout does not hide that records are unread. */
static void test_timeout_with_records(void **state)
{
	struct ring_writer *w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 9));

	(void)state;
	check_timed_out(r, "nothing came", 0);
	publish_numbers(w, 0, 2);
	publish_numbers(w, 1, 3);
	check_timed_out(r, "5 records are unread: fewer than the watermark", 5);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.whence = RING_HEAD, .merge_window_ns = 3600000 * MS));
	publish_numbers(w, 0, 2);
	check_timed_out(r, "2 records are unread: the merge window", 0);
	ring_close(r);
	ring_writer_close(w);
}

/* --- ring_wake() ------------------------------------------------------------------------ */

static void test_wake_is_sticky(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(ring_wake(r), 0);
	assert_rejected(ring_wait(r, -1), ECANCELED);
	/* That return took them all, */
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	/* and a reader that always has records is told, too. */
	publish_numbers(w, 0, 1);
	ring_wake(r);
	assert_rejected(ring_wait(r, 0), ECANCELED);
	assert_int_equal(ring_wait(r, 0), 0);
	ring_wake(r);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_rejected(ring_wait(r, -1), ECANCELED);
	ring_close(r);
}

/* A call that set its flag and has not written yet leaves a descriptor that wakes for nothing. */
static void test_wake_late_write(void **state)
{
	struct ring_reader *r = open_reader(*state, NULL);
	const uint64_t one = 1;
	struct later l;

	r->wakeup.cancelled = 1;
	assert_rejected(ring_wait(r, -1), ECANCELED);
	assert_int_equal(write(r->wakeup.wake_fd, &one, sizeof(one)), sizeof(one));
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	later(&l, *state, 1, 10 * MS);
	assert_int_equal(wait_woken(r), 0);
	pthread_join(l.thread, NULL);
	ring_close(r);
}

static void *wake_later(void *arg)
{
	sleep_ns(10 * MS);
	ring_wake(arg);
	return NULL;
}

static void test_wake_ends_a_wait(void **state)
{
	struct ring_reader *r = open_reader(*state, NULL);
	pthread_t thread;
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, wake_later, r), 0);
		assert_rejected(ring_wait(r, i % 2 ? -1 : PATIENCE_MS), ECANCELED);
		pthread_join(thread, NULL);
	}
	ring_close(r);
}

#define WAKERS	  3
#define WAKE_ENDS 2000u

struct wakers {
	struct ring_reader *r;
	unsigned int woken;
	bool stop;
};

static void *wake_often(void *arg)
{
	struct wakers *s = arg;
	unsigned int seen = ~0u, now;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		now = __atomic_load_n(&s->woken, __ATOMIC_RELAXED);
		if (now != seen)
			ring_wake(s->r);
		seen = now;
	}
	return NULL;
}

/* Threads wake one sleeper, each once for each of its waits: none is lost. */
static void test_wake_race(void **state)
{
	struct wakers s = { .r = open_reader(*state, NULL) };
	pthread_t threads[WAKERS];
	unsigned int i;

	for (i = 0; i < WAKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wake_often, &s), 0);
	for (i = 0; i < WAKE_ENDS; i++) {
		assert_int_equal(ring_wait(s.r, PATIENCE_MS), -ECANCELED);
		__atomic_store_n(&s.woken, i + 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < WAKERS; i++)
		pthread_join(threads[i], NULL);
	ring_close(s.r);
}

static struct ring_reader *alarmed;

static void wake_by_signal(int sig)
{
	const int err = errno;

	(void)sig;
	ring_wake(alarmed);
	assert_int_equal(errno, err);
}

/* A signal handler may call it, and keeps errno. */
static void test_wake_in_handler(void **state)
{
	struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	struct sigaction sa = { .sa_handler = wake_by_signal };
	int err;

	alarmed = open_reader(*state, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	err = ring_wait(alarmed, -1);
	if (err == -EINTR)
		err = ring_wait(alarmed, -1);
	assert_int_equal(err, -ECANCELED);
	signal(SIGALRM, SIG_DFL);
	ring_close(alarmed);
}

static void test_wake_without_sleep(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r;

	assert_int_equal(ring_open_fd(w->fds.ring, NULL, &r), 0);
	errno = 0;
	assert_int_equal(ring_wake(r), 0);
	assert_int_equal(errno, 0);
	assert_rejected(ring_wait(r, 0), EOPNOTSUPP);
	ring_close(r);
}

/* --- ring_wait_any() -------------------------------------------------------------------- */

#define RINGS 3

static void test_any(void **state)
{
	struct ring_writer *w[RINGS];
	struct ring_reader *r[RINGS];
	unsigned int i, at, seen = 0;
	struct later l;

	(void)state;
	for (i = 0; i < RINGS; i++) {
		w[i] = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
		r[i] = open_reader(w[i], NULL);
	}
	at = 77;
	assert_rejected(ring_wait_any(r, RINGS, 0, &at), ETIMEDOUT);
	assert_rejected(ring_wait_any(r, RINGS, 1, &at), ETIMEDOUT);
	assert_int_equal(at, 77);
	for (i = 0; i < 2 * RINGS; i++) {
		later(&l, w[i % RINGS], 1, 10 * MS);
		assert_int_equal(ring_wait_any(r, RINGS, PATIENCE_MS, &at), 0);
		pthread_join(l.thread, NULL);
		assert_int_equal(at, i % RINGS);
		assert_int_equal(drain(r[at]), 1);
	}
	/* No ring hides another one. */
	for (i = 0; i < RINGS; i++)
		publish_numbers(w[i], 0, 1);
	for (i = 0; i < RINGS; i++) {
		assert_int_equal(ring_wait_any(r, RINGS, 0, &at), 0);
		seen |= 1u << at;
	}
	assert_int_equal(seen, (1u << RINGS) - 1);
	for (i = 0; i < RINGS; i++)
		drain(r[i]);
	/* The outcome of each is that of ring_wait(). */
	assert_int_equal(ring_wake(r[1]), 0);
	assert_rejected(ring_wait_any(r, RINGS, -1, &at), ECANCELED);
	assert_int_equal(at, 1);
	assert_int_equal(ring_set_wakeup(r[2], 9, 0, 0), 0);
	publish_numbers(w[2], 0, 4);
	assert_rejected(ring_wait_any(r, RINGS, 1, &at), ETIMEDOUT);
	assert_non_null(strstr(ring_strerror(), "4 records are unread"));
	ring_writer_close(w[0]);
	assert_rejected(ring_wait_any(r, RINGS, -1, &at), ENODEV);
	assert_int_equal(at, 0);
	for (i = 0; i < RINGS; i++)
		ring_close(r[i]);
	ring_writer_close(w[1]);
	ring_writer_close(w[2]);
}

static void test_any_rejects(void **state)
{
	struct ring_writer *w = *state;
	static struct ring_reader *r[RING_WAIT_MAX + 1];
	unsigned int i, at = 77;

	for (i = 0; i <= RING_WAIT_MAX; i++)
		r[i] = i ? r[0] : open_reader(w, NULL);
	assert_rejected(ring_wait_any(r, 0, 0, &at), EINVAL);
	assert_rejected(ring_wait_any(r, RING_WAIT_MAX + 1, 0, &at), EINVAL);
	assert_int_equal(at, 77);
	assert_rejected(ring_wait_any(r, RING_WAIT_MAX, 0, &at), ETIMEDOUT);
	assert_int_equal(ring_open_fd(w->fds.ring, NULL, &r[2]), 0);
	assert_rejected(ring_wait_any(r, 3, 0, &at), EOPNOTSUPP);
	assert_int_equal(at, 2);
	ring_close(r[2]);
	ring_close(r[0]);
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
		cmocka_unit_test(test_timeout_with_records),
		cmocka_unit_test_setup_teardown(test_wake_is_sticky, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_late_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_ends_a_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_race, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_in_handler, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_without_sleep, setup, teardown),
		cmocka_unit_test(test_any),
		cmocka_unit_test_setup_teardown(test_any_rejects, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
