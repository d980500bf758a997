// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing from a BPF program on this kernel, beside the BPF ring buffer: what a
 * record costs the program, and what readers add to that. Both have the same readers:
 * on the other core, checking every record, looking as often.
 *
 * A round runs a program that publishes in a loop, again and again; its own clock
 * says how long the loop took. The loop's cost is in every figure.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libring_bpf.h>
#include <seqring/bpf.h>
#include <seqring/reader.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "programs.h"
#include "../stream.h"

#include "bench/bpf/bench.skel.h"

#define REST_NS	 20000u
#define PER_RUN	 20000u /* records that one run of a program publishes */
#define FAN	 BENCH_FAN
#define WARM_UPS 2

/* How the reader looks for records. */
enum policy {
	NOBODY,
	BATCH, /* takes what is there, then leaves the ring alone for REST_NS */
	SPIN,  /* looks again at once */
	SLEEP, /* until it is woken */
};

struct contender;

/*
 * @program: what publishes
 * @stamped: with a time
 * @readers: how many consumers, all of them on the other core, one after the other
 * @wake_records: SLEEP: wake for so many; BATCH, and not 0: somebody else sleeps
 */
struct setup {
	const char *name;
	const char *program;
	enum policy policy;
	bool stamped;
	int readers;
	uint32_t wake_records;
};

/*
 * @writer_ns: of the program's time for one record; @delivered: records per
 * microsecond that each consumer had while it ran
 */
struct contender {
	struct setup setup;
	struct bench_bpf *skel;
	struct ring_bpf *ring;
	struct bench_run *run;
	int prog;
	bool ours;

	struct seqring_reader rd[FAN];
	struct ring *sleeper;
	struct ring_buffer *rb[FAN];
	uint64_t expected[FAN];

	uint64_t read[FAN];
	uint64_t lost[FAN];
	uint64_t lost_in_all;
	uint64_t published;
	double writer_ns;
	double delivered;

	unsigned int ready __attribute__((aligned(128)));
	unsigned int stop __attribute__((aligned(128)));
};

static void check(const void *payload, uint64_t seq, const char *name)
{
	payload_check(payload, BENCH_PAYLOAD, seq, name);
}

/* Of the BPF ring buffer: @ctx is the consumer's number, and what it belongs to. */
struct rb_ctx {
	struct contender *c;
	int i;
};

static int rb_take(void *arg, void *data, size_t size)
{
	struct rb_ctx *ctx = arg;
	struct contender *c = ctx->c;
	struct bench_record copy;
	const char *from = data;
	uint64_t seq;

	if (size == sizeof(struct bench_stamped))
		from += offsetof(struct bench_stamped, rec);
	memcpy(&copy, from, sizeof(copy));
	seq = copy.word[BENCH_PAYLOAD / 8 - 1];
	check(&copy, seq, "BPF ring buffer");
	c->lost[ctx->i] += seq - c->expected[ctx->i];
	c->expected[ctx->i] = seq + 1;
	c->read[ctx->i]++;
	return 0;
}

static unsigned int ours_take(struct contender *c, int i)
{
	struct seqring_reader *r = &c->rd[i];
	struct bench_record copy;
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int n = 0;

	for (;;) {
		if (r->pos >= r->snap && n)
			return n;
		outcome = seqring_r_read(r, &v, &copy, sizeof(copy));
		if (outcome == SEQRING_OK) {
			if (v.len != BENCH_PAYLOAD || v.type != BENCH_TYPE)
				wrong("header of record %llu is torn", (unsigned long long)v.seq);
			check(&copy, v.seq, "ring");
			c->lost[i] += v.lost;
			c->read[i]++;
			n++;
		} else if (outcome != SEQRING_LAPPED) {
			return n;
		} else if (seqring_r_resync(r)) {
			wrong("resync failed");
		}
	}
}

static int sleeper_take(const struct ring_record *rec, void *arg)
{
	struct contender *c = arg;

	check(rec->payload, rec->seq, "ring");
	c->lost[0] += rec->lost;
	c->read[0]++;
	return 0;
}

/* Takes what is there. Return: how much, or whether anything. */
static int take(struct contender *c, int i)
{
	int n;

	if (c->ours && c->sleeper) {
		unsigned int nr;

		n = ring_consume(c->sleeper, sleeper_take, c, 0, &nr);
		return n ? 0 : (int)nr;
	}
	if (c->ours)
		return (int)ours_take(c, i);
	n = ring_buffer__consume(c->rb[i]);
	if (n < 0)
		wrong("BPF ring buffer: %s", strerror(-n));
	return n;
}

static void wait_for_more(struct contender *c, uint64_t rest)
{
	if (c->setup.policy == BATCH)
		pause_ticks(rest);
	else if (c->setup.policy == SLEEP && c->ours)
		ring_wait(c->sleeper, 100);
	else if (c->setup.policy == SLEEP)
		ring_buffer__poll(c->rb[0], 100);
}

static void join(struct contender *c)
{
	int i;

	for (i = 0; i < c->setup.readers; i++) {
		if (c->ours && !c->sleeper) {
			seqring_r_seek_head(&c->rd[i]);
			c->rd[i].seq = c->run->seq + 1;
		}
		c->expected[i] = c->run->seq + 1;
		c->read[i] = 0;
		c->lost[i] = 0;
	}
}

static void consume(void *arg)
{
	struct contender *c = arg;
	uint64_t rest = (uint64_t)(REST_NS / ns_per_tick());
	uint64_t start, in_time = 0, elapsed = 0;
	unsigned int stop = 0;
	int i, n;

	join(c);
	__atomic_store_n(&c->ready, 1, __ATOMIC_RELEASE);
	start = ticks();
	for (;;) {
		if (!stop) {
			stop = __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
			in_time = c->read[0];
			elapsed = ticks() - start;
		}
		for (i = 0, n = 0; i < c->setup.readers; i++)
			n += take(c, i);
		if (!stop)
			wait_for_more(c, rest);
		else if (!n)
			break;
	}
	c->delivered = (double)in_time / ((double)elapsed * ns_per_tick() / 1e3);
}

static void publish(struct contender *c)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(c->prog, &opts);

	if (err)
		fail("cannot run the BPF program: %s", strerror(-err));
}

static bool round_of(void *arg)
{
	struct contender *c = arg;
	uint64_t start = now_ns(), seq = c->run->seq, dropped = c->run->dropped;
	struct watch w;
	bool disturbed;
	int i;

	c->run->ns = 0;
	c->stop = 0;
	c->ready = 0;
	if (c->setup.readers) {
		other_start(consume, c);
		while (!__atomic_load_n(&c->ready, __ATOMIC_ACQUIRE))
			cpu_relax();
	}
	watch_start(&w);
	do {
		publish(c);
	} while (now_ns() - start < opt.round_ms * 1000000ull);
	disturbed = watch_disturbed(&w);
	c->published = c->run->seq - seq;
	c->writer_ns = (double)c->run->ns / (double)c->published;
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	if (!c->setup.readers)
		return disturbed;
	other_wait();
	for (i = 0; i < c->setup.readers; i++) {
		/* What the ring buffer dropped at the very end no later record tells. */
		if (!c->ours)
			c->lost[i] += c->run->seq + 1 - c->expected[i];
		if (c->read[i] + c->lost[i] != c->published)
			wrong("%s: read %llu + lost %llu is not published %llu", c->setup.name,
			      (unsigned long long)c->read[i], (unsigned long long)c->lost[i],
			      (unsigned long long)c->published);
	}
	if (!c->ours && c->setup.readers == 1 && c->lost[0] != c->run->dropped - dropped)
		wrong("%s: lost %llu, dropped %llu", c->setup.name, (unsigned long long)c->lost[0],
		      (unsigned long long)(c->run->dropped - dropped));
	return disturbed;
}

static void open_readers(struct contender *c)
{
	struct bpf_map *fan[FAN] = {
		c->skel->maps.fan0, c->skel->maps.fan1, c->skel->maps.fan2, c->skel->maps.fan3,
		c->skel->maps.fan4, c->skel->maps.fan5, c->skel->maps.fan6, c->skel->maps.fan7,
	};
	const struct seqring_header *h;
	struct seqring_wait *wait;
	struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	struct rb_ctx *ctx;
	struct ring_fds fds;
	unsigned char *map;
	int i;

	if (ring_bpf_fds(c->ring, &fds))
		fail("%s", ring_strerror());
	if (c->ours && c->setup.policy == SLEEP) {
		opts.one_ring = 1;
		opts.ring = (uint32_t)opt.cpu[0];
		opts.wake_records = c->setup.wake_records;
		if (ring_open_fds(&fds, &opts, &c->sleeper))
			fail("%s", ring_strerror());
		return;
	}
	if (c->ours && c->setup.wake_records) {
		wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds.wait, 0);
		wait[opt.cpu[0]].announced = 1;
	}
	h = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds.ring, 0);
	map = mmap(NULL, h->total_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fds.ring, 0);
	map += h->ring_offset + (uint64_t)opt.cpu[0] * h->ring_stride;
	for (i = 0; i < c->setup.readers; i++) {
		if (c->ours) {
			seqring_r_init(&c->rd[i], (const void *)map, map + h->data_offset,
				       h->data_size);
			continue;
		}
		ctx = malloc(sizeof(*ctx));
		if (!ctx)
			fail("no memory");
		*ctx = (struct rb_ctx) { .c = c, .i = i };
		c->rb[i] = ring_buffer__new(bpf_map__fd(c->setup.readers > 1 ? fan[i] :
									       c->skel->maps.rb),
					    rb_take, ctx, NULL);
		if (!c->rb[i])
			fail("no consumer of the BPF ring buffer");
	}
}

/* As large as the ring where it is a contender, a page where it is not. */
static void size_buffers(struct contender *c, uint64_t size)
{
	struct bpf_map *map;
	const char *name;

	bpf_object__for_each_map(map, c->skel->obj) {
		name = bpf_map__name(map);
		if ((!strcmp(name, "rb") && !c->ours && c->setup.readers <= 1) ||
		    (!strncmp(name, "fan", 3) && !strcmp(c->setup.program, "run_fan")))
			bpf_map__set_max_entries(map, (uint32_t)size);
	}
	bpf_map__set_value_size(c->skel->maps.plain, (uint32_t)size + 4096);
	c->skel->rodata->plain_mask = size - 1;
}

static struct contender *contender_new(const struct setup *setup)
{
	struct contender *c = aligned_alloc(128, (sizeof(*c) + 127) & ~127ull);
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.clock_id = setup->stamped ? SEQRING_CLOCK_MONOTONIC : SEQRING_CLOCK_NONE,
	};
	struct bpf_program *prog;

	if (!c)
		fail("no memory");
	memset(c, 0, sizeof(*c));
	c->setup = *setup;
	c->ours = !strcmp(setup->program, "run_ours") || !strcmp(setup->program, "run_unchecked");
	opts.data_size = c->ours ? ring_size(RING_LARGE) : 0;
	c->skel = bench_bpf__open();
	if (!c->skel)
		fail("cannot open the BPF object");
	c->skel->rodata->stamped = setup->stamped;
	size_buffers(c, ring_size(RING_LARGE));
	if (ring_bpf_prepare(c->skel->obj, "ours", &opts, &c->ring) ||
	    ring_bpf_explain(bench_bpf__load(c->skel)) || ring_bpf_start(c->ring))
		fail("%s", ring_strerror());
	prog = bpf_object__find_program_by_name(c->skel->obj, setup->program);
	c->prog = bpf_program__fd(prog);
	c->run = &c->skel->bss->run;
	c->run->n = PER_RUN;
	c->run->wake_every = setup->policy == SLEEP ? setup->wake_records : 0;
	if (setup->readers)
		open_readers(c);
	return c;
}

static void contender_free(struct contender *c)
{
	int i;

	ring_close(c->sleeper);
	for (i = 0; i < FAN; i++)
		ring_buffer__free(c->rb[i]);
	ring_bpf_close(c->ring);
	bench_bpf__destroy(c->skel);
	free(c);
}

/* All contenders in each round. @cost, @rate: a series each; NULL: not of interest. */
static void alternate(struct contender **c, struct series **cost, struct series **rate,
		      unsigned int n)
{
	unsigned int i, k;
	bool clean;

	for (k = 0; k < n; k++)
		for (i = 0; i < WARM_UPS; i++)
			round_of(c[k]);
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < n; k++) {
			clean = undisturbed(round_of, c[k]);
			series_add(cost[k], c[k]->writer_ns, !clean);
			c[k]->lost_in_all += c[k]->lost[0];
			if (rate[k])
				series_add(rate[k], c[k]->delivered, !clean);
		}
	}
}

static void quiet_log(void)
{
	libbpf_set_print(NULL);
}

static bool supported(const char *section)
{
	if (!ring_bpf_supported())
		return true;
	note(section, "SKIPPED: %s", ring_strerror());
	return false;
}

void bench_bpf(void)
{
	static const struct setup setups[] = {
		{ "nothing, the loop alone", "run_nothing", NOBODY, false, 0, 0 },
		{ "clock alone", "run_clock", NOBODY, false, 0, 0 },
		{ "plain stores", "run_plain", NOBODY, false, 0, 0 },
		{ "ring, nobody reads", "run_ours", NOBODY, false, 0, 0 },
		{ "ring, without the look for sleepers", "run_unchecked", NOBODY, false, 0, 0 },
		{ "ring, somebody sleeps on and on", "run_ours", SLEEP, false, 1, UINT32_MAX },
		{ "ring, a batching reader, another sleeps", "run_ours", BATCH, false, 1, 1 },
		{ "ring, clock, nobody reads", "run_ours", NOBODY, true, 0, 0 },
		{ "ring, a batching reader", "run_ours", BATCH, false, 1, 0 },
		{ "BPF ring buffer, a batching reader", "run_rb", BATCH, false, 1, 0 },
		{ "ring, clock, a batching reader", "run_ours", BATCH, true, 1, 0 },
		{ "BPF ring buffer, clock, a batching reader", "run_rb", BATCH, true, 1, 0 },
		{ "ring, clock, a spinning reader", "run_ours", SPIN, true, 1, 0 },
		{ "BPF ring buffer, clock, a spinning reader", "run_rb", SPIN, true, 1, 0 },
	};
	enum { N = sizeof(setups) / sizeof(setups[0]) };
	enum {
		PLAIN = 2,
		ALONE,
		UNCHECKED,
		ASLEEP,
		BOTH,
		ALONE_TS,
		RING,
		RB,
		RING_TS,
		RB_TS,
		RING_SPIN,
		RB_SPIN
	};
	struct series *cost[N], *rate[N];
	struct contender *c[N];
	unsigned int i;

	quiet_log();
	if (!supported("bpf"))
		return;
	for (i = 0; i < N; i++) {
		c[i] = contender_new(&setups[i]);
		cost[i] = series_new("bpf", setups[i].name, "ns");
		rate[i] = NULL;
	}
	rate[RING] = series_new("bpf", "ring, delivered", "M/s");
	rate[RB] = series_new("bpf", "BPF ring buffer, delivered", "M/s");
	rate[RING_TS] = series_new("bpf", "ring, clock, delivered", "M/s");
	rate[RB_TS] = series_new("bpf", "BPF ring buffer, clock, delivered", "M/s");
	alternate(c, cost, rate, N);
	series_compare(cost[ALONE], cost[PLAIN]);
	series_compare(cost[UNCHECKED], cost[ALONE]);
	series_compare(cost[ASLEEP], cost[ALONE]);
	series_compare(cost[BOTH], cost[RING]);
	series_compare(cost[RING], cost[RB]);
	series_compare(cost[RING_TS], cost[RB_TS]);
	series_compare(cost[RING_SPIN], cost[RB_SPIN]);
	series_compare(rate[RING], rate[RB]);
	target("bpf", "cost with a clock, a batching reader, to the BPF ring buffer",
	       series_ratio(cost[RING_TS], cost[RB_TS]), "x", AT_MOST, 0.7);
	target("bpf", "cost without a clock, a batching reader, to the BPF ring buffer",
	       series_ratio(cost[RING], cost[RB]), "x", AT_MOST, 0.35);
	target("bpf", "cost with a clock, a spinning reader, to the BPF ring buffer",
	       series_ratio(cost[RING_SPIN], cost[RB_SPIN]), "x", AT_MOST, 0.8);
	target("bpf", "delivered without a clock, to the BPF ring buffer",
	       series_ratio(rate[RING], rate[RB]), "x", AT_LEAST, 2);
	target("bpf", "lost with a clock by a batching reader, all rounds",
	       (double)c[RING_TS]->lost_in_all, "", AT_MOST, 0);
	note("bpf", "last round: ring lost %llu of %llu, BPF ring buffer dropped %llu of %llu",
	     (unsigned long long)c[RING]->lost[0], (unsigned long long)c[RING]->published,
	     (unsigned long long)c[RB]->lost[0], (unsigned long long)c[RB]->published);
	for (i = 0; i < N; i++)
		contender_free(c[i]);
}

void bench_bpf_fan(void)
{
	static const struct setup setups[] = {
		{ "ring, clock, one batching reader", "run_ours", BATCH, true, 1, 0 },
		{ "ring, clock, eight batching readers", "run_ours", BATCH, true, FAN, 0 },
		{ "eight BPF ring buffers, clock, a reader each", "run_fan", BATCH, true, FAN, 0 },
	};
	struct series *cost[3], *rate[3] = { NULL };
	struct contender *c[3];
	unsigned int i;

	quiet_log();
	if (!supported("bpf-fan"))
		return;
	for (i = 0; i < 3; i++) {
		c[i] = contender_new(&setups[i]);
		cost[i] = series_new("bpf-fan", setups[i].name, "ns");
	}
	alternate(c, cost, rate, 3);
	series_compare(cost[1], cost[0]);
	series_compare(cost[2], cost[1]);
	target("bpf-fan", "cost with eight batching readers, to one",
	       series_ratio(cost[1], cost[0]), "x", AT_MOST, 1.3);
	target("bpf-fan", "cost of eight BPF ring buffers, to one ring with eight readers",
	       series_ratio(cost[2], cost[1]), "x", AT_LEAST, 8);
	for (i = 0; i < 3; i++) {
		note("bpf-fan", "%s, last round: %llu published, the first lost %llu",
		     setups[i].name, (unsigned long long)c[i]->published,
		     (unsigned long long)c[i]->lost[0]);
		contender_free(c[i]);
	}
}

void bench_bpf_wake(void)
{
	static const struct setup setups[] = {
		{ "ring, clock, sleeper wants each", "run_ours", SLEEP, true, 1, 1 },
		{ "BPF ring buffer, clock, wakes for each", "run_rb", SLEEP, true, 1, 1 },
		{ "ring, clock, sleeper wants 100", "run_ours", SLEEP, true, 1, 100 },
		{ "BPF ring buffer, clock, wakes every 100", "run_rb", SLEEP, true, 1, 100 },
	};
	struct series *cost[4], *rate[4];
	struct contender *c[4];
	unsigned int i;

	quiet_log();
	if (!supported("bpf-wake"))
		return;
	for (i = 0; i < 4; i++) {
		c[i] = contender_new(&setups[i]);
		cost[i] = series_new("bpf-wake", setups[i].name, "ns");
		rate[i] = NULL;
	}
	alternate(c, cost, rate, 4);
	series_compare(cost[0], cost[1]);
	series_compare(cost[2], cost[3]);
	target("bpf-wake", "cost with a wake-up for each, to the BPF ring buffer",
	       series_ratio(cost[0], cost[1]), "x", AT_MOST, 1);
	target("bpf-wake", "cost with a wake-up every 100, to the BPF ring buffer",
	       series_ratio(cost[2], cost[3]), "x", AT_MOST, 0.7);
	for (i = 0; i < 4; i++) {
		note("bpf-wake", "%s, last round: %llu published, %llu lost", setups[i].name,
		     (unsigned long long)c[i]->published, (unsigned long long)c[i]->lost[0]);
		contender_free(c[i]);
	}
}
