// SPDX-License-Identifier: GPL-2.0-only
/* ringctl publish: publishes lines as records. */
#include <string.h>

#include <seqring/abi.h>

#include "../lib/account.h"
#include "../lib/clock.h"
#include "../lib/message.h"
#include "../lib/parse.h"
#include "command.h"
#include "publish.h"

static const char help[] =
	"usage: ringctl publish NAME [FILE] [OPTION]...\n"
	"\n"
	"Publishes each line of FILE or of standard input as a record, without its\n"
	"newline. NAME is a device that ringctl create made. With --serve it is a new\n"
	"ring of this process, which others read by that name until the input ends.\n"
	"\n"
	"  --type N             type of the records, 0 (the default) to 65535\n"
	"  --keep-newline       keep the newline in the record\n"
	"  --null               a zero byte ends each record, not a newline\n"
	"  --whole              the whole input is one record\n"
	"  --count N            end after N records\n"
	"  --rate N             publish at most N records a second\n"
	"  --help               show this help\n"
	"\n"
	"A ring of this process:\n"
	"  --serve              create a ring of this process and serve it\n"
	"  --size SIZE          its size: a power of two from 64K to 1G (default 1M)\n"
	"  --memfd SIZE         same as --serve --size SIZE\n"
	"  --clock CLOCK        clock: " CLOCK_NAMES_HELP "\n"
	"  --schema FILE        description of the records, at most 1 MiB\n"
	"  --mode MODE          who may open it, octal: bits of 0666 (default 0600)\n"
	"  --group GROUP        its group, by name or number\n"
	"  --readers N          at most N readers at the same time (default 1024)\n"
	"  --readers-per-user N of these, at most N of one other user (default a quarter)\n"
	"  --linger TIME        serve the ring for TIME (10s, 5m or forever) after the\n"
	"                       end of the input\n"
	"\n"
	"A line longer than the ring's largest payload (a quarter of the ring's size,\n"
	"less 24 bytes) is an error: ringctl names the line and exits. If it is\n"
	"interrupted before the end of the input, it says how many records it published\n"
	"and fails.\n"
	"\n"
	"Examples:\n"
	"  echo hello | ringctl publish log\n"
	"  ringctl publish log /var/log/syslog --type 7\n"
	"  vmstat 1 | ringctl publish vm --serve &\n"
	"  ringctl cat vm\n";

enum {
	OPT_TYPE = 256,
	OPT_KEEP_NEWLINE,
	OPT_NULL,
	OPT_WHOLE,
	OPT_COUNT,
	OPT_RATE,
	OPT_SERVE,
	OPT_SIZE,
	OPT_MEMFD,
	OPT_CLOCK,
	OPT_SCHEMA,
	OPT_LINGER,
	OPT_MODE,
	OPT_GROUP,
	OPT_READERS,
	OPT_READERS_PER_USER,
};

static const struct option options[] = {
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "keep-newline", no_argument, NULL, OPT_KEEP_NEWLINE },
	{ "null", no_argument, NULL, OPT_NULL },
	{ "whole", no_argument, NULL, OPT_WHOLE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "serve", no_argument, NULL, OPT_SERVE },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "memfd", required_argument, NULL, OPT_MEMFD },
	{ "clock", required_argument, NULL, OPT_CLOCK },
	{ "schema", required_argument, NULL, OPT_SCHEMA },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "readers", required_argument, NULL, OPT_READERS },
	{ "readers-per-user", required_argument, NULL, OPT_READERS_PER_USER },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The options of a ring that is served. */
static int take_listen_option(struct publish_opts *o, int opt)
{
	uint64_t v = 0;
	int err;

	o->serve_only = true;
	switch (opt) {
	case OPT_MODE:
		return parse_mode("publish", "--mode", optarg, &o->listen.permissions);
	case OPT_GROUP:
		o->listen.set_group = 1;
		return parse_group("publish", "--group", optarg, &o->listen.group);
	case OPT_READERS:
		err = parse_number("publish", "--readers", optarg, 1, 65536, &v);
		o->listen.readers_max = (uint32_t)v;
		return err;
	case OPT_READERS_PER_USER:
		err = parse_number("publish", "--readers-per-user", optarg, 1, 65536, &v);
		o->listen.readers_per_user = (uint32_t)v;
		return err;
	}
	return EXIT_USAGE;
}

static int take_option(struct publish_opts *o, int opt)
{
	uint64_t v = 0;
	int err = 0;

	switch (opt) {
	case OPT_TYPE:
		err = parse_number("publish", "--type", optarg, 0, UINT16_MAX, &v);
		o->type = (uint16_t)v;
		return err;
	case OPT_KEEP_NEWLINE:
		o->keep_newline = true;
		return 0;
	case OPT_NULL:
		o->unit = PUBLISH_NULS;
		return 0;
	case OPT_WHOLE:
		o->unit = PUBLISH_WHOLE;
		return 0;
	case OPT_COUNT:
		return parse_number("publish", "--count", optarg, 1, UINT64_MAX, &o->count);
	case OPT_RATE:
		return parse_number("publish", "--rate", optarg, 1, NSEC_PER_SEC, &o->rate);
	case OPT_SERVE:
		o->serve = true;
		return 0;
	case OPT_SIZE:
		o->serve_only = true;
		return parse_size("publish", "--size", optarg, &o->size);
	case OPT_MEMFD:
		o->serve = true;
		return parse_size("publish", "--memfd", optarg, &o->size);
	case OPT_CLOCK:
		o->serve_only = true;
		return parse_clock("publish", "--clock", optarg, &o->clock_id);
	case OPT_SCHEMA:
		o->serve_only = true;
		o->schema = optarg;
		return 0;
	case OPT_LINGER:
		o->serve_only = true;
		if (!strcmp(optarg, "forever"))
			o->linger_ns = PUBLISH_FOREVER;
		else
			err = parse_duration("publish", "--linger", optarg, &o->linger_ns);
		return err;
	}
	return take_listen_option(o, opt);
}

static int run(int argc, char **argv)
{
	struct publish_opts o = {
		.size = 1 << 20,
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.listen.size = sizeof(o.listen),
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&publish_command);
		if (c == '?' || c == ':')
			return fail_option("publish", c, argv, options);
		err = take_option(&o, c);
		if (err)
			return err;
	}
	if (optind >= argc || argc - optind > 2)
		return fail_usage("publish",
				  "%s: name one ring and at most one file "
				  "(ringctl publish NAME [FILE])",
				  optind < argc ? argv[optind + 2] : "no name");
	if (o.serve_only && !o.serve)
		return fail_usage("publish",
				  "--size, --clock, --schema, --mode, --group, --readers, "
				  "--readers-per-user, --linger: only for a ring of this "
				  "process (use --serve)");
	if (o.keep_newline && o.unit != PUBLISH_LINES)
		return fail_usage("publish", "--keep-newline: only for lines "
					     "(not with --null, --whole)");
	o.name = argv[optind];
	if (optind + 1 < argc && strcmp(argv[optind + 1], "-"))
		o.file = argv[optind + 1];
	return publish(&o);
}

const struct command publish_command = {
	.name = "publish",
	.run = run,
	.summary = "publish lines as records",
	.help = help,
};
