// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BPF program that publishes in a loop is run again and again; its own clock says how
 * long the loop took. The loop's cost is in every figure.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libring/bpf.h>
#include <seqring/bpf.h>
#include <time.h>

#include "bpf.h"

#include "bench/cases/bpf/bench.skel.h"

#define PER_RUN	     20000u /* records that one run of a program publishes */
#define PER_RUN_LONG 2000u  /* the same of records of a KiB and more */

bool bpf_here(const char *section)
{
	libbpf_set_print(NULL);
	if (!ring_bpf_supported())
		return true;
	emit_note(section, "SKIPPED: BPF programs: %s", ring_strerror());
	return false;
}

static void bpf_write(struct stream *s, unsigned int n)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf *b = s->impl;
	int err;

	b->run->n = n;
	b->run->ns = 0;
	err = bpf_prog_test_run_opts(b->prog, &opts);
	if (err)
		fail("cannot run the BPF program: %s", strerror(-err));
	s->seq = b->run->seq;
	s->own_ns += b->run->ns;
}

static enum bpf_target target_of(const char *program)
{
	if (strstr(program, "ours") || !strcmp(program, "unchecked"))
		return OURS;
	if (strstr(program, "rb") || !strcmp(program, "fan"))
		return RING_BUFFER;
	return strcmp(program, "perf") ? NO_BUFFER : PERF_BUFFER;
}

/* As large as the ring for the contender that uses it, else one page. */
static void size_buffers(struct bpf *b, uint64_t size)
{
	if (b->target == RING_BUFFER && strcmp(b->v->program, "fan"))
		bpf_map__set_max_entries(b->skel->maps.rb, (uint32_t)size);
	if (!strcmp(b->v->program, "plain")) {
		bpf_map__set_value_size(b->skel->maps.plain, (uint32_t)size + 8192);
		b->skel->rodata->plain_mask = size - 1;
	}
}

/* Loads that program only. */
static struct bpf_program *select_program(struct bpf *b)
{
	struct bpf_program *prog, *selected = NULL;
	const char *name;
	bool found;

	bpf_object__for_each_program(prog, b->skel->obj) {
		name = bpf_program__name(prog);
		if (strncmp(name, "run_", 4))
			continue;
		found = !strcmp(name + 4, b->v->program);
		bpf_program__set_autoload(prog, found);
		selected = found ? prog : selected;
	}
	if (!selected)
		fail("no BPF program is called run_%s", b->v->program);
	return selected;
}

static uint64_t coarse_tick_ns(void)
{
	struct timespec ts = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_nsec;
}

static const char *bpf_create(struct stream *s)
{
	static const uint32_t clocks[] = {
		[BENCH_NO_CLOCK] = SEQRING_CLOCK_NONE,
		[BENCH_FINE] = SEQRING_CLOCK_MONOTONIC,
		[BENCH_COARSE] = SEQRING_CLOCK_COARSE,
	};
	struct bpf *b = stream_alloc(s, sizeof(*b));
	struct ring_bpf_opts opts = { .size = sizeof(opts) };
	struct bpf_program *prog;

	b->v = s->variant;
	b->target = target_of(b->v->program);
	opts.clock_id = clocks[b->v->clock];
	if (b->target == OURS || !strcmp(b->v->program, "guarded"))
		opts.data_size = s->size;
	b->skel = bench_bpf__open();
	if (!b->skel)
		fail("cannot open the BPF object");
	b->skel->rodata->payload_len = s->len;
	b->skel->rodata->fan_nr = s->nr_readers;
	b->skel->rodata->clock_kind = b->v->clock;
	b->skel->rodata->tick_ns = coarse_tick_ns();
	size_buffers(b, s->size);
	prog = select_program(b);
	if (ring_bpf_prepare(b->skel->obj, "ours", &opts, &b->ring) ||
	    ring_bpf_explain(bench_bpf__load(b->skel)) || ring_bpf_start(b->ring))
		fail("%s: %s", b->v->program, ring_strerror());
	b->prog = bpf_program__fd(prog);
	b->run = &b->skel->bss->run;
	b->run->wake_every = s->sleeps ? b->v->wake_records : 0;
	s->chunk = s->len < 1024 ? PER_RUN : PER_RUN_LONG;
	s->impl = b;
	if (!s->nobody)
		consumers_open(s);
	return NULL;
}

static void bpf_destroy(struct stream *s)
{
	struct bpf *b = s->impl;

	if (!s->nobody)
		consumers_close(s);
	ring_bpf_close(b->ring);
	bench_bpf__destroy(b->skel);
}

#define BPF_KIND(...)                                                                          \
	{                                                                                      \
		.name = "BPF program", .create = bpf_create, .write = bpf_write,               \
		.join = consumer_join, .collect = consumer_collect, .settle = consumer_settle, \
		.destroy = bpf_destroy, .polls = true, .drains = true, __VA_ARGS__             \
	}

const struct stream_kind kind_bpf = BPF_KIND(.goes_round = true);
const struct stream_kind kind_bpf_once = BPF_KIND(.goes_round = false);
