// SPDX-License-Identifier: GPL-2.0-only
/* RING_WRITER_WAKE_THREAD: a thread of the library wakes readers; no wake-up is lost. */

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "run_dir.h"

#define READERS 4u
#define RECORDS 1000u

/* A served ring, and readers that sleep between its records. */
static struct served {
	struct ring_writer *w;
	struct pollfd serve;
	uint64_t read[READERS];
	unsigned int opened;
} served;

static void start(uint32_t nr_rings, uint32_t flags)
{
	served = (struct served) { .serve.events = POLLIN };
	served.w = make_writer(nr_rings, SEQRING_CLOCK_MONOTONIC, flags);
	assert_int_equal(ring_writer_listen(served.w, "thread", &served.serve.fd), 0);
}

static void serve(int timeout_ms)
{
	if (poll(&served.serve, 1, timeout_ms) == 1)
		assert_int_equal(ring_writer_serve(served.w), 0);
}

/* A reader of each watermark reads until the ring ends. */
static void *read_all(void *arg)
{
	uint64_t *n = arg;
	const unsigned int watermark = 1 + (unsigned int)(n - served.read) % 2;
	struct ring_record rec;
	struct ring_reader *r;
	unsigned int i;
	int err;

	err = ring_open("thread", OPEN_OPTS(.wake_records = watermark), &r);
	if (err)
		abort();
	__atomic_fetch_add(&served.opened, 1, __ATOMIC_RELAXED);
	/* No more than the watermark: the rest of two records would not meet it. */
	for (err = wait_woken(r); !err; err = wait_woken(r))
		for (i = 0; i < watermark && !ring_read(r, &rec, NULL, 0); i++)
			__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
	ring_close(r);
	return err == -ENODEV ? NULL : arg;
}

static uint64_t count_read(void)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < READERS; i++)
		n += __atomic_load_n(&served.read[i], __ATOMIC_RELAXED);
	return n;
}

/*
 * Two records meet each watermark. The next ones come when the last ones were read: as a reader
 * arms, which is the moment at which a wake-up may be lost.
 */
static void publish_in_step(uint32_t flags)
{
	const uint64_t end = now_ns() + PATIENCE_MS * MS;
	pthread_t threads[READERS];
	unsigned int i;
	void *failed;

	start(1, flags);
	for (i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &served.read[i]), 0);
	while (__atomic_load_n(&served.opened, __ATOMIC_RELAXED) < READERS) {
		assert_true(now_ns() < end);
		serve(1);
	}
	for (i = 2; i <= RECORDS; i += 2) {
		publish_numbers(served.w, 0, 2);
		while (count_read() < (uint64_t)READERS * i) {
			assert_true(now_ns() < end);
			serve(0);
		}
	}
	ring_writer_close(served.w);
	for (i = 0; i < READERS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void test_no_wake_is_lost(void **state)
{
	(void)state;
	publish_in_step(RING_WRITER_WAKE_THREAD);
}

static void test_no_wake_is_lost_with_a_fence(void **state)
{
	(void)state;
	publish_in_step(RING_WRITER_WAKE_THREAD | RING_WRITER_FULL_FENCE);
}

static void test_no_wake_is_lost_without_a_thread(void **state)
{
	(void)state;
	publish_in_step(0);
}

/* --- what is published while the thread wakes ---------------------------------------- */

enum { OPEN, CLOSED, REACHED };

/* OPEN: nothing waits there. The thread that rings the next doorbell makes REACHED of CLOSED. */
static int gate;

static void stop_at_gate(void)
{
	int closed = CLOSED;

	if (!__atomic_compare_exchange_n(&gate, &closed, REACHED, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return;
	while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) != OPEN)
		sleep_ns(MS / 10);
}

/* In place of the C library's: libring rings doorbells by it. */
long syscall(long nr, ...)
{
	static long (*real)(long, ...);
	long arg[6];
	va_list ap;
	int i;

	if (nr == SYS_io_submit)
		stop_at_gate();
	if (!__atomic_load_n(&real, __ATOMIC_ACQUIRE))
		__atomic_store_n(&real, (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall"),
				 __ATOMIC_RELEASE);
	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	return real(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static void *open_two(void *arg)
{
	struct ring_reader **r = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < 2; i++)
		err |= ring_open("thread", OPEN_OPTS(.wake_records = 1 + i), &r[i]);
	if (err)
		abort();
	__atomic_store_n(&served.opened, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * The thread has seen which readers are due, and has not armed again for the others, when a record
 * comes that one of those waits for. The writer finds the thresholds reset. So the thread looks
 * once more after it has armed.
 */
static void published_while_waking(uint32_t flags)
{
	const uint64_t end = now_ns() + PATIENCE_MS * MS;
	struct pollfd first = { .events = POLLIN }, second = first;
	struct ring_reader *r[2];
	pthread_t thread;

	start(1, RING_WRITER_WAKE_THREAD | flags);
	if (!served.w->aio) {
		ring_writer_close(served.w);
		skip();
	}
	assert_int_equal(pthread_create(&thread, NULL, open_two, r), 0);
	while (!__atomic_load_n(&served.opened, __ATOMIC_ACQUIRE)) {
		assert_true(now_ns() < end);
		serve(1);
	}
	pthread_join(thread, NULL);
	assert_int_equal(ring_fd(r[0], &first.fd), 0);
	assert_int_equal(ring_fd(r[1], &second.fd), 0);
	__atomic_store_n(&gate, CLOSED, __ATOMIC_RELEASE);
	publish_numbers(served.w, 0, 1);
	while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) != REACHED) {
		assert_true(now_ns() < end);
		sleep_ns(MS / 10);
	}
	publish_numbers(served.w, 0, 1);
	__atomic_store_n(&gate, OPEN, __ATOMIC_RELEASE);
	assert_int_equal(poll(&first, 1, PATIENCE_MS), 1);
	assert_int_equal(poll(&second, 1, PATIENCE_MS), 1);
	ring_close(r[0]);
	ring_close(r[1]);
	ring_writer_close(served.w);
}

static void test_published_while_waking(void **state)
{
	(void)state;
	published_while_waking(0);
}

static void test_published_while_waking_with_a_fence(void **state)
{
	(void)state;
	published_while_waking(RING_WRITER_FULL_FENCE);
}

/* Each of several rings has its own requests; the thread counts the wake-ups. */
static void test_rings(void **state)
{
	struct ring_reader *r;
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;
	unsigned int i;

	(void)state;
	start(3, RING_WRITER_WAKE_THREAD);
	r = open_reader(served.w, NULL);
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	for (i = 0; i < 30; i++) {
		while (!ring_read(r, &rec, NULL, 0))
			;
		assert_int_equal(poll(&pfd, 1, 0), 0);
		publish_numbers(served.w, i % 3, 1);
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	}
	assert_in_range(stats_of(r).wakeups, 30, 60);
	ring_close(r);
	ring_writer_close(served.w);
}

/* The writer's end wakes those that sleep, and leaves no thread. */
static void test_end(void **state)
{
	struct ring_reader *r;
	unsigned int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		start(1, RING_WRITER_WAKE_THREAD);
		r = open_reader(served.w, NULL);
		publish_numbers(served.w, 0, i % 2);
		ring_writer_close(served.w);
		if (i % 2)
			assert_int_equal(ring_read(r, &(struct ring_record) { 0 }, NULL, 0), 0);
		assert_int_equal(wait_woken(r), -ENODEV);
		ring_close(r);
	}
}

#ifndef __SANITIZE_THREAD__ /* which lets no child of a process with threads start one */
/* A child that adopts the writer has a thread of its own; another child only frees the memory. */
static void test_adopt(void **state)
{
	struct ring_reader *r;
	pid_t child;
	int status, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		start(1, RING_WRITER_WAKE_THREAD);
		r = open_reader(served.w, NULL);
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			bool bad = false;

			if (i) {
				bad = ring_writer_adopt(served.w) || !served.w->waker ||
				      ring_writer_publish(served.w, 0, 0, "x", 1);
				/* The thread wakes the parent. */
				sleep_ns(20 * MS);
			}
			ring_writer_close(served.w);
			_exit(bad);
		}
		if (i)
			assert_int_equal(wait_woken(r), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		if (!i) {
			publish_numbers(served.w, 0, 1);
			assert_int_equal(wait_woken(r), 0);
		}
		ring_close(r);
		ring_writer_close(served.w);
	}
}
#endif

/* An unknown flag is refused, and the sentence names this one. */
static void test_bad_flag(void **state)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = RING_WRITER_WAKE_THREAD << 1,
		.data_size = DATA_SIZE,
	};
	struct ring_writer *w = NULL;

	(void)state;
	assert_rejected(ring_writer_create(&opts, &w), EINVAL);
	assert_non_null(strstr(ring_strerror(), "_WAKE_THREAD"));
	assert_null(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_wake_is_lost, run_dir_setup,
						run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_no_wake_is_lost_with_a_fence, run_dir_setup,
						run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_no_wake_is_lost_without_a_thread,
						run_dir_setup, run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_published_while_waking, run_dir_setup,
						run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_published_while_waking_with_a_fence,
						run_dir_setup, run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_rings, run_dir_setup, run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_end, run_dir_setup, run_dir_teardown),
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test_setup_teardown(test_adopt, run_dir_setup, run_dir_teardown),
#endif
		cmocka_unit_test_setup_teardown(test_bad_flag, run_dir_setup, run_dir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
