// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options, and the loop over the cases of a program.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "bench.h"

#define ROUNDS_MAX 1000u
#define PARTS_MAX  32u

static void usage(const struct bench_program *p, FILE *out)
{
	bool counted = false;
	size_t i;

	fprintf(out, "usage: %s [OPTION]...\n%s\n\n", p->name, p->about);
	fputs("  --only PART,...    only these parts:\n", out);
	for (i = 0; i < p->nr; i++) {
		fprintf(out, "                       %-14s %s%s\n", p->parts[i].name,
			p->parts[i].what, p->parts[i].counted ? " (--counted)" : "");
		counted |= p->parts[i].counted;
	}
	fprintf(out,
		"  --list             print the names of the parts, one a line\n"
		"  --quick            fewer and shorter rounds, and only what a target needs\n"
		"  --seconds N        length of the run that may lose nothing (%g)\n"
		"  --rounds N         rounds of each contender (%u)\n"
		"  --round-ms N       length of a round in milliseconds (%u)\n"
		"  --ring-size BYTES  size of each ring or buffer, a power of two (4 MiB or\n"
		"                     32 MiB, depending on the part)\n"
		"  --cpus W,R         the writer's core and the reader's core (%d,%d)\n"
		"  --json FILE        write the samples to FILE, not to standard output\n",
		p->full.seconds, p->full.rounds, p->full.round_ms, p->full.cpu[0], p->full.cpu[1]);
	if (counted)
		fputs("  --counted          run only the parts that need a clock which advances\n"
		      "                     by 1 ns with each instruction\n",
		      out);
	fputs("  --help             print this text\n\n"
	      "Options apply in their order. The output is one JSON object a line: the run,\n"
	      "then each sample.\n\n"
	      "Exit status: 0; 2: a record was torn, or the account of lost records is wrong;\n"
	      "3: it could not run.\n",
	      out);
}

/* Chooses the parts of the list; without a list, all that can run. */
static void choose(const struct bench_program *p, const char *only, bool counted, bool *chosen)
{
	char *copy = only ? strdup(only) : NULL, *name, *rest = copy;
	size_t i;

	for (i = 0; i < p->nr; i++)
		chosen[i] = !only && p->parts[i].counted == counted;
	while ((name = strsep(&rest, ","))) {
		for (i = 0; i < p->nr && strcmp(p->parts[i].name, name); i++)
			;
		if (i == p->nr)
			fail("no part is called '%s'", name);
		if (p->parts[i].counted != counted)
			fail("part '%s' runs only %s --counted", name,
			     counted ? "without" : "with");
		chosen[i] = true;
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

static void set_option(int c, const struct bench_program *p)
{
	switch (c) {
	case 'q':
		opt.quick = true;
		opt.seconds = p->quick.seconds;
		opt.rounds = p->quick.rounds;
		opt.round_ms = p->quick.round_ms;
		break;
	case 's':
		opt.seconds = number(optarg, 0.01, 86400);
		break;
	case 'r':
		opt.rounds = (unsigned int)number(optarg, 1, ROUNDS_MAX);
		break;
	case 'm':
		opt.round_ms = (unsigned int)number(optarg, 1, 10000);
		break;
	case 'b':
		opt.ring_size = (uint64_t)number(optarg, SEQRING_DATA_SIZE_MIN,
						 SEQRING_DATA_SIZE_MAX);
		if (opt.ring_size & (opt.ring_size - 1))
			fail("'%s' is not a power of two", optarg);
		break;
	case 'c':
		if (sscanf(optarg, "%d,%d", &opt.cpu[0], &opt.cpu[1]) != 2 ||
		    opt.cpu[0] == opt.cpu[1])
			fail("'%s' does not name two cores", optarg);
		break;
	}
}

int bench_main(const struct bench_program *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "list", no_argument, NULL, 'l' },
		{ "quick", no_argument, NULL, 'q' },
		{ "seconds", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "round-ms", required_argument, NULL, 'm' },
		{ "ring-size", required_argument, NULL, 'b' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },
		{ "counted", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL, *json = NULL;
	bool counted = false, chosen[PARTS_MAX];
	size_t i;
	int c;

	opt = p->full;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			only = optarg;
			break;
		case 'l':
			for (i = 0; i < p->nr; i++)
				puts(p->parts[i].name);
			return 0;
		case 'j':
			json = optarg;
			break;
		case 'i':
			counted = true;
			break;
		case 'h':
			usage(p, stdout);
			return 0;
		case '?':
			usage(p, stderr);
			return 3;
		default:
			set_option(c, p);
		}
	}
	if (optind != argc) {
		usage(p, stderr);
		return 3;
	}
	choose(p, only, counted, chosen);
	if (emit_open(json))
		fail("cannot write %s", json);
	pin_to(opt.cpu[0]);
	emit_run();
	for (i = 0; i < p->nr; i++) {
		if (!chosen[i])
			continue;
		emit_part(p->parts[i].name);
		p->parts[i].run();
		if (emit_part_empty())
			emit_note(p->parts[i].name,
				  opt.quick ? "left out of a quick run" : "SKIPPED: no samples");
	}
	if (emit_close())
		fail("cannot write %s", json ? json : "to standard output");
	return 0;
}
