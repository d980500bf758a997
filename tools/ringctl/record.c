// SPDX-License-Identifier: GPL-2.0-only
/* ringctl record: records rings into files. */
#include <string.h>

#include "../lib/clock.h"
#include "../lib/message.h"
#include "../lib/parse.h"
#include "command.h"
#include "flight/flight.h"
#include "record.h"

#define RINGS_MAX 64

static const char help[] =
	"usage: ringctl record NAME... --output DIR [OPTION]...\n"
	"       ringctl record NAME -o DIR --flight TIME --trigger WHEN... [OPTION]...\n"
	"\n"
	"Records all records of a ring into files, from the oldest one in the ring on,\n"
	"until interrupted or until the writer is gone. NAME as for ringctl cat. DIR is\n"
	"created, and may not have a recording yet: nothing is ever overwritten. With\n"
	"several rings, each gets a directory of its own in DIR, with its name. Read a\n"
	"recording as a ring, by its path: ringctl cat ./DIR.\n"
	"\n"
	"  --output DIR, -o DIR  the directory for the files\n"
	"  --segment SIZE       begin another file after SIZE bytes (default 64M)\n"
	"  --size SIZE          remove the oldest files of a ring, so that all of them\n"
	"                       have at most SIZE bytes; at least two files\n"
	"  --keep TIME          remove files whose records are all older than TIME\n"
	"  --head               record only what is published from now on\n"
	"  --compress zstd[:LEVEL]\n"
	"                       compress by Zstandard: 1 (fast, default) to 19 (small)\n"
	"  --duration TIME      end after TIME\n"
	"  --sync TIME          every TIME, get what was recorded onto the disk, so\n"
	"                       that it survives a crash of the machine (default: at the\n"
	"                       end only). While the disk works, the ring must have room\n"
	"  --progress           print an account to standard error each second.\n"
	"                       Without it, a terminal has one line that tells how it\n"
	"                       goes\n"
	"  --quiet              no summary at the end\n"
	"  --help               show this help\n"
	"\n"
	"A flight recorder: waits, and copies nothing, until a trigger fires. Then it\n"
	"records what the ring still has of the last TIME, and goes on for a while, into\n"
	"a new directory DIR/NAME-DATE-N. It waits again, until interrupted or until the\n"
	"writer is gone.\n"
	"\n"
	"  --flight TIME        how long before the trigger the recording begins, if the\n"
	"                       ring reaches back so far: its size decides\n"
	"  --trigger WHEN       may be given up to 16 times. WHEN is one of:\n"
	"                       EXPRESSION: a record for which it is true, as in\n"
	"                       ringctl cat --where;\n"
	"                       rate(EXPRESSION) > N: more than N such records in a\n"
	"                       second;\n"
	"                       loss: the writer dropped a record, or this command lost\n"
	"                       one; or signal: SIGUSR1\n"
	"  --after TIME         how long after the trigger it ends (default 1s). Triggers\n"
	"                       until then are counted\n"
	"  --cooldown TIME      ignore triggers for TIME after a recording\n"
	"  --count N            end after N recordings\n"
	"  --exec COMMAND       run COMMAND, without a shell, with the path of each\n"
	"                       recording as its argument\n"
	"\n"
	"The summary on standard error, for each ring:\n"
	"  ringctl: NAME: recorded R, lost L; B bytes in F files; removed D records\n"
	"L counts the records that the ring overwrote before they were recorded. Whoever\n"
	"reads the recording is told of them where they are missing. With --compress the\n"
	"summary ends with the bytes that the records had before.\n"
	"\n"
	"If the disk is full, or DIR vanishes, the command ends with status 1; what it\n"
	"counted as recorded until then is in the files. A recording whose recorder was\n"
	"killed can be read up to the last whole chunk.\n"
	"\n"
	"Examples:\n"
	"  ringctl record sched -o today --size 1G --segment 64M\n"
	"  ringctl record sched log -o both --keep 5m --compress zstd\n"
	"  ringctl cat ./today --since 5s\n"
	"  ringctl record app -o incidents --flight 1m --trigger 'latency_ns > 1000000'\n";

enum {
	OPT_SEGMENT = 256,
	OPT_SIZE,
	OPT_KEEP,
	OPT_HEAD,
	OPT_COMPRESS,
	OPT_DURATION,
	OPT_SYNC,
	OPT_PROGRESS,
	OPT_QUIET,
	OPT_FLIGHT,
	OPT_TRIGGER,
	OPT_AFTER,
	OPT_COOLDOWN,
	OPT_COUNT,
	OPT_EXEC,
};

/* All options. @flight_option: the last one that needs --flight; NULL: none */
struct all_opts {
	struct record_opts record;
	struct flight_opts flight;
	bool is_flight;
	const char *flight_option;
};

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "segment", required_argument, NULL, OPT_SEGMENT },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "head", no_argument, NULL, OPT_HEAD },
	{ "compress", required_argument, NULL, OPT_COMPRESS },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "sync", required_argument, NULL, OPT_SYNC },
	{ "progress", no_argument, NULL, OPT_PROGRESS },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "flight", required_argument, NULL, OPT_FLIGHT },
	{ "trigger", required_argument, NULL, OPT_TRIGGER },
	{ "after", required_argument, NULL, OPT_AFTER },
	{ "cooldown", required_argument, NULL, OPT_COOLDOWN },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Parses zstd or zstd:LEVEL. */
static int parse_compression(const char *s, struct ring_recorder_opts *o)
{
	uint64_t level = 0;
	const char *end = s + 4;

	o->compression = RING_COMPRESSION_ZSTD;
	if (!strncmp(s, "zstd", 4) &&
	    (!*end || (*end == ':' && scan_digits(end + 1, &end, &level) && !*end && level &&
		       level <= RING_COMPRESSION_LEVEL_MAX))) {
		o->compression_level = (uint32_t)level;
		return 0;
	}
	return fail_usage("record",
			  "--compress %s: not a compression (zstd, or zstd:LEVEL from 1 to %d)", s,
			  RING_COMPRESSION_LEVEL_MAX);
}

static int take_option(struct record_opts *o, int opt)
{
	switch (opt) {
	case 'o':
		o->dir = optarg;
		return 0;
	case OPT_SEGMENT:
		return parse_bytes("record", "--segment", optarg, RING_SEGMENT_MIN,
				   RING_SEGMENT_MAX, &o->rec.segment_bytes);
	case OPT_SIZE:
		return parse_bytes("record", "--size", optarg, 2 * RING_SEGMENT_MIN, UINT64_MAX,
				   &o->rec.size_max);
	case OPT_KEEP:
		return parse_duration("record", "--keep", optarg, &o->rec.keep_ns);
	case OPT_HEAD:
		o->open.whence = RING_HEAD;
		return 0;
	case OPT_COMPRESS:
		return parse_compression(optarg, &o->rec);
	case OPT_DURATION:
		return parse_duration("record", "--duration", optarg, &o->duration_ns);
	case OPT_SYNC:
		return parse_duration("record", "--sync", optarg, &o->sync_ns);
	case OPT_PROGRESS:
		o->progress = true;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	}
	return EXIT_USAGE;
}

static int add_trigger(struct flight_opts *f, const char *text)
{
	if (f->nr_triggers == FLIGHT_TRIGGERS_MAX)
		return fail_usage("record", "--trigger: at most %d", FLIGHT_TRIGGERS_MAX);
	f->triggers[f->nr_triggers++] = text;
	return 0;
}

static int take_flight_option(struct all_opts *o, int opt)
{
	struct flight_opts *f = &o->flight;

	switch (opt) {
	case OPT_FLIGHT:
		o->is_flight = true;
		return parse_duration("record", "--flight", optarg, &f->before_ns);
	case OPT_TRIGGER:
		o->flight_option = "--trigger";
		return add_trigger(f, optarg);
	case OPT_AFTER:
		o->flight_option = "--after";
		return parse_duration("record", "--after", optarg, &f->after_ns);
	case OPT_COOLDOWN:
		o->flight_option = "--cooldown";
		return parse_duration("record", "--cooldown", optarg, &f->cooldown_ns);
	case OPT_COUNT:
		o->flight_option = "--count";
		return parse_number("record", "--count", optarg, 1, UINT64_MAX, &f->count);
	case OPT_EXEC:
		o->flight_option = "--exec";
		f->command = optarg;
		return 0;
	}
	return take_option(&o->record, opt);
}

/* Runs the flight recorder, if the options are for one. Return: the exit status. */
static int run_flight(struct all_opts *o)
{
	struct record_opts *r = &o->record;
	struct flight_opts *f = &o->flight;

	if (r->nr != 1)
		return fail_usage("record", "--flight: one ring, not %u", r->nr);
	if (!f->nr_triggers)
		return fail_usage("record", "--flight: no trigger (use --trigger)");
	if (r->rec.size_max || r->rec.keep_ns || r->sync_ns || r->progress ||
	    r->open.whence != RING_OLDEST)
		return fail_usage("record", "--flight: without --size, --keep, --sync, --progress "
					    "and --head");
	f->name = r->names[0];
	f->dir = r->dir;
	f->rec = r->rec;
	f->duration_ns = r->duration_ns;
	f->quiet = r->quiet;
	return flight_run(f);
}

static int run(int argc, char **argv)
{
	struct all_opts all = {
		.record.open = { .size = sizeof(all.record.open), .whence = RING_OLDEST },
		.record.rec = { .size = sizeof(all.record.rec) },
		.record.duration_ns = UINT64_MAX,
		.flight.after_ns = NSEC_PER_SEC,
	};
	struct record_opts *opts = &all.record;
	int c, err;

	while ((c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&record_command);
		if (c == '?' || c == ':')
			return fail_option("record", c, argv, options);
		err = take_flight_option(&all, c);
		if (err)
			return err;
	}
	if (optind == argc)
		return fail_usage("record",
				  "no name: name the rings (ringctl record NAME... -o DIR)");
	if (!opts->dir)
		return fail_usage("record", "no directory (use --output DIR)");
	if (argc - optind > RINGS_MAX)
		return fail_usage("record", "%d rings: at most %d", argc - optind, RINGS_MAX);
	opts->names = argv + optind;
	opts->nr = (unsigned int)(argc - optind);
	if (all.is_flight)
		return run_flight(&all);
	if (all.flight_option)
		return fail_usage("record", "%s: only with --flight", all.flight_option);
	return record_rings(opts);
}

const struct command record_command = {
	.name = "record",
	.run = run,
	.summary = "record rings into files",
	.help = help,
};
