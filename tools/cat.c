// SPDX-License-Identifier: GPL-2.0-only
/* ringctl cat: print the records of a ring. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "decode.h"

#define FLUSH_BYTES    (1u << 16)
#define SIGNAL_RECORDS 64 /* look for a signal so often when busy */
#define BLIND_MS       20 /* look at a ring that cannot wake us so often */
#define BATCH_NS       10000000ULL

enum format { TEXT, JSON, RAW };

struct cat_opts {
	const char *name;
	struct ring_open_opts open;
	uint64_t count;
	uint64_t batch_ns;
	uint64_t slow_ns;
	enum format format;
	bool started; /* one of the options that say where to start */
	bool full;
	bool quiet;
	bool once;
	bool no_schema;
};

/* What of one ring went by: the seq tell whether the library's loss is right. */
struct account {
	uint64_t first;
	uint64_t last;
};

struct cat {
	const struct cat_opts *opts;
	struct ring_reader *ring;
	struct decoder *decoder; /* NULL: payloads as they are */
	struct out out;
	struct account *accounts;
	uint32_t nr_accounts;
	uint64_t read;
	uint64_t told_lost;
	uint64_t sleeps;
	int ring_fd; /* -1: cannot sleep on this ring */
	bool stop;
	bool wrong; /* an account does not add up */
};

static void check_signal(struct cat *c)
{
	int sig = signals_take();

	if (sig)
		c->out.signal = sig;
	if (c->out.signal)
		c->stop = true;
}

/* Flushes. What fails there ends the loop; see finish(). */
static void flush(struct cat *c)
{
	if (out_flush(&c->out) || c->out.signal)
		c->stop = true;
}

/*
 * Sleeps until there is something to read (@wake), a signal comes, @ns are over,
 * or nobody is left to read our output.
 */
static void rest(struct cat *c, uint64_t ns, bool wake)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / NSEC_PER_SEC),
			       .tv_nsec = (long)(ns % NSEC_PER_SEC) };
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* for POLLERR */
		{ .fd = wake ? c->ring_fd : -1, .events = POLLIN },
	};

	flush(c);
	if (c->stop)
		return;
	if (ppoll(fds, 3, ns == UINT64_MAX ? NULL : &ts, NULL) < 0)
		return;
	if (fds[0].revents)
		check_signal(c);
	if (fds[1].revents & (POLLERR | POLLHUP)) {
		c->out.err = -EPIPE;
		c->stop = true;
	}
}

static void account_for(struct cat *c, const struct ring_record *rec)
{
	struct account *a;

	c->read++;
	c->told_lost += rec->lost;
	if (rec->ring >= c->nr_accounts)
		return;
	a = &c->accounts[rec->ring];
	if (!a->last) {
		a->first = rec->seq - rec->lost;
	} else if (rec->seq != a->last + 1 + rec->lost && !c->wrong) {
		c->wrong = true;
		fail(c->opts->name, "ring %u: after seq %llu came %llu with %llu lost", rec->ring,
		     (unsigned long long)a->last, (unsigned long long)rec->seq,
		     (unsigned long long)rec->lost);
	}
	a->last = rec->seq;
}

/* For ring_consume(). */
static int show(const struct ring_record *rec, void *arg)
{
	struct cat *c = arg;
	const struct cat_opts *opts = c->opts;

	account_for(c, rec);
	if (opts->format == RAW)
		out_bytes(&c->out, rec->payload, rec->len);
	else if (opts->format == JSON)
		record_json(&c->out, rec, c->decoder);
	else
		record_text(&c->out, rec, c->decoder, opts->full);

	if (c->out.err || (opts->count && c->read >= opts->count))
		c->stop = true;
	else if (opts->slow_ns)
		rest(c, opts->slow_ns, false);
	else if (c->out.len >= FLUSH_BYTES)
		flush(c);
	if (c->read % SIGNAL_RECORDS == 0)
		check_signal(c);
	return c->stop;
}

/* Return: 0 go on, else an error that ends the loop; -ENODEV is the good end. */
static int follow(struct cat *c)
{
	int err = 0;

	while (!c->stop) {
		err = ring_consume(c->ring, show, c, 0, NULL);
		if (err == -EAGAIN) {
			c->sleeps++;
			rest(c, c->ring_fd < 0 ? BLIND_MS * 1000000ULL : UINT64_MAX, true);
		} else if (err < 0 && err != -EPIPE) {
			return err;
		}
		check_signal(c);
	}
	return 0;
}

/* Prints what was there at the beginning, however fast the writer goes on. */
static int once(struct cat *c)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t goal;
	int err;

	err = ring_stats(c->ring, &st);
	if (err)
		return err;
	goal = st.read + st.lost + st.lag_records;
	if (!st.lag_records)
		return st.dead ? -ENODEV : 0;

	/* Nothing of what is there now is held back any more afterwards. */
	if (c->opts->open.merge_window_ns)
		rest(c, c->opts->open.merge_window_ns, false);
	while (!c->stop && c->read + c->told_lost < goal) {
		err = ring_consume(c->ring, show, c, 0, NULL);
		if (err == -EAGAIN)
			return 0;
		if (err < 0 && err != -EPIPE)
			return err;
		check_signal(c);
	}
	return 0;
}

static void summary(const struct cat *c, bool gone)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t published = 0;
	uint32_t i;

	if (ring_stats(c->ring, &st))
		return;
	for (i = 0; i < c->nr_accounts; i++)
		if (c->accounts[i].last)
			published += c->accounts[i].last - c->accounts[i].first + 1;
	/* Lost at the end: no record came any more to tell. */
	if (st.lost > c->told_lost)
		published += st.lost - c->told_lost;

	fprintf(stderr, "ringctl: %s: read %llu + lost %llu %s published %llu; ", c->opts->name,
		(unsigned long long)c->read, (unsigned long long)st.lost,
		c->read + st.lost == published ? "=" : "!=", (unsigned long long)published);
	fprintf(stderr, "overruns %llu, waits %llu, misordered %llu%s\n",
		(unsigned long long)st.overruns, (unsigned long long)c->sleeps,
		(unsigned long long)st.misordered, gone ? "; the writer is gone" : "");
}

static int finish(struct cat *c, int err)
{
	const char *name = c->opts->name;
	int status = c->wrong ? EXIT_FAIL : EXIT_OK;

	if (err && err != -ENODEV)
		status = fail_ring("cat", name, err);
	flush(c);
	if (c->out.err == -EPIPE)
		return EXIT_OK;
	if (c->out.err == -EINTR)
		status = fail("cat", "standard output: nobody took the last %zu bytes", c->out.len);
	else if (c->out.err)
		status = fail("cat", "standard output: %s", strerror(-c->out.err));
	if (!c->opts->quiet)
		summary(c, err == -ENODEV);
	return status;
}

/* The descriptor to sleep on, and what it wakes for. */
static int prepare(struct cat *c)
{
	struct ring_info info = { .size = sizeof(info) };
	int err;

	err = ring_info(c->ring, &info);
	if (err)
		return fail_ring("cat", c->opts->name, err);
	c->nr_accounts = info.nr_rings;
	c->accounts = calloc(info.nr_rings, sizeof(*c->accounts));
	if (!c->accounts)
		return fail("cat", "%s", strerror(ENOMEM));

	/* With a batch, an eighth of a ring is what must not wait any longer. */
	if (c->opts->batch_ns)
		err = ring_set_wakeup(c->ring, 1u << 30, info.data_size / 8, c->opts->batch_ns);
	if (err)
		return fail_ring("cat", c->opts->name, err);
	err = ring_fd(c->ring, &c->ring_fd);
	if (err == -EOPNOTSUPP)
		c->ring_fd = -1;
	else if (err)
		return fail_ring("cat", c->opts->name, err);
	return 0;
}

/* Says in the words of the options why ring_open() returned @err. */
static int not_opened(const struct cat_opts *opts, int err)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *ring = NULL;
	const char *name = opts->name;
	int status = EXIT_OK;

	if (err != -EINVAL && err != -EOPNOTSUPP)
		return fail_ring("cat", name, err);
	if (ring_open(name, NULL, &ring) || ring_info(ring, &info)) {
		ring_close(ring);
		return fail_ring("cat", name, err);
	}
	if (opts->open.one_ring && opts->open.ring >= info.nr_rings)
		status = fail("cat", "%s: --ring %u: no such ring (0 to %u)", name, opts->open.ring,
			      info.nr_rings - 1);
	else if (info.clock_id == SEQRING_CLOCK_NONE && opts->open.merge_window_ns)
		status = fail("cat", "%s: --merge-window: the ring has no clock", name);
	else if (info.clock_id == SEQRING_CLOCK_NONE && opts->open.whence == RING_TIME)
		status = fail("cat", "%s: --since: the ring has no clock (seq:N)", name);
	else if (info.nr_rings > 1 && opts->open.whence == RING_SEQ)
		status = fail("cat", "%s: --since seq: each ring counts its own (with --ring N)",
			      name);
	ring_close(ring);
	return status ? status : fail_ring("cat", name, err);
}

/* A schema that is of no use is no reason not to show the records. */
static int prepare_decoder(struct cat *c)
{
	int err;

	if (c->opts->no_schema || c->opts->format == RAW)
		return 0;
	err = decoder_open(c->ring, &c->decoder);
	if (!err || err == -ENOENT)
		return 0;
	if (err == -ENOMEM)
		return fail("cat", "%s", strerror(ENOMEM));
	if (!c->opts->quiet)
		fail(c->opts->name, "%s; payloads are shown as they are", ring_strerror());
	return 0;
}

static int cat_ring(const struct cat_opts *opts)
{
	struct cat c = { .opts = opts, .ring_fd = -1 };
	int err, status;

	err = signals_init();
	if (err)
		return fail("cat", "signals: %s", strerror(-err));
	err = ring_open(opts->name, &opts->open, &c.ring);
	if (err)
		return not_opened(opts, err);
	out_init(&c.out);
	status = prepare(&c);
	if (!status)
		status = prepare_decoder(&c);
	if (!status)
		status = finish(&c, opts->once ? once(&c) : follow(&c));
	out_free(&c.out);
	free(c.accounts);
	decoder_close(c.decoder);
	ring_close(c.ring);
	return status;
}

/* WHEN of --since: how long ago, a time of the ring's clock, or seq:N. */
static int parse_since(const char *s, struct ring_open_opts *o)
{
	uint64_t v, now = now_ns();
	const char *end;

	if (!strncmp(s, "seq:", 4)) {
		o->whence = RING_SEQ;
		if (digits(s + 4, &end, &o->value) && !*end)
			return 0;
	} else {
		o->whence = RING_TIME;
		if (digits(s, &end, &o->value) && !*end)
			return 0;
		if (!duration_ns(s, &v)) {
			o->value = v < now ? now - v : 0;
			return 0;
		}
	}
	return usage("cat",
		     "--since %s: not a time "
		     "(5s, 200ms or 2m ago, ns of the ring's clock, or seq:N)",
		     s);
}

static int start_at(struct cat_opts *c, const char *opt, enum ring_whence whence)
{
	if (c->started)
		return usage("cat",
			     "%s: a second place to start "
			     "(one of --oldest, --newest, --head, --since)",
			     opt);
	c->started = true;
	c->open.whence = whence;
	return 0;
}

static int set_format(struct cat_opts *c, enum format format)
{
	if (c->format != TEXT && c->format != format)
		return usage("cat", "--json, --raw: contradict each other (one of them)");
	c->format = format;
	return 0;
}

static const char help[] =
	"usage: ringctl cat NAME [OPTION]...\n"
	"\n"
	"Prints the records of a ring, from the oldest still there on, and waits for\n"
	"more until interrupted. NAME is a device of the module, a ring that a process\n"
	"serves, or a path of one. Any number of readers may run; none slows the writer.\n"
	"A reader that is too slow loses the oldest records and says how many.\n"
	"\n"
	"Where to start and to end:\n"
	"  --oldest             start with the oldest record still there (the default)\n"
	"  --newest             start with the newest record\n"
	"  --head               only records published from now on\n"
	"  --since WHEN         from WHEN on: 5s, 200ms or 2m ago; or the ns of the\n"
	"                       ring's clock; or seq:N, in a single ring\n"
	"  --no-follow          end after what is there already\n"
	"  --count N            end after N records\n"
	"\n"
	"What to read:\n"
	"  --ring N             only ring N of a device with several\n"
	"  --merge-window TIME  hold records back for TIME, so that those of several\n"
	"                       rings come in the order of their times\n"
	"  --batch TIME         let new records wait for company for TIME before waking\n"
	"                       up (default 10ms; 0: wake up for each)\n"
	"\n"
	"How to print:\n"
	"  --json               one JSON object a line\n"
	"  --full               whole payloads and fields, not just their beginning\n"
	"  --no-schema          payloads as they are, also where the ring has a schema\n"
	"  --raw                payloads only, nothing between them\n"
	"  --quiet              no summary at the end\n"
	"  --slow USEC          sleep USEC microseconds after each record: a slow reader,\n"
	"                       to see what loss looks like\n"
	"  --help               show this\n"
	"\n"
	"Text:  [RING] SEQ SECONDS NAME FIELD=VALUE ...\n"
	"       [RING] SEQ SECONDS TYPE LENGTH  HEX | TEXT      what no schema describes\n"
	"       [RING] -- N records lost --     before the record that follows the gap\n"
	"JSON:  {\"seq\":..,\"ring\":..,\"ts_ns\":..,\"type\":..,\"len\":..,\"lost\":..,\n"
	"       \"name\":\"..\",\"fields\":{..}}, or \"hex\":\"..\",\"text\":\"..\" for the last\n"
	"       two where no schema describes it; lost: records lost right before it\n"
	"In text, what is not printable is \\n, \\t, \\r, \\\\ or \\xNN.\n"
	"\n"
	"The summary on standard error:\n"
	"  ringctl: NAME: read R + lost L = published P; overruns A, waits W, misordered M\n"
	"P counts from where this reader started. A lap is a record overwritten while it\n"
	"was read, which was thrown away; a wait is one sleep. Ended by a signal, by\n"
	"--count, or because the writer is gone, the exit status is 0.\n"
	"\n"
	"Examples:\n"
	"  ringctl cat sched                        like dmesg -w\n"
	"  ringctl cat sched --since 5s --no-follow the last five seconds\n"
	"  ringctl cat sched --json | jq .fields.next_comm\n"
	"  ringctl cat log --since seq:1            counts what is lost already, too\n";

enum {
	OPT_OLDEST = 256,
	OPT_NEWEST,
	OPT_HEAD,
	OPT_SINCE,
	OPT_NO_FOLLOW,
	OPT_COUNT,
	OPT_RING,
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
	{ "no-follow", no_argument, NULL, OPT_NO_FOLLOW },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "ring", required_argument, NULL, OPT_RING },
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
		return start_at(c, "--oldest", RING_OLDEST);
	case OPT_NEWEST:
		return start_at(c, "--newest", RING_NEWEST);
	case OPT_HEAD:
		return start_at(c, "--head", RING_HEAD);
	case OPT_SINCE:
		err = start_at(c, "--since", RING_TIME);
		return err ? err : parse_since(optarg, &c->open);
	case OPT_NO_FOLLOW:
		c->once = true;
		return 0;
	case OPT_COUNT:
		return parse_number("cat", "--count", optarg, 1, UINT64_MAX, &c->count);
	case OPT_RING:
		err = parse_number("cat", "--ring", optarg, 0, UINT32_MAX, &v);
		c->open.one_ring = 1;
		c->open.ring = (uint32_t)v;
		return err;
	case OPT_MERGE_WINDOW:
		return parse_duration("cat", "--merge-window", optarg, &c->open.merge_window_ns);
	case OPT_BATCH:
		return parse_duration("cat", "--batch", optarg, &c->batch_ns);
	case OPT_JSON:
		return set_format(c, JSON);
	case OPT_RAW:
		return set_format(c, RAW);
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
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&cat_command);
		if (c == '?' || c == ':')
			return bad_option("cat", c, argv, options);
		err = take_option(&opts, c);
		if (err)
			return err;
	}
	if (optind + 1 != argc)
		return usage("cat", "%s: one ring is to be named (ringctl cat NAME)",
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
