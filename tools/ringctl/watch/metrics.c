// SPDX-License-Identifier: GPL-2.0-only
/* ringctl metrics: the counters of rings, as monitoring systems read them. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/clock.h"
#include "../../lib/limit.h"
#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../../lib/replace.h"
#include "../../lib/signals.h"
#include "../command.h"
#include "listen.h"
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
	"  --listen ADDRESS     answer GET /metrics by HTTP until a signal comes: PORT,\n"
	"                       127.0.0.1:PORT or [::1]:PORT. The header Accept of the\n"
	"                       request chooses the format\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl metrics\n"
	"  ringctl metrics sched --format openmetrics\n"
	"  ringctl metrics --output /var/lib/node_exporter/rings.prom --interval 15s\n"
	"  ringctl metrics --listen 9917\n";

struct metrics_opts {
	struct metrics_names names;
	const char *output;
	const char *listen;
	uint64_t interval_ns;
	bool format_given;
	bool openmetrics;
};

static int replace_output(const struct metrics_opts *o)
{
	char *text = NULL;
	size_t size = 0;
	int err = metrics_text(&o->names, o->openmetrics, &text, &size);

	if (err)
		return fail("metrics", "%s: %s", o->output, reason_of(err));
	err = replace_file(o->output, text, size);
	free(text);
	return err ? fail("metrics", "%s: %s", o->output, strerror(-err)) : EXIT_OK;
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

static int print_once(const struct metrics_opts *o)
{
	char *text = NULL;
	size_t size = 0;
	int err = metrics_text(&o->names, o->openmetrics, &text, &size);

	if (!err)
		fwrite(text, 1, size, stdout);
	free(text);
	return err ? fail("metrics", "%s", reason_of(err)) : finish_stdout("metrics");
}

/* Return: 0; EXIT_USAGE: the options contradict each other, with the message printed. */
static int check_options(const struct metrics_opts *o)
{
	if (o->listen && o->output)
		return fail_usage("metrics",
				  "--listen, --output: contradict each other (use only one)");
	if (o->listen && o->format_given)
		return fail_usage("metrics", "--format: not with --listen (each request says which "
					     "format it accepts)");
	if (o->interval_ns && !o->output)
		return fail_usage("metrics", "--interval: only with --output (a file to replace)");
	return 0;
}

enum { OPT_FORMAT = 256, OPT_INTERVAL, OPT_LISTEN };

static const struct option options[] = {
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "output", required_argument, NULL, 'o' },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "listen", required_argument, NULL, OPT_LISTEN },
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
	int c, status = EXIT_OK;

	while (!status && (c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return show_help(&metrics_command);
		case 'o':
			o.output = optarg;
			break;
		case OPT_FORMAT:
			status = parse_format(optarg, &o.openmetrics);
			o.format_given = true;
			break;
		case OPT_LISTEN:
			o.listen = optarg;
			break;
		case OPT_INTERVAL:
			status = parse_sampling_interval("metrics", optarg, &o.interval_ns);
			break;
		default:
			return fail_option("metrics", c, argv, options);
		}
	}
	if (!status)
		status = check_options(&o);
	if (status)
		return status;
	raise_files_limit();
	o.names = (struct metrics_names) { argv + optind, (unsigned int)(argc - optind) };
	if (o.listen)
		return listen_run(o.listen, &o.names);
	if (o.interval_ns)
		return replace_repeatedly(&o);
	return o.output ? replace_output(&o) : print_once(&o);
}

const struct command metrics_command = {
	.name = "metrics",
	.run = run,
	.summary = "print the counters of rings for monitoring",
	.help = help,
};
