// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins a BPF ring with the name "abi". For each number N on standard input it publishes N records,
 * on each CPU in turn, and prints how many it has published so far. After the input it ends the
 * ring. Exit status 77, after a line "skip": there can be no BPF ring here.
 */
#include "../bpf/common.h"
#include "pinned.h"

static struct bpf_object *obj;
static uint64_t published;

static void publish(uint64_t count)
{
	const int prog = prog_fd(obj, "publish"), nr_cpus = nr_cpus_online();
	static int cpu;
	uint64_t args[2];
	int got;

	while (count) {
		args[0] = published;
		args[1] = count < PINNED_RUN ? count : PINNED_RUN;
		got = run_prog(prog, args, sizeof(args), cpu++ % nr_cpus);
		if (got != (int)args[1])
			die("a run of the program");
		published += args[1];
		count -= args[1];
	}
	printf("%" PRIu64 "\n", published);
	fflush(stdout);
}

int main(void)
{
	const struct ring_bpf_opts opts = { .size = sizeof(opts),
					    .clock_id = SEQRING_CLOCK_MONOTONIC,
					    .data_size = SEQRING_DATA_SIZE_MIN,
					    .name = "abi" };
	struct ring_bpf *ring;
	uint64_t count;

	need_bpf("abi-pinned");
	obj = open_object("pinned");
	if (ring_bpf_prepare(obj, "abi", &opts, &ring) || ring_bpf_load(obj) ||
	    ring_bpf_start(ring))
		die("a ring");
	publish(0);
	while (scanf("%" SCNu64, &count) == 1)
		publish(count);
	ring_bpf_close(ring);
	bpf_object__close(obj);
	return 0;
}
