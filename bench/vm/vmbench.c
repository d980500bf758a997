// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmbench: the module beside what people use instead of it. Runs in a VM, as the only
 * program there; see run.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

struct bench_options opt = {
	.seconds = 1,
	.round_ms = 500,
	.rounds = 9,
	.cpu = { 0, 1 },
};

static const struct {
	const char *name;
	void (*run)(void);
	bool counted; /* only where the clock counts instructions, and the others not there */
} parts[] = {
	{ "snapshots", bench_snapshots, false },
	{ "streams", bench_streams, false },
	{ "stall", bench_stall, true },
	{ "module-parts", bench_module_parts, true },
};

#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

struct locks_page *locks_map(int fd)
{
	void *page = mmap(NULL, sizeof(struct locks_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);

	if (page == MAP_FAILED)
		fail("cannot map %s: %s", LOCKS_PATH, strerror(errno));
	return page;
}

int locks_open(void)
{
	int fd = open(LOCKS_PATH, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("cannot open %s: %s", LOCKS_PATH, strerror(errno));
	return fd;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

void writer_start(int fd, enum locks_kind kind, uint32_t len, uint32_t burst, uint64_t period_ns)
{
	struct locks_run run = {
		.kind = kind,
		.len = len,
		.burst = burst,
		.period_ns = period_ns,
	};

	if (ioctl(fd, LOCKS_IOC_START, &run))
		fail("LOCKS_IOC_START: %s", strerror(errno));
}

static int compare_samples(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void writer_stop(int fd, struct locks_result *r, uint32_t *samples)
{
	*r = (struct locks_result) {
		.samples = (uintptr_t)samples,
		.nr_samples = samples ? LOCKS_SAMPLES_MAX : 0,
	};
	if (ioctl(fd, LOCKS_IOC_STOP, r))
		fail("LOCKS_IOC_STOP: %s", strerror(errno));
	if (samples)
		qsort(samples, r->nr_samples, sizeof(*samples), compare_samples);
}

double sample_us(const uint32_t *samples, uint32_t n, double q)
{
	return n ? samples[(uint32_t)(q * (n - 1))] / 1e3 : NAN;
}

static double number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value >= min && value <= max))
		fail("'%s' is not a number from %g to %g", text, min, max);
	return value;
}

static void usage(FILE *out)
{
	fputs("usage: vmbench [--quick] [--rounds N] [--round-ms N] [--only PART] [--json FILE]\n"
	      "               [--counted]\n"
	      "Parts: snapshots, streams; with --counted, in a VM whose clock goes on by a\n"
	      "nanosecond with each instruction: stall, module-parts. Needs seqring_locks.ko and\n"
	      "two processors.\n\n"
	      "Exit status: 0; 2: what was read is not what was published; 3: could not run.\n",
	      out);
}

int main(int argc, char **argv)
{
	enum { ONLY = 256, QUICK, ROUNDS, ROUND_MS, JSON, COUNTED, HELP };
	static const struct option options[] = {
		{ "only", required_argument, NULL, ONLY },
		{ "quick", no_argument, NULL, QUICK },
		{ "rounds", required_argument, NULL, ROUNDS },
		{ "round-ms", required_argument, NULL, ROUND_MS },
		{ "json", required_argument, NULL, JSON },
		{ "counted", no_argument, NULL, COUNTED },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL, *json = NULL;
	bool found = false, counted = false;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case ONLY:
			only = optarg;
			break;
		case QUICK:
			opt.quick = true;
			opt.round_ms = 150;
			opt.rounds = 3;
			break;
		case ROUNDS:
			opt.rounds = (unsigned int)number(optarg, 1, BENCH_ROUNDS_MAX);
			break;
		case ROUND_MS:
			opt.round_ms = (unsigned int)number(optarg, 10, 10000);
			break;
		case JSON:
			json = optarg;
			break;
		case COUNTED:
			counted = true;
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
	for (i = 0; i < NR_PARTS; i++) {
		if (parts[i].counted != counted || (only && strcmp(only, parts[i].name)))
			continue;
		parts[i].run();
		found = true;
	}
	if (!found)
		fail("no part %s is called '%s'", counted ? "with --counted" : "without --counted",
		     only);
	report_print(stdout);
	fflush(stdout);
	if (json && report_json(json))
		fail("cannot write %s", json);
	return 0;
}
