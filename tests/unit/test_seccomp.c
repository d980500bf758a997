// SPDX-License-Identifier: GPL-2.0-only
/*
 * A filter of system calls forbids membarrier(2) after a ring was opened. The filter stays for the
 * rest of a process, so each test has a child.
 */

#include <poll.h>

#include "unit.h"

#include "../lib/forbid.h"

#define NO_MEMBARRIER 99 /* the child's answer where there is no membarrier(2), or no filter */

/* Ends a child with the line of the check that failed. */
#define CHECK(cond)                               \
	do {                                      \
		if (!(cond))                      \
			_exit(__LINE__ % 90 + 1); \
	} while (0)

/* The writer does not see the thresholds of the reader, as if its store of head was on the way. */
static struct {
	const struct ring_backend *real;
	struct ring_writer *w;
	int armed[2];
} hidden;

static void arm_hidden(struct ring_reader *r, bool for_fd)
{
	hidden.real->arm(r, for_fd);
	seqring_write(&hidden.w->wait[0].pos, SEQRING_WAIT_NONE);
	seqring_write(&hidden.w->wait[0].seq, SEQRING_WAIT_NONE);
	CHECK(write(hidden.armed[1], "", 1) == 1);
}

static void hide(struct ring_reader *r, struct ring_writer *w)
{
	static struct ring_backend ops;

	hidden.real = r->backend;
	hidden.w = w;
	ops = *hidden.real;
	ops.arm = arm_hidden;
	r->backend = &ops;
}

static bool has_membarrier(const struct ring_writer *w)
{
	return ((const struct seqring_header *)w->map)->features & SEQRING_FEAT_MEMBARRIER;
}

/* Runs @child with a ring, publishes a record once it has armed @arms times, and judges it. */
static void run_child(void (*child)(struct ring_writer *w), unsigned int arms)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	bool known = has_membarrier(w);
	unsigned int i;
	int status = 0;
	char c;
	pid_t pid;

	assert_int_equal(pipe(hidden.armed), 0);
	pid = known ? fork() : 0;
	if (known && !pid) {
		close(hidden.armed[0]);
		child(w);
		_exit(0);
	}
	close(hidden.armed[1]);
	if (known) {
		/* A loop that polls arms a second time when it finds nothing; then it sleeps. */
		for (i = 0; i < arms; i++)
			if (read(hidden.armed[0], &c, 1) != 1)
				break;
		sleep_ns(20 * MS);
		if (i == arms)
			publish_numbers(w, 0, 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	close(hidden.armed[0]);
	ring_writer_close(w);
	if (!known || (WIFEXITED(status) && WEXITSTATUS(status) == NO_MEMBARRIER))
		skip();
	assert_int_equal(status, 0);
}

static struct ring_reader *open_then_forbid(struct ring_writer *w)
{
	struct ring_reader *r;

	CHECK(!ring_open_fds(&w->fds, NULL, &r));
	if (!forbid_membarrier())
		_exit(NO_MEMBARRIER);
	return r;
}

static uint64_t unfenced(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	CHECK(!ring_stats(r, &st));
	return st.unfenced;
}

static void wait_forbidden(struct ring_writer *w)
{
	struct ring_reader *r = open_then_forbid(w);
	uint64_t start = now_ns();

	CHECK(!unfenced(r));
	hide(r, w);
	CHECK(!ring_wait(r, PATIENCE_MS));
	/* At its timeout ring_wait() looks once more. */
	CHECK(now_ns() - start < PATIENCE_MS * MS);
	CHECK(unfenced(r));
	ring_close(r);
}

/* A sleep without a limit ends with the record, though nothing wakes it. */
static void test_wait_looks_again(void **state)
{
	(void)state;
	run_child(wait_forbidden, 1);
}

static void wait_any_forbidden(struct ring_writer *w)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = RING_WRITER_FULL_FENCE,
		.data_size = DATA_SIZE,
	};
	struct ring_reader *r[2] = { NULL, open_then_forbid(w) };
	struct ring_writer *fenced;
	uint64_t start = now_ns();
	unsigned int at;

	CHECK(!ring_writer_create(&opts, &fenced));
	CHECK(!ring_open_fds(&fenced->fds, NULL, &r[0]));
	hide(r[1], w);
	CHECK(!ring_wait_any(r, 2, PATIENCE_MS, &at));
	CHECK(now_ns() - start < PATIENCE_MS * MS);
	CHECK(at == 1 && unfenced(r[1]) && !unfenced(r[0]));
	ring_close(r[0]);
	ring_close(r[1]);
	ring_writer_close(fenced);
}

static void test_wait_any_looks_again(void **state)
{
	(void)state;
	run_child(wait_any_forbidden, 1);
}

static void poll_forbidden(struct ring_writer *w)
{
	struct ring_reader *r = open_then_forbid(w);
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;

	hide(r, w);
	CHECK(!ring_fd(r, &pfd.fd));
	while (ring_read(r, &rec, NULL, 0) == -EAGAIN)
		CHECK(poll(&pfd, 1, PATIENCE_MS) == 1);
	CHECK(rec.seq == 1 && unfenced(r));
	ring_close(r);
}

/* The descriptor of ring_fd() does not stay silent, either. */
static void test_fd_looks_again(void **state)
{
	(void)state;
	run_child(poll_forbidden, 2);
}

static void forbid_nothing(struct ring_writer *w)
{
	struct ring_reader *r;

	CHECK(!ring_open_fds(&w->fds, NULL, &r));
	CHECK(ring_wait(r, 30) == -ETIMEDOUT);
	CHECK(!unfenced(r));
	ring_close(r);
}

/* While nothing is forbidden, nothing is counted, and nobody looks again. */
static void test_allowed(void **state)
{
	(void)state;
	run_child(forbid_nothing, 1);
}

static void adopt_forbidden(struct ring_writer *w)
{
	if (!forbid_membarrier())
		_exit(NO_MEMBARRIER);
	CHECK(w->rings[0].w.light_wake);
	CHECK(!ring_writer_adopt(w));
	CHECK(!w->rings[0].w.light_wake);
	CHECK(!ring_writer_publish(w, 0, 1, "x", 1));
}

/* A writer that cannot register executes the fence itself. */
static void test_adopt_uses_a_fence(void **state)
{
	(void)state;
	run_child(adopt_forbidden, 1);
}

static void create_forbidden(struct ring_writer *unused)
{
	struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = DATA_SIZE };
	struct ring_writer *w;

	(void)unused;
	if (!forbid_membarrier())
		_exit(NO_MEMBARRIER);
	CHECK(!ring_writer_create(&opts, &w));
	CHECK(!has_membarrier(w) && !w->rings[0].w.light_wake);
	ring_writer_close(w);
}

static void test_create_uses_a_fence(void **state)
{
	(void)state;
	run_child(create_forbidden, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_looks_again),
		cmocka_unit_test(test_wait_any_looks_again),
		cmocka_unit_test(test_fd_looks_again),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_adopt_uses_a_fence),
		cmocka_unit_test(test_create_uses_a_fence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
