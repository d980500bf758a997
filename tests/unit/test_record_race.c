// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring is overwritten while the recorder copies from it, or is not what it says. The
 * recorder's own code, built with a barrier backend that calls this test at its loads and rechecks.
 */

#define SEQRING_BARRIER_BACKEND "../../tests/unit/record_backend.h"

#include <poll.h>

#include "laps.h"
#include "recording.h"

#include "../../libring/reader/source.c"
#include "../../libring/record/recorder.c"

static struct ring_writer *writer;

static void act(void)
{
	if (is_lap_due())
		publish_numbers(writer, 0, 2 * DATA_SIZE / 32);
}

void at_read_fence(void)
{
	act();
}

void at_load(void)
{
	act();
}

/*
 * Overruns the recorder at each of its loads and rechecks. What it records is whole, and the rest
 * counts.
 */
static void test_overwritten_while_copied(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct ring_reader *r;
	struct recorded t;
	struct ring_record rec;
	uint64_t number, lost = 0, n = 0, nr;
	unsigned int at;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	writer = t.w;
	for (at = 0; at < 40; at++) {
		publish_numbers(t.w, 0, 100);
		skip = at;
		laps_left = 1;
		while (!ring_recorder_copy(t.rec, &nr))
			;
		laps_left = 0;
		recorded_copy(&t);
	}
	assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
	assert_true(st.lost > DATA_SIZE / 32);
	assert_int_equal(st.records + st.lost, stats_of(t.r).published);
	recorded_close(&t);
	/* From the first seq on: the first chunk comes after a loss. */
	r = recorded_open(&t, OPEN_OPTS(.whence = RING_SEQ, .value = 1));
	while (!ring_read(r, &rec, &number, sizeof(number))) {
		assert_int_equal(rec.len, 8);
		lost += rec.lost;
		n++;
	}
	assert_int_equal(n, st.records);
	assert_int_equal(lost, st.lost);
	ring_close(r);
	recorded_end(&t);
}

/* A writer that does not follow the protocol is found out, and its bytes are not recorded. */
static void test_a_corrupt_ring_is_not_recorded(void **state)
{
	struct seqring_record *second;
	struct ring_reader *r;
	struct recorded t;
	uint64_t nr;
	int way;

	(void)state;
	for (way = 0; way < 4; way++) {
		recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
		publish_numbers(t.w, 0, way < 3 ? 3 : 1000);
		second = (void *)(t.w->rings[0].w.data + 32);
		if (way == 0)
			second->stamp = 7;
		else if (way < 3)
			second->meta.len = way == 1 ? DATA_SIZE : 100;
		else /* up to head, which is more than a record may have */
			second->meta.len = 999 * 32 - sizeof(*second);
		assert_rejected(ring_recorder_copy(t.rec, &nr), EBADMSG);
		assert_int_equal(nr, 0);
		assert_rejected(ring_recorder_copy(t.rec, &nr), EBADMSG);
		recorded_close(&t);
		r = recorded_open(&t, NULL);
		assert_int_equal(recorded_info(r).records, 0);
		ring_close(r);
		recorded_end(&t);
	}
}

/* The descriptor of the recorder's reader is armed when all was copied, and wakes for more. */
static void test_the_descriptor_is_armed(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	assert_int_equal(ring_fd(t.r, &pfd.fd), 0);
	publish_numbers(t.w, 0, 10);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_int_equal(recorded_copy(&t), 10);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	publish_numbers(t.w, 0, 10);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_int_equal(recorded_copy(&t), 10);
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overwritten_while_copied),
		cmocka_unit_test(test_a_corrupt_ring_is_not_recorded),
		cmocka_unit_test(test_the_descriptor_is_armed),
	};

	return cmocka_run_group_tests_name("record_race", tests, NULL, NULL);
}
