// SPDX-License-Identifier: GPL-2.0-only
/*
 * A round runs a BPF program that publishes in a loop, again and again; its own clock
 * says how long the loop took. The loop's cost is in every figure.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libring/bpf.h>
#include <seqring/bpf.h>
#include <stdlib.h>

#include "contender.h"

#include "bench/bpf/bench.skel.h"

#define PER_RUN	     20000u /* records that one run of a program publishes */
#define PER_RUN_LONG 2000u  /* the same of records of a KiB and more */
#define WARM_UPS     2

bool bpf_here(const char *section)
{
	libbpf_set_print(NULL);
	if (!ring_bpf_supported())
		return true;
	note(section, "SKIPPED: %s", ring_strerror());
	return false;
}

static void publish(struct contender *c)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(c->prog, &opts);

	if (err)
		fail("cannot run the BPF program: %s", strerror(-err));
}

/* As often as fits into the round, each at its time where there is a pace. */
static void publish_for(struct contender *c, uint64_t ns)
{
	uint64_t start = now_ns(), next = start;

	do {
		publish(c);
		next += c->gap_ns;
		while (c->gap_ns && now_ns() < next)
			cpu_relax();
	} while (now_ns() - start < ns);
}

static void check_account(const struct contender *c, uint64_t dropped)
{
	const struct consumer *one;
	unsigned int i;

	for (i = 0; i < c->setup.readers; i++) {
		one = &c->consumer[i];
		if (one->read + one->lost != c->published)
			wrong("%s: read %llu + lost %llu is not published %llu", c->setup.name,
			      (unsigned long long)one->read, (unsigned long long)one->lost,
			      (unsigned long long)c->published);
	}
	if (c->kind == RING_BUFFER && c->setup.readers == 1 && c->consumer[0].lost != dropped)
		wrong("%s: lost %llu, dropped %llu", c->setup.name,
		      (unsigned long long)c->consumer[0].lost, (unsigned long long)dropped);
}

bool contender_round(void *arg)
{
	struct contender *c = arg;
	uint64_t seq = c->run->seq, dropped = c->run->dropped, start;
	struct watch w;
	bool disturbed;
	unsigned int i;

	c->run->ns = 0;
	c->run->n = c->gap_ns ? c->burst : c->setup.len < 1024 ? PER_RUN : PER_RUN_LONG;
	c->stop = 0;
	c->ready = 0;
	c->disturbed = false;
	for (i = 0; i < c->setup.readers; i++) {
		c->consumer[i].expected = seq + 1;
		c->consumer[i].read = 0;
		c->consumer[i].lost = 0;
	}
	if (c->setup.readers)
		consumers_start(c);
	watch_start(&w);
	start = now_ns();
	publish_for(c, opt.round_ms * 1000000ull);
	disturbed = watch_disturbed(&w);
	c->published = c->run->seq - seq;
	c->rate = 1e3 * (double)c->published / (double)(now_ns() - start);
	c->writer_ns = (double)c->run->ns / (double)c->published;
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	if (!c->setup.readers)
		return disturbed;
	consumers_wait(c);
	/* What was dropped at the very end no later record tells, but in ours. */
	for (i = 0; i < c->setup.readers; i++)
		if (c->kind != OURS)
			c->consumer[i].lost += c->run->seq + 1 - c->consumer[i].expected;
	check_account(c, c->run->dropped - dropped);
	for (i = 0; i < c->setup.readers; i++)
		c->lost_in_all += c->consumer[i].lost;
	c->published_in_all += c->published * c->setup.readers;
	return disturbed || c->disturbed;
}

void contender_warm_up(struct contender *c)
{
	unsigned int i;

	for (i = 0; i < WARM_UPS; i++)
		contender_round(c);
	c->lost_in_all = 0;
	c->published_in_all = 0;
}

static enum kind kind_of(const char *program)
{
	if (!strcmp(program, "ours") || !strcmp(program, "unchecked"))
		return OURS;
	if (!strncmp(program, "rb", 2) || !strcmp(program, "fan"))
		return RING_BUFFER;
	return strcmp(program, "perf") ? NO_BUFFER : PERF_BUFFER;
}

/* As large as the ring where it is a contender, a page where it is not. */
static void size_buffers(struct contender *c, uint64_t size)
{
	bool fan = !strcmp(c->setup.program, "fan");

	if (c->kind == RING_BUFFER && !fan)
		bpf_map__set_max_entries(c->skel->maps.rb, (uint32_t)size);
	if (!strcmp(c->setup.program, "plain")) {
		bpf_map__set_value_size(c->skel->maps.plain, (uint32_t)size + 8192);
		c->skel->rodata->plain_mask = size - 1;
	}
}

static void only_one_program(struct contender *c)
{
	struct bpf_program *prog;
	const char *name;

	bpf_object__for_each_program(prog, c->skel->obj) {
		name = bpf_program__name(prog);
		if (!strncmp(name, "run_", 4))
			bpf_program__set_autoload(prog, !strcmp(name + 4, c->setup.program));
	}
}

static uint64_t coarse_tick_ns(void)
{
	struct timespec ts = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_nsec;
}

struct contender *contender_new(const struct setup *setup)
{
	static const uint32_t clocks[] = {
		[BENCH_NO_CLOCK] = SEQRING_CLOCK_NONE,
		[BENCH_FINE] = SEQRING_CLOCK_MONOTONIC,
		[BENCH_COARSE] = SEQRING_CLOCK_COARSE,
	};
	struct contender *c = aligned_alloc(128, (sizeof(*c) + 127) & ~127ull);
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.clock_id = clocks[setup->clock],
	};
	struct bpf_program *prog;
	char name[64];

	if (!c)
		fail("no memory");
	memset(c, 0, sizeof(*c));
	c->setup = *setup;
	if (!c->setup.size)
		c->setup.size = ring_size(RING_LARGE);
	c->kind = kind_of(setup->program);
	if (c->kind == OURS || !strcmp(setup->program, "guarded"))
		opts.data_size = c->setup.size;
	c->skel = bench_bpf__open();
	if (!c->skel)
		fail("cannot open the BPF object");
	c->skel->rodata->payload_len = setup->len;
	c->skel->rodata->fan_nr = setup->readers;
	c->skel->rodata->clock_kind = setup->clock;
	c->skel->rodata->tick_ns = coarse_tick_ns();
	size_buffers(c, c->setup.size);
	only_one_program(c);
	if (ring_bpf_prepare(c->skel->obj, "ours", &opts, &c->ring) ||
	    ring_bpf_explain(bench_bpf__load(c->skel)) || ring_bpf_start(c->ring))
		fail("%s: %s", setup->name, ring_strerror());
	snprintf(name, sizeof(name), "run_%s", setup->program);
	prog = bpf_object__find_program_by_name(c->skel->obj, name);
	c->prog = bpf_program__fd(prog);
	c->run = &c->skel->bss->run;
	c->run->wake_every = setup->policy == SLEEP ? setup->wake_records : 0;
	if (setup->readers)
		consumers_open(c);
	return c;
}

void contender_free(struct contender *c)
{
	if (c->setup.readers)
		consumers_close(c);
	ring_bpf_close(c->ring);
	bench_bpf__destroy(c->skel);
	free(c);
}

void alternate(struct contender **c, struct series **cost, struct series **rate, unsigned int n)
{
	unsigned int i, k;
	bool clean;

	for (k = 0; k < n; k++)
		contender_warm_up(c[k]);
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < n; k++) {
			clean = undisturbed(contender_round, c[k]);
			series_add(cost[k], c[k]->writer_ns, !clean);
			if (rate && rate[k])
				series_add(rate[k], c[k]->delivered, !clean);
		}
	}
	for (k = 0; k < n; k++)
		if (c[k]->published_in_all)
			series_account(cost[k], c[k]->published_in_all, c[k]->lost_in_all);
}
