// SPDX-License-Identifier: GPL-2.0-only
/* ringctl metrics: the counters of rings, as monitoring systems read them. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../../lib/replace.h"
#include "../../lib/signals.h"
#include "../command.h"
#include "../leftovers.h"
#include "metrics.h"

static const char help[] =
	"usage: ringctl metrics [NAME]... [OPTION]...\n"
	"\n"
	"Prints the counters of these rings, or of all rings that ringctl list shows, in\n"
	"the text format of Prometheus. Each metric's help says what it counts. A ring\n"
	"that cannot be read has seqring_up 0.\n"
	"\n"
	"  --format FORMAT      prometheus (the default) or openmetrics\n"
	"  --output FILE        replace FILE instead, all at once: for the textfile\n"
	"                       collector of node exporter, FILE ends in .prom\n"
	"  --interval TIME      do so again and again, 10ms to 1h, until a signal comes\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl metrics\n"
	"  ringctl metrics sched --format openmetrics\n"
	"  ringctl metrics --output /var/lib/node_exporter/rings.prom --interval 15s\n";

struct metrics_opts {
	char **names;
	unsigned int nr_names;
	const char *output;
	uint64_t interval_ns;
	bool openmetrics;
};

struct gathering {
	struct metrics m;
	struct leftovers leftovers;
};

/* For ring_list(). */
static int gather_listed(const char *name, unsigned int writer, void *arg)
{
	struct gathering *g = arg;

	return leftovers_have(&g->leftovers, name, writer) ? 0 : metrics_add(&g->m, name);
}

/* Return: 0; -errno. */
static int gather(struct gathering *g, const struct metrics_opts *o)
{
	unsigned int i;
	int err = 0;

	if (!o->nr_names) {
		err = leftovers_find(&g->leftovers, 0);
		return err ? err : ring_list(gather_listed, g);
	}
	for (i = 0; i < o->nr_names && !err; i++)
		err = metrics_add(&g->m, o->names[i]);
	return err;
}

/* Return: 0; -errno. */
static int write_to(FILE *f, const struct metrics_opts *o)
{
	struct gathering g = { 0 };
	int err = gather(&g, o);

	if (!err)
		metrics_print(&g.m, o->openmetrics, f);
	metrics_free(&g.m);
	leftovers_free(&g.leftovers);
	return err;
}

static int replace_output(const struct metrics_opts *o)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int err;

	if (!f)
		return fail("metrics", "%s", strerror(errno));
	err = write_to(f, o);
	if (fclose(f) && !err)
		err = -errno;
	if (!err)
		err = replace_file(o->output, text, size);
	free(text);
	return err ? fail("metrics", "%s: %s", o->output, reason_of(err)) : EXIT_OK;
}

/* Whether a signal has come by @until_ns. */
static bool sleep_until(uint64_t until_ns)
{
	struct pollfd pfd = { .fd = signals_fd(), .events = POLLIN };

	while (ns_until(until_ns)) {
		poll_until(&pfd, 1, until_ns);
		if (signals_take())
			return true;
	}
	return false;
}

static int replace_repeatedly(const struct metrics_opts *o)
{
	uint64_t next = now_ns();
	int status;

	status = signals_init();
	if (status)
		return fail("metrics", "signals: %s", reason_of(status));
	do {
		status = replace_output(o);
		next = next_turn(next, o->interval_ns);
	} while (!status && !sleep_until(next));
	return status;
}

enum { OPT_FORMAT = 256, OPT_INTERVAL };

static const struct option options[] = {
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "output", required_argument, NULL, 'o' },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_format(const char *s, bool *openmetrics)
{
	*openmetrics = !strcmp(s, "openmetrics");
	if (*openmetrics || !strcmp(s, "prometheus"))
		return 0;
	return fail_usage("metrics", "--format %s: no such format (prometheus or openmetrics)", s);
}

static int run(int argc, char **argv)
{
	struct metrics_opts o = { 0 };
	int c, err, status = EXIT_OK;

	while (!status && (c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return show_help(&metrics_command);
		case 'o':
			o.output = optarg;
			break;
		case OPT_FORMAT:
			status = parse_format(optarg, &o.openmetrics);
			break;
		case OPT_INTERVAL:
			status = parse_sampling_interval("metrics", optarg, &o.interval_ns);
			break;
		default:
			return fail_option("metrics", c, argv, options);
		}
	}
	if (status)
		return status;
	if (o.interval_ns && !o.output)
		return fail_usage("metrics", "--interval: only with --output (a file to replace)");
	o.names = argv + optind;
	o.nr_names = (unsigned int)(argc - optind);
	if (o.interval_ns)
		return replace_repeatedly(&o);
	if (o.output)
		return replace_output(&o);
	err = write_to(stdout, &o);
	if (err)
		return fail("metrics", "%s", reason_of(err));
	return finish_stdout("metrics");
}

const struct command metrics_command = {
	.name = "metrics",
	.run = run,
	.summary = "print the counters of rings for monitoring",
	.help = help,
};
