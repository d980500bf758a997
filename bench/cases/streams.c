// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writer and reader on two cores: how many records come through flat out, what the reader
 * costs the writer, and whether anything is lost at the pace of a real producer.
 */
#include "../peers/peers.h"
#include "kinds.h"

/* Each look at the clock lets the reader catch up, so the writer looks seldom. */
static const struct stream_round flat_out = { .rest_ns = REST_NS, .chunk = 100 };

void case_reader(void)
{
	static const struct row rows[] = {
		{ "ring, 32 B, writer flat out", &kind_ring },
		{ "byte ring, begin and end", &kind_bytes },
		{ "ring through libring", &kind_library },
		{ "libring, in place", &kind_library, &library_in_place },
		{ "libring, one at a time", &kind_library, &library_one },
		{ "ring that the caches hold", &kind_ring, .size = RING_CACHED },
		{ "byte ring that the caches hold", &kind_bytes, .size = RING_CACHED },
	};

	table_run(&(struct table) { "reader", rows, NR(rows), .len = 32, .round = flat_out });
}

void case_bulk(void)
{
	static const struct row rows[] = {
		{ "ring, 1 KiB, writer flat out", &kind_ring },
		{ "flag per record, no overwriting", &kind_flags },
	};

	table_run(&(struct table) { "bulk", rows, NR(rows), .len = 1024, .round = flat_out });
}

/* Runs once, even if disturbed: only a loss matters. */
static bool lasting_round(struct row_contender *c)
{
	c->round.ns = (uint64_t)(opt.seconds * 1e9);
	stream_run(c->s, &c->round);
	row_report(c);
	contender_set(&c->c, "seconds", opt.seconds);
	contender_set(&c->c, "interrupted", c->round.disturbed);
	return false;
}

void case_stamped(void)
{
	static const struct row rows[] = {
		{ "writer, 32 B, clock, nobody reads", &kind_ring, .stamped = true,
		  .nobody = true },
		{ "writer, 32 B, clock, a reader", &kind_ring, .stamped = true },
	};
	static const struct row lasting[] = {
		{ "one long run", &kind_ring, .stamped = true, .own_round = lasting_round },
	};

	table_run(&(struct table) { "stamped", rows, NR(rows), .len = 32, .round = flat_out });
	table_run(&(struct table) { "stamped", lasting, 1, .len = 32, .rounds = 1,
				    .round = flat_out });
}
