// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user process publishes to another: the ring in a memfd beside its alternatives. A
 * reader that spins is compared with readers that spin, one that sleeps with sleepers.
 */
#include "../peers/peers.h"
#include "kinds.h"

#define BURST_GAP_NS 20000u
#define SPIN_GAP_NS  5000u  /* the slowest of the readers that spin keeps up */
#define SLEEP_GAP_NS 60000u /* the reader is asleep again */
#define SLEEP_ROUNDS 4u	    /* times as long, because so few records go out */
#define FAN	     8u

static const struct stream_round bursts = { .mode = STREAM_BURSTS, .gap_ns = BURST_GAP_NS };

/*
 * The first row of each table is ours. Readers of queues that would fill up do not rest.
 * The last two rows are limits of the rate.
 */
static const struct row spinners[] = {
	{ "ring", &kind_ring, .paced = true, .rest_ns = REST_NS },
	{ "ck_ring, SPSC", &kind_ck_spsc, .rest_ns = REST_NS },
	{ "ck_ring, SPMC", &kind_ck_spmc, .rest_ns = REST_NS },
	{ "iceoryx", &kind_iceoryx },
	{ "ring of 4 MiB, overrun", &kind_ring, .size = RING_CACHED, .rest_ns = REST_NS },
	{ "memcpy, nobody reads", &kind_copy, .nobody = true },
};

static const struct row sleepers[] = {
	{ "libring", &kind_library, .sleeps = true, .paced = true },
	{ "iceoryx, wait set", &kind_iceoryx, .sleeps = true },
	{ "pipe", &kind_pipe, .sleeps = true },
	{ "Unix datagrams", &kind_datagram, .sleeps = true },
	{ "POSIX message queue", &kind_mqueue, .sleeps = true },
};

static const struct row batchers[] = {
	{ "libring, 64 in a batch", &kind_library, &library_wake_64, .sleeps = true,
	  .paced = true },
	{ "pipe, 64 in a write", &kind_pipe, &channel_group, .sleeps = true },
	{ "Unix datagrams, 64 in a sendmmsg", &kind_datagram, &channel_group, .sleeps = true },
};

/* @limits: rows at the end that have no cost */
static const struct {
	const struct row *rows;
	unsigned int nr;
	unsigned int limits;
} tables[] = {
	{ spinners, NR(spinners), 2 },
	{ sleepers, NR(sleepers), 0 },
	{ batchers, NR(batchers), 0 },
};

/* Flat out for the rate, and in bursts for the cost. */
static void rate_and_cost(unsigned int t, uint32_t len)
{
	struct table table = {
		.section = "peers-rate",
		.rows = tables[t].rows,
		.nr = tables[t].nr,
		.len = len,
		.suffix = keep(", %s", size_text(len)),
		.rounds = few_rounds(),
	};

	table_run(&table);
	if (opt.quick && len > 32)
		return;
	table.section = "peers-cost";
	table.nr -= tables[t].limits;
	table.round = bursts;
	table_run(&table);
}

static void latency(const struct row *rows, unsigned int nr, const char *suffix, double gap_ns,
		    unsigned int rounds_long)
{
	const struct table table = {
		.section = "peers-latency",
		.rows = rows,
		.nr = nr,
		.len = 32,
		.suffix = suffix,
		.rounds = few_rounds(),
		.round = {
			.mode = STREAM_SPACED,
			.ns = rounds_long * opt.round_ms * MS,
			.gap_ns = gap_ns,
			.spread_ns = gap_ns / 2,
		},
	};

	table_run(&table);
}

static void latencies(void)
{
	static const struct row spin[] = {
		{ "ring", &kind_ring_eager },	      { "libring", &kind_library, &library_eager },
		{ "ck_ring, SPSC", &kind_ck_spsc },   { "ck_ring, SPMC", &kind_ck_spmc },
		{ "iceoryx", &kind_iceoryx },	      { "pipe", &kind_pipe },
		{ "Unix datagrams", &kind_datagram }, { "POSIX message queue", &kind_mqueue },
	};
	static const struct row sleep[] = {
		{ "libring, full fence", &kind_library, &library_full_fence, .sleeps = true },
		{ "libring", &kind_library, .sleeps = true },
		{ "iceoryx", &kind_iceoryx, .sleeps = true },
		{ "pipe", &kind_pipe, .sleeps = true },
		{ "Unix datagrams", &kind_datagram, .sleeps = true },
		{ "POSIX message queue", &kind_mqueue, .sleeps = true },
	};

	latency(spin, NR(spin), ", reader spins", SPIN_GAP_NS, 1);
	latency(sleep, NR(sleep), ", reader sleeps", SLEEP_GAP_NS, SLEEP_ROUNDS);
}

static void fan_out(void)
{
	static const struct row rows[] = {
		{ "one ring, eight readers", &kind_ring, .size = RING_CACHED, .readers = FAN,
		  .rest_ns = REST_NS },
		{ "eight ck_rings, a reader each", &kind_ck_spsc, .size = RING_CACHED,
		  .readers = FAN, .rest_ns = REST_NS },
	};

	table_run(&(struct table) { "peers-fan", rows, NR(rows), .len = 32, .rounds = few_rounds(),
				    .round = bursts });
}

static void lttng(void)
{
	static const struct row rows[][2] = {
		{ { "ring, clock, nobody reads, 32 B", &kind_ring, .len = 32, .nobody = true,
		    .stamped = true },
		  { "LTTng-UST, overwriting, 32 B", &kind_lttng, &lttng_small, .len = 32,
		    .nobody = true } },
		{ { "ring, clock, nobody reads, 1 KiB", &kind_ring, .len = 1024, .nobody = true,
		    .stamped = true },
		  { "LTTng-UST, overwriting, 1 KiB", &kind_lttng, &lttng_large, .len = 1024,
		    .nobody = true } },
		{ { "libring, clock, wakes for 1 MiB, 32 B", &kind_library, &library_wake_mib,
		    .len = 32, .sleeps = true, .stamped = true },
		  { "LTTng-UST, consumer writes a file, 32 B", &kind_lttng, &lttng_live, .len = 32,
		    .nobody = true } },
	};
	unsigned int i;

	for (i = 0; i < NR(rows); i++)
		table_run(&(struct table) { "peers-lttng", rows[i], 2, .rounds = few_rounds(),
					    .round = bursts });
}

void case_peers(void)
{
	unsigned int t;

	for (t = 0; t < NR(tables); t++) {
		rate_and_cost(t, 32);
		rate_and_cost(t, 1024);
	}
	latencies();
	fan_out();
	lttng();
	helpers_stop();
}
