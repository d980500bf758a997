// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the headers allow several threads to do with one writer or one reader at the same time.
 * ThreadSanitizer finds what they may not.
 */

#include <poll.h>
#include <pthread.h>

#include "run_dir.h"

#define RINGS	3
#define RECORDS 3000u

/* @done: the threads that publish have ended; @quiet: those that open the ring, too */
static struct {
	struct ring_writer *w;
	int listener;
	struct ring_reader *r;
	bool done;
	bool quiet;
} shared;

static bool is_done(void)
{
	return __atomic_load_n(&shared.done, __ATOMIC_ACQUIRE);
}

struct publisher {
	pthread_t thread;
	unsigned int ring;
	int err;
};

/* By each way, on a ring of its own. */
static void *publish(void *arg)
{
	struct publisher *p = arg;
	const struct ring_record rec = { .payload = "x", .len = 1 };
	struct iovec iov = { (void *)"x", 1 };
	void *payload;
	unsigned int i;

	for (i = 0; i < RECORDS && !p->err; i++) {
		p->err |= ring_writer_publish(shared.w, p->ring, 0, "x", 1);
		p->err |= ring_writer_publish_iov(shared.w, p->ring, 0, &iov, 1);
		p->err |= ring_writer_publish_batch(shared.w, p->ring, &rec, 1, NULL);
		p->err |= ring_writer_reserve(shared.w, p->ring, 1, &payload);
		p->err |= i % 2 ? ring_writer_commit(shared.w, p->ring, 0) :
				  ring_writer_discard(shared.w, p->ring);
	}
	return NULL;
}

static void *serve(void *arg)
{
	struct pollfd pfd = { .fd = shared.listener, .events = POLLIN };
	int *err = arg;

	while (!__atomic_load_n(&shared.quiet, __ATOMIC_ACQUIRE) && !*err)
		if (poll(&pfd, 1, 10) == 1)
			*err |= ring_writer_serve(shared.w);
	return NULL;
}

/* Opens the ring while it is written, by the descriptors and by its name. */
static void *open_often(void *arg)
{
	struct ring_stats st = { .size = sizeof(st) };
	struct ring_reader *r;
	struct ring_fds fds;
	int *err = arg, i;

	for (i = 0; !is_done() && !*err; i++) {
		*err |= ring_writer_fds(shared.w, &fds);
		if (!*err)
			*err |= i % 2 ? ring_open("threads", NULL, &r) :
					ring_open_fds(&fds, NULL, &r);
		if (*err)
			break;
		*err |= ring_stats(r, &st);
		ring_close(r);
	}
	return NULL;
}

static void test_writer(void **state)
{
	struct publisher p[RINGS] = { 0 };
	int serve_err = 0, open_err = 0;
	pthread_t server, opener;
	unsigned int i;

	(void)state;
	memset(&shared, 0, sizeof(shared));
	run_dir_name();
	shared.w = make_writer(RINGS, SEQRING_CLOCK_MONOTONIC, 0);
	for (i = 0; i < RINGS; i++) {
		p[i].ring = i;
		assert_int_equal(pthread_create(&p[i].thread, NULL, publish, &p[i]), 0);
	}
	/* Publishing goes on while the ring gets its name. */
	assert_int_equal(ring_writer_listen(shared.w, "threads", &shared.listener), 0);
	assert_int_equal(pthread_create(&server, NULL, serve, &serve_err), 0);
	assert_int_equal(pthread_create(&opener, NULL, open_often, &open_err), 0);
	for (i = 0; i < RINGS; i++) {
		pthread_join(p[i].thread, NULL);
		assert_int_equal(p[i].err, 0);
	}
	__atomic_store_n(&shared.done, true, __ATOMIC_RELEASE);
	pthread_join(opener, NULL);
	__atomic_store_n(&shared.quiet, true, __ATOMIC_RELEASE);
	pthread_join(server, NULL);
	assert_int_equal(open_err | serve_err, 0);
	ring_writer_close(shared.w);
	run_dir_remove();
}

static void *ask(void *arg)
{
	struct ring_info info = { .size = sizeof(info) };
	int *err = arg;

	while (!is_done() && !*err) {
		*err |= ring_info(shared.r, &info) | ring_wake(shared.r);
		*err |= info.nr_rings != RINGS;
		sleep_ns(MS / 10);
	}
	return NULL;
}

/* ring_info() and ring_wake() on any thread, while the reader's own thread reads and waits. */
static void test_reader(void **state)
{
	struct publisher p = { 0 };
	struct ring_record rec;
	uint64_t got = 0;
	pthread_t asker;
	int err = 0, ask_err = 0;

	(void)state;
	memset(&shared, 0, sizeof(shared));
	shared.w = make_writer(RINGS, SEQRING_CLOCK_MONOTONIC, 0);
	shared.r = open_reader(shared.w, NULL);
	assert_int_equal(pthread_create(&asker, NULL, ask, &ask_err), 0);
	assert_int_equal(pthread_create(&p.thread, NULL, publish, &p), 0);
	while (got < RECORDS * 3 + RECORDS / 2) {
		err = ring_read(shared.r, &rec, NULL, 0);
		if (!err)
			got += 1 + rec.lost;
		else
			err = ring_wait(shared.r, PATIENCE_MS);
		if (err && err != -ECANCELED)
			break;
	}
	__atomic_store_n(&shared.done, true, __ATOMIC_RELEASE);
	pthread_join(p.thread, NULL);
	pthread_join(asker, NULL);
	assert_int_equal(got, RECORDS * 3 + RECORDS / 2);
	assert_int_equal(p.err | ask_err, 0);
	ring_close(shared.r);
	ring_writer_close(shared.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
