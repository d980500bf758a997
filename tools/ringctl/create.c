// SPDX-License-Identifier: GPL-2.0-only
/* ringctl create: creates devices of the module. */
#include <stdlib.h>

#include <libring.h>
#include <seqring/abi.h>

#include "../lib/account.h"
#include "../lib/message.h"
#include "../lib/parse.h"
#include "../lib/schema_file.h"
#include "command.h"

static const char help[] =
	"usage: ringctl create NAME --size SIZE [OPTION]...\n"
	"\n"
	"Creates a ring, /dev/seqring/NAME, to which processes publish with write(2). The\n"
	"kernel is its only writer. The ring exists until ringctl destroy or until the\n"
	"module is unloaded. NAME is 1 to 31 letters, digits, dots, dashes and\n"
	"underscores, and does not begin with a dot.\n"
	"\n"
	"  --size SIZE          bytes for records: a power of two from 64K to 1G; one\n"
	"                       record can take a quarter of them\n"
	"  --clock CLOCK        clock: " CLOCK_NAMES_HELP "\n"
	"  --mode MODE          permissions of the device, octal (default 0600)\n"
	"  --owner USER         owner of the device, who may also destroy it: a name or a\n"
	"                       number (default: you)\n"
	"  --group GROUP        group of the device (default: yours)\n"
	"  --schema FILE        description of the records, at most 1 MiB\n"
	"  --wake-interval TIME wake readers at most once in this time, up to 1s; 0s: no\n"
	"                       limit (default 20us)\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl create log --size 1M --mode 0644\n"
	"  ringctl create log --size 1M --group adm --mode 0640\n"
	"  ringctl create state --size 64K --clock none\n";

enum { OPT_SIZE = 256, OPT_CLOCK, OPT_MODE, OPT_OWNER, OPT_GROUP, OPT_SCHEMA, OPT_INTERVAL };

static const struct option options[] = {
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "clock", required_argument, NULL, OPT_CLOCK },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "owner", required_argument, NULL, OPT_OWNER },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "schema", required_argument, NULL, OPT_SCHEMA },
	{ "wake-interval", required_argument, NULL, OPT_INTERVAL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_interval(const char *s, struct ring_create_opts *opts)
{
	uint64_t ns;
	int err = parse_duration("create", "--wake-interval", s, &ns);

	if (err)
		return err;
	if (ns > SEQRING_WAKE_INTERVAL_MAX)
		return fail_usage("create", "--wake-interval %s: at most 1s", s);
	opts->wake_interval_ns = ns ? (uint32_t)ns : SEQRING_WAKE_UNLIMITED;
	return 0;
}

static int create(const char *name, struct ring_create_opts *opts, const char *schema)
{
	void *data = NULL;
	int err;

	if (schema) {
		err = load_schema_file("create", schema, &data, &opts->schema_size);
		if (err)
			return err;
		opts->schema = data;
	}
	err = ring_create(name, opts);
	free(data);
	return err ? fail_ring("create", name, err) : EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct ring_create_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
	};
	const char *schema = NULL;
	int c, err = 0;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case OPT_SIZE:
			err = parse_size("create", "--size", optarg, &opts.data_size);
			break;
		case OPT_CLOCK:
			err = parse_clock("create", "--clock", optarg, &opts.clock_id);
			break;
		case OPT_MODE:
			err = parse_mode("create", "--mode", optarg, &opts.permissions);
			break;
		case OPT_OWNER:
			err = parse_user("create", "--owner", optarg, &opts.uid);
			opts.flags |= SEQRING_CREATE_UID;
			break;
		case OPT_GROUP:
			err = parse_group("create", "--group", optarg, &opts.gid);
			opts.flags |= SEQRING_CREATE_GID;
			break;
		case OPT_SCHEMA:
			schema = optarg;
			break;
		case OPT_INTERVAL:
			err = parse_interval(optarg, &opts);
			break;
		case 'h':
			return show_help(&create_command);
		default:
			return fail_option("create", c, argv, options);
		}
		if (err)
			return err;
	}
	if (optind + 1 != argc)
		return fail_usage("create",
				  "%s: name exactly one ring (ringctl create NAME --size SIZE)",
				  optind < argc ? argv[optind + 1] : "no name");
	if (!opts.data_size)
		return fail_usage("create", "--size: missing (a power of two from 64K to 1G)");
	return create(argv[optind], &opts, schema);
}

const struct command create_command = {
	.name = "create",
	.run = run,
	.summary = "create a device to publish to",
	.help = help,
};
