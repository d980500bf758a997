// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmbench: the module beside its alternatives. Runs in a VM, as the only program there; see
 * run.sh.
 */
#include "guest.h"

static const struct bench_case cases[] = {
	{ "snapshots", case_snapshots, "of shared state, beside locks" },
	{ "streams", case_streams, "of records, beside netlink, relay, perf, BPF" },
	{ "stall", case_stall, "what readers do to the kernel's writer", true },
	{ "module-parts", case_module_parts, "cost of publishing, part by part", true },
};

static const struct bench_program program = {
	.name = "vmbench",
	.about = "Measures seqring.ko beside its alternatives. Needs seqring_locks.ko and two\n"
		 "processors.",
	.parts = cases,
	.nr = NR(cases),
	.full = { .seconds = 1, .round_ms = 500, .rounds = 9, .cpu = { 0, 1 } },
	.quick = { .seconds = 1, .round_ms = 150, .rounds = 3 },
};

int main(int argc, char **argv)
{
	return bench_main(&program, argc, argv);
}
