// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringbench: the cost of a ring, beside alternatives and beside the machine's limits.
 */
#include "kinds.h"

static const struct bench_case cases[] = {
	{ "writer", case_writer, "cost of a record without readers, beside plain stores" },
	{ "reader", case_reader, "32-byte records to one reader, beside a byte ring" },
	{ "stamped", case_stamped, "records with a timestamp: losses, and cost of a reader" },
	{ "bulk", case_bulk, "1 KiB records, beside a ring that validates nothing" },
	{ "latency", case_latency, "to a spinning reader, beside a cache-line ping-pong" },
	{ "latency-sleep", case_latency_sleep, "to a sleeping reader, beside eventfd + epoll" },
	{ "latency-lines", case_latency_lines, "of single cache lines, old and fresh ones" },
	{ "peers", case_peers, "from one process to another, beside the alternatives" },
	{ "growth", case_growth, "by size of ring and record, number of rings and readers" },
	{ "record", case_record, "a ring into files, and the kernel's events beside perf" },
	{ "bpf", case_bpf, "a BPF program publishes, beside the BPF ring buffer" },
	{ "bpf-size", case_bpf_size, "the same by size of the record" },
	{ "bpf-rate", case_bpf_rate, "kernel to user: lossless and flat out, and the cost" },
	{ "bpf-fan", case_bpf_fan, "one to 64 readers, beside a BPF ring buffer for each" },
	{ "bpf-wake", case_bpf_wake, "a sleeping reader, beside the BPF ring buffer" },
	{ "bpf-parts", case_bpf_parts, "a BPF program publishes: instructions", true },
};

static const struct bench_program program = {
	.name = "ringbench",
	.about = "Measures seqring and its alternatives on two cores.",
	.parts = cases,
	.nr = NR(cases),
	.full = { .seconds = 10, .round_ms = 20, .rounds = 25, .cpu = { 0, 1 } },
	.quick = { .seconds = 2, .round_ms = 10, .rounds = 9 },
};

int main(int argc, char **argv)
{
	return bench_main(&program, argc, argv);
}
