// SPDX-License-Identifier: GPL-2.0-only
/* ring_strerror(): what it says after a failure, and that it says nothing after a success. */

#include <pthread.h>

#include "run_dir.h"

/* Makes a call fail, then checks that @call succeeds and leaves no sentence. */
#define assert_clears(call)                                                 \
	do {                                                                \
		struct ring_writer *none;                                   \
		assert_int_equal(ring_writer_create(NULL, &none), -EINVAL); \
		assert_true(strlen(ring_strerror()) > 10);                  \
		assert_true((call) >= 0);                                   \
		assert_string_equal(ring_strerror(), "");                   \
	} while (0)

/* What fails in the function of ring_consume() is no failure of ring_consume(). */
static int fail_inside(const struct ring_record *rec, void *arg)
{
	unsigned char buf[8] __attribute__((aligned(8)));
	struct ring_record other;
	unsigned int n;

	(void)rec;
	assert_int_equal(ring_read_batch(arg, &other, 0, buf, sizeof(buf), &n), -EINVAL);
	return 0;
}

static int list_nothing(const char *name, unsigned int writer, void *arg)
{
	(void)name;
	(void)writer;
	(void)arg;
	return 0;
}

/* Each call that succeeds. */
static void check_calls(struct ring_writer *w)
{
	struct ring_stats_at at = { .size = sizeof(at) };
	struct ring_stats st = { .size = sizeof(st) };
	struct ring_info info = { .size = sizeof(info) };
	unsigned char buf[64] __attribute__((aligned(8)));
	const struct ring_record out = { .payload = "x", .len = 1 };
	struct iovec iov = { (void *)"x", 1 };
	struct ring_record recs[8];
	struct ring_reader *r, *other;
	struct ring_fds fds;
	unsigned int i, n;
	uint64_t real;
	void *payload;
	int fd;

	assert_clears(ring_writer_fds(w, &fds));
	assert_clears(ring_open_fd(fds.ring, NULL, &other));
	ring_close(other);
	assert_clears(ring_open_fds(&fds, NULL, &r));
	for (i = 0; i < 2; i++) {
		assert_clears(ring_writer_publish(w, 0, 0, "x", 1));
		assert_clears(ring_writer_publish_iov(w, 0, 0, &iov, 1));
		assert_clears(ring_writer_publish_batch(w, 0, &out, 1, NULL));
		assert_clears(ring_writer_reserve(w, 0, 1, &payload));
		assert_clears(ring_writer_discard(w, 0));
		assert_clears(ring_writer_reserve(w, 0, 1, &payload));
		assert_clears(ring_writer_commit(w, 0, 0));
		assert_clears(ring_wait(r, 0));
		assert_clears(ring_wait_any(&r, 1, 0, &n));
		assert_clears(ring_read(r, recs, buf, sizeof(buf)));
		assert_clears(ring_peek(r, recs));
		assert_clears(ring_recheck(r));
		assert_clears(ring_advance(r));
		assert_clears(ring_seek(r, RING_OLDEST, 0));
		assert_clears(ring_peek_batch(r, recs, 2, &n));
		assert_clears(ring_recheck(r));
		assert_clears(ring_advance_some(r, n));
		assert_clears(ring_newest(r, 0, recs, buf, sizeof(buf)));
		/* It meets the end of what is there. */
		assert_clears(ring_read_batch(r, recs, 8, buf, sizeof(buf), &n));
		assert_true(n >= 2);
		assert_clears(ring_seek(r, RING_OLDEST, 0));
		assert_clears(ring_consume(r, fail_inside, r, 0, &n));
		assert_clears(ring_info(r, &info));
		assert_clears(ring_stats(r, &st));
		assert_clears(ring_stats_at(r, 0, &at));
		assert_clears(ring_wall_time(r, recs->ts_ns, &real));
		assert_clears(ring_now(r, &real));
		assert_clears(ring_fd(r, &fd));
		assert_clears(ring_set_wakeup(r, 1, 0, 0));
	}
	ring_close(r);
	assert_clears(ring_list(list_nothing, NULL));
}

/* "" before any failure and after a success; what only cleans up keeps it. */
static void test_strerror(void **state)
{
	struct ring_writer *w;
	char before[256];
	int listener;

	(void)state;
	assert_string_equal(ring_strerror(), "");
	run_dir_name();
	assert_clears((w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0), 0));
	check_calls(w);
	assert_clears(ring_writer_listen(w, "said", &listener));
	assert_clears(ring_writer_serve(w));
	assert_int_equal(ring_writer_adopt(w), -EINVAL);
	strcpy(before, ring_strerror());
	assert_true(strlen(before) > 10);
	ring_writer_close(w);
	assert_string_equal(ring_strerror(), before);
	run_dir_remove();
}

static void *fail_and_succeed(void *arg)
{
	struct ring_writer *w;

	(void)arg;
	assert_int_equal(ring_writer_create(NULL, &w), -EINVAL);
	ring_writer_close(make_writer(1, 0, 0));
	return NULL;
}

/* Each thread has its own. */
static void test_threads(void **state)
{
	struct ring_writer *w;
	char before[256];
	pthread_t thread;

	(void)state;
	assert_int_equal(ring_writer_create(NULL, &w), -EINVAL);
	strcpy(before, ring_strerror());
	assert_int_equal(pthread_create(&thread, NULL, fail_and_succeed, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(ring_strerror(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strerror),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
