// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of a record to a BPF program, the rates to user space, and many readers, beside
 * the BPF ring buffer and the perf buffer, and beside limits for all of them.
 */
#include <libring/bpf.h>
#include <malloc.h>

#include "../kinds.h"
#include "bpf.h"

#define MEM_READERS  32u
#define STEPS	     8u	  /* steps of the search for the lossless rate */
#define PACED_BURST  100u /* records in a burst, for a million a second */
#define PACED_GAP_NS 1000 /* average time from one record to the next */
#define EVER	     UINT32_MAX
#define SPIN_NS	     1 /* too short a rest to matter */

#define VARIANT(...) (&(const struct bpf_variant) { __VA_ARGS__ })

static const struct stream_round batching = { .rest_ns = REST_NS };

static void run(const char *section, const struct row *rows, unsigned int nr)
{
	table_run(&(struct table) { section, rows, nr, .len = 32, .round = batching });
}

static const struct row cost_rows[] = {
	{ "nothing, the loop alone", &kind_bpf, VARIANT("nothing"), .nobody = true,
	  .full_only = true },
	{ "clock alone", &kind_bpf, VARIANT("clock", BENCH_FINE), .nobody = true,
	  .full_only = true },
	{ "coarse clock alone", &kind_bpf, VARIANT("clock", BENCH_COARSE), .nobody = true,
	  .full_only = true },
	{ "plain stores", &kind_bpf, VARIANT("plain"), .nobody = true },
	{ "plain stores to the CPU's own memory, guarded", &kind_bpf, VARIANT("guarded"),
	  .nobody = true },
	{ "ring, nobody reads", &kind_bpf, VARIANT("ours"), .nobody = true },
	{ "ring, without the look for sleepers", &kind_bpf, VARIANT("unchecked"), .nobody = true,
	  .full_only = true },
	{ "ring, somebody sleeps on and on", &kind_bpf, VARIANT("ours", .wake_records = EVER),
	  .sleeps = true, .full_only = true },
	{ "ring, a batching reader, another sleeps", &kind_bpf, VARIANT("ours", .wake_records = 1),
	  .full_only = true },
	{ "ring, coarse clock, nobody reads", &kind_bpf, VARIANT("ours", BENCH_COARSE),
	  .nobody = true, .full_only = true },
	{ "ring, clock, nobody reads", &kind_bpf, VARIANT("ours", BENCH_FINE), .nobody = true,
	  .full_only = true },
	{ "BPF ring buffer, nobody reads: drops", &kind_bpf, VARIANT("rb"), .nobody = true,
	  .full_only = true },
	{ "BPF ring buffer, output, nobody reads: drops", &kind_bpf, VARIANT("rb_output"),
	  .nobody = true, .full_only = true },
	{ "perf buffer, nobody has it open: drops", &kind_bpf, VARIANT("perf"), .nobody = true,
	  .full_only = true },
	{ "ring, a batching reader", &kind_bpf, VARIANT("ours") },
	{ "BPF ring buffer, a batching reader", &kind_bpf, VARIANT("rb") },
	{ "BPF ring buffer, output, a batching reader", &kind_bpf, VARIANT("rb_output"),
	  .full_only = true },
	{ "perf buffer, a batching reader", &kind_bpf, VARIANT("perf"), .full_only = true },
	{ "ring, coarse clock, a batching reader", &kind_bpf, VARIANT("ours", BENCH_COARSE) },
	{ "BPF ring buffer, coarse clock, a batching reader", &kind_bpf,
	  VARIANT("rb", BENCH_COARSE) },
	{ "ring, clock, a batching reader", &kind_bpf, VARIANT("ours", BENCH_FINE) },
	{ "BPF ring buffer, clock, a batching reader", &kind_bpf, VARIANT("rb", BENCH_FINE) },
	{ "ring, clock, a spinning reader", &kind_bpf, VARIANT("ours", BENCH_FINE),
	  .rest_ns = SPIN_NS },
	{ "BPF ring buffer, clock, a spinning reader", &kind_bpf, VARIANT("rb", BENCH_FINE),
	  .rest_ns = SPIN_NS },
};

void case_bpf(void)
{
	if (bpf_here("bpf"))
		run("bpf", cost_rows, NR(cost_rows));
}

/* Cost and rate of records of one size. */
static const struct row size_rows[] = {
	{ "ring", &kind_bpf, VARIANT("ours") },
	{ "BPF ring buffer, reserve", &kind_bpf, VARIANT("rb") },
	{ "BPF ring buffer, output", &kind_bpf, VARIANT("rb_output") },
	{ "perf buffer", &kind_bpf, VARIANT("perf") },
	{ "plain stores", &kind_bpf, VARIANT("plain"), .nobody = true },
};

static void one_size(uint32_t len)
{
	table_run(&(struct table) { "bpf-size", size_rows, NR(size_rows), keep(", %u B", len), len,
				    .round = batching });
}

void case_bpf_size(void)
{
	static const uint32_t sizes[] = { 16, 32, 64, 128, 256, 1024, 4096 };
	unsigned int i;

	if (!bpf_here("bpf-size"))
		return;
	for (i = 0; i < NR(sizes); i++)
		if (!opt.quick || sizes[i] == 32 || sizes[i] == 1024)
			one_size(sizes[i]);
}

/*
 * A contender that lost its core for a moment, even to the host, loses records because of
 * that. A contender that is too slow loses some in every try.
 */
static bool loses(struct row_contender *c)
{
	unsigned int i;

	for (i = 0; i < BENCH_TRIES; i++) {
		stream_run(c->s, &c->round);
		if (!c->round.lost)
			return false;
	}
	return true;
}

/* Finds the highest rate without loss, to within a few percent. */
static double lossless_rate(struct row_contender *c)
{
	struct stream_round *r = &c->round;
	double low = 0, high, best = 0;
	unsigned int i;

	r->gap_ns = 0;
	r->chunk = 0;
	if (!loses(c))
		return r->rate;
	r->chunk = 512;
	high = 1e3 / r->rate;
	for (i = 0; i < 10 && best == 0; i++) {
		r->gap_ns = high;
		if (!loses(c))
			best = r->rate;
		else
			high *= 2;
	}
	for (i = 0; i < STEPS && best > 0; i++) {
		r->gap_ns = (low + high) / 2;
		if (loses(c)) {
			low = r->gap_ns;
		} else {
			high = r->gap_ns;
			best = r->rate;
		}
	}
	return best;
}

static bool lossless_round(struct row_contender *c)
{
	contender_set(&c->c, "payload_bytes", c->s->len);
	contender_set(&c->c, "lossless_per_us", lossless_rate(c));
	return false;
}

/* The contenders of the table are those of size_rows[] that have a reader. */
static void each_buffer(struct table t, bool (*own_round)(struct row_contender *c), uint32_t wake)
{
	struct bpf_variant v[NR(size_rows) - 1];
	struct row rows[NR(v)];
	unsigned int i;

	for (i = 0; i < NR(rows); i++) {
		v[i] = *(const struct bpf_variant *)size_rows[i].variant;
		v[i].wake_records = wake;
		rows[i] = size_rows[i];
		rows[i].variant = &v[i];
		rows[i].own_round = own_round;
	}
	t.rows = rows;
	t.nr = NR(rows);
	table_run(&t);
}

static void rates(uint32_t len)
{
	struct table t = { "bpf-rate", .len = len, .rounds = opt.rounds / 5 + 1,
			   .round = batching };

	t.suffix = keep(", %u B", len);
	each_buffer(t, lossless_round, 0);
	t.suffix = keep(" flat out, %u B", len);
	each_buffer(t, NULL, 0);
}

/* A million records a second to a reader that sleeps until @wake of them are unread. */
static void costs(uint32_t wake)
{
	const struct stream_round pace = {
		.sleeps = true,
		.chunk = PACED_BURST,
		.gap_ns = PACED_GAP_NS,
	};

	each_buffer((struct table) { "bpf-rate", .suffix = keep(", 32 B, wake for %u", wake),
				     .len = 32, .round = pace },
		    NULL, wake);
}

void case_bpf_rate(void)
{
	static const uint32_t sizes[] = { 32, 16, 256, 1024, 4096 };
	unsigned int i;

	if (!bpf_here("bpf-rate"))
		return;
	for (i = 0; i < (opt.quick ? 1 : NR(sizes)); i++)
		rates(sizes[i]);
	if (opt.quick)
		return;
	costs(1);
	costs(100);
	costs(1000);
}

/* Measures the memory of another reader of libring, in a thread that does not sleep. */
static void memory(struct row_contender *const *c)
{
	const struct bpf *b = c[0]->s->impl;
	struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	struct contender readers = { .name = "further readers" };
	struct ring_reader *r[MEM_READERS + 1];
	struct mallinfo2 before = { 0 }, after;
	struct ring_fds fds;
	unsigned int i;

	if (ring_bpf_fds(b->ring, &fds))
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
	contender_set(&readers, "nr", MEM_READERS);
	contender_set(&readers, "memory_bytes",
		      (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd));
	emit_sample("bpf-fan", &readers, 0, false);
}

/* By default libring wakes a reader when half the ring is unread. */
#define HALF_A_RING (RING_LARGE / 2 / 56)

/* @quick: the numbers of readers, powers of two, that a quick run has: those of the targets */
static const struct {
	const char *name;
	struct bpf_variant variant;
	bool sleeps;
	unsigned int quick;
} fans[] = {
	{ "ring, batching", { "ours", BENCH_FINE }, .quick = 1 | 8 | 64 },
	{ "ring, sleeping", { "ours", BENCH_FINE, HALF_A_RING }, .sleeps = true, .quick = 1 | 64 },
	{ "a BPF ring buffer each", { "fan", BENCH_FINE }, .quick = 8 },
	{ "one BPF ring buffer, passed on by pipes", { "rb", BENCH_FINE, 0, BY_PIPES } },
	{ "one BPF ring buffer, passed on by copies", { "rb", BENCH_FINE, 0, BY_MEMORY } },
};

void case_bpf_fan(void)
{
	static const unsigned int readers[] = { 1, 2, 4, 8, 16, 64 };
	struct row rows[NR(readers) * NR(fans)];
	unsigned int i, k, nr;

	if (!bpf_here("bpf-fan"))
		return;
	for (i = 0; i < NR(rows); i++) {
		k = i % NR(fans);
		nr = readers[i / NR(fans)];
		rows[i] = (struct row) {
			.name = keep("%s, %u", fans[k].name, nr),
			.kind = &kind_bpf,
			.variant = &fans[k].variant,
			.readers = nr,
			.sleeps = fans[k].sleeps,
			.threads = fans[k].sleeps,
			.full_only = !(fans[k].quick & nr),
		};
	}
	table_run(&(struct table) { "bpf-fan", rows, NR(rows), .len = 32, .round = batching,
				    .after = memory });
}

static const struct row wake_rows[] = {
	{ "ring, clock, sleeper wants each", &kind_bpf, VARIANT("ours", BENCH_FINE, 1) },
	{ "BPF ring buffer, clock, wakes for each", &kind_bpf, VARIANT("rb", BENCH_FINE, 1) },
	{ "ring, clock, sleeper wants 100", &kind_bpf, VARIANT("ours", BENCH_FINE, 100) },
	{ "BPF ring buffer, clock, wakes every 100", &kind_bpf, VARIANT("rb", BENCH_FINE, 100) },
	{ "ring, clock, sleeper wants 1000", &kind_bpf, VARIANT("ours", BENCH_FINE, 1000) },
	{ "BPF ring buffer, clock, wakes every 1000", &kind_bpf, VARIANT("rb", BENCH_FINE, 1000) },
};

void case_bpf_wake(void)
{
	if (bpf_here("bpf-wake"))
		table_run(&(struct table) { "bpf-wake", wake_rows, NR(wake_rows), .len = 32,
					    .round = { .sleeps = true } });
}
