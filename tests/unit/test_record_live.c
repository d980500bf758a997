// SPDX-License-Identifier: GPL-2.0-only
/* A recording is read while its recorder writes it. */

#include <poll.h>
#include <pthread.h>

#include "recording.h"

static struct ring_reader *open_live(const struct recorded *t, const struct ring_open_opts *opts)
{
	struct ring_reader *r = NULL;

	assert_int_equal(ring_open(t->dir, opts, &r), 0);
	return r;
}

/* Reads what is there. Return: records; each follows the one before, but for @lost. */
static uint64_t read_there(struct ring_reader *r, uint64_t *lost, int wanted)
{
	struct ring_record rec;
	uint64_t number, n = 0;

	while (!ring_read(r, &rec, &number, sizeof(number))) {
		*lost += rec.lost;
		n++;
	}
	assert_rejected(ring_read(r, &rec, &number, sizeof(number)), wanted);
	return n;
}

static void test_a_growing_recording_is_followed(void **state)
{
	struct ring_reader *r;
	struct recorded t;
	uint64_t lost = 0, now, before;

	(void)state;
	recorded_begin(&t, 2, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t.w, 0, 100);
	recorded_copy(&t);
	r = open_live(&t, NULL);
	assert_int_equal(recorded_info(r).recorder, RING_RECORDER_RUNS);
	assert_int_equal(read_there(r, &lost, EAGAIN), 100);
	assert_int_equal(stats_of(r).end, RING_RUNS);
	assert_int_equal(ring_wait(r, 0), -ETIMEDOUT);
	/* Its clock goes on. */
	before = recorded_info(r).last_ns;
	assert_int_equal(ring_now(r, &now), 0);
	assert_true(now > before);
	publish_numbers(t.w, 1, 50);
	recorded_copy(&t);
	assert_int_equal(ring_wait(r, PATIENCE_MS), 0);
	assert_int_equal(read_there(r, &lost, EAGAIN), 50);
	assert_int_equal(recorded_info(r).records, 150);
	assert_int_equal(stats_of(r).published, 150);
	publish_numbers(t.w, 0, 7);
	recorded_copy(&t);
	assert_int_equal(stats_of(r).lag_records, 0);
	assert_int_equal(read_there(r, &lost, EAGAIN), 7);
	recorded_close(&t);
	assert_int_equal(ring_wait(r, PATIENCE_MS), -ENODEV);
	assert_int_equal(read_there(r, &lost, ENODEV), 0);
	assert_int_equal(stats_of(r).end, RING_ENDED);
	assert_int_equal(recorded_info(r).recorder, RING_RECORDER_GONE);
	assert_int_equal(recorded_info(r).complete, 1);
	assert_int_equal(lost, 0);
	ring_close(r);
	recorded_end(&t);
}

/* File after file; the reader need not wait to see them. */
static void test_all_files_are_followed(void **state)
{
	struct ring_reader *r;
	struct recorded t;
	uint64_t lost = 0, n = 0;
	int i;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC,
		       RECORDER_OPTS(.segment_bytes = RING_SEGMENT_MIN));
	r = open_live(&t, NULL);
	for (i = 0; i < 30; i++) {
		publish_numbers(t.w, 0, 1000);
		recorded_copy(&t);
		if (i % 7 == 3)
			n += read_there(r, &lost, EAGAIN);
	}
	recorded_close(&t);
	n += read_there(r, &lost, ENODEV);
	assert_int_equal(n, 30000);
	assert_int_equal(lost, 0);
	assert_true(recorded_info(r).segments > 10);
	assert_int_equal(recorded_info(r).torn_bytes, 0);
	ring_close(r);
	r = recorded_open(&t, NULL);
	assert_true(recorded_info(r).bytes > 30000 * 32);
	ring_close(r);
	recorded_end(&t);
}

/* A reader that sleeps while its files are removed goes on with the oldest one that is left. */
static void test_removed_files_are_lost_to_a_slow_reader(void **state)
{
	struct ring_reader *r;
	struct recorded t;
	uint64_t lost = 0, n;
	int i;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC,
		       RECORDER_OPTS(.segment_bytes = RING_SEGMENT_MIN,
				     .size_max = 3 * RING_SEGMENT_MIN));
	publish_numbers(t.w, 0, 100);
	recorded_copy(&t);
	r = open_live(&t, NULL);
	assert_int_equal(read_there(r, &lost, EAGAIN), 100);
	for (i = 0; i < 30; i++) {
		publish_numbers(t.w, 0, 1000);
		recorded_copy(&t);
	}
	n = read_there(r, &lost, EAGAIN);
	assert_true(n > 1000);
	assert_true(lost > 1000);
	assert_int_equal(n + lost, 30000);
	recorded_close(&t);
	assert_int_equal(read_there(r, &lost, ENODEV), 0);
	ring_close(r);
	recorded_end(&t);
}

/* The descriptor is readable when something was added, and not before. */
static void test_the_descriptor_tells_of_what_is_added(void **state)
{
	struct pollfd p = { .events = POLLIN };
	struct ring_reader *r;
	struct recorded t;
	uint64_t lost = 0;
	int i;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	r = open_live(&t, NULL);
	assert_int_equal(ring_fd(r, &p.fd), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(read_there(r, &lost, EAGAIN), 0);
		/* Only a look, once a second, may come in between. */
		assert_true(!poll(&p, 1, 0) || (read_there(r, &lost, EAGAIN), !poll(&p, 1, 0)));
		publish_numbers(t.w, 0, 10);
		recorded_copy(&t);
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		assert_int_equal(read_there(r, &lost, EAGAIN), 10);
	}
	recorded_close(&t);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(read_there(r, &lost, ENODEV), 0);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	ring_close(r);
	recorded_end(&t);
}

/* A recorder that is killed is told from one that has ended, and from one that runs. */
static void test_a_killed_recorder_is_noticed(void **state)
{
	struct ring_reader *r, *file;
	struct ring_record rec;
	struct recorded t;
	uint64_t lost = 0;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t.w, 0, 10);
	recorded_copy(&t);
	r = open_live(&t, NULL);
	assert_int_equal(ring_open(recorded_file(&t, 1), NULL, &file), 0);
	assert_int_equal(recorded_info(file).recorder, RING_RECORDER_UNKNOWN);
	assert_int_equal(read_there(file, &lost, ENODEV), 10);
	assert_non_null(strstr(ring_strerror(), "was killed, or is still running"));
	ring_close(file);
	assert_int_equal(read_there(r, &lost, EAGAIN), 10);
	/* It adds something, and is gone before the reader looks. */
	publish_numbers(t.w, 0, 5);
	recorded_copy(&t);
	recorded_orphan(&t);
	while (!ring_wait(r, PATIENCE_MS))
		if (!ring_read(r, &rec, NULL, 0))
			lost += rec.seq > 10;
	assert_int_equal(lost, 5);
	assert_rejected(ring_wait(r, PATIENCE_MS), ENODEV);
	assert_non_null(strstr(ring_strerror(), "its recorder was killed"));
	assert_null(strstr(ring_strerror(), "still running"));
	assert_int_equal(stats_of(r).end, RING_KILLED);
	assert_int_equal(recorded_info(r).recorder, RING_RECORDER_GONE);
	assert_int_equal(recorded_info(r).complete, 0);
	ring_close(r);
	recorded_end(&t);
}

/* What is below the watermark is enough when no more comes. */
static void test_the_end_meets_the_watermark(void **state)
{
	struct ring_reader *r;
	struct recorded t;
	uint64_t lost = 0;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t.w, 0, 10);
	recorded_copy(&t);
	r = open_live(&t, OPEN_OPTS(.wake_records = 1000));
	assert_int_equal(ring_wait(r, 0), -ETIMEDOUT);
	recorded_orphan(&t);
	assert_int_equal(ring_wait(r, PATIENCE_MS), 0);
	assert_int_equal(read_there(r, &lost, ENODEV), 10);
	ring_close(r);
	recorded_end(&t);
}

static void *record_on(void *arg)
{
	struct recorded *t = arg;
	int i;

	for (i = 0; i < 400; i++) {
		publish_numbers(t->w, 0, 100);
		recorded_copy(t);
	}
	recorded_close(t);
	return NULL;
}

/* A reader that looks in the middle of a write takes no half of a chunk, and misses none. */
static void test_a_reader_beside_its_recorder(void **state)
{
	struct ring_reader *r;
	struct recorded t;
	uint64_t lost = 0, n = 0, number;
	struct ring_record rec;
	pthread_t thread;
	int err;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC,
		       RECORDER_OPTS(.segment_bytes = RING_SEGMENT_MIN));
	r = open_live(&t, NULL);
	assert_int_equal(pthread_create(&thread, NULL, record_on, &t), 0);
	do {
		while (!(err = ring_read(r, &rec, &number, sizeof(number)))) {
			assert_int_equal(number, n % 100);
			lost += rec.lost;
			n++;
		}
		assert_true(err == -EAGAIN || err == -ENODEV);
		if (err == -EAGAIN && n % 3 == 0)
			err = ring_wait(r, PATIENCE_MS);
	} while (err != -ENODEV);
	pthread_join(thread, NULL);
	assert_int_equal(n, 40000);
	assert_int_equal(lost, 0);
	assert_int_equal(recorded_info(r).damaged, 0);
	ring_close(r);
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_growing_recording_is_followed),
		cmocka_unit_test(test_all_files_are_followed),
		cmocka_unit_test(test_removed_files_are_lost_to_a_slow_reader),
		cmocka_unit_test(test_the_descriptor_tells_of_what_is_added),
		cmocka_unit_test(test_a_killed_recorder_is_noticed),
		cmocka_unit_test(test_the_end_meets_the_watermark),
		cmocka_unit_test(test_a_reader_beside_its_recorder),
	};

	return cmocka_run_group_tests_name("record_live", tests, NULL, NULL);
}
