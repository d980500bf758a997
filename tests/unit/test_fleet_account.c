// SPDX-License-Identifier: GPL-2.0-only
/* The account of messages from agents: in any order, again, overlapping, and with gaps. */
#include <errno.h>

#include "../../tools/fleet/account.h"
#include "unit.h"

#define NUMBERS 300u

/* The numbers that the set should have: one byte for each. */
static unsigned char model[NUMBERS + 2];

static uint64_t model_add(uint64_t first, uint64_t last)
{
	uint64_t added = 0;

	for (; first <= last; first++) {
		added += !model[first];
		model[first] = 1;
	}
	return added;
}

static uint64_t model_count(uint64_t first, uint64_t last)
{
	uint64_t n = 0;

	for (; first <= last; first++)
		n += model[first];
	return n;
}

static void assert_same(const struct fleet_ranges *r)
{
	struct fleet_range gap;
	uint64_t from = 0, i;

	assert_int_equal(fleet_ranges_count(r, 0, NUMBERS), model_count(0, NUMBERS));
	for (; fleet_ranges_gap(r, from, NUMBERS, &gap); from = gap.last + 1) {
		for (i = from; i < gap.first; i++)
			assert_true(model[i]);
		for (i = gap.first; i <= gap.last; i++)
			assert_false(model[i]);
	}
	for (i = from; i <= NUMBERS; i++)
		assert_true(model[i]);
	/* Ranges that touch are one. */
	for (i = 1; i < r->nr; i++)
		assert_true(r->at[i].first > r->at[i - 1].last + 1);
}

static void test_ranges(void **state)
{
	unsigned int seed, step;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		struct fleet_ranges r = { 0 };
		unsigned int random = seed;

		memset(model, 0, sizeof(model));
		for (step = 0; step < 60; step++) {
			uint64_t first = (unsigned int)rand_r(&random) % NUMBERS;
			uint64_t last = first + (unsigned int)rand_r(&random) % (1 + seed % 40);
			uint64_t added = 0;

			last = last > NUMBERS ? NUMBERS : last;
			assert_int_equal(fleet_ranges_count(&r, first, last),
					 model_count(first, last));
			assert_int_equal(fleet_ranges_add(&r, first, last, &added), 0);
			assert_int_equal(added, model_add(first, last));
			assert_same(&r);
		}
		fleet_ranges_free(&r);
	}
}

static void take(struct fleet_account *a, unsigned int kind, unsigned int cause, uint64_t first,
		 uint64_t last)
{
	const struct fleet_message m = {
		.kind = kind, .cause = cause, .id.name = "ticks", .first = first, .last = last
	};

	assert_int_equal(fleet_account_take(a, &m, NULL), 0);
}

static void count(struct fleet_account *a, unsigned int kind, unsigned int cause,
		  uint64_t published, uint64_t busy)
{
	const struct fleet_counters c = { .published = published, .dropped[1] = busy };
	const struct fleet_message m = {
		.kind = kind, .cause = cause, .id.name = "ticks", .body_size = FLEET_COUNTERS_SIZE
	};
	unsigned char body[FLEET_COUNTERS_SIZE];

	fleet_put_counters(body, &c);
	assert_int_equal(fleet_account_take(a, &m, body), 0);
}

/* Each order of the same messages gives the same sums of what is known. */
static void test_any_order(void **state)
{
	unsigned int order, i;

	(void)state;
	for (order = 0; order < 5; order++) {
		struct fleet_account a = { 0 };

		for (i = 0; i < 5; i++) {
			switch ((i + order) % 5) {
			case 0:
				take(&a, FLEET_BATCH, 0, 1, 100);
				break;
			case 1:
				take(&a, FLEET_LOSS, FLEET_LOSS_OVERRUN, 101, 150);
				break;
			case 2:
				take(&a, FLEET_BATCH, 0, 151, 200);
				break;
			case 3:
				count(&a, FLEET_HEARTBEAT, 0, 150, 3);
				break;
			case 4:
				count(&a, FLEET_END, FLEET_END_KILLED, 200, 5);
				break;
			}
		}
		assert_int_equal(a.nr, 1);
		assert_int_equal(a.rings[0].read, 150);
		assert_int_equal(a.rings[0].lost[FLEET_LOSS_OVERRUN], 50);
		assert_int_equal(fleet_account_lost(&a.rings[0]), 50);
		assert_int_equal(fleet_account_missing(&a.rings[0]), 0);
		assert_int_equal(a.rings[0].published, 200);
		assert_int_equal(a.rings[0].dropped[1], 5);
		assert_int_equal(a.rings[0].end, FLEET_END_KILLED);
		fleet_account_free(&a);
	}
}

/* An agent that lost its spool sends records again, in other batches. */
static void test_overlapping(void **state)
{
	struct fleet_account a = { 0 };

	(void)state;
	take(&a, FLEET_BATCH, 0, 1, 60);
	take(&a, FLEET_BATCH, 0, 1, 60);
	take(&a, FLEET_LOSS, FLEET_LOSS_STOPPED, 1, 40);
	take(&a, FLEET_BATCH, 0, 41, 100);
	assert_int_equal(a.rings[0].read, 100);
	assert_int_equal(fleet_account_lost(&a.rings[0]), 0);
	assert_int_equal(fleet_account_missing(&a.rings[0]), 0);
	fleet_account_free(&a);
}

/* What was published and never came is missing, also behind all that came. */
static void test_missing(void **state)
{
	struct fleet_account a = { 0 };
	struct fleet_range gap;

	(void)state;
	take(&a, FLEET_BATCH, 0, 11, 20);
	assert_int_equal(fleet_account_missing(&a.rings[0]), 10);
	count(&a, FLEET_HEARTBEAT, 0, 25, 0);
	assert_int_equal(fleet_account_missing(&a.rings[0]), 15);
	assert_true(fleet_ranges_gap(&a.rings[0].known, 1, 25, &gap));
	assert_true(gap.first == 1 && gap.last == 10);
	assert_true(fleet_ranges_gap(&a.rings[0].known, 11, 25, &gap));
	assert_true(gap.first == 21 && gap.last == 25);
	/* An older heartbeat, which came late, takes nothing back. */
	count(&a, FLEET_HEARTBEAT, 0, 5, 0);
	assert_int_equal(a.rings[0].published, 25);
	fleet_account_free(&a);
}

/* The same name on another host, after a reboot or created anew is another ring. */
static void test_identities(void **state)
{
	struct fleet_message m = { .kind = FLEET_BATCH, .id.name = "ticks", .first = 1, .last = 5 };
	struct fleet_account a = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(fleet_account_take(&a, &m, NULL), 0);
	m.id.host[3] = 1;
	assert_int_equal(fleet_account_take(&a, &m, NULL), 0);
	m.id.boot[3] = 1;
	assert_int_equal(fleet_account_take(&a, &m, NULL), 0);
	m.id.nonce = 1;
	assert_int_equal(fleet_account_take(&a, &m, NULL), 0);
	m.ring = 1;
	assert_int_equal(fleet_account_take(&a, &m, NULL), 0);
	assert_int_equal(fleet_account_take(&a, &m, NULL), 0);
	assert_int_equal(a.nr, 5);
	for (i = 0; i < a.nr; i++)
		assert_int_equal(a.rings[i].read, 5);
	fleet_account_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),	    cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_overlapping), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
