// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many readers of the same records. A BPF ring buffer has one consumer: so people give
 * each reader a buffer of its own, or have one consumer pass the records on.
 */
#include <libring/bpf.h>
#include <malloc.h>
#include <stdlib.h>

#include "contender.h"

#define SECTION	    "bpf-fan"
#define MEM_READERS 32u

static const struct {
	const char *curve;
	const char *program;
	enum policy policy;
	enum relay relay;
	bool quick;
} kinds[] = {
	{ "ring, batching", "ours", BATCH, DIRECT, true },
	{ "ring, sleeping", "ours", SLEEP, DIRECT, true },
	{ "a BPF ring buffer each", "fan", BATCH, DIRECT, true },
	{ "one BPF ring buffer, passed on by pipes", "rb", BATCH, BY_PIPES, false },
	{ "one BPF ring buffer, passed on by copies", "rb", BATCH, BY_MEMORY, false },
};

enum { RING, RING_ASLEEP, EACH, NR_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const unsigned int readers[] = { 1, 2, 4, 8, 16, 64 };

enum { ONE = 0, EIGHT = 3, MOST = 5, NR_READERS = 6 };

/* A quick run has what the targets need. */
static bool wanted(unsigned int kind, unsigned int i)
{
	if (!opt.quick)
		return true;
	if (kind == EACH)
		return i == EIGHT;
	return kinds[kind].quick && (i == ONE || i == MOST || (kind == RING && i == EIGHT));
}

struct cell {
	struct contender *c;
	struct series *cost;
	struct series *rate;
};

static struct cell cell_new(unsigned int kind, unsigned int i)
{
	struct setup setup = {
		.name = keep("%s, %u", kinds[kind].curve, readers[i]),
		.program = kinds[kind].program,
		.len = 32,
		.policy = kinds[kind].policy,
		.clock = BENCH_FINE,
		.readers = readers[i],
		.relay = kinds[kind].relay,
	};
	struct cell cell;

	/* Half a ring unread is what libring wakes for when nobody says otherwise. */
	if (setup.policy == SLEEP)
		setup.wake_records = (uint32_t)(ring_size(RING_LARGE) / 2 / 56);
	cell.c = contender_new(&setup);
	cell.cost = series_new(SECTION, setup.name, "ns");
	cell.rate = series_new(SECTION, keep("%s, each reader", setup.name), "M/s");
	series_point(cell.cost, "fan-cost", kinds[kind].curve, readers[i]);
	series_point(cell.rate, "fan-rate", kinds[kind].curve, readers[i]);
	return cell;
}

/* What a further reader of libring has of its own: from a thread that does not sleep. */
static void memory(struct contender *c)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	struct ring_reader *r[MEM_READERS + 1];
	struct mallinfo2 before, after;
	struct ring_fds fds;
	unsigned int i;

	if (ring_bpf_fds(c->ring, &fds))
		fail("%s", ring_strerror());
	for (i = 0; i <= MEM_READERS; i++) {
		if (i == 1)
			before = mallinfo2();
		if (ring_open_fds(&fds, &opts, &r[i]))
			fail("%s", ring_strerror());
		ring_wait(r[i], 0);
	}
	after = mallinfo2();
	for (i = 0; i <= MEM_READERS; i++)
		ring_close(r[i]);
	target(SECTION, "memory of a further reader, beside page tables",
	       (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) /
		       MEM_READERS / 4096,
	       "pages", AT_MOST, 2);
}

void bench_bpf_fan(void)
{
	struct cell cell[NR_KINDS][NR_READERS] = { 0 };
	struct contender *c[NR_KINDS * NR_READERS];
	struct series *cost[NR_KINDS * NR_READERS], *rate[NR_KINDS * NR_READERS];
	unsigned int i, k, n = 0;

	section_describe(SECTION, "Many readers",
			 "32-byte records with a fine clock from a BPF program that does not wait "
			 "for its readers. All readers share the other core, so what each of them "
			 "gets falls with their number. A sleeping one wakes when half the ring is "
			 "unread. Of a relay, all but the first reader get what the first passes "
			 "on, 64 KiB at a time.");
	plot_describe(SECTION, "fan-cost", "Cost of a record to the writer", "readers", "ns",
		      PLOT_LOG_X | PLOT_LOG_Y);
	plot_describe(SECTION, "fan-rate", "Delivered to each reader", "readers",
		      "records per microsecond", PLOT_LOG_X | PLOT_LOG_Y);
	if (!bpf_here(SECTION))
		return;
	for (k = 0; k < NR_KINDS; k++) {
		for (i = 0; i < NR_READERS; i++) {
			if (!wanted(k, i))
				continue;
			cell[k][i] = cell_new(k, i);
			c[n] = cell[k][i].c;
			cost[n] = cell[k][i].cost;
			rate[n++] = cell[k][i].rate;
		}
	}
	alternate(c, cost, rate, n);
	for (k = 0; k < NR_KINDS; k++)
		for (i = 0; i < NR_READERS; i++)
			if (cell[k][i].cost && (k || i))
				series_compare(cell[k][i].cost, cell[RING][ONE].cost);
	target(SECTION, "cost with 64 batching readers, to one",
	       series_ratio(cell[RING][MOST].cost, cell[RING][ONE].cost), "x", AT_MOST, 1.2);
	target(SECTION, "cost with 64 sleeping readers, to one",
	       series_ratio(cell[RING_ASLEEP][MOST].cost, cell[RING_ASLEEP][ONE].cost), "x",
	       AT_MOST, 1.2);
	target(SECTION, "cost of eight BPF ring buffers, to one ring with eight readers",
	       series_ratio(cell[EACH][EIGHT].cost, cell[RING][EIGHT].cost), "x", AT_LEAST, 10);
	memory(cell[RING][ONE].c);
	while (n)
		contender_free(c[--n]);
}

void bench_bpf_wake(void)
{
	static const struct setup setups[] = {
		{ "ring, clock, sleeper wants each", "ours", 32, .policy = SLEEP,
		  .clock = BENCH_FINE, .readers = 1, .wake_records = 1 },
		{ "BPF ring buffer, clock, wakes for each", "rb", 32, .policy = SLEEP,
		  .clock = BENCH_FINE, .readers = 1, .wake_records = 1 },
		{ "ring, clock, sleeper wants 100", "ours", 32, .policy = SLEEP,
		  .clock = BENCH_FINE, .readers = 1, .wake_records = 100 },
		{ "BPF ring buffer, clock, wakes every 100", "rb", 32, .policy = SLEEP,
		  .clock = BENCH_FINE, .readers = 1, .wake_records = 100 },
		{ "ring, clock, sleeper wants 1000", "ours", 32, .policy = SLEEP,
		  .clock = BENCH_FINE, .readers = 1, .wake_records = 1000 },
		{ "BPF ring buffer, clock, wakes every 1000", "rb", 32, .policy = SLEEP,
		  .clock = BENCH_FINE, .readers = 1, .wake_records = 1000 },
	};
	struct series *cost[6];
	struct contender *c[6];
	unsigned int i;

	section_describe("bpf-wake", "A reader that sleeps",
			 "What a record costs the program when a reader wants to be woken; the "
			 "writer goes flat out, so most of the time the reader is awake.");
	if (!bpf_here("bpf-wake"))
		return;
	for (i = 0; i < 6; i++) {
		c[i] = contender_new(&setups[i]);
		cost[i] = series_new("bpf-wake", setups[i].name, "ns");
		if (i % 2)
			series_compare(cost[i - 1], cost[i]);
	}
	alternate(c, cost, NULL, 6);
	target("bpf-wake", "cost with a wake-up for each, to the BPF ring buffer",
	       series_ratio(cost[0], cost[1]), "x", AT_MOST, 1);
	target("bpf-wake", "cost with a wake-up every 100, to the BPF ring buffer",
	       series_ratio(cost[2], cost[3]), "x", AT_MOST, 0.7);
	for (i = 0; i < 6; i++)
		contender_free(c[i]);
}
