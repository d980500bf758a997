// SPDX-License-Identifier: GPL-2.0-only
/* ringctl fetch: writes what agents have sent into files. */
#include <string.h>

#include "../../fleet/names.h"
#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../command.h"
#include "../login.h"
#include "fetch.h"

#define FILE_SIZE_MIN (1ULL << 20)
#define FILE_SIZE_MAX (1ULL << 40)
#define CONSUMER_MAX  64

static const char help[] =
	"usage: ringctl fetch --from nats://HOST:PORT[,...] [OPTION]... DIR\n"
	"\n"
	"Writes the messages of agents (ringd) from their streams of NATS JetStream into\n"
	"files in DIR, which is created. Each message is there once, however often it\n"
	"comes. It is acknowledged when it is on the disk: then the agent removes it from\n"
	"its spool. Read DIR with ringctl audit. Files but the newest one may be moved\n"
	"away.\n"
	"\n"
	"  --from URL[,URL...]  servers; any of them will do\n"
	"  --once               end when all is there that the streams had at the start\n"
	"                       (default)\n"
	"  --follow             go on, also with agents that are new, until interrupted\n"
	"  --stream PATTERN     streams, as in a shell (default " FLEET_STREAM_PREFIX
	"*): agents' names\n"
	"                       after " FLEET_STREAM_PREFIX "\n"
	"  --consumer NAME      the durable consumer (default " FLEET_CONSUMER ", by which agents\n"
	"                       release their spools). One consumer is for one DIR\n"
	"  --file-size SIZE     begin another file after SIZE bytes (default 64M)\n"
	"  --quiet              no summary at the end\n" LOGIN_HELP
	"  --help               show this help\n"
	"\n"
	"What is no whole message, or of an unknown version, is set aside: DIR/set-aside\n"
	"has its bytes, in a file of its own. It is acknowledged, so nothing behind it\n"
	"waits.\n"
	"\n"
	"The summary on standard error:\n"
	"  ringctl: fetch: DIR: wrote M messages, B bytes; A were there already; S were\n"
	"  set aside; G are missing\n"
	"\n"
	"Exit status: 0 if all is in DIR; 1 after a failure, if a message was set aside,\n"
	"or, without --follow, if one is missing; 2 for wrong usage. If the disk is full,\n"
	"what is not on it was not acknowledged: it comes again.\n"
	"\n"
	"Examples:\n"
	"  ringctl fetch --from nats://far:4222 /srv/fleet && ringctl audit /srv/fleet\n"
	"  ringctl fetch --from nats://a,nats://b --credentials me.creds --follow fleet\n"
	"  ringctl fetch --from nats://far --stream 'SEQRING_web*' --consumer web web\n";

enum {
	OPT_ONCE = LOGIN_OPTIONS_END,
	OPT_FOLLOW,
	OPT_STREAM,
	OPT_CONSUMER,
	OPT_FILE_SIZE,
	OPT_QUIET,
};

static const struct option options[] = {
	LOGIN_OPTIONS,
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ "stream", required_argument, NULL, OPT_STREAM },
	{ "consumer", required_argument, NULL, OPT_CONSUMER },
	{ "file-size", required_argument, NULL, OPT_FILE_SIZE },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct fetch_opts *o, int opt, bool *once)
{
	if (login_take(&o->login, opt))
		return 0;
	switch (opt) {
	case OPT_ONCE:
		*once = true;
		return 0;
	case OPT_FOLLOW:
		o->follow = true;
		return 0;
	case OPT_STREAM:
		o->stream = optarg;
		return 0;
	case OPT_CONSUMER:
		o->consumer = optarg;
		return 0;
	case OPT_FILE_SIZE:
		return parse_bytes("fetch", "--file-size", optarg, FILE_SIZE_MIN, FILE_SIZE_MAX,
				   &o->file_size);
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	}
	return EXIT_USAGE;
}

static int check(const struct fetch_opts *o, bool once)
{
	const size_t len = strlen(o->consumer);
	int err = login_check("fetch", &o->login);

	if (err)
		return err;
	if (once && o->follow)
		return fail_usage("fetch", "--once and --follow: only one may be given");
	if (!len || len > CONSUMER_MAX || strcspn(o->consumer, " \t\r\n.*>/\\") != len)
		return fail_usage("fetch",
				  "--consumer %s: not 1 to %d characters without white space and "
				  ". * > / \\",
				  o->consumer, CONSUMER_MAX);
	if (strncmp(o->stream, FLEET_STREAM_PREFIX, sizeof(FLEET_STREAM_PREFIX) - 1))
		return fail_usage(
			"fetch",
			"--stream %s: not a stream of agents: it begins with " FLEET_STREAM_PREFIX,
			o->stream);
	return 0;
}

static int run(int argc, char **argv)
{
	struct fetch_opts opts = {
		.login.name = PROGRAM_NAME " fetch",
		.stream = FLEET_STREAM_PREFIX "*",
		.consumer = FLEET_CONSUMER,
		.file_size = 64 << 20,
	};
	bool once = false;
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&fetch_command);
		if (c == '?' || c == ':')
			return fail_option("fetch", c, argv, options);
		err = take_option(&opts, c, &once);
		if (err)
			return err;
	}
	err = check(&opts, once);
	if (err)
		return err;
	if (optind == argc)
		return fail_usage("fetch", "no directory (ringctl fetch --from URL DIR)");
	if (argc - optind > 1)
		return fail_usage("fetch", "%s: only one directory may be given", argv[optind + 1]);
	opts.dir = argv[optind];
	return fetch_run(&opts);
}

const struct command fetch_command = {
	.name = "fetch",
	.run = run,
	.summary = "write what agents have sent into files",
	.help = help,
};
