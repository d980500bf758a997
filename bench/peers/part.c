// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user process publishes to another: the ring in a memfd beside what else there
 * is. Who spins is compared with who spins, who sleeps with who sleeps.
 */
#include <stdlib.h>

#include "../bench.h"
#include "peers.h"

#define REST_NS	      20000u /* as in reader.c: it serves the contenders as well */
#define BURST_GAP_NS  20000u
#define SPIN_GAP_NS   5000u  /* the slowest of those that spin keeps up */
#define SLEEP_GAP_NS  60000u /* the reader is asleep again */
#define SLEEP_ROUNDS  4u     /* times as long: so few records go out */
#define WARM_UP_NS    5000000u
#define WARM_UPS_MAX  100u
#define QUICK_ROUNDS  5u /* there are many contenders */
#define PACE_TRIES    10u
#define PACE_DELIVERS 0.95 /* of what is published has been read when the writer stops */

enum where { HERE, ICEORYX, LTTNG };

/*
 * @rest_ns: 0 for queues so short that they would fill up
 * @paced:   the writer goes as fast as loses nothing
 * @cached:  a ring that the caches hold
 */
struct row {
	const char *name;
	bool ours;
	const struct stream_kind *kind;
	enum where where;
	bool sleeps;
	bool nobody;
	bool stamped;
	bool paced;
	bool cached;
	uint32_t rest_ns;
	uint32_t far_kind;
};

struct contender {
	const struct row *row;
	struct stream *stream;
	uint32_t far_stream;
	struct peer_round round;
	struct series *series;
	struct series *more;
};

static struct {
	struct far *far;
	bool tried;
} helpers[LTTNG + 1];

/* What there is of iceoryx or LTTng; says so in @section when there is none. */
static struct far *helper(enum where where, const char *section)
{
	const char *why = NULL;

	if (!helpers[where].tried) {
		helpers[where].tried = true;
		helpers[where].far = where == ICEORYX ?
					     far_start("ringbench-iceoryx",
						       "libiceoryx-binding-c-dev", &why) :
					     far_start("ringbench-lttng", "liblttng-ust-dev", &why);
		if (!helpers[where].far)
			note(section, "SKIPPED: %s: %s", where == ICEORYX ? "iceoryx" : "LTTng-UST",
			     why);
	}
	return helpers[where].far;
}

static void stop_helpers(void)
{
	unsigned int i;

	for (i = 0; i <= LTTNG; i++) {
		if (helpers[i].far)
			far_stop(helpers[i].far);
		helpers[i].far = NULL;
		helpers[i].tried = false;
	}
}

/* NULL: it cannot run here; the section says why. */
static struct contender *contender_new(const struct row *row, uint32_t len, const char *section)
{
	struct far_request q = { .command = FAR_OPEN, .kind = row->far_kind, .len = len };
	struct contender *c;
	struct far_answer a;

	if (row->where == HERE && row->kind->missing) {
		note(section, "SKIPPED: %s: %s", row->name, row->kind->missing);
		return NULL;
	}
	if (row->where != HERE && !helper(row->where, section))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		fail("no memory");
	c->row = row;
	if (row->where == HERE) {
		c->stream = stream_new(row->kind, ring_size(row->cached ? RING_CACHED : RING_LARGE),
				       len, row->stamped);
		return c;
	}
	far_ask(helpers[row->where].far, &q, &a);
	c->far_stream = a.stream;
	return c;
}

static void run_once(struct contender *c)
{
	struct far_request q = { .command = FAR_RUN, .stream = c->far_stream, .round = c->round };
	struct far_answer a;

	if (c->stream) {
		peer_run(c->stream, &c->round);
		return;
	}
	far_ask(helpers[c->row->where].far, &q, &a);
	c->round = a.round;
}

static bool kept_up(const struct peer_round *r)
{
	return !r->lost && r->delivered * r->writer_ns / 1e3 >= PACE_DELIVERS;
}

/*
 * Flat out, if that loses nothing. Else from the pace on that the reader could keep,
 * more slowly until it does. A round that something disturbed must lose nothing either;
 * when there is no such pace, nothing counts as delivered.
 */
static void run_paced(struct contender *c)
{
	double pace_ns = 0;
	unsigned int i;

	for (i = 0; i < PACE_TRIES; i++) {
		c->round.gap_ns = pace_ns;
		run_once(c);
		if (!c->round.lost && (c->round.disturbed || kept_up(&c->round)))
			return;
		if (i)
			pace_ns *= 1.1;
		else
			pace_ns = c->round.delivered > 0 ? 1e3 / c->round.delivered :
							   c->round.writer_ns;
	}
	c->round.disturbed = 1;
	if (c->round.lost)
		c->round.delivered = 0;
}

/* For undisturbed(). */
static bool run_round(void *arg)
{
	struct contender *c = arg;

	if (c->row->paced && c->round.mode == PEER_FLAT_OUT)
		run_paced(c);
	else
		run_once(c);
	return c->round.disturbed;
}

static void prepare(struct contender *c, enum peer_mode mode)
{
	static const uint64_t gaps[] = {
		[PEER_FLAT_OUT] = 0,
		[PEER_BURSTS] = BURST_GAP_NS,
		[PEER_SPACED] = SPIN_GAP_NS,
	};

	c->round = (struct peer_round) {
		.mode = mode,
		.nobody = c->row->nobody,
		.sleeps = c->row->sleeps,
		.rest_ns = c->row->rest_ns,
		.ns = opt.round_ms * 1000000ull,
		.gap_ns = (double)gaps[mode],
	};
	if (mode == PEER_SPACED && c->row->sleeps) {
		c->round.gap_ns = SLEEP_GAP_NS;
		c->round.ns *= SLEEP_ROUNDS;
	}
}

/* The figure that a round of this mode is for. */
static double figure(const struct contender *c)
{
	switch (c->round.mode) {
	case PEER_BURSTS:
		return c->round.writer_ns;
	case PEER_SPACED:
		return c->round.p50_ns;
	default:
		return c->round.nobody ? 1e3 / c->round.writer_ns : c->round.delivered;
	}
}

/*
 * A ring goes round once before anything counts: its pages are touched then. Others
 * have theirs from the start, or after a few records.
 */
static void warm_up(struct contender *c)
{
	uint64_t lap = c->row->ours ? c->stream->size / (c->stream->len + 24) : 0;
	struct peer_round wanted = c->round;
	unsigned int i = 0;

	c->round.mode = PEER_FLAT_OUT;
	c->round.gap_ns = 0;
	c->round.ns = WARM_UP_NS;
	do {
		run_once(c);
	} while (lap && c->stream->seq < lap && ++i < WARM_UPS_MAX);
	c->round = wanted;
}

/* All contenders in each round; those that are NULL are not there. */
static void alternate(struct contender **all, unsigned int n, enum peer_mode mode)
{
	unsigned int rounds = opt.quick && opt.rounds > QUICK_ROUNDS ? QUICK_ROUNDS : opt.rounds;
	struct contender *c;
	unsigned int i, k;
	bool clean;

	for (k = 0; k < n; k++) {
		if (!all[k])
			continue;
		prepare(all[k], mode);
		warm_up(all[k]);
	}
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < n; k++) {
			c = all[k];
			if (!c)
				continue;
			clean = undisturbed(run_round, c);
			series_add(c->series, figure(c), !clean);
			if (c->more)
				series_add(c->more, c->round.p99_ns, !clean);
			if (c->round.readers)
				series_account(c->series, c->round.published * c->round.readers,
					       c->round.lost);
		}
	}
}

/* The first is ours, and what the others are compared with. */
static void compare(struct contender **all, unsigned int n)
{
	unsigned int k;

	for (k = 1; k < n; k++)
		if (all[0] && all[k])
			series_compare(all[k]->series, all[0]->series);
}

/* Ours has to be ahead of each peer. */
static void ahead(const char *section, struct contender **all, unsigned int n, const char *what,
		  enum bound bound)
{
	unsigned int k;

	for (k = 1; k < n; k++)
		if (all[0] && all[k] && !all[k]->row->ours && all[k]->row->kind != &stream_copy)
			target(section, keep("%s: ours to %s", what, all[k]->row->name),
			       series_ratio(all[0]->series, all[k]->series), "x", bound, 1);
}

/* The first of each table is what the others are compared with. */
static const struct row spinners[] = {
	{ .name = "ring", .ours = true, .kind = &stream_ring, .paced = true, .rest_ns = REST_NS },
	{ .name = "ck_ring, SPSC", .kind = &stream_ck_spsc, .rest_ns = REST_NS },
	{ .name = "ck_ring, SPMC", .kind = &stream_ck_spmc, .rest_ns = REST_NS },
	{ .name = "iceoryx", .where = ICEORYX },
	{ .name = "ring of 4 MiB, overrun",
	  .ours = true,
	  .kind = &stream_ring,
	  .cached = true,
	  .rest_ns = REST_NS },
	{ .name = "memcpy, nobody reads", .kind = &stream_copy, .nobody = true },
};

static const struct row sleepers[] = {
	{ .name = "libring", .ours = true, .kind = &stream_library, .sleeps = true, .paced = true },
	{ .name = "iceoryx, wait set", .where = ICEORYX, .sleeps = true },
	{ .name = "pipe", .kind = &stream_pipe, .sleeps = true },
	{ .name = "Unix datagrams", .kind = &stream_datagram, .sleeps = true },
	{ .name = "POSIX message queue", .kind = &stream_mqueue, .sleeps = true },
};

static const struct row batchers[] = {
	{ .name = "libring, 64 in a batch",
	  .ours = true,
	  .kind = &stream_library_64,
	  .sleeps = true,
	  .paced = true },
	{ .name = "pipe, 64 in a write", .kind = &stream_pipe_batch, .sleeps = true },
	{ .name = "Unix datagrams, 64 in a sendmmsg",
	  .kind = &stream_datagram_batch,
	  .sleeps = true },
};

static const struct {
	const struct row *rows;
	unsigned int nr;
	const char *reader;
} tables[] = {
	{ spinners, sizeof(spinners) / sizeof(spinners[0]), "spins" },
	{ sleepers, sizeof(sleepers) / sizeof(sleepers[0]), "sleeps" },
	{ batchers, sizeof(batchers) / sizeof(batchers[0]), "sleeps for 64" },
};

#define NR_TABLES (sizeof(tables) / sizeof(tables[0]))
#define NR_MAX	  16u

/* Flat out for the rate, and in bursts for the cost. */
static void rate_and_cost(unsigned int t, uint32_t len, const char *size)
{
	const struct row *rows = tables[t].rows;
	unsigned int k, n = tables[t].nr;
	struct contender *c[NR_MAX];

	for (k = 0; k < n; k++) {
		c[k] = contender_new(&rows[k], len, "peers-rate");
		if (c[k])
			c[k]->series = series_new("peers-rate", keep("%s, %s", rows[k].name, size),
						  "M/s");
	}
	alternate(c, n, PEER_FLAT_OUT);
	compare(c, n);
	ahead("peers-rate", c, n, keep("rate, %s, reader %s", size, tables[t].reader), AT_LEAST);
	if (opt.quick && len > 32)
		return;
	for (k = 0; k < n; k++) {
		if (rows[k].nobody || rows[k].cached)
			c[k] = NULL;
		if (c[k])
			c[k]->series = series_new("peers-cost", keep("%s, %s", rows[k].name, size),
						  "ns");
	}
	alternate(c, n, PEER_BURSTS);
	compare(c, n);
}

static void latency(const struct row *rows, unsigned int n, const char *who)
{
	struct contender *c[NR_MAX];
	unsigned int k;

	for (k = 0; k < n; k++) {
		c[k] = contender_new(&rows[k], 32, "peers-latency");
		if (!c[k])
			continue;
		c[k]->series = series_new("peers-latency",
					  keep("%s, reader %s, p50", rows[k].name, who), "ns");
		c[k]->more = series_new("peers-latency", "  p99", "ns");
	}
	alternate(c, n, PEER_SPACED);
	compare(c, n);
	ahead("peers-latency", c, n, keep("median latency, reader %s", who), AT_MOST);
}

static void latencies(void)
{
	static const struct row spin[] = {
		{ .name = "ring", .ours = true, .kind = &stream_eager },
		{ .name = "libring", .ours = true, .kind = &stream_library_eager },
		{ .name = "ck_ring, SPSC", .kind = &stream_ck_spsc },
		{ .name = "ck_ring, SPMC", .kind = &stream_ck_spmc },
		{ .name = "iceoryx", .where = ICEORYX },
		{ .name = "pipe", .kind = &stream_pipe },
		{ .name = "Unix datagrams", .kind = &stream_datagram },
		{ .name = "POSIX message queue", .kind = &stream_mqueue },
	};
	static const struct row sleep[] = {
		{ .name = "libring, full fence",
		  .ours = true,
		  .kind = &stream_library_fence,
		  .sleeps = true },
		{ .name = "libring", .ours = true, .kind = &stream_library, .sleeps = true },
		{ .name = "iceoryx", .where = ICEORYX, .sleeps = true },
		{ .name = "pipe", .kind = &stream_pipe, .sleeps = true },
		{ .name = "Unix datagrams", .kind = &stream_datagram, .sleeps = true },
		{ .name = "POSIX message queue", .kind = &stream_mqueue, .sleeps = true },
	};

	section_describe(
		"peers-latency", "User space: latency",
		"From the time at which a 32-byte record was to be published to the time at "
		"which it was read, one record after the other on a schedule that waits for "
		"nobody: every 5 us to a reader that spins, every 60 us to one that sleeps "
		"meanwhile. ConcurrencyKit's ring has no means to sleep. libring's writer does "
		"with no fence of its own unless RING_WRITER_FULL_FENCE is set: then a reader that "
		"goes to sleep does without membarrier(2).");
	latency(spin, sizeof(spin) / sizeof(spin[0]), "spins");
	latency(sleep, sizeof(sleep) / sizeof(sleep[0]), "sleeps");
}

static void fan_out(void)
{
	static const struct row rows[] = {
		{ .name = "one ring, eight readers",
		  .ours = true,
		  .kind = &stream_ring_fan,
		  .cached = true,
		  .rest_ns = REST_NS },
		{ .name = "eight ck_rings, a reader each",
		  .kind = &stream_ck_fan,
		  .cached = true,
		  .rest_ns = REST_NS },
	};
	struct contender *c[2];
	unsigned int k;

	section_describe(
		"peers-fan", "User space: eight readers",
		"What a 32-byte record costs the writer, in bursts of 64, when eight readers "
		"get all of them. A record of ConcurrencyKit's ring goes to one reader only, "
		"so it takes a ring for each.");
	for (k = 0; k < 2; k++) {
		c[k] = contender_new(&rows[k], 32, "peers-fan");
		if (c[k])
			c[k]->series = series_new("peers-fan", rows[k].name, "ns");
	}
	alternate(c, 2, PEER_BURSTS);
	compare(c, 2);
	ahead("peers-fan", c, 2, "writer's cost, eight readers", AT_MOST);
}

static void lttng(void)
{
	static const struct row small[] = {
		{ .name = "ring, clock, nobody reads",
		  .ours = true,
		  .kind = &stream_ring,
		  .nobody = true,
		  .stamped = true },
		{ .name = "LTTng-UST, overwriting", .where = LTTNG, .nobody = true },
	};
	static const struct row large[] = {
		{ .name = "ring, clock, nobody reads",
		  .ours = true,
		  .kind = &stream_ring,
		  .nobody = true,
		  .stamped = true },
		{ .name = "LTTng-UST, overwriting", .where = LTTNG, .nobody = true, .far_kind = 1 },
	};
	static const struct row live[] = {
		{ .name = "libring, clock, wakes for 1 MiB",
		  .ours = true,
		  .kind = &stream_library_bulk,
		  .sleeps = true,
		  .stamped = true },
		{ .name = "LTTng-UST, consumer writes a file",
		  .where = LTTNG,
		  .nobody = true,
		  .far_kind = 2 },
	};
	static const struct {
		const struct row *rows;
		uint32_t len;
		const char *size;
	} pairs[] = { { small, 32, "32 B" }, { large, 1024, "1 KiB" }, { live, 32, "32 B" } };
	struct contender *c[2];
	unsigned int i, k;

	section_describe(
		"peers-lttng", "User space: LTTng-UST",
		"What a record costs the writer, in bursts of 64, beside a tracepoint with the "
		"same bytes in its fields; both take the time. LTTng overwrites the oldest in "
		"a ring of the same size, from which a snapshot is taken after the last round; "
		"or a consumer daemon writes all of it to a file in memory. What LTTng "
		"recorded is read back and checked. Its readers get records by the buffer, "
		"so it has no latency to compare.");
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 2; k++) {
			c[k] = contender_new(&pairs[i].rows[k], pairs[i].len, "peers-lttng");
			if (c[k])
				c[k]->series = series_new("peers-lttng",
							  keep("%s, %s", pairs[i].rows[k].name,
							       pairs[i].size),
							  "ns");
		}
		alternate(c, 2, PEER_BURSTS);
		compare(c, 2);
		ahead("peers-lttng", c, 2, keep("writer's cost, %s", pairs[i].size), AT_MOST);
		if (c[1]) {
			struct far_request q = { .command = FAR_FINISH,
						 .stream = c[1]->far_stream };
			struct far_answer a;

			far_ask(helpers[LTTNG].far, &q, &a);
			series_account(c[1]->series, a.round.published, a.round.lost);
		}
	}
}

void peers_4k(void)
{
	static const struct row rows[] = {
		{ .name = "ring, 4 KiB",
		  .ours = true,
		  .kind = &stream_ring,
		  .paced = true,
		  .rest_ns = REST_NS },
		{ .name = "flag per record, 4 KiB", .kind = &stream_flags, .rest_ns = REST_NS },
		{ .name = "ring of 4 MiB, overrun, 4 KiB",
		  .ours = true,
		  .kind = &stream_ring,
		  .cached = true,
		  .rest_ns = REST_NS },
	};
	struct contender *c[3];
	unsigned int k;

	section_describe(
		"growth-4k", "Growth: 4 KiB records to a reader",
		"Records per second that a reader on the other core gets and checks. The limit: "
		"two cores that pass the same buffer with one flag per record, which the reader "
		"clears and the writer waits for. The ring goes as fast as loses nothing, and "
		"once faster than that.");
	for (k = 0; k < 3; k++) {
		c[k] = contender_new(&rows[k], 4096, "growth-4k");
		c[k]->series = series_new("growth-4k", rows[k].name, "M/s");
	}
	alternate(c, 3, PEER_FLAT_OUT);
	series_compare(c[0]->series, c[1]->series);
	series_compare(c[2]->series, c[1]->series);
	target("growth-4k", "4 KiB records, to a flag for each and no validation",
	       series_ratio(c[0]->series, c[1]->series), "x", AT_LEAST, 0.8);
}

void bench_peers(void)
{
	unsigned int t;

	section_describe(
		"peers-rate", "User space: rate",
		"Records per second that a reader on the other core gets while the writer "
		"publishes as fast as it may. The ring overwrites what a slow reader has not "
		"read, so its writer goes as fast as loses nothing, and once faster than "
		"that. All others make their writer wait. Readers spin or sleep, for one "
		"record or, where records go out 64 at a time, for as many; each record is "
		"checked. A limit that nothing reaches: copying the payloads alone, with "
		"nobody to read them.");
	section_describe(
		"peers-cost", "User space: cost of a record for the writer",
		"Bursts of 64 records with 20 us between them, in which the reader catches up: "
		"nobody has to wait for room. Only the time within the bursts counts.");
	for (t = 0; t < NR_TABLES; t++) {
		rate_and_cost(t, 32, "32 B");
		rate_and_cost(t, 1024, "1 KiB");
	}
	latencies();
	fan_out();
	lttng();
	stop_helpers();
}
