// SPDX-License-Identifier: GPL-2.0-only
/* ringctl create, destroy: devices of the module, and rings that BPF programs write. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libring/bpf.h>
#include <seqring/abi.h>

#include "ringctl.h"

static const char create_help[] =
	"usage: ringctl create NAME --size SIZE [OPTION]...\n"
	"\n"
	"Creates a ring that processes publish to with write(2), /dev/seqring/NAME, the\n"
	"kernel being its one writer. It lives until ringctl destroy or until the module\n"
	"goes. NAME is 1 to 31 letters, digits, dots, dashes and underscores, without a\n"
	"dot at the beginning.\n"
	"\n"
	"  --size SIZE          bytes for records: a power of two from 64K to 1G; one\n"
	"                       record may take a quarter of it\n"
	"  --clock CLOCK        time of a record: " CLOCK_NAMES_HELP "\n"
	"  --mode MODE          permissions of the device, octal (default 0600)\n"
	"  --schema FILE        description of the records, at most 1 MiB\n"
	"  --help               show this\n"
	"\n"
	"Examples:\n"
	"  ringctl create log --size 1M --mode 0644\n"
	"  ringctl create state --size 64K --clock none\n";

static const char destroy_help[] =
	"usage: ringctl destroy NAME...\n"
	"\n"
	"Ends rings that ringctl create made, and those that BPF programs write, whose\n"
	"programs are detached (ringctl trace --pin). Their readers get what is there,\n"
	"then the end. A ring that a kernel module or a running process owns goes with\n"
	"that.\n"
	"\n"
	"  --help               show this\n"
	"\n"
	"Examples:\n"
	"  ringctl destroy log\n"
	"  ringctl destroy sched\n";

enum { OPT_SIZE = 256, OPT_CLOCK, OPT_MODE, OPT_SCHEMA };

static const struct option create_options[] = {
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "clock", required_argument, NULL, OPT_CLOCK },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "schema", required_argument, NULL, OPT_SCHEMA },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct option destroy_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int create(const char *name, struct ring_create_opts *opts, const char *schema)
{
	void *data = NULL;
	int err;

	if (schema) {
		err = load_schema("create", schema, &data, &opts->schema_size);
		if (err)
			return err;
		opts->schema = data;
	}
	err = ring_create(name, opts);
	free(data);
	return err ? fail_ring("create", name, err) : EXIT_OK;
}

static int run_create(int argc, char **argv)
{
	struct ring_create_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
	};
	const char *schema = NULL;
	int c, err = 0;

	while ((c = getopt_long(argc, argv, ":h", create_options, NULL)) != -1) {
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
		case OPT_SCHEMA:
			schema = optarg;
			break;
		case 'h':
			return show_help(&create_command);
		default:
			return bad_option("create", c, argv, create_options);
		}
		if (err)
			return err;
	}
	if (optind + 1 != argc)
		return usage("create",
			     "%s: one ring is to be named (ringctl create NAME --size SIZE)",
			     optind < argc ? argv[optind + 1] : "no name");
	if (!opts.data_size)
		return usage("create", "--size: missing (a power of two from 64K to 1G)");
	return create(argv[optind], &opts, schema);
}

/* A name is a device's first, as it is to ring_open(). */
static int destroy(const char *name)
{
	char path[PATH_MAX];
	int err;

	device_path(name, path, sizeof(path));
	if (!strchr(name, '/') && !access(path, F_OK))
		err = ring_destroy(name);
	else
		err = ring_bpf_destroy(name);
	if (err != -ENOENT)
		return err ? fail_ring("destroy", name, err) : EXIT_OK;
	snprintf(path, sizeof(path), "destroy %s", name);
	return fail(path, "there is no such device, nor such a ring of BPF programs (ringctl list "
			  "shows what there is)");
}

static int run_destroy(int argc, char **argv)
{
	int c, status = EXIT_OK;

	while ((c = getopt_long(argc, argv, ":h", destroy_options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&destroy_command);
		return bad_option("destroy", c, argv, destroy_options);
	}
	if (optind == argc)
		return usage("destroy", "no name: rings are to be named (ringctl destroy NAME...)");
	for (; optind < argc; optind++) {
		if (destroy(argv[optind]))
			status = EXIT_FAIL;
	}
	return status;
}

const struct command create_command = {
	.name = "create",
	.run = run_create,
	.summary = "create a device to publish to",
	.help = create_help,
};

const struct command destroy_command = {
	.name = "destroy",
	.run = run_destroy,
	.summary = "end devices, or BPF programs that go on",
	.help = destroy_help,
};
