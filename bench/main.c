// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringbench: what a ring costs, beside what the machine can do at best.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "bench.h"

#define MARGIN_MAX 1e6

enum {
	FULL_SECONDS = 10,
	FULL_ROUND_MS = 20,
	FULL_ROUNDS = 25,
	QUICK_SECONDS = 2,
	QUICK_ROUND_MS = 10,
	QUICK_ROUNDS = 9,
	CHECK_TRIES = 2, /* of a part in which a target was missed */
};

struct bench_options opt = {
	.seconds = FULL_SECONDS,
	.round_ms = FULL_ROUND_MS,
	.rounds = FULL_ROUNDS,
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
	{ "latency", bench_latency, "to a spinning reader, beside a cache-line ping-pong" },
	{ "latency-sleep", bench_latency_sleep, "to a sleeping reader, beside eventfd + epoll" },
	{ "latency-lines", bench_latency_lines, "of single cache lines, old and fresh ones" },
	{ "peers", bench_peers, "one process to another, beside what else there is" },
	{ "growth", bench_growth, "by size of ring and record, rings, readers; huge pages" },
	{ "bpf", bench_bpf, "a BPF program publishes, beside the BPF ring buffer" },
	{ "bpf-size", bench_bpf_size, "the same by size of the record" },
	{ "bpf-rate", bench_bpf_rate, "kernel to user: lossless and flat out, and its cost" },
	{ "bpf-fan", bench_bpf_fan, "one to 64 readers, beside a BPF ring buffer for each" },
	{ "bpf-wake", bench_bpf_wake, "a sleeping reader, beside the BPF ring buffer" },
};

#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

static void usage(FILE *out)
{
	size_t i;

	fputs("usage: ringbench [OPTION]...\n"
	      "Measures seqring on two cores, beside what else there is.\n\n"
	      "  --only PART,...    only these parts of the following:\n",
	      out);
	for (i = 0; i < NR_PARTS; i++)
		fprintf(out, "                       %-8s %s\n", parts[i].name, parts[i].what);
	fputs("  --list             the names of the parts, one a line\n"
	      "  --quick            less than a minute, less certain\n"
	      "  --seconds N        length of the run that may lose nothing (10)\n"
	      "  --rounds N         measurements of each contender (25)\n"
	      "  --round-ms N       length of one (20)\n"
	      "  --ring-size BYTES  data area and the contenders' buffers (4 MiB for writer and\n"
	      "                     latency, 32 MiB for the others)\n"
	      "  --cpus W,R         the writer's core and the reader's (0,1)\n"
	      "  --json FILE        write everything there as well\n"
	      "  --check            exit 1 when a target is missed, naming each; parts in which one\n"
	      "                     is are measured again first, twice at most. What could not be\n"
	      "                     measured here counts as missed\n"
	      "  --allow-skips      but for what could not be measured here\n"
	      "  --margin N         ask for targets to be met with this factor to spare (1)\n"
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

static void run_part(size_t i)
{
	report_part((unsigned int)i);
	parts[i].run();
	if (report_part_empty((unsigned int)i))
		note(parts[i].name,
		     opt.quick ? "left out of a quick run" : "SKIPPED: it reported nothing");
}

/*
 * A machine that is shared has bad seconds. So a part in which a target was missed gets
 * all its rounds, also after a quick run, before that is held against it.
 */
static void measure_again(size_t again)
{
	size_t i;

	for (i = 0; i < NR_PARTS; i++) {
		if (!report_part_missed((unsigned int)i, stderr))
			continue;
		if (opt.quick) {
			opt.seconds = FULL_SECONDS;
			opt.round_ms = FULL_ROUND_MS;
			opt.rounds = FULL_ROUNDS;
		}
		fprintf(stderr, "ringbench: %s is measured again, %u rounds of %u ms\n",
			parts[i].name, opt.rounds, opt.round_ms);
		report_forget((unsigned int)i);
		run_part(i);
		note(parts[i].name, "measured again, %zu of at most %d times: a target was missed",
		     again, CHECK_TRIES);
	}
}

static int verdict(bool allow_skips)
{
	unsigned int missed = report_missed(stderr), skipped = report_skipped(stderr);

	return missed || (skipped && !allow_skips) ? 1 : 0;
}

int main(int argc, char **argv)
{
	enum {
		ONLY = 256,
		LIST,
		QUICK,
		SECONDS,
		ROUNDS,
		ROUND_MS,
		RING_SIZE,
		CPUS,
		JSON,
		CHECK,
		SKIPS,
		MARGIN,
		HELP
	};
	static const struct option options[] = {
		{ "only", required_argument, NULL, ONLY },
		{ "list", no_argument, NULL, LIST },
		{ "quick", no_argument, NULL, QUICK },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "rounds", required_argument, NULL, ROUNDS },
		{ "round-ms", required_argument, NULL, ROUND_MS },
		{ "ring-size", required_argument, NULL, RING_SIZE },
		{ "cpus", required_argument, NULL, CPUS },
		{ "json", required_argument, NULL, JSON },
		{ "check", no_argument, NULL, CHECK },
		{ "allow-skips", no_argument, NULL, SKIPS },
		{ "margin", required_argument, NULL, MARGIN },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL, *json = NULL;
	bool check = false, allow_skips = false;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case ONLY:
			only = optarg;
			check_names(only);
			break;
		case LIST:
			for (i = 0; i < NR_PARTS; i++)
				puts(parts[i].name);
			return 0;
		case QUICK:
			opt.quick = true;
			opt.seconds = QUICK_SECONDS;
			opt.round_ms = QUICK_ROUND_MS;
			opt.rounds = QUICK_ROUNDS;
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
		case SKIPS:
			allow_skips = true;
			break;
		case MARGIN:
			report_margin(number(optarg, 1 / MARGIN_MAX, MARGIN_MAX));
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
			run_part(i);
	for (i = 0; check && i < CHECK_TRIES; i++)
		measure_again(i + 1);
	report_print(stdout);
	fflush(stdout);
	if (json && report_json(json))
		fail("cannot write %s", json);
	return check ? verdict(allow_skips) : 0;
}
