// SPDX-License-Identifier: GPL-2.0-only
/* ringctl record: records rings into files. */
#include <string.h>

#include "../lib/message.h"
#include "../lib/parse.h"
#include "command.h"
#include "record.h"

#define RINGS_MAX 64

static const char help[] =
	"usage: ringctl record NAME... --output DIR [OPTION]...\n"
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
	"  ringctl cat ./today --since 5s\n";

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

static int run(int argc, char **argv)
{
	struct record_opts opts = {
		.open = { .size = sizeof(opts.open), .whence = RING_OLDEST },
		.rec = { .size = sizeof(opts.rec) },
		.duration_ns = UINT64_MAX,
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&record_command);
		if (c == '?' || c == ':')
			return fail_option("record", c, argv, options);
		err = take_option(&opts, c);
		if (err)
			return err;
	}
	if (optind == argc)
		return fail_usage("record",
				  "no name: name the rings (ringctl record NAME... -o DIR)");
	if (!opts.dir)
		return fail_usage("record", "no directory (use --output DIR)");
	if (argc - optind > RINGS_MAX)
		return fail_usage("record", "%d rings: at most %d", argc - optind, RINGS_MAX);
	opts.names = argv + optind;
	opts.nr = (unsigned int)(argc - optind);
	return record_rings(&opts);
}

const struct command record_command = {
	.name = "record",
	.run = run,
	.summary = "record rings into files",
	.help = help,
};
