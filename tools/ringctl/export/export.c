// SPDX-License-Identifier: GPL-2.0-only
/* ringctl export: writes records in the formats of other programs. */
#include <string.h>

#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../command.h"
#include "export.h"
#include "format.h"

static const char help[] =
	"usage: ringctl export NAME --to FORMAT --output OUT [OPTION]...\n"
	"\n"
	"Writes the records of a ring or of a recording in the format of other programs,\n"
	"from the oldest one on. Of a ring, until interrupted or until the writer is\n"
	"gone. NAME as for ringctl cat. The ring's schema says which fields there are.\n"
	"\n"
	"  --to FORMAT          one of the formats below\n"
	"  --by COLUMN[,...]    folded: the values of these columns, named as in csv, or\n"
	"                       the \"name\" of the type, are the frames, outermost first\n"
	"  --output OUT, -o OUT the file or directory, which must not exist. It has its\n"
	"                       name when it is complete: before, it is OUT.partial, and\n"
	"                       a failure removes that\n"
	"  --type N[,N...]      only records of these types\n"
	"  --count N            end after N records\n"
	"  --no-follow          end after the records that are in the ring now\n"
	"  --progress           print an account to standard error each second\n"
	"  --quiet              no summary at the end\n"
	"  --help               show this help\n"
	"\n"
	"Formats:\n"
	"  jsonl                a file with a line for each record, as cat --json prints\n"
	"  csv                  a directory with a table for each type of records, after\n"
	"                       RFC 4180. Columns have the names of values in JSON: seq,\n"
	"                       fields.prev.comm, fields.counts[2]. An array whose length\n"
	"                       varies is one column, in JSON\n"
	"  ctf                  a directory with a trace of CTF 1.8, for babeltrace2 and\n"
	"                       Trace Compass: a stream for each ring, with exact losses\n"
	"  perfetto             a file for Perfetto's viewer. Of ringctl trace: CPUs,\n"
	"                       threads with system calls, disks with requests. Of other\n"
	"                       rings: records as points with their fields. Losses are\n"
	"                       marked and counted\n"
	"  folded               a file with a line for each stack and how many records\n"
	"                       have it, for flame graphs. A stack is the array \"stack\"\n"
	"                       of a record, innermost frame first; or what --by says\n"
	"\n"
	"The summary on standard error:\n"
	"  ringctl: NAME: exported R, lost L; B bytes in OUT\n"
	"The exit status is 0 after a signal, after --count, and if the writer is gone.\n"
	"\n"
	"Examples:\n"
	"  ringctl record sched -o today --duration 1s\n"
	"  ringctl export ./today --to csv -o tables\n"
	"  ringctl export ./today --to perfetto -o today.pftrace\n"
	"  ringctl export ./today --to folded --by name,fields.comm -o today.folded\n";

enum {
	OPT_TO = 256,
	OPT_BY,
	OPT_TYPE,
	OPT_COUNT,
	OPT_NO_FOLLOW,
	OPT_PROGRESS,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "to", required_argument, NULL, OPT_TO },
	{ "by", required_argument, NULL, OPT_BY },
	{ "output", required_argument, NULL, 'o' },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "no-follow", no_argument, NULL, OPT_NO_FOLLOW },
	{ "progress", no_argument, NULL, OPT_PROGRESS },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct export_opts *o, int opt)
{
	switch (opt) {
	case 'o':
		o->out = optarg;
		if (strcmp(optarg, "-") && *optarg)
			return 0;
		return fail_usage("export", "--output %s: not a name (export writes files)",
				  optarg);
	case OPT_TO:
		o->format = export_find_format(optarg);
		if (o->format)
			return 0;
		return fail_usage("export", "--to %s: no such format (%s)", optarg,
				  export_format_names());
	case OPT_BY:
		o->by = optarg;
		return 0;
	case OPT_TYPE:
		return parse_types("export", optarg, &o->open);
	case OPT_COUNT:
		return parse_number("export", "--count", optarg, 1, UINT64_MAX, &o->count);
	case OPT_NO_FOLLOW:
		o->follow = false;
		return 0;
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
	struct export_opts opts = {
		.open = { .size = sizeof(opts.open), .whence = RING_OLDEST },
		.follow = true,
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&export_command);
		if (c == '?' || c == ':')
			return fail_option("export", c, argv, options);
		err = take_option(&opts, c);
		if (err)
			return err;
	}
	if (optind + 1 != argc)
		return fail_usage(
			"export",
			"%s: name exactly one ring or recording (ringctl export NAME --to "
			"FORMAT -o OUT)",
			optind < argc ? argv[optind + 1] : "no name");
	if (!opts.format)
		return fail_usage("export", "no format (use --to %s)", export_format_names());
	if (!opts.out)
		return fail_usage("export", "no output (use --output OUT)");
	if (opts.by && opts.format != &export_folded)
		return fail_usage("export", "--by: only with --to folded");
	opts.name = argv[optind];
	return export_ring(&opts);
}

const struct command export_command = {
	.name = "export",
	.run = run,
	.summary = "write records in formats of other programs",
	.help = help,
};
