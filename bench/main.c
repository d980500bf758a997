// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringbench: what a ring costs, beside what the machine can do at best.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "bench.h"

struct bench_options opt = {
	.seconds = 10,
	.round_ms = 20,
	.rounds = 25,
	.cpu = { 0, 1 },
};

static const struct {
	const char *name;
	void (*run)(void);
	const char *what;
} parts[] = {
	{ "writer", bench_writer, "cost of a record, nobody reading, beside plain stores" },
	{ "reader", bench_reader, "32-byte records to one reader, beside a byte ring" },
	{ "stamped", bench_stamped, "records with a timestamp: nothing lost, cost of a reader" },
	{ "bulk", bench_bulk, "1 KiB records, beside a ring that validates nothing" },
	{ "latency", bench_latency, "one way, beside a cache-line ping-pong" },
	{ "bpf", bench_bpf, "a BPF program publishes, beside the BPF ring buffer" },
	{ "bpf-fan", bench_bpf_fan, "eight readers, beside eight BPF ring buffers" },
	{ "bpf-wake", bench_bpf_wake, "a sleeping reader, beside the BPF ring buffer" },
};

#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

static void usage(FILE *out)
{
	size_t i;

	fputs("usage: ringbench [OPTION]...\n"
	      "Measures seqring over memory of a memfd on two cores.\n\n"
	      "  --only PART,...    only these parts of the following:\n",
	      out);
	for (i = 0; i < NR_PARTS; i++)
		fprintf(out, "                       %-8s %s\n", parts[i].name, parts[i].what);
	fputs("  --quick            less than 20 s, less certain\n"
	      "  --seconds N        length of the run that may lose nothing (10)\n"
	      "  --rounds N         measurements of each contender (25)\n"
	      "  --round-ms N       length of one (20)\n"
	      "  --ring-size BYTES  data area and the contenders' buffers (4 MiB for writer and\n"
	      "                     latency, 32 MiB for the others)\n"
	      "  --cpus W,R         the writer's core and the reader's (0,1)\n"
	      "  --json FILE        write everything there as well\n"
	      "  --check            exit 1 when a target is missed, naming each\n"
	      "  --help             this text\n\n"
	      "Exit status: 0; 1 with --check: a target was missed; 2: a record was torn or the\n"
	      "account of lost records is wrong; 3: could not run.\n",
	      out);
}

static bool wanted(const char *only, const char *name)
{
	size_t len = strlen(name);
	const char *at = only;

	while (at && *at) {
		if (!strncmp(at, name, len) && (at[len] == ',' || !at[len]))
			return true;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return !only;
}

/* Every name in the list is that of a part. */
static void check_names(const char *only)
{
	char *copy = strdup(only), *name, *rest = copy;
	size_t i;

	while ((name = strsep(&rest, ","))) {
		for (i = 0; i < NR_PARTS && strcmp(parts[i].name, name); i++)
			;
		if (i == NR_PARTS)
			fail("no part is called '%s'", name);
	}
	free(copy);
}

static double number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value >= min && value <= max))
		fail("'%s' is not a number from %g to %g", text, min, max);
	return value;
}

int main(int argc, char **argv)
{
	enum { ONLY = 256, QUICK, SECONDS, ROUNDS, ROUND_MS, RING_SIZE, CPUS, JSON, CHECK, HELP };
	static const struct option options[] = {
		{ "only", required_argument, NULL, ONLY },
		{ "quick", no_argument, NULL, QUICK },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "rounds", required_argument, NULL, ROUNDS },
		{ "round-ms", required_argument, NULL, ROUND_MS },
		{ "ring-size", required_argument, NULL, RING_SIZE },
		{ "cpus", required_argument, NULL, CPUS },
		{ "json", required_argument, NULL, JSON },
		{ "check", no_argument, NULL, CHECK },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL, *json = NULL;
	bool check = false;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case ONLY:
			only = optarg;
			check_names(only);
			break;
		case QUICK:
			opt.quick = true;
			opt.seconds = 2;
			opt.round_ms = 10;
			opt.rounds = 9;
			break;
		case SECONDS:
			opt.seconds = number(optarg, 0.01, 86400);
			break;
		case ROUNDS:
			opt.rounds = (unsigned int)number(optarg, 1, BENCH_ROUNDS_MAX);
			break;
		case ROUND_MS:
			opt.round_ms = (unsigned int)number(optarg, 1, 10000);
			break;
		case RING_SIZE:
			opt.ring_size = (uint64_t)number(optarg, SEQRING_DATA_SIZE_MIN,
							 SEQRING_DATA_SIZE_MAX);
			if (opt.ring_size & (opt.ring_size - 1))
				fail("'%s' is not a power of two", optarg);
			break;
		case CPUS:
			if (sscanf(optarg, "%d,%d", &opt.cpu[0], &opt.cpu[1]) != 2 ||
			    opt.cpu[0] == opt.cpu[1])
				fail("'%s' are not two cores", optarg);
			break;
		case JSON:
			json = optarg;
			break;
		case CHECK:
			check = true;
			break;
		case HELP:
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 3;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 3;
	}
	pin_to(opt.cpu[0]);
	printf("%u rounds of %u ms, writer on cpu %d, reader on cpu %d\n\n", opt.rounds,
	       opt.round_ms, opt.cpu[0], opt.cpu[1]);
	for (i = 0; i < NR_PARTS; i++)
		if (wanted(only, parts[i].name))
			parts[i].run();
	report_print(stdout);
	fflush(stdout);
	if (json && report_json(json))
		fail("cannot write %s", json);
	return check && report_missed(stderr) ? 1 : 0;
}
