// SPDX-License-Identifier: GPL-2.0-only
/* A writer and the children of its process: who owns the ring, and who learns of its end. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "run_dir.h"

/* Ends a child with the number of the check that failed, without its parent's tests. */
#define CHECK(n, cond)            \
	do {                      \
		if (!(cond))      \
			_exit(n); \
	} while (0)

static int exit_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* A child may free a writer that it inherits, and nothing else. The ring notices nothing. */
static void test_close_in_child(void **state)
{
	struct ring_writer *w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec = { 0 };
	struct ring_fds fds;
	void *payload;
	int fd, listener;
	pid_t pid;

	(void)state;
	assert_int_equal(ring_writer_listen(w, "fork", &listener), 0);
	assert_rejected(ring_writer_adopt(w), EINVAL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		CHECK(1, ring_writer_publish(w, 0, 1, "", 0) == -EPERM);
		CHECK(2, strstr(ring_strerror(), "ring_writer_adopt"));
		CHECK(3, ring_writer_publish_iov(w, 0, 1, NULL, 0) == -EPERM);
		CHECK(4, ring_writer_publish_batch(w, 0, &rec, 1, NULL) == -EPERM);
		CHECK(5, ring_writer_reserve(w, 1, 8, &payload) == -EPERM);
		CHECK(6, ring_writer_commit(w, 1, 1) == -EPERM);
		CHECK(7, ring_writer_discard(w, 1) == -EPERM);
		CHECK(8, ring_writer_serve(w) == -EPERM);
		CHECK(9, ring_writer_listen(w, "other", &fd) == -EPERM);
		CHECK(10, !ring_writer_fds(w, &fds));
		ring_writer_close(w);
		_exit(0);
	}
	assert_int_equal(exit_status(pid), 0);
	assert_int_equal(access(path_of("fork"), F_OK), 0);
	publish_numbers(w, 1, 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(ring_wait(r, 0), -ETIMEDOUT);
	assert_int_equal(stats_of(r).end, RING_RUNS);
	ring_writer_close(w);
	assert_rejected(ring_read(r, &rec, NULL, 0), ENODEV);
	assert_non_null(strstr(ring_strerror(), "ended"));
	assert_int_equal(stats_of(r).end, RING_ENDED);
	assert_int_equal(stats_of(r).dead, 1);
	ring_close(r);
	assert_int_equal(access(path_of("fork"), F_OK), -1);
}

/* A reservation survives in the process that made it, and goes with the writer to who adopts it. */
static void test_adopt(void **state)
{
	const uint32_t flags[] = { 0, RING_WRITER_FULL_FENCE };
	struct ring_record rec;
	unsigned int i;
	uint64_t n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, flags[i]);
		struct ring_reader *r = open_reader(w, NULL);
		pid_t pid;

		publish_numbers(w, 0, 1);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			n = 1;
			CHECK(1, !ring_writer_adopt(w));
			CHECK(2, ring_writer_adopt(w) == -EINVAL);
			/* The reader sleeps by now, or not: it wakes in both cases. */
			usleep(20000);
			CHECK(3, !ring_writer_publish(w, 0, 7, &n, sizeof(n)));
			ring_writer_close(w);
			_exit(0);
		}
		assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
		assert_int_equal(wait_woken(r), 0);
		assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
		assert_int_equal(rec.seq, 2);
		assert_int_equal(n, 1);
		assert_int_equal(exit_status(pid), 0);
		assert_int_equal(ring_wait(r, PATIENCE_MS), -ENODEV);
		assert_int_equal(stats_of(r).end, RING_ENDED);
		ring_close(r);
		/* The daemon's parent would exit; here it frees what it has. */
		ring_writer_close(w);
	}
}

/* Serves the ring until it is killed, with a child of its own that does nothing, or adopts it. */
static pid_t fork_writer(bool adopts, int *ready, pid_t *idle)
{
	struct pollfd pfd = { .events = POLLIN };
	struct ring_writer *w;
	pid_t pid, child;
	int p[2];

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
		CHECK(1, !ring_writer_listen(w, "fork", &pfd.fd));
		child = fork();
		CHECK(2, child >= 0);
		/* If the test fails, nobody ends these processes. */
		alarm(120);
		if (!child && !adopts) {
			pause();
			_exit(0);
		}
		if (adopts && child)
			_exit(0);
		if (adopts) {
			CHECK(3, !ring_writer_adopt(w));
			/* Its parent may not have exited yet. */
			while (ring_writer_listen(w, "fork", &pfd.fd) == -EADDRINUSE)
				usleep(1000);
			child = getpid();
		}
		CHECK(4, write(p[1], &child, sizeof(child)) == sizeof(child));
		for (;;)
			if (poll(&pfd, 1, -1) == 1)
				ring_writer_serve(w);
	}
	close(p[1]);
	assert_int_equal(read(p[0], idle, sizeof(*idle)), sizeof(*idle));
	*ready = p[0];
	return pid;
}

/* A writer is killed, and a child lives that only inherited its descriptors. */
static void test_killed_with_child(void **state)
{
	struct ring_writer *next;
	struct ring_reader *r;
	struct ring_record rec;
	pid_t pid, idle;
	int ready, fd, err;
	uint64_t end;

	(void)state;
	pid = fork_writer(false, &ready, &idle);
	assert_int_equal(ring_open("fork", NULL, &r), 0);
	assert_int_equal(stats_of(r).end, RING_RUNS);
	kill_and_reap(pid);
	end = now_ns() + PATIENCE_MS * MS;
	assert_int_equal(ring_wait(r, PATIENCE_MS), -ENODEV);
	assert_non_null(strstr(ring_strerror(), "did not end the ring"));
	assert_rejected(ring_read(r, &rec, NULL, 0), ENODEV);
	assert_int_equal(stats_of(r).end, RING_KILLED);
	assert_int_equal(stats_of(r).dead, 1);
	assert_int_equal(kill(idle, 0), 0);
	/* Its name is free, once the child has run and let go of the socket. */
	next = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	do {
		err = ring_writer_listen(next, "fork", &fd);
	} while (err == -EADDRINUSE && now_ns() < end && !poll(NULL, 0, 1));
	assert_int_equal(err, 0);
	ring_writer_close(next);
	ring_close(r);
	kill(idle, SIGKILL);
	close(ready);
}

/* A daemon: the parent exits, the child goes on with the ring under its name. */
static void test_daemon(void **state)
{
	struct ring_reader *r;
	pid_t pid, daemon;
	int ready;

	(void)state;
	pid = fork_writer(true, &ready, &daemon);
	assert_int_equal(exit_status(pid), 0);
	assert_int_equal(ring_open("fork", NULL, &r), 0);
	assert_int_equal(ring_wait(r, 50), -ETIMEDOUT);
	kill(daemon, SIGKILL);
	assert_int_equal(ring_wait(r, PATIENCE_MS), -ENODEV);
	assert_int_equal(stats_of(r).end, RING_KILLED);
	ring_close(r);
	close(ready);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_close_in_child, run_dir_setup,
						run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_adopt, run_dir_setup, run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_killed_with_child, run_dir_setup,
						run_dir_teardown),
		cmocka_unit_test_setup_teardown(test_daemon, run_dir_setup, run_dir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
