// SPDX-License-Identifier: GPL-2.0-only
/* ringctl destroy: ends devices of the module, and rings that BPF programs write. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libring.h>
#include <libring/bpf.h>

#include "../lib/device.h"
#include "../lib/message.h"
#include "command.h"
#include "leftovers.h"

static const char help[] =
	"usage: ringctl destroy NAME...\n"
	"       ringctl destroy --leftovers [--unknown]\n"
	"\n"
	"Ends rings that ringctl create made, and rings that BPF programs write (ringctl\n"
	"trace --pin), and detaches these programs. The readers of a ring get its last\n"
	"records, then the end. A ring of a kernel module or of a running process cannot\n"
	"be destroyed: it ends with its owner.\n"
	"\n"
	"  --leftovers          remove what killed processes left, as ringctl list shows\n"
	"                       it, if the process that made it is known to be gone\n"
	"  --unknown            with --leftovers: also if nothing tells. Make sure first\n"
	"                       that no such process runs\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl destroy log\n"
	"  ringctl destroy sched\n"
	"  ringctl destroy --leftovers\n";

static const struct option options[] = {
	{ "leftovers", no_argument, NULL, 'l' },
	{ "unknown", no_argument, NULL, 'u' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Like ring_open(), prefers a device to a ring of BPF programs of the same name. */
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
	return fail(path, "there is neither a device nor a ring of BPF programs of this name "
			  "(ringctl list shows the rings)");
}

static int run(int argc, char **argv)
{
	bool leftovers = false, unknown = false;
	int c, status = EXIT_OK;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&destroy_command);
		if (c == '?' || c == ':')
			return fail_option("destroy", c, argv, options);
		leftovers |= c == 'l';
		unknown |= c == 'u';
	}
	if (unknown && !leftovers)
		return fail_usage("destroy", "--unknown: goes with --leftovers");
	if (leftovers && optind < argc)
		return fail_usage("destroy", "%s: --leftovers takes no name", argv[optind]);
	if (leftovers)
		return leftovers_remove(unknown);
	if (optind == argc)
		return fail_usage("destroy", "no name: name the rings (ringctl destroy NAME...)");
	for (; optind < argc; optind++) {
		if (destroy(argv[optind]))
			status = EXIT_FAIL;
	}
	return status;
}

const struct command destroy_command = {
	.name = "destroy",
	.run = run,
	.summary = "end devices and rings of BPF programs",
	.help = help,
};
