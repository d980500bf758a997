// SPDX-License-Identifier: GPL-2.0-only
/* ringctl replay: serves a recording as a ring that is being written. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring.h>

#include "../lib/clock.h"
#include "../lib/message.h"
#include "../lib/parse.h"
#include "../lib/signals.h"
#include "command.h"

#define SPEED_MAX     1000000
#define SERVE_RECORDS 256 /* at full speed, records between two looks for readers and signals */
#define FOREVER	      UINT64_MAX
#define MORE_NS	      20000000 /* how often to look what a recorder has added */

/* @speed: 0: as fast as possible; @linger_ns: how long to serve the ring after its last record */
struct replay_opts {
	const char *path;
	const char *name;
	uint64_t speed;
	uint64_t linger_ns;
	bool wait;
	bool quiet;
};

/*
 * @start_ns: now_ns() at the first record, which had the time @first_ns
 * @lost: records that the recording lacks
 */
struct replay {
	const struct replay_opts *opts;
	struct ring_reader *from;
	struct ring_writer *writer;
	int listen_fd;
	int signal;
	unsigned char *buf;
	size_t buf_size;
	uint64_t start_ns;
	uint64_t first_ns;
	uint64_t published;
	uint64_t lost;
};

static const char help[] =
	"usage: ringctl replay PATH --as NAME [OPTION]...\n"
	"\n"
	"Serves the recording in PATH as a ring of this process, which any reader opens\n"
	"by NAME, and publishes its records at the speed at which they were recorded.\n"
	"Records keep their times, types and payloads. Their seqs begin with 1, and go on\n"
	"without the gaps of the recording, which the summary counts.\n"
	"\n"
	"  --as NAME            the name to serve, as ringctl publish --serve does\n"
	"  --speed 1x|10x|max   how many times as fast as recorded: 1x (the default) to\n"
	"                       1000000x, or as fast as possible. A ring without a clock\n"
	"                       is replayed as fast as possible\n"
	"  --wait               begin when the first reader has opened the ring\n"
	"  --linger TIME        serve the ring for TIME (10s, 5m or forever) after the\n"
	"                       last record (default: end at once)\n"
	"  --quiet              no summary at the end\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl replay ./today --as again --wait\n"
	"  ringctl replay ./today --as again --speed max --linger forever\n";

/* Serves readers until @until_ns, a signal, or, if @once, until one has come. */
static void serve(struct replay *p, uint64_t until_ns, bool once)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = p->listen_fd, .events = POLLIN },
	};
	uint64_t now;

	do {
		now = now_ns();
		if (poll_until(fds, 2, until_ns) < 0)
			continue;
		if (fds[0].revents)
			p->signal = signals_take();
		if (fds[1].revents)
			ring_writer_serve(p->writer);
	} while (!p->signal && now < until_ns && !(once && fds[1].revents));
}

/* When a record with the time @ts_ns is due. */
static uint64_t due_ns(struct replay *p, uint64_t ts_ns)
{
	if (!p->opts->speed)
		return 0;
	if (!p->start_ns) {
		p->start_ns = now_ns();
		p->first_ns = ts_ns;
	}
	/* Merged rings may have a record that comes late. */
	return ts_ns < p->first_ns ? 0 : p->start_ns + (ts_ns - p->first_ns) / p->opts->speed;
}

/* Serves readers until the recorder, which is still running, has added something. */
static void wait_for_more(struct replay *p)
{
	while (!p->signal && ring_wait(p->from, 0) == -ETIMEDOUT)
		serve(p, now_ns() + MORE_NS, false);
}

/* Publishes all records. Return: the exit status. */
static int publish_all(struct replay *p)
{
	struct ring_record rec;
	uint64_t due;
	int err;

	while (!p->signal) {
		err = ring_read(p->from, &rec, p->buf, p->buf_size);
		if (err == -ENODEV)
			return EXIT_OK;
		if (err == -EAGAIN) {
			wait_for_more(p);
			continue;
		}
		if (err)
			return fail_ring("replay", p->opts->path, err);
		p->lost += rec.lost;
		due = due_ns(p, rec.ts_ns);
		if (due > now_ns() || p->published % SERVE_RECORDS == 0)
			serve(p, due, false);
		if (p->signal)
			break;
		err = ring_writer_publish_at(p->writer, rec.ring, rec.type, rec.ts_ns, p->buf,
					     rec.len);
		if (err)
			return fail_ring("replay", p->opts->name, err);
		p->published++;
	}
	return EXIT_OK;
}

/* Creates a ring of the recording's shape, and serves it. Return: the exit status. */
static int open_writer(struct replay *p)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_recording_info ri = { .size = sizeof(ri) };
	struct ring_writer_opts opts = { .size = sizeof(opts) };
	const char *name = p->opts->name;
	int err;

	err = ring_recording_info(p->from, &ri);
	if (!err)
		err = ring_info(p->from, &info);
	if (err)
		return fail_ring("replay", p->opts->path, err);
	opts.clock_id = info.clock_id;
	opts.nr_rings = info.nr_rings;
	opts.data_size = info.data_size;
	opts.name = info.name;
	opts.schema = info.schema;
	opts.schema_size = info.schema_size;
	p->buf_size = info.payload_max;
	p->buf = malloc(p->buf_size);
	if (!p->buf)
		return fail("replay", "%s", strerror(ENOMEM));
	err = ring_writer_create(&opts, &p->writer);
	if (!err)
		err = ring_writer_listen(p->writer, name, &p->listen_fd);
	return err ? fail_ring("replay", name, err) : EXIT_OK;
}

static int replay(const struct replay_opts *opts)
{
	struct replay p = { .opts = opts, .listen_fd = -1 };
	int err, status;

	err = signals_init();
	if (err)
		return fail("replay", "signals: %s", strerror(-err));
	err = ring_open(opts->path, NULL, &p.from);
	if (err)
		return fail_ring("replay", opts->path, err);
	status = open_writer(&p);
	if (!status && opts->wait)
		serve(&p, FOREVER, true);
	if (!status)
		status = publish_all(&p);
	if (!status && !p.signal && opts->linger_ns)
		serve(&p, opts->linger_ns == FOREVER ? FOREVER : now_ns() + opts->linger_ns, false);
	if (p.listen_fd >= 0 && !opts->quiet)
		fprintf(stderr,
			PROGRAM_NAME ": %s: published %llu of %s, which lacks %llu between them\n",
			opts->name, (unsigned long long)p.published, opts->path,
			(unsigned long long)p.lost);
	ring_writer_close(p.writer);
	ring_close(p.from);
	free(p.buf);
	return status;
}

static int parse_speed(const char *s, uint64_t *speed)
{
	const char *end;

	*speed = 0;
	if (!strcmp(s, "max"))
		return 0;
	if (scan_digits(s, &end, speed) && !strcmp(end, "x") && *speed && *speed <= SPEED_MAX)
		return 0;
	return fail_usage("replay", "--speed %s: not a speed (1x to %dx, or max)", s, SPEED_MAX);
}

enum { OPT_AS = 256, OPT_SPEED, OPT_WAIT, OPT_LINGER, OPT_QUIET };

static const struct option options[] = {
	{ "as", required_argument, NULL, OPT_AS },
	{ "speed", required_argument, NULL, OPT_SPEED },
	{ "wait", no_argument, NULL, OPT_WAIT },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct replay_opts *o, int opt)
{
	switch (opt) {
	case OPT_AS:
		o->name = optarg;
		return 0;
	case OPT_SPEED:
		return parse_speed(optarg, &o->speed);
	case OPT_WAIT:
		o->wait = true;
		return 0;
	case OPT_LINGER:
		o->linger_ns = FOREVER;
		return strcmp(optarg, "forever") ?
			       parse_duration("replay", "--linger", optarg, &o->linger_ns) :
			       0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	}
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	struct replay_opts opts = { .speed = 1 };
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&replay_command);
		if (c == '?' || c == ':')
			return fail_option("replay", c, argv, options);
		err = take_option(&opts, c);
		if (err)
			return err;
	}
	if (optind + 1 != argc)
		return fail_usage("replay",
				  "%s: name exactly one recording (ringctl replay PATH --as NAME)",
				  optind < argc ? argv[optind + 1] : "no path");
	if (!opts.name)
		return fail_usage("replay", "no name to serve (use --as NAME)");
	opts.path = argv[optind];
	return replay(&opts);
}

const struct command replay_command = {
	.name = "replay",
	.run = run,
	.summary = "serve a recording as a ring",
	.help = help,
};
