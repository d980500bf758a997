// SPDX-License-Identifier: GPL-2.0-only
/* Openings that wait for a name for as long as they may, and those that do not wait. */

#include "follow.h"

/* Until its ring is there, a reader says so, whatever it is asked. */
static void test_no_ring_yet(void **state)
{
	struct ring_stats_at at = { .size = sizeof(at) };
	struct ring_info info = { .size = sizeof(info) };
	struct pollfd pfd = { .events = POLLIN };
	struct ring_reader *r = open_following();
	struct ring_record rec;
	unsigned int nr;
	uint64_t n;

	(void)state;
	assert_rejected(ring_info(r, &info), EAGAIN);
	assert_rejected(ring_stats_at(r, 0, &at), EAGAIN);
	assert_rejected(ring_seek(r, RING_SEQ, 1), EAGAIN);
	assert_rejected(ring_seek(r, RING_HEAD, 0), EAGAIN);
	assert_rejected(ring_newest(r, 0, &rec, &n, sizeof(n)), EAGAIN);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	assert_rejected(ring_read_batch(r, &rec, 1, &n, sizeof(n), &nr), EAGAIN);
	assert_rejected(ring_peek(r, &rec), EAGAIN);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	assert_int_equal(stats_of(r).dead, 0);
	assert_int_equal(stats_of(r).end, RING_RUNS);
	assert_int_equal(stats_of(r).published, 0);
	assert_int_equal(ring_set_wakeup(r, 1, 0, 0), 0);
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	ring_close(r);
}

/* Without RING_NONBLOCK, the opening waits for the name, and for no longer than it may. */
static void test_open_waits(void **state)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .flags = RING_FOLLOW };
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *r = NULL;
	uint64_t begin, took_short;
	struct late_writer l;

	(void)state;
	opts.open_timeout_ms = 100;
	begin = now_ns();
	assert_rejected(ring_open(NAME, &opts, &r), ETIMEDOUT);
	took_short = now_ns() - begin;
	assert_true(took_short >= 100 * MS);
	opts.open_timeout_ms = 1000;
	begin = now_ns();
	assert_rejected(ring_open(NAME, &opts, &r), ETIMEDOUT);
	assert_true(took_short < now_ns() - begin);
	assert_null(r);

	start_late(&l);
	opts.open_timeout_ms = PATIENCE_MS;
	assert_int_equal(ring_open(NAME, &opts, &r), 0);
	/* The reader has its ring, and nothing is told. */
	assert_int_equal(ring_info(r, &info), 0);
	check_numbers(r, 1, 1);
	ring_close(r);
	stop_late(&l);
}

/* A process that serves and is stopped costs a non-blocking opening nothing. */
static void test_stopped_server(void **state)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .open_timeout_ms = 300 };
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *r = NULL;
	struct ring_record rec;
	uint64_t begin, control, took, n;
	pid_t pid;

	(void)state;
	pid = fork_writer(w);
	opts.flags = RING_FOLLOW;
	opts.open_timeout_ms = PATIENCE_MS;
	assert_int_equal(ring_open(NAME, &opts, &r), 0);
	ring_close(r);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);

	opts.flags = 0;
	opts.open_timeout_ms = 300;
	begin = now_ns();
	assert_rejected(ring_open(NAME, &opts, &r), ETIMEDOUT);
	control = now_ns() - begin;
	opts.flags = RING_NONBLOCK;
	begin = now_ns();
	assert_int_equal(ring_open(NAME, &opts, &r), 0);
	took = now_ns() - begin;
	assert_true(took < control);
	assert_rejected(ring_info(r, &info), EAGAIN);
	/* Its time is up: it says what ring_open() said. */
	assert_int_equal(wait_woken(r), 0);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), ETIMEDOUT);
	ring_close(r);

	opts.open_timeout_ms = PATIENCE_MS;
	assert_int_equal(ring_open(NAME, &opts, &r), 0);
	kill(pid, SIGCONT);
	assert_int_equal(wait_woken(r), 0);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EREMCHG);
	check_numbers(r, 1, PUBLISHED);
	kill_and_reap(pid);
	/* It does not follow the name. */
	assert_rejected(ring_wait(r, PATIENCE_MS), ENODEV);
	ring_close(r);
	ring_writer_close(w);
}

/* RING_NONBLOCK alone: a name that leads nowhere is told at once, and a refusal later. */
static void test_nonblock_alone(void **state)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .flags = RING_NONBLOCK };
	struct ring_reader *r = NULL;
	struct ring_record rec;
	struct ring_writer *w;
	uint64_t n;

	(void)state;
	assert_rejected(ring_open(NAME, &opts, &r), ENOENT);
	assert_rejected(ring_open("bad/../name", &opts, &r), ENOENT);
	assert_rejected(ring_open(".bad", &opts, &r), EINVAL);
	assert_rejected(ring_open(NULL, &opts, &r), EINVAL);
	opts.flags = RING_FOLLOW;
	assert_rejected(ring_open(".bad", &opts, &r), EINVAL);
	opts.flags = RING_NONBLOCK;
	w = start_writer(1);
	assert_int_equal(ring_open(NAME, &opts, &r), 0);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	/* It goes without an answer. */
	ring_writer_close(w);
	assert_int_equal(wait_woken(r), 0);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), ECONNREFUSED);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), ECONNREFUSED);
	ring_close(r);
}

/* Only a name can be followed or waited for. */
static void test_not_by_descriptors(void **state)
{
	struct ring_writer *w = start_writer(1);
	struct ring_reader *r = NULL;
	struct ring_fds fds;
	unsigned int i;
	static const uint32_t flags[] = { RING_FOLLOW, RING_NONBLOCK };

	(void)state;
	assert_int_equal(ring_writer_fds(w, &fds), 0);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		assert_rejected(ring_open_fds(&fds, OPEN_OPTS(.flags = flags[i]), &r), EINVAL);
		assert_rejected(ring_open_fd(fds.ring, OPEN_OPTS(.flags = flags[i]), &r), EINVAL);
	}
	assert_rejected(ring_open(NAME, OPEN_OPTS(.flags = 32), &r), EINVAL);
	assert_null(r);
	ring_writer_close(w);
}

/* A ring that cannot wake its reader cannot be followed: its end would go unnoticed. */
static void test_needs_sleep(void **state)
{
	struct ring_writer *w = start_writer(1);
	struct ring_reader *r = NULL;
	struct ring_fds fds;
	char path[64];

	(void)state;
	assert_int_equal(ring_writer_fds(w, &fds), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds.ring);
	assert_rejected(ring_open(path, OPEN_OPTS(.flags = RING_FOLLOW), &r), EOPNOTSUPP);
	assert_null(r);
	assert_int_equal(ring_open(path, OPEN_OPTS(.flags = RING_NONBLOCK), &r), 0);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_ring_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonblock_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_by_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_needs_sleep, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
