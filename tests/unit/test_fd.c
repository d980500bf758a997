// SPDX-License-Identifier: GPL-2.0-only
/* ring_fd() in an event loop: it neither spins nor misses. */

#include <poll.h>
#include <sys/epoll.h>

#include "woken.h"

static int fd_of(struct ring_reader *r)
{
	int fd = -1;

	assert_int_equal(ring_fd(r, &fd), 0);
	assert_true(fd >= 0);
	return fd;
}

static int readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms);
}

static void test_level(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	int fd = fd_of(r);

	assert_int_equal(fd_of(r), fd);
	assert_int_equal(readable(fd, 0), 0);
	assert_int_equal(drain(r), 0);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	/* The descriptor stays readable until the record is read. */
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(readable(fd, 0), 1);
	publish_numbers(w, 0, 2);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(drain(r), 2);
	assert_int_equal(readable(fd, 0), 0);
	/* One wake-up for all records that came while no reader slept. */
	assert_int_equal(stats_of(r).wakeups, 1);
	ring_close(r);
}

static void test_edge(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0), i;

	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd_of(r), &ev), 0);
	drain(r);
	epoll_wait(ep, &ev, 1, 0);
	for (i = 0; i < 1000; i++) {
		publish_numbers(w, 0, 1 + (uint64_t)i % 3);
		assert_int_equal(epoll_wait(ep, &ev, 1, 0), 1);
		assert_int_equal(drain(r), 1 + i % 3);
		assert_int_equal(epoll_wait(ep, &ev, 1, 0), 0);
	}
	close(ep);
	ring_close(r);
}

/* Records that came before ring_fd() make the descriptor readable, too. */
static void test_there_before(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r;
	int fd;

	publish_numbers(w, 0, 3);
	r = open_reader(w, NULL);
	fd = fd_of(r);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(drain(r), 3);
	assert_int_equal(readable(fd, 0), 0);
	/* So do records that a seek brings back. */
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(drain(r), 3);
	assert_int_equal(readable(fd, 0), 0);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd, 0), 1);
	ring_close(r);
}

static void test_end(void **state)
{
	struct ring_writer *w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	int fd = fd_of(r), i;

	(void)state;
	drain(r);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	ring_writer_close(w);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	/* The end stays readable, like the end of a pipe. */
	for (i = 0; i < 3; i++) {
		assert_rejected(ring_read(r, &rec, NULL, 0), ENODEV);
		assert_int_equal(readable(fd, 0), 1);
	}
	ring_close(r);
}

static void test_corrupt(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	int fd = fd_of(r);

	drain(r);
	publish_numbers(w, 0, 1);
	*(uint64_t *)w->rings[0].w.data = 0;
	assert_int_equal(readable(fd, 0), 1);
	assert_rejected(ring_read(r, &rec, NULL, 0), EBADMSG);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_int_equal(drain(r), 0);
	assert_int_equal(readable(fd, 0), 0);
	ring_close(r);
}

static void test_watermark(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 10));
	int fd = fd_of(r), round;

	for (round = 0; round < 3; round++) {
		assert_int_equal(drain(r), 0);
		publish_numbers(w, 0, 9);
		assert_int_equal(readable(fd, 0), 0);
		publish_numbers(w, 0, 1);
		assert_int_equal(readable(fd, 0), 1);
		publish_numbers(w, 0, 5);
		assert_int_equal(drain(r), 15);
		assert_int_equal(readable(fd, 0), 0);
	}
	/* Read without being woken: the old threshold may wake too early once, never too late. */
	publish_numbers(w, 0, 9);
	assert_int_equal(drain(r), 9);
	publish_numbers(w, 0, 1);
	drain(r);
	publish_numbers(w, 0, 9);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd, 0), 1);
	drain(r);

	assert_int_equal(ring_set_wakeup(r, 0, 96, 0), 0);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 2);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd, 0), 1);
	drain(r);
	/* A smaller watermark that is met already. */
	assert_int_equal(ring_set_wakeup(r, 100, 0, 0), 0);
	publish_numbers(w, 0, 2);
	assert_int_equal(readable(fd, 0), 0);
	assert_int_equal(ring_set_wakeup(r, 1, 0, 0), 0);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(drain(r), 2);
	ring_close(r);
}

/* Never later than the timeout, in batches while records come, no ticks when idle. */
static bool watermark_timeout_once(void *writer)
{
	struct ring_writer *w = writer;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 100,
							 .wake_timeout_ns = 30 * MS));
	int fd = fd_of(r), i, wakes = 0;
	uint64_t start, before;
	bool in_time;

	drain(r);
	/* Without records for a whole timeout, the reader checks once and then sleeps. */
	for (start = now_ns(); now_ns() < start + 300 * MS;) {
		if (readable(fd, 50)) {
			assert_int_equal(drain(r), 0);
			wakes++;
		}
	}
	assert_true(wakes <= 2);
	/* The first record after that does not wait. */
	before = stats_of(r).wakeups;
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(drain(r), 1);
	/* From then on batches, unless a whole timeout passes without a record. */
	for (i = 0; i < 5; i++) {
		publish_numbers(w, 0, 5);
		assert_int_equal(readable(fd, PATIENCE_MS), 1);
		assert_true(drain(r) >= 5);
		publish_numbers(w, 0, 100);
		assert_int_equal(readable(fd, 0), 1);
		assert_int_equal(drain(r), 100);
	}
	in_time = stats_of(r).wakeups - before <= 1 + 5;
	ring_close(r);
	return in_time;
}

static void test_watermark_timeout(void **state)
{
	judge_in_time(watermark_timeout_once, *state);
}

/* The descriptor works as before after the application slept in ring_wait(). */
static void test_wait_and_fd(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	int fd = fd_of(r), i;

	for (i = 0; i < 3; i++) {
		assert_rejected(ring_wait(r, 1), ETIMEDOUT);
		assert_int_equal(readable(fd, 0), 0);
		publish_numbers(w, 0, 1);
		assert_int_equal(ring_wait(r, -1), 0);
		assert_int_equal(readable(fd, 0), 1);
		assert_int_equal(drain(r), 1);
		assert_int_equal(readable(fd, 0), 0);
	}
	ring_close(r);
}

static void test_batch_and_consume_arm(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	_Alignas(8) char buf[256];
	struct ring_record recs[4];
	int fd = fd_of(r), i;
	unsigned int n;

	for (i = 0; i < 3; i++) {
		publish_numbers(w, 0, 6);
		assert_int_equal(readable(fd, 0), 1);
		assert_int_equal(ring_read_batch(r, recs, 4, buf, sizeof(buf), &n), 0);
		assert_int_equal(readable(fd, 0), 1);
		assert_int_equal(ring_read_batch(r, recs, 4, buf, sizeof(buf), &n), 0);
		assert_int_equal(n, 2);
		assert_int_equal(ring_read_batch(r, recs, 4, buf, sizeof(buf), &n), -EAGAIN);
		assert_int_equal(readable(fd, 0), 0);
		publish_numbers(w, 0, 1);
		assert_int_equal(readable(fd, 0), 1);
		assert_int_equal(ring_peek(r, recs), 0);
		assert_int_equal(ring_recheck(r), 0);
		assert_int_equal(ring_advance(r), 0);
		assert_int_equal(ring_peek(r, recs), -EAGAIN);
		assert_int_equal(readable(fd, 0), 0);
	}
	ring_close(r);
}

struct player {
	struct ring_writer *out;
	struct ring_reader *in;
	uint32_t events;
	uint64_t rounds;
	uint64_t wakes;
	int err;
};

/* Each round sends one record there and one back, so a missed wake-up ends the test. */
static void play(struct player *p, bool first)
{
	struct epoll_event ev = { .events = p->events };
	int ep = epoll_create1(0), fd;
	struct ring_record rec;
	uint64_t i, n;

	if (ring_fd(p->in, &fd) || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev)) {
		p->err = -EIO;
		return;
	}
	for (i = 0; i < p->rounds && !p->err; i++) {
		if (first)
			p->err = ring_writer_publish(p->out, 0, 7, &i, sizeof(i));
		while (!p->err && (p->err = ring_read(p->in, &rec, &n, sizeof(n))) == -EAGAIN) {
			p->err = epoll_wait(ep, &ev, 1, PATIENCE_MS) == 1 ? 0 : -ETIMEDOUT;
			p->wakes++;
		}
		if (!p->err && n != i)
			p->err = -EPROTO;
		if (!p->err && !first)
			p->err = ring_writer_publish(p->out, 0, 7, &i, sizeof(i));
	}
	close(ep);
}

static void *play_second(void *arg)
{
	play(arg, false);
	return NULL;
}

static void ping_pong(uint32_t events, uint32_t flags)
{
	struct ring_writer *ping = make_writer(1, 0, flags), *pong = make_writer(1, 0, flags);
	struct player a = { ping, open_reader(pong, NULL), events, 10000, 0, 0 };
	struct player b = { pong, open_reader(ping, NULL), events, 10000, 0, 0 };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, play_second, &b), 0);
	play(&a, true);
	pthread_join(thread, NULL);
	assert_int_equal(a.err, 0);
	assert_int_equal(b.err, 0);
	/* The reader does not spin: it has hardly more wake-ups than records. */
	assert_true(a.wakes <= 3 * a.rounds);
	assert_true(b.wakes <= 3 * b.rounds);
	ring_close(a.in);
	ring_close(b.in);
	ring_writer_close(ping);
	ring_writer_close(pong);
}

static void test_ping_pong(void **state)
{
	(void)state;
	ping_pong(EPOLLIN, 0);
	ping_pong(EPOLLIN | EPOLLET, 0);
	ping_pong(EPOLLIN, RING_WRITER_FULL_FENCE);
	ping_pong(EPOLLIN | EPOLLET, RING_WRITER_FULL_FENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_there_before, setup, teardown),
		cmocka_unit_test(test_end),
		cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_and_fd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_and_consume_arm, setup, teardown),
		cmocka_unit_test(test_ping_pong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
