// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader, or a writer, in a time namespace that shifts CLOCK_MONOTONIC: what goes by time goes by
 * the ring's clock.
 */

#include <errno.h>
#include <inttypes.h>
#include <sched.h>

#include "unit.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define CLOCK	  SEQRING_CLOCK_MONOTONIC
#define SECOND_NS (1000 * MS)
#define HOUR_NS	  (3600 * SECOND_NS) /* longer than any pause of the machine */
#define WINDOW	  (30 * MS)

/* Ends a child with the number of the check that failed, without its parent's tests. */
#define CHECK(n, cond)            \
	do {                      \
		if (!(cond))      \
			_exit(n); \
	} while (0)

#define CANNOT 77

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Makes the time namespace of later children, with the monotonic clock shifted by @shift_s. */
static bool shift_children(int64_t shift_s)
{
	char text[64];

	snprintf(text, sizeof(text), "monotonic %" PRId64 " 0", shift_s);
	return !unshare(CLONE_NEWTIME) && write_file("/proc/self/timens_offsets", text);
}

static int exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

/*
 * What a test in a shifted namespace gets: a ring whose writer is not in it, and the time without
 * the shift.
 */
struct place {
	struct ring_writer *w;
	struct ring_fds fds;
	int64_t shift_ns;
};

static uint64_t true_now(const struct place *p)
{
	return now_ns() - (uint64_t)p->shift_ns;
}

/* The writer is not this process's, but its memory is inherited. */
static void put(const struct place *p, unsigned int ring, uint64_t ts_ns)
{
	seqring_writer_publish(&p->w->rings[ring].w, 0, ts_ns, "", 0);
}

/* Runs @test in a child within a time namespace shifted by @shift_s. Return: its status. */
static int run_shifted(int64_t shift_s, void (*test)(const struct place *p))
{
	struct place p = { .shift_ns = shift_s * (int64_t)SECOND_NS };
	int status;
	pid_t pid;

	p.w = make_writer(2, CLOCK, 0);
	assert_int_equal(ring_writer_fds(p.w, &p.fds), 0);
	pid = fork();
	if (!pid) {
		CHECK(CANNOT, shift_children(shift_s));
		pid = fork();
		if (pid)
			_exit(exit_status(pid));
		/* The time of the namespace is as it is meant to be. */
		test(&p);
		_exit(0);
	}
	status = exit_status(pid);
	ring_writer_close(p.w);
	return status;
}

/* Both ways: a clock that is ahead, and one that is behind, as far as this machine runs. */
static void run_both(void (*test)(const struct place *p))
{
	const int64_t shifts_s[] = { 10000000, -(int64_t)(now_ns() / SECOND_NS / 2) };
	unsigned int i;
	int status;

	for (i = 0; i < ARRAY_SIZE(shifts_s); i++) {
		status = run_shifted(shifts_s[i], test);
		if (status == CANNOT)
			skip();
		if (status)
			fail_msg("shifted by %" PRId64 " s: check %d failed", shifts_s[i], status);
	}
}

static struct ring_reader *open_place(const struct place *p, const struct ring_open_opts *opts)
{
	struct ring_reader *r = NULL;

	CHECK(1, !ring_open_fds(&p->fds, opts, &r));
	return r;
}

/* Holding back ends when the record is as old as the window, neither at once nor never. */
static void check_window(const struct place *p)
{
	struct ring_reader *r = open_place(p, OPEN_OPTS(.merge_window_ns = HOUR_NS));
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t start = true_now(p);

	put(p, 0, start);
	CHECK(2, ring_read(r, &(struct ring_record) { 0 }, NULL, 0) == -EAGAIN);
	ring_close(r);
	r = open_place(p, OPEN_OPTS(.whence = RING_HEAD, .merge_window_ns = WINDOW));
	put(p, 0, start);
	CHECK(3, !ring_wait(r, PATIENCE_MS));
	CHECK(4, true_now(p) >= start + WINDOW);
	CHECK(5, true_now(p) < start + PATIENCE_MS * MS);
	CHECK(6, !ring_read(r, &(struct ring_record) { 0 }, NULL, 0));
	CHECK(7, !ring_stats(r, &st) && !st.early);
	ring_close(r);
}

static void test_window(void **state)
{
	(void)state;
	run_both(check_window);
}

/* So does the timeout after the first unread record. */
static void check_timeout(const struct place *p)
{
	struct ring_reader *r;
	uint64_t start = true_now(p);

	put(p, 0, start);
	r = open_place(p, OPEN_OPTS(.wake_records = 9, .wake_timeout_ns = HOUR_NS));
	CHECK(2, ring_wait(r, 0) == -ETIMEDOUT);
	ring_close(r);
	r = open_place(p, OPEN_OPTS(.wake_records = 9, .wake_timeout_ns = WINDOW));
	CHECK(3, !ring_wait(r, PATIENCE_MS));
	CHECK(4, true_now(p) >= start + WINDOW);
	CHECK(5, true_now(p) < start + PATIENCE_MS * MS);
	ring_close(r);
}

static void test_timeout(void **state)
{
	(void)state;
	run_both(check_timeout);
}

/* The present time by the ring's clock leads to a record by its time. */
static void check_now(const struct place *p)
{
	struct ring_reader *r = open_place(p, NULL);
	struct ring_record rec;
	uint64_t before = true_now(p), now, wall_ns;
	struct timespec real;

	CHECK(2, !ring_now(r, &now));
	CHECK(3, now >= before && now <= true_now(p));
	put(p, 0, now - 3 * SECOND_NS);
	put(p, 0, now - SECOND_NS);
	CHECK(4, !ring_seek(r, RING_TIME, now - 2 * SECOND_NS));
	CHECK(5, !ring_read(r, &rec, NULL, 0) && rec.ts_ns == now - SECOND_NS);
	/* The wall clock has no shift. */
	clock_gettime(CLOCK_REALTIME, &real);
	CHECK(6, !ring_now(r, &now) && !ring_wall_time(r, now, &wall_ns));
	CHECK(7, wall_ns / SECOND_NS + 1 >= (uint64_t)real.tv_sec);
	CHECK(8, wall_ns / SECOND_NS < (uint64_t)real.tv_sec + PATIENCE_MS / 1000);
	ring_close(r);
}

static void test_now(void **state)
{
	(void)state;
	run_both(check_now);
}

/* What a writer in a shifted namespace says of itself: where its ring is. */
struct told {
	pid_t pid;
	int fd;
};

/* Publishes a record, says where, and lives until @pipe is closed at its other end. */
static void be_writer(int64_t shift_s, int out, int in)
{
	struct told told = { .fd = -1 };
	struct ring_writer *w;
	struct ring_fds fds;
	pid_t pid;

	CHECK(CANNOT, shift_children(shift_s));
	pid = fork();
	if (pid)
		_exit(exit_status(pid));
	w = make_writer(2, CLOCK, 0);
	CHECK(2, !ring_writer_fds(w, &fds));
	CHECK(3, !ring_writer_publish(w, 0, 1, "", 0));
	told.pid = getpid();
	told.fd = fds.ring;
	CHECK(4, write(out, &told, sizeof(told)) == sizeof(told));
	CHECK(5, !read(in, &told, sizeof(told)));
	_exit(0);
}

/* Reads what the writer published, from outside of its namespace. */
static void read_shifted(const struct told *told, int64_t shift_ns)
{
	struct ring_record rec;
	struct ring_reader *r;
	uint64_t now, end;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)told->pid, told->fd);
	assert_int_equal(ring_open(path, OPEN_OPTS(.merge_window_ns = HOUR_NS), &r), 0);
	assert_int_equal(r->mapping.hdr.clock_offset_ns, shift_ns);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	ring_close(r);
	assert_int_equal(ring_open(path, OPEN_OPTS(.merge_window_ns = WINDOW), &r), 0);
	end = now_ns() + PATIENCE_MS * MS;
	while ((err = ring_read(r, &rec, NULL, 0)) == -EAGAIN && now_ns() < end)
		sleep_ns(MS);
	assert_int_equal(err, 0);
	assert_int_equal(stats_of(r).early, 0);
	assert_int_equal(ring_now(r, &now), 0);
	assert_true(now >= rec.ts_ns + WINDOW);
	assert_true(now < rec.ts_ns + PATIENCE_MS * MS);
	ring_close(r);
}

/* A ring says how its writer's clock is shifted, for readers elsewhere. */
static void test_writer(void **state)
{
	const int64_t shifts_s[] = { 10000000, -(int64_t)(now_ns() / SECOND_NS / 2) };
	int to[2], from[2], status;
	struct told told;
	unsigned int i;
	bool began;
	pid_t pid;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shifts_s); i++) {
		assert_false(pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC));
		pid = fork();
		if (!pid) {
			close(to[1]);
			close(from[0]);
			be_writer(shifts_s[i], from[1], to[0]);
		}
		close(to[0]);
		close(from[1]);
		began = read(from[0], &told, sizeof(told)) == sizeof(told);
		if (began)
			read_shifted(&told, shifts_s[i] * (int64_t)SECOND_NS);
		close(to[1]);
		close(from[0]);
		status = exit_status(pid);
		if (status == CANNOT)
			skip();
		assert_true(began);
		assert_int_equal(status, 0);
	}
}

/* A process that made a namespace for its children is not in it. */
static void test_parent(void **state)
{
	struct ring_writer *w = make_writer(2, CLOCK, 0);
	struct ring_fds fds;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(ring_writer_fds(w, &fds), 0);
	pid = fork();
	if (!pid) {
		struct place p = { .w = w, .fds = fds };

		CHECK(CANNOT, shift_children(1000000));
		check_now(&p);
		_exit(0);
	}
	status = exit_status(pid);
	ring_writer_close(w);
	if (status == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

static void test_without_namespace(void **state)
{
	struct ring_writer *w = make_writer(1, CLOCK, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t before = now_ns(), now;

	(void)state;
	assert_int_equal(ring_now(r, &now), 0);
	assert_true(now >= before && now <= now_ns());
	ring_close(r);
	ring_writer_close(w);
	w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	r = open_reader(w, NULL);
	now = 5;
	assert_rejected(ring_now(r, &now), EOPNOTSUPP);
	assert_int_equal(now, 5);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window), cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_now),    cmocka_unit_test(test_writer),
		cmocka_unit_test(test_parent), cmocka_unit_test(test_without_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
