// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing from a BPF program in instructions, for each way to keep programs of one CPU out of
 * each other's records that the loader chooses on this kernel. Runs in a VM with a clock that
 * advances by a nanosecond with each instruction.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libring/bpf.h>
#include <seqring/bpf.h>
#include <string.h>

#include "../kinds.h"
#include "bpf.h"

#include "bench/cases/bpf/bench.skel.h"
#include "bench/cases/bpf/bench_any.skel.h"

#define SECTION	   "bpf-parts"
#define ROUNDS	   9u
#define PER_RUN	   2000u
#define RING_BYTES (1u << 20)

/* An object that is open. @payload_len, @clock_kind: constants. @load: returns what a run needs */
struct object {
	struct bpf_object *obj;
	volatile __u32 *payload_len;
	volatile __u32 *clock_kind;
	struct bench_run *(*load)(void *skel);
	void (*destroy)(void *skel);
	void *skel;
};

#define SKELETON(name, skel) ((struct name##_bpf *)(skel))

#define OBJECT(name)                                                                              \
	static struct bench_run *load_##name(void *skel)                                          \
	{                                                                                         \
		return ring_bpf_explain(name##_bpf__load(skel)) ?                                 \
			       NULL :                                                             \
			       (struct bench_run *)&SKELETON(name, skel)->bss->run;               \
	}                                                                                         \
	static void destroy_##name(void *skel)                                                    \
	{                                                                                         \
		name##_bpf__destroy(skel);                                                        \
	}                                                                                         \
	static bool open_##name(struct object *o)                                                 \
	{                                                                                         \
		o->skel = name##_bpf__open();                                                     \
		if (!o->skel)                                                                     \
			return false;                                                             \
		o->obj = SKELETON(name, o->skel)->obj;                                            \
		o->payload_len = (volatile __u32 *)&SKELETON(name, o->skel)->rodata->payload_len; \
		o->clock_kind = (volatile __u32 *)&SKELETON(name, o->skel)->rodata->clock_kind;   \
		o->load = load_##name;                                                            \
		o->destroy = destroy_##name;                                                      \
		return true;                                                                      \
	}                                                                                         \
	struct object

OBJECT(bench);
OBJECT(bench_any);

/* @open: of the object; @program: run_@program publishes */
struct part {
	const char *name;
	bool (*open)(struct object *o);
	const char *program;
	__u32 len;
	enum bench_clock clock;
};

static const struct part parts[] = {
	{ "loop", open_bench, "nothing", 32, BENCH_NO_CLOCK },
	{ "clock", open_bench, "clock", 32, BENCH_FINE },
	{ "publish 32 B, no clock", open_bench, "ours", 32, BENCH_NO_CLOCK },
	{ "publish 32 B, clock", open_bench, "ours", 32, BENCH_FINE },
	{ "publish 64 B, no clock", open_bench, "ours", 64, BENCH_NO_CLOCK },
	{ "publish 256 B, no clock", open_bench, "ours", 256, BENCH_NO_CLOCK },
	{ "any program, publish 32 B, no clock", open_bench_any, "ours", 32, BENCH_NO_CLOCK },
	{ "any program, publish 64 B, no clock", open_bench_any, "ours", 64, BENCH_NO_CLOCK },
	{ "to compare: BPF ring buffer, 32 B", open_bench, "rb", 32, BENCH_NO_CLOCK },
};

/* How the loader keeps programs out of each other's records. */
static const char *guard_of(const struct object *o)
{
	const struct seqring_bpf_geometry *geo;
	size_t size;

	geo = bpf_map__initial_value(bpf_object__find_map_by_name(o->obj, ".rodata.ours"), &size);
	switch (geo->guard) {
	case SEQRING_BPF_GUARD_KFUNC:
		return "the program turns preemption off";
	case SEQRING_BPF_GUARD_ATOMIC:
		return "compare-and-exchange";
	default:
		return "the kernel turns preemption off";
	}
}

static void select_only(const struct object *o, const char *program)
{
	struct bpf_program *prog;
	const char *name;

	bpf_object__for_each_program(prog, o->obj) {
		name = bpf_program__name(prog);
		if (!strncmp(name, "run_", 4))
			bpf_program__set_autoload(prog, !strcmp(name + 4, program));
	}
}

static int fd_of(const struct object *o, const char *program)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o->obj, keep("run_%s", program)));
}

/* Measures a part, and emits a sample of each round. */
static void measure(const struct part *p)
{
	const struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.clock_id = p->clock ? SEQRING_CLOCK_MONOTONIC : SEQRING_CLOCK_NONE,
		.data_size = RING_BYTES,
	};
	LIBBPF_OPTS(bpf_test_run_opts, test);
	struct contender c = { .name = p->name };
	struct ring_bpf *ring;
	struct bench_run *run;
	struct object o;
	unsigned int i;

	if (!p->open(&o))
		fail("cannot open the BPF object");
	*o.payload_len = p->len;
	*o.clock_kind = p->clock;
	select_only(&o, p->program);
	/* Room for all records: nobody reads. */
	if (!strcmp(p->program, "rb"))
		bpf_map__set_max_entries(bpf_object__find_map_by_name(o.obj, "rb"), RING_BYTES);
	if (ring_bpf_prepare(o.obj, "ours", &opts, &ring))
		fail("%s: %s", p->name, ring_strerror());
	run = o.load(o.skel);
	if (!run || ring_bpf_start(ring))
		fail("%s: %s", p->name, ring_strerror());
	if (!strcmp(p->program, "ours"))
		c.name = keep("%s: %s", p->name, guard_of(&o));
	/* The first round warms up. */
	for (i = 0; i <= ROUNDS; i++) {
		run->n = PER_RUN;
		run->ns = 0;
		if (bpf_prog_test_run_opts(fd_of(&o, p->program), &test))
			fail("%s: cannot run the BPF program", p->name);
		c.nr_figures = 0;
		contender_set(&c, "instructions", (double)run->ns / PER_RUN);
		if (i)
			emit_sample(SECTION, &c, i - 1, false);
	}
	ring_bpf_close(ring);
	o.destroy(o.skel);
}

void case_bpf_parts(void)
{
	unsigned int i;

	if (!bpf_here(SECTION))
		return;
	for (i = 0; i < NR(parts); i++)
		measure(&parts[i]);
}
