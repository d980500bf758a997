// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a record costs a BPF program, beside the BPF ring buffer and the perf buffer, and
 * beside what nothing could beat: by reader, and by size.
 */
#include "contender.h"

#define SECTION "bpf"

enum {
	NOTHING,
	CLOCK,
	COARSE_CLOCK,
	PLAIN,
	GUARDED,
	ALONE,
	UNCHECKED,
	ASLEEP,
	BOTH,
	ALONE_COARSE,
	ALONE_FINE,
	RB_ALONE,
	OUTPUT_ALONE,
	PERF_ALONE,
	RING,
	RB,
	OUTPUT,
	PERF,
	RING_COARSE,
	RB_COARSE,
	RING_FINE,
	RB_FINE,
	RING_SPIN,
	RB_SPIN,
	N
};

static const struct setup setups[N] = {
	[NOTHING] = { "nothing, the loop alone", "nothing", .len = 32 },
	[CLOCK] = { "clock alone", "clock", .len = 32, .clock = BENCH_FINE },
	[COARSE_CLOCK] = { "coarse clock alone", "clock", .len = 32, .clock = BENCH_COARSE },
	[PLAIN] = { "plain stores", "plain", .len = 32 },
	[GUARDED] = { "plain stores to the CPU's own memory, guarded", "guarded", .len = 32 },
	[ALONE] = { "ring, nobody reads", "ours", .len = 32 },
	[UNCHECKED] = { "ring, without the look for sleepers", "unchecked", .len = 32 },
	[ASLEEP] = { "ring, somebody sleeps on and on", "ours", .len = 32, .policy = SLEEP,
		     .readers = 1, .wake_records = UINT32_MAX },
	[BOTH] = { "ring, a batching reader, another sleeps", "ours", .len = 32, .policy = BATCH,
		   .readers = 1, .wake_records = 1 },
	[ALONE_COARSE] = { "ring, coarse clock, nobody reads", "ours", .len = 32,
			   .clock = BENCH_COARSE },
	[ALONE_FINE] = { "ring, clock, nobody reads", "ours", .len = 32, .clock = BENCH_FINE },
	[RB_ALONE] = { "BPF ring buffer, nobody reads: drops", "rb", .len = 32 },
	[OUTPUT_ALONE] = { "BPF ring buffer, output, nobody reads: drops", "rb_output", .len = 32 },
	[PERF_ALONE] = { "perf buffer, nobody has it open: drops", "perf", .len = 32 },
	[RING] = { "ring, a batching reader", "ours", .len = 32, .policy = BATCH, .readers = 1 },
	[RB] = { "BPF ring buffer, a batching reader", "rb", .len = 32, .policy = BATCH,
		 .readers = 1 },
	[OUTPUT] = { "BPF ring buffer, output, a batching reader", "rb_output", .len = 32,
		     .policy = BATCH, .readers = 1 },
	[PERF] = { "perf buffer, a batching reader", "perf", .len = 32, .policy = BATCH,
		   .readers = 1 },
	[RING_COARSE] = { "ring, coarse clock, a batching reader", "ours", .len = 32,
			  .policy = BATCH, .clock = BENCH_COARSE, .readers = 1 },
	[RB_COARSE] = { "BPF ring buffer, coarse clock, a batching reader", "rb", 32,
			.policy = BATCH, .clock = BENCH_COARSE, .readers = 1 },
	[RING_FINE] = { "ring, clock, a batching reader", "ours", .len = 32, .policy = BATCH,
			.clock = BENCH_FINE, .readers = 1 },
	[RB_FINE] = { "BPF ring buffer, clock, a batching reader", "rb", .len = 32, .policy = BATCH,
		      .clock = BENCH_FINE, .readers = 1 },
	[RING_SPIN] = { "ring, clock, a spinning reader", "ours", .len = 32, .policy = SPIN,
			.clock = BENCH_FINE, .readers = 1 },
	[RB_SPIN] = { "BPF ring buffer, clock, a spinning reader", "rb", .len = 32, .policy = SPIN,
		      .clock = BENCH_FINE, .readers = 1 },
};

/* What is compared with what. */
static const struct {
	int a, b;
} pairs[] = {
	{ GUARDED, PLAIN },	{ ALONE, PLAIN },	{ UNCHECKED, ALONE },
	{ ASLEEP, ALONE },	{ BOTH, RING },		{ RING, RB },
	{ OUTPUT, RB },		{ PERF, RB },		{ RING_COARSE, RB_COARSE },
	{ RING_FINE, RB_FINE }, { RING_SPIN, RB_SPIN },
};

/* A quick run leaves out what no target needs. */
static bool needed(int i)
{
	static const int quick[] = { PLAIN,	GUARDED,   ALONE,   RING,      RB,     RING_COARSE,
				     RB_COARSE, RING_FINE, RB_FINE, RING_SPIN, RB_SPIN };
	unsigned int k;

	for (k = 0; k < sizeof(quick) / sizeof(quick[0]); k++)
		if (quick[k] == i)
			return true;
	return !opt.quick;
}

static void say_targets(struct series *const *cost)
{
	target(SECTION, "32 bytes, a batching reader, cheapest clock, to the BPF ring buffer",
	       series_ratio(cost[RING_COARSE], cost[RB_COARSE]), "x", AT_MOST, 0.5);
	target(SECTION, "the same without a clock", series_ratio(cost[RING], cost[RB]), "x",
	       AT_MOST, 0.25);
	target(SECTION, "32 bytes, a batching reader, fine clock, to the BPF ring buffer",
	       series_ratio(cost[RING_FINE], cost[RB_FINE]), "x", AT_MOST, 0.7);
	target(SECTION, "32 bytes, a spinning reader, fine clock, to the BPF ring buffer",
	       series_ratio(cost[RING_SPIN], cost[RB_SPIN]), "x", AT_MOST, 0.8);
	target(SECTION, "32 bytes, nobody reads, to plain stores into one map element",
	       series_ratio(cost[ALONE], cost[PLAIN]), "x", AT_MOST, 1.5);
	target(SECTION, "the same, to guarded stores into the CPU's own memory",
	       series_ratio(cost[ALONE], cost[GUARDED]), "x", AT_MOST, 1.5);
}

void bench_bpf(void)
{
	struct series *cost[N] = { NULL }, *some[N];
	struct contender *c[N];
	unsigned int i, n = 0;

	section_describe(SECTION, "Publishing from a BPF program",
			 "What one record costs the program, on this kernel. All readers are on "
			 "the other core, check every record, and look for records alike: a "
			 "batching one takes what is there and leaves it alone for 20 us, a "
			 "spinning one looks again at once. The loop that publishes is in every "
			 "figure. The limit is storing the same bytes, header and all, into one "
			 "element of a map; a program that any CPU may run, and that another may "
			 "interrupt, cannot do with less than a look for its CPU's memory and a "
			 "guard, and that is the second limit.");
	if (!bpf_here(SECTION))
		return;
	for (i = 0; i < N; i++) {
		if (!needed((int)i))
			continue;
		cost[i] = series_new(SECTION, setups[i].name, "ns");
		some[n] = cost[i];
		c[n++] = contender_new(&setups[i]);
	}
	alternate(c, some, NULL, n);
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (cost[pairs[i].a] && cost[pairs[i].b])
			series_compare(cost[pairs[i].a], cost[pairs[i].b]);
	say_targets(cost);
	while (n)
		contender_free(c[--n]);
}

/* --- by size ---------------------------------------------------------------------- */

static const struct {
	const char *curve;
	const char *program;
	enum policy policy;
} curves[] = {
	{ "ring", "ours", BATCH },
	{ "BPF ring buffer, reserve", "rb", BATCH },
	{ "BPF ring buffer, output", "rb_output", BATCH },
	{ "perf buffer", "perf", BATCH },
	{ "plain stores", "plain", NOBODY },
};

#define NR_CURVES (sizeof(curves) / sizeof(curves[0]))

/* Cost and rate of records of one size. */
static void one_size(uint32_t len)
{
	struct series *cost[NR_CURVES], *rate[NR_CURVES];
	struct contender *c[NR_CURVES];
	struct setup setup;
	double best;
	unsigned int i;

	for (i = 0; i < NR_CURVES; i++) {
		setup = (struct setup) {
			.name = keep("%s, %u B", curves[i].curve, len),
			.program = curves[i].program,
			.len = len,
			.policy = curves[i].policy,
			.readers = curves[i].policy == NOBODY ? 0 : 1,
		};
		c[i] = contender_new(&setup);
		cost[i] = series_new("bpf-size", setup.name, "ns");
		series_point(cost[i], "bpf-cost", curves[i].curve, len);
		rate[i] = NULL;
		if (!setup.readers)
			continue;
		rate[i] = series_new("bpf-size", keep("%s, delivered", setup.name), "M/s");
		series_point(rate[i], "bpf-rate", curves[i].curve, len);
		if (i)
			series_compare(rate[i], rate[0]);
	}
	alternate(c, cost, rate, NR_CURVES);
	best = series_median(rate[1]);
	for (i = 2; i < 4; i++)
		if (series_median(rate[i]) > best)
			best = series_median(rate[i]);
	target("bpf-size", keep("%u bytes flat out, delivered, to the best of the others", len),
	       series_median(rate[0]) / best, "x", AT_LEAST, len == 32 ? 2.5 : 1);
	for (i = 0; i < NR_CURVES; i++)
		contender_free(c[i]);
}

void bench_bpf_size(void)
{
	static const uint32_t all[] = { 16, 32, 64, 128, 256, 1024, 4096 };
	static const uint32_t few[] = { 32, 1024 };
	const uint32_t *sizes = opt.quick ? few : all;
	unsigned int i, nr = opt.quick ? 2 : sizeof(all) / sizeof(all[0]);

	section_describe("bpf-size", "Records of other sizes from a BPF program",
			 "No clock, one batching reader, the writer flat out. Up to 64 bytes the "
			 "program makes the payload where it goes; up to 256 it copies it in "
			 "line, beyond by a helper of the kernel's.");
	plot_describe("bpf-size", "bpf-cost", "Cost of a record to a BPF program", "payload, bytes",
		      "ns", PLOT_LOG_X | PLOT_LOG_Y);
	plot_describe("bpf-size", "bpf-rate", "Delivered to one reader", "payload, bytes",
		      "records per microsecond", PLOT_LOG_X | PLOT_LOG_Y);
	if (!bpf_here("bpf-size"))
		return;
	for (i = 0; i < nr; i++)
		one_size(sizes[i]);
}
