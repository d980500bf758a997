// SPDX-License-Identifier: GPL-2.0-only
/* ringctl info: shows one ring in detail. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <seqring/abi.h>

#include "../lib/counters.h"
#include "../lib/decode.h"
#include "../lib/device.h"
#include "../lib/message.h"
#include "command.h"
#include "info.h"

static const char help[] =
	"usage: ringctl info NAME [OPTION]...\n"
	"\n"
	"Shows a ring's shape, clock, counters, drops by cause and record types, and how\n"
	"much a reader that starts now would find. NAME as for ringctl cat. Of a\n"
	"recording it also shows the files, and what is missing and why: lost by the\n"
	"recorder, removed with the oldest files, damaged, or torn at the end.\n"
	"\n"
	"  --json               one JSON object\n"
	"  --schema             only the description of the records, unchanged\n"
	"  --help               show this help\n"
	"\n"
	"Causes of drops: busy (a nested or second writer found the ring busy), too_big\n"
	"(the payload was too large), dead (the ring had ended), fault (the payload could\n"
	"not be read), handover (one loader of BPF programs was taking over from another\n"
	"one), superseded (a BPF program that was replaced was still attached: its\n"
	"successor publishes the event), abandoned (a BPF program has taken the ring and\n"
	"ended without giving it back: replace it).\n"
	"Missed: the kernel did not run a BPF program, since it was running on that CPU\n"
	"already. Only root is told.\n"
	"\n"
	"Examples:\n"
	"  ringctl info sched\n"
	"  ringctl info sched --json | jq '.rings[0].dropped'\n";

/* Return: 0 or -errno. */
static int gather(struct ring_reader *ring, struct ring_details *d)
{
	int err;

	d->info.size = sizeof(d->info);
	d->stats.size = sizeof(d->stats);
	err = ring_info(ring, &d->info);
	if (!err)
		err = ring_stats(ring, &d->stats);
	if (err)
		return err;
	d->recording.size = sizeof(d->recording);
	d->is_recording = !ring_recording_info(ring, &d->recording);
	d->missed_known = !ring_missed(ring, &d->missed);
	if (d->info.schema_size) {
		err = decoder_open(ring, &d->decoder);
		if (err == -ENOMEM)
			return err;
		if (err)
			snprintf(d->schema_err, sizeof(d->schema_err), "%s", ring_strerror());
	}
	return counters_read(ring, d->info.nr_rings, &d->rings);
}

static int show_ring(const char *name, bool json, bool schema)
{
	struct ring_details d = { 0 };
	struct ring_reader *ring;
	int err, status = EXIT_OK;

	err = ring_open(name, NULL, &ring);
	if (err)
		return fail_ring("info", name, err);
	err = gather(ring, &d);
	if (err)
		status = fail_ring("info", name, err);
	else if (schema && !d.info.schema_size)
		status = fail("info",
			      "%s: the ring has no schema (ringctl create --schema sets one)",
			      name);
	else if (schema)
		fwrite(d.info.schema, 1, d.info.schema_size, stdout);

	if (!status && !schema) {
		/* Do not count the reader of this function. */
		d.device_known = d.info.writer == SEQRING_WRITER_MODULE && !d.is_recording &&
				 !device_stat(name, &d.readers, &d.mode);
		if (d.device_known && d.readers)
			d.readers--;
		status = json ? info_print_json(&d) : info_print_text(&d);
	}
	free(d.rings);
	decoder_close(d.decoder);
	ring_close(ring);
	return status ? status : finish_stdout("info");
}

enum { OPT_SCHEMA = 256 };

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "schema", no_argument, NULL, OPT_SCHEMA },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	bool json = false, schema = false;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&info_command);
		if (c == 'j')
			json = true;
		else if (c == OPT_SCHEMA)
			schema = true;
		else
			return fail_option("info", c, argv, options);
	}
	if (json && schema)
		return fail_usage("info", "--json, --schema: contradict each other (use only one)");
	if (optind + 1 != argc)
		return fail_usage("info", "%s: name exactly one ring (ringctl info NAME)",
				  optind < argc ? argv[optind + 1] : "no name");
	return show_ring(argv[optind], json, schema);
}

const struct command info_command = {
	.name = "info",
	.run = run,
	.summary = "show one ring in detail",
	.help = help,
};
