// SPDX-License-Identifier: GPL-2.0-only
/* ringctl top: what happens in all rings, live. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/clock.h"
#include "../../lib/limit.h"
#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../../lib/signals.h"
#include "../command.h"
#include "top.h"

/* At the start, all processes that serve rings have so long together to answer. */
#define ANSWER_NS (NSEC_PER_SEC / 4)

static const char help[] =
	"usage: ringctl top [NAME|PATTERN]... [OPTION]...\n"
	"\n"
	"Shows what happens in all rings, or in those named, on the whole terminal. Rings\n"
	"come and go. A PATTERN is as in the shell, in quotes: 'net*'. A ring that is\n"
	"named stays in the list, and is opened as soon as it is there. If standard input\n"
	"or output is no terminal, top prints a line for each ring and interval.\n"
	"\n"
	"  RECORDS/s  records that were published, a second\n"
	"  BYTES/s    their bytes, headers included\n"
	"  FILL       how much of the ring has records; of several rings, the fullest\n"
	"  DROPPED    records that could not be published since the creation\n"
	"  CAUSE      why: the cause of most drops, of the interval if there were any\n"
	"  READERS    open files of a device; - if not known. Only a reader itself knows\n"
	"             how far it is behind and what it has lost\n"
	"  OVERRUN    a reader that stops now, behind the newest record, begins to lose\n"
	"             records after so many seconds if this rate stays; - if nothing was\n"
	"             published. Of a device with several rings, the first one to overrun\n"
	"\n"
	"  --interval TIME      length of an interval, 10ms to 1h (default 1s)\n"
	"  --sort COLUMN        " COLUMN_NAMES "\n"
	"                       (default overrun: the soonest first)\n"
	"  --count N            end after N intervals\n"
	"  --plain              print lines on a terminal, too\n"
	"  --help               show this help\n"
	"\n"
	"Keys: arrows choose a ring; Enter shows its counters, drops by cause, types of\n"
	"records and readers; n r b f d e o sort, i inverts the order, / filters by name,\n"
	"? shows all keys, q ends. NO_COLOR turns colours off.\n"
	"\n"
	"Examples:\n"
	"  ringctl top\n"
	"  ringctl top 'net*' --sort dropped --interval 200ms\n"
	"  ringctl top --plain --count 60 >minute.txt\n";

static int run_top(struct top *t, bool plain, char **names, unsigned int nr)
{
	int err, status;

	raise_files_limit();
	status = rows_init(&t->rows, names, nr);
	if (!status) {
		err = signals_init();
		if (err)
			status = fail("top", "signals: %s", strerror(-err));
	}
	if (!status) {
		/* Rings that are there now have their first interval from here on. */
		err = rows_update(&t->rows);
		rows_wait(&t->rows, now_ns() + ANSWER_NS);
		if (!err)
			err = view_update(&t->view, &t->rows);
		if (err)
			status = fail("top", "%s", strerror(-err));
	}
	if (!status)
		status = plain ? plain_run(t) : screen_run(t);
	view_free(&t->view);
	rows_free(&t->rows);
	return status;
}

enum { OPT_INTERVAL = 256, OPT_SORT, OPT_COUNT, OPT_PLAIN };

static const struct option options[] = {
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "plain", no_argument, NULL, OPT_PLAIN },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	struct top t = { .interval_ns = NSEC_PER_SEC, .view.sort = COLUMN_OVERRUN };
	bool plain = !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
	int c, status = EXIT_OK;

	while (!status && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return show_help(&top_command);
		case OPT_INTERVAL:
			status = parse_sampling_interval("top", optarg, &t.interval_ns);
			break;
		case OPT_SORT:
			if (column_find(optarg, &t.view.sort))
				status = fail_usage("top",
						    "--sort %s: no such column (" COLUMN_NAMES ")",
						    optarg);
			break;
		case OPT_COUNT:
			status = parse_number("top", "--count", optarg, 1, UINT64_MAX, &t.count);
			break;
		case OPT_PLAIN:
			plain = true;
			break;
		default:
			return fail_option("top", c, argv, options);
		}
	}
	if (status)
		return status;
	return run_top(&t, plain, argv + optind, (unsigned int)(argc - optind));
}

const struct command top_command = {
	.name = "top",
	.run = run,
	.summary = "show what happens in all rings, live",
	.help = help,
};
