// SPDX-License-Identifier: GPL-2.0-only
/* ringctl cat: prints the records of a ring. */
#include <string.h>

#include "../lib/message.h"
#include "../lib/parse.h"
#include "cat.h"
#include "command.h"

#define BATCH_NS 10000000ULL

static int set_start(struct cat_opts *c, const char *opt, enum ring_whence whence)
{
	if (c->start_given)
		return fail_usage(
			"cat",
			"%s: the start is already given (use only one of --oldest, --newest, "
			"--head, --since)",
			opt);
	c->start_given = true;
	c->open.whence = whence;
	return 0;
}

static int set_since(struct cat_opts *c, const char *s)
{
	int err = parse_when("cat", "--since", s, &c->since);

	c->open.whence = c->since.whence;
	/* Only the ring that is opened tells what time it is by its clock. */
	c->open.value = c->since.is_ago ? UINT64_MAX : c->since.value;
	return err;
}

static int set_format(struct cat_opts *c, enum cat_format format)
{
	if (c->format != CAT_TEXT && c->format != format)
		return fail_usage("cat", "--json, --raw: contradict each other (use only one)");
	c->format = format;
	return 0;
}

static const char help[] =
	"usage: ringctl cat NAME [OPTION]...\n"
	"\n"
	"Prints the records of a ring, from the oldest one on, and waits for more until\n"
	"interrupted. NAME is a device of the module, a ring that a process serves or\n"
	"that BPF programs write, or a path, also of a recording. Any number of readers\n"
	"can run; none of them slows the writer down. A reader that is too slow loses the\n"
	"oldest records and reports how many.\n"
	"\n"
	"Where to start and to end:\n"
	"  --oldest             start with the oldest record in the ring (the default)\n"
	"  --newest             start with the newest record\n"
	"  --head               print only records published from now on\n"
	"  --since WHEN         start at WHEN: 5s, 200ms or 2m ago (of a recording:\n"
	"                       before its end); a time in ns of the ring's clock;\n"
	"                       real:SECONDS since 1970; or seq:N, for a single ring\n"
	"  --until WHEN         end before the first record from WHEN on, as for --since\n"
	"  --no-follow          end after the records that are in the ring now\n"
	"  --follow-name        wait for NAME if it is not there yet, and go on to the\n"
	"                       next ring of that name when the writer is gone, as\n"
	"                       tail -F does\n"
	"  --count N            end after N records\n"
	"\n"
	"What to read:\n"
	"  --ring N             only ring N of a device with several rings\n"
	"  --type N[,N...]      only records of these types\n"
	"  --where EXPRESSION   only records for which EXPRESSION is true: fields of the\n"
	"                       schema and type, len, ring, seq, ts_ns, compared with\n"
	"                       == != < <= > >= ~ (a pattern) in {..}; && || ! ()\n"
	"  --merge-window TIME  hold records back for TIME, or until a ring is half full,\n"
	"                       to print the records of several rings in order of time\n"
	"  --batch TIME         wake up TIME after the first new record, to read several\n"
	"                       at once (default 10ms; 0: wake up for each record)\n"
	"\n"
	"How to print:\n"
	"  --json               one JSON object per line\n"
	"  --full               payloads and fields in full, not only their beginning\n"
	"  --no-schema          print payloads undecoded, even if the ring has a schema\n"
	"  --raw                payloads only, with nothing between them\n"
	"  --quiet              no summary at the end\n"
	"  --slow USEC          sleep for USEC microseconds after each record, to show\n"
	"                       what a slow reader loses\n"
	"  --help               show this help\n"
	"\n"
	"Text:  [RING] SEQ SECONDS NAME FIELD=VALUE ...\n"
	"       [RING] SEQ SECONDS TYPE LENGTH  HEX | TEXT      without a schema\n"
	"       [RING] -- N records lost --     before the record after the gap\n"
	"JSON:  {\"seq\":..,\"ring\":..,\"ts_ns\":..,\"type\":..,\"len\":..,\"lost\":..,\n"
	"       \"name\":\"..\",\"fields\":{..}}; without a schema the last two are\n"
	"       \"hex\":\"..\",\"text\":\"..\"; lost counts the records lost just before\n"
	"       this one; a text field that is not UTF-8 is {\"hex\":\"..\"}\n"
	"In text, unprintable bytes are \\n, \\t, \\r, \\\\ or \\xNN.\n"
	"\n"
	"The summary on standard error:\n"
	"  ringctl: NAME: read R + lost L = published P; overruns A, waits W,\n"
	"  misordered M, early E\n"
	"P counts the records since this reader started. With --type or --where:\n"
	"  ringctl: NAME: read R, lost L, filtered F; ...\n"
	"F counts the records that were left out: R + L + F are all. An overrun is a\n"
	"record that the writer overwrote during the read, and that was discarded. A wait\n"
	"is one sleep.\n"
	"E records came before --merge-window was over, since a ring could not hold them\n"
	"so long; left out if 0.\n"
	"The exit status is 0 after a signal, after --count, and if the writer is gone.\n"
	"With --follow-name, a line on standard error tells each change of the ring or of\n"
	"its writer, and the records of all these rings are counted.\n"
	"\n"
	"Examples:\n"
	"  ringctl cat sched                        like dmesg -w\n"
	"  ringctl cat sched --since 5s --no-follow the last five seconds\n"
	"  ringctl cat sched --json | jq .fields.next_comm\n"
	"  ringctl cat sched --where 'next_comm ~ \"ssh*\" && next_pid > 1000'\n"
	"  ringctl cat log --since seq:1            also counts what is already lost\n"
	"  ringctl cat log --follow-name            across restarts of the writer\n";

enum {
	OPT_OLDEST = 256,
	OPT_NEWEST,
	OPT_HEAD,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_NO_FOLLOW,
	OPT_FOLLOW_NAME,
	OPT_COUNT,
	OPT_RING,
	OPT_TYPE,
	OPT_WHERE,
	OPT_MERGE_WINDOW,
	OPT_BATCH,
	OPT_JSON,
	OPT_FULL,
	OPT_NO_SCHEMA,
	OPT_RAW,
	OPT_QUIET,
	OPT_SLOW,
};

static const struct option options[] = {
	{ "oldest", no_argument, NULL, OPT_OLDEST },
	{ "newest", no_argument, NULL, OPT_NEWEST },
	{ "head", no_argument, NULL, OPT_HEAD },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "no-follow", no_argument, NULL, OPT_NO_FOLLOW },
	{ "follow-name", no_argument, NULL, OPT_FOLLOW_NAME },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "ring", required_argument, NULL, OPT_RING },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "where", required_argument, NULL, OPT_WHERE },
	{ "merge-window", required_argument, NULL, OPT_MERGE_WINDOW },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "no-schema", no_argument, NULL, OPT_NO_SCHEMA },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "slow", required_argument, NULL, OPT_SLOW },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct cat_opts *c, int opt)
{
	uint64_t v = 0;
	int err;

	switch (opt) {
	case OPT_OLDEST:
		return set_start(c, "--oldest", RING_OLDEST);
	case OPT_NEWEST:
		return set_start(c, "--newest", RING_NEWEST);
	case OPT_HEAD:
		return set_start(c, "--head", RING_HEAD);
	case OPT_SINCE:
		err = set_start(c, "--since", RING_TIME);
		return err ? err : set_since(c, optarg);
	case OPT_UNTIL:
		return parse_when("cat", "--until", optarg, &c->until);
	case OPT_NO_FOLLOW:
		c->follow = false;
		return 0;
	case OPT_FOLLOW_NAME:
		c->open.flags |= RING_FOLLOW | RING_NONBLOCK;
		return 0;
	case OPT_COUNT:
		return parse_number("cat", "--count", optarg, 1, UINT64_MAX, &c->count);
	case OPT_RING:
		err = parse_number("cat", "--ring", optarg, 0, UINT32_MAX, &v);
		c->open.one_ring = 1;
		c->open.ring = (uint32_t)v;
		return err;
	case OPT_TYPE:
		return parse_types("cat", optarg, &c->open);
	case OPT_WHERE:
		c->where = optarg;
		return 0;
	case OPT_MERGE_WINDOW:
		return parse_duration("cat", "--merge-window", optarg, &c->open.merge_window_ns);
	case OPT_BATCH:
		return parse_duration("cat", "--batch", optarg, &c->batch_ns);
	case OPT_JSON:
		return set_format(c, CAT_JSON);
	case OPT_RAW:
		return set_format(c, CAT_RAW);
	case OPT_FULL:
		c->full = true;
		return 0;
	case OPT_NO_SCHEMA:
		c->no_schema = true;
		return 0;
	case OPT_QUIET:
		c->quiet = true;
		return 0;
	case OPT_SLOW:
		err = parse_number("cat", "--slow", optarg, 0, UINT32_MAX, &v);
		c->slow_ns = v * 1000;
		return err;
	}
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	struct cat_opts opts = {
		.open = { .size = sizeof(opts.open), .whence = RING_OLDEST },
		.batch_ns = BATCH_NS,
		.follow = true,
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&cat_command);
		if (c == '?' || c == ':')
			return fail_option("cat", c, argv, options);
		err = take_option(&opts, c);
		if (err)
			return err;
	}
	if (!opts.follow && opts.open.flags & RING_FOLLOW)
		return fail_usage("cat",
				  "--no-follow, --follow-name: contradict each other (use only "
				  "one)");
	if (opts.until.given && opts.open.flags & RING_FOLLOW)
		return fail_usage("cat",
				  "--until, --follow-name: contradict each other (use only one)");
	if (optind + 1 != argc)
		return fail_usage("cat", "%s: name exactly one ring (ringctl cat NAME)",
				  optind < argc ? argv[optind + 1] : "no name");
	opts.name = argv[optind];
	return cat_ring(&opts);
}

const struct command cat_command = {
	.name = "cat",
	.run = run,
	.summary = "print the records of a ring",
	.help = help,
};
