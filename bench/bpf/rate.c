// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a BPF program to one reader: how many records a second come through without
 * loss, how many when the writer does not care, and what that costs both sides.
 */
#include "contender.h"

#define SECTION	   "bpf-rate"
#define BURST	   512u
#define STEPS	   8u
#define CALM_GAP   100000u /* between bursts of CALM_BURST: a million a second */
#define CALM_BURST 100u

static const struct {
	const char *name;
	const char *program;
} kinds[] = {
	{ "ring", "ours" },
	{ "BPF ring buffer, reserve", "rb" },
	{ "BPF ring buffer, output", "rb_output" },
	{ "perf buffer", "perf" },
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/*
 * Whose core was taken for a moment, by the host even, loses for that. Who is too slow
 * loses each time.
 */
static bool loses(struct contender *c)
{
	uint64_t before;
	unsigned int i;

	for (i = 0; i < BENCH_TRIES; i++) {
		before = c->lost_in_all;
		contender_round(c);
		if (c->lost_in_all == before)
			return false;
	}
	return true;
}

/* The highest rate, to within a few percent, at which nothing is lost. */
static double lossless(struct contender *c)
{
	uint64_t low = 0, high, mid;
	double best = 0;
	unsigned int i;

	c->gap_ns = 0;
	if (!loses(c))
		return c->rate;
	c->burst = BURST;
	high = (uint64_t)(1e3 * BURST / c->rate);
	for (i = 0; i < 10; i++, high *= 2) {
		c->gap_ns = high;
		if (!loses(c)) {
			best = c->rate;
			break;
		}
	}
	for (i = 0; i < STEPS && best > 0; i++) {
		mid = (low + high) / 2;
		c->gap_ns = mid;
		if (loses(c)) {
			low = mid;
		} else {
			high = mid;
			best = c->rate;
		}
	}
	c->gap_ns = 0;
	return best;
}

static void one_size(uint32_t len)
{
	struct series *safe[NR_KINDS], *flat[NR_KINDS];
	struct contender *c[NR_KINDS];
	double ratio, worst = 0;
	unsigned int i, k, rounds = opt.rounds / 5 + 1;
	struct setup setup;
	bool clean;

	for (k = 0; k < NR_KINDS; k++) {
		setup = (struct setup) {
			.name = keep("%s, %u B", kinds[k].name, len),
			.program = kinds[k].program,
			.len = len,
			.policy = BATCH,
			.readers = 1,
		};
		c[k] = contender_new(&setup);
		contender_warm_up(c[k]);
		safe[k] = series_new(SECTION, keep("%s, lossless", setup.name), "M/s");
		flat[k] = series_new(SECTION, keep("%s, delivered flat out", setup.name), "M/s");
		if (!k)
			continue;
		series_compare(safe[k], safe[0]);
		series_compare(flat[k], flat[0]);
	}
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < NR_KINDS; k++)
			series_add(safe[k], lossless(c[k]), false);
		for (k = 0; k < NR_KINDS; k++) {
			uint64_t lost = c[k]->lost_in_all, all = c[k]->published_in_all;

			clean = undisturbed(contender_round, c[k]);
			series_add(flat[k], c[k]->delivered, !clean);
			series_account(flat[k], c[k]->published_in_all - all,
				       c[k]->lost_in_all - lost);
		}
	}
	for (k = 1; k < NR_KINDS; k++) {
		ratio = series_ratio(safe[k], safe[0]);
		if (ratio > worst)
			worst = ratio;
	}
	target(SECTION, keep("%u bytes, lossless rate, to the BPF ring buffer", len),
	       series_ratio(safe[0], safe[1]), "x", AT_LEAST, len == 32 ? 2.5 : 1);
	target(SECTION, keep("%u bytes, lossless rate, to the best of the others", len), 1 / worst,
	       "x", AT_LEAST, 1);
	for (k = 0; k < NR_KINDS; k++)
		contender_free(c[k]);
}

/* A million records a second to a reader that sleeps until there are so many. */
static void costs(uint32_t wake_records)
{
	struct series *writer[NR_KINDS], *reader[NR_KINDS], *switches[NR_KINDS];
	struct contender *c[NR_KINDS];
	struct setup setup;
	unsigned int i, k;
	bool clean;

	for (k = 0; k < NR_KINDS; k++) {
		setup = (struct setup) {
			.name = keep("%s, 32 B, wake for %u", kinds[k].name, wake_records),
			.program = kinds[k].program,
			.len = 32,
			.policy = SLEEP,
			.readers = 1,
			.wake_records = wake_records,
		};
		c[k] = contender_new(&setup);
		c[k]->gap_ns = CALM_GAP;
		c[k]->burst = CALM_BURST;
		writer[k] = series_new(SECTION, keep("%s, writer", setup.name), "ns");
		reader[k] = series_new(SECTION, keep("%s, reader's CPU time", setup.name), "ns");
		switches[k] = series_new(SECTION, keep("%s, sleeps per 1000", setup.name), "");
		if (k) {
			series_compare(writer[k], writer[0]);
			series_compare(reader[k], reader[0]);
		}
		contender_warm_up(c[k]);
	}
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < NR_KINDS; k++) {
			clean = undisturbed(contender_round, c[k]);
			series_add(writer[k], c[k]->writer_ns, !clean);
			series_add(reader[k], c[k]->reader_ns, !clean);
			series_add(switches[k], c[k]->switches, !clean);
		}
	}
	for (k = 0; k < NR_KINDS; k++) {
		series_account(writer[k], c[k]->published_in_all, c[k]->lost_in_all);
		contender_free(c[k]);
	}
}

void bench_bpf_rate(void)
{
	section_describe(SECTION, "Kernel to user: rates, and what they cost",
			 "One batching reader, no clock; in a round the fast ones go round their "
			 "ring or buffer of 32 MiB several times. Lossless is the highest rate, "
			 "found by halving the pause between bursts of 512, at which one of three "
			 "rounds lost nothing. Flat out the writer does not care; a contender that "
			 "drops is not faster for it. The costs are those of a million records a "
			 "second, in bursts of 100, to a reader that sleeps until so many have "
			 "come.");
	if (!bpf_here(SECTION))
		return;
	one_size(32);
	if (opt.quick)
		return;
	one_size(16);
	one_size(256);
	one_size(1024);
	one_size(4096);
	costs(1);
	costs(100);
	costs(1000);
}
