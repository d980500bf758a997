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

/* The calls that read: all records, a number of them, or one. */
enum call { CONSUME, BATCH, READ, ADVANCE, ADVANCE_BATCH, CALLS };

struct consumed {
	struct ring_writer *w;
	unsigned int nr;
};

/* Publishes a record when it gets the last of those that were there when the call began. */
static int consume_one(const struct ring_record *rec, void *arg)
{
	struct consumed *c = arg;

	(void)rec;
	if (!--c->nr && c->w)
		publish_numbers(c->w, 0, 1);
	return 0;
}

/* Makes one call, for @nr records at most. Return: how many it read. */
static unsigned int call_once(struct ring_reader *r, enum call call, unsigned int nr)
{
	struct ring_record recs[8];
	struct consumed c = { .nr = nr };
	unsigned char buf[64] __attribute__((aligned(8)));
	unsigned int got = 1;

	switch (call) {
	case CONSUME:
		assert_int_equal(ring_consume(r, consume_one, &c, 0, &got), 0);
		break;
	case BATCH:
		assert_int_equal(ring_read_batch(r, recs, nr, buf, sizeof(buf), &got), 0);
		break;
	case READ:
		assert_int_equal(ring_read(r, recs, NULL, 0), 0);
		break;
	case ADVANCE_BATCH:
		assert_int_equal(ring_peek_batch(r, recs, nr, &got), 0);
		assert_int_equal(ring_recheck(r), 0);
		assert_int_equal(ring_advance(r), 0);
		break;
	default:
		assert_int_equal(ring_peek(r, recs), 0);
		assert_int_equal(ring_recheck(r), 0);
		assert_int_equal(ring_advance(r), 0);
	}
	return got;
}

static int watch_edge(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	epoll_wait(ep, &ev, 1, 0);
	return ep;
}

static int edges(int ep)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, 0);
}

/* A call that empties the rings arms the descriptor, with no further call. */
static void one_call(struct ring_writer *w, uint32_t nr_rings)
{
	struct ring_reader *r = open_reader(w, NULL);
	int fd = fd_of(r), ep = watch_edge(fd);
	unsigned int i, nr, call;

	drain(r);
	for (i = 0; i < 60 * CALLS; i++) {
		call = i % CALLS;
		nr = call < READ ? 1 + i / CALLS % 3 : 1;
		publish_numbers(w, i % nr_rings, nr);
		assert_int_equal(edges(ep), 1);
		assert_int_equal(readable(fd, 0), 1);
		assert_int_equal(call_once(r, call, nr), nr);
		assert_int_equal(edges(ep), 0);
		assert_int_equal(readable(fd, 0), 0);
		/* Another call, or many, changes nothing. */
		if (i % 7 == 0) {
			drain(r);
			drain(r);
			assert_int_equal(edges(ep), 0);
		}
	}
	close(ep);
	ring_close(r);
}

static void test_one_call(void **state)
{
	struct ring_writer *w = make_writer(3, SEQRING_CLOCK_MONOTONIC, 0);

	one_call(*state, 1);
	one_call(w, 3);
	ring_writer_close(w);
}

/* What a call leaves unread, because it came meanwhile or was too much, gives a new edge. */
static void test_left_unread(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct consumed c = { .w = w, .nr = 3 };
	int fd = fd_of(r), ep = watch_edge(fd);
	unsigned int i, got;

	drain(r);
	publish_numbers(w, 0, 3);
	assert_int_equal(edges(ep), 1);
	assert_int_equal(ring_consume(r, consume_one, &c, 0, &got), 0);
	assert_int_equal(got, 3);
	assert_int_equal(edges(ep), 1);
	assert_int_equal(call_once(r, CONSUME, 1), 1);
	assert_int_equal(edges(ep), 0);

	for (i = 0; i < 8; i++) {
		if (i % 4 == 0)
			publish_numbers(w, 0, 7);
		assert_int_equal(edges(ep), 1);
		assert_int_equal(call_once(r, i < 4 ? BATCH : ADVANCE_BATCH, 2), i % 4 < 3 ? 2 : 1);
	}
	assert_int_equal(edges(ep), 0);
	assert_int_equal(readable(fd, 0), 0);

	/* The end is an event, too. */
	publish_numbers(w, 0, 1);
	assert_int_equal(edges(ep), 1);
	seqring_writer_end(&w->rings[0].w);
	assert_int_equal(call_once(r, CONSUME, 1), 1);
	assert_int_equal(edges(ep), 1);
	close(ep);
	ring_close(r);
}

/* A call has armed the descriptor by the old watermark; the new one is armed in its place. */
static void test_watermark_after_a_call(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 5));
	int fd = fd_of(r), ep = watch_edge(fd);

	drain(r);
	publish_numbers(w, 0, 5);
	assert_int_equal(edges(ep), 1);
	assert_int_equal(call_once(r, CONSUME, 5), 5);
	assert_int_equal(ring_set_wakeup(r, 1, 0, 0), 0);
	assert_int_equal(edges(ep), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(edges(ep), 1);
	close(ep);
	ring_close(r);
}

/* Fewer records than the watermark give no event, until they are enough or their time is over. */
static void test_left_below_watermark(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 5));
	int fd = fd_of(r), ep = watch_edge(fd), i;
	uint64_t timeout_ns = 2 * PATIENCE_MS * MS;

	drain(r);
	publish_numbers(w, 0, 5);
	assert_int_equal(edges(ep), 1);
	assert_int_equal(call_once(r, BATCH, 2), 2);
	assert_int_equal(edges(ep), 0);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(readable(fd, 0), 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(edges(ep), 1);
	assert_int_equal(call_once(r, CONSUME, 5), 5);
	assert_int_equal(edges(ep), 0);

	/* Most of the time of these is over, so no whole timeout runs when two are read. */
	assert_int_equal(ring_set_wakeup(r, 5, 0, timeout_ns), 0);
	for (i = 0; i < 5; i++)
		publish_at(w, 0, now_ns() - timeout_ns + 200 * MS, "x", 1);
	assert_int_equal(call_once(r, BATCH, 2), 2);
	assert_int_equal(readable(fd, PATIENCE_MS), 1);
	assert_int_equal(stats_of(r).lag_records, 3);
	close(ep);
	ring_close(r);
}

/* The function of ring_consume() closes the reader: nothing is armed. */
static int close_reader(const struct ring_record *rec, void *arg)
{
	(void)rec;
	ring_close(arg);
	return 0;
}

static void test_closed_while_consuming(void **state)
{
	struct ring_reader *r = open_reader(*state, NULL);

	fd_of(r);
	publish_numbers(*state, 0, 1);
	assert_int_equal(ring_consume(r, close_reader, r, 0, NULL), 0);
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
		cmocka_unit_test_setup_teardown(test_one_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watermark_after_a_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_below_watermark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_while_consuming, setup, teardown),
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
