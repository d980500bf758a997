// SPDX-License-Identifier: GPL-2.0-only
/* ringctl stat: what happens in rings, a line for each interval. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../../lib/clock.h"
#include "../../lib/json.h"
#include "../../lib/message.h"
#include "../../lib/out.h"
#include "../../lib/parse.h"
#include "../../lib/signals.h"
#include "../command.h"
#include "../info.h"
#include "sample.h"

#define HEADER_LINES 20u

static const char help[] =
	"usage: ringctl stat NAME... [OPTION]...\n"
	"\n"
	"Prints what happened in each ring, once in an interval, until all of them have\n"
	"ended:\n"
	"\n"
	"  RECORDS/s  records that were published, a second\n"
	"  BYTES/s    their bytes, headers included\n"
	"  DROPPED    records that could not be published, in the interval; their causes\n"
	"             follow at the end of the line, as ringctl info names them\n"
	"  WAKEUPS    wake-ups of readers in the interval\n"
	"  OVERRUN    a reader that stops now, behind the newest record, begins to lose\n"
	"             records after so many seconds if this rate stays; - if nothing was\n"
	"             published. Of a device with several rings, the first one to overrun\n"
	"\n"
	"  --interval TIME      length of an interval, 10ms to 1h (default 1s)\n"
	"  --count N            end after N intervals\n"
	"  --json               one JSON object a line, with numbers of the interval and\n"
	"                       not of a second\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl stat sched\n"
	"  ringctl stat sched net --interval 100ms --count 50 --json\n";

struct stat_opts {
	uint64_t interval_ns;
	uint64_t count;
	bool json;
};

struct stat_run {
	struct stat_opts opts;
	struct watched *rings;
	unsigned int nr;
	struct out out;
	unsigned int lines;
};

static void print_header(struct stat_run *s)
{
	/* A script wants it once, a person sees it again on the same screen. */
	if (s->lines++ % (isatty(STDOUT_FILENO) ? HEADER_LINES : UINT32_MAX))
		return;
	out_printf(&s->out, "%-24s %12s %14s %10s %10s %10s\n", "NAME", "RECORDS/s", "BYTES/s",
		   "DROPPED", "WAKEUPS", "OVERRUN");
}

static void print_text(struct stat_run *s, const struct watched *w, const struct change *c)
{
	char overrun[24];
	unsigned int cause;

	change_overrun(c, overrun, sizeof(overrun));
	print_header(s);
	out_printf(&s->out, "%-24s %12.0f %14.0f %10llu %10llu %10s", w->name,
		   change_rate(c->published, c->ns), change_rate(c->bytes, c->ns),
		   (unsigned long long)change_dropped(c), (unsigned long long)c->wakeups, overrun);
	for (cause = 0; cause < SEQRING_DROP_CAUSES; cause++)
		if (c->dropped[cause])
			out_printf(&s->out, " %s=%llu", info_drop_cause(cause),
				   (unsigned long long)c->dropped[cause]);
	out_printf(&s->out, "%s\n", w->ended ? " ended" : "");
}

static struct json_object *new_change(const struct watched *w, const struct change *c)
{
	struct json_object *obj = json_object_new_object();
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!obj || json_add_string(obj, "name", w->name) ||
	    json_add_uint(obj, "realtime_ns",
			  (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec) ||
	    json_add_uint(obj, "interval_ns", c->ns) ||
	    json_add_uint(obj, "published", c->published) ||
	    json_add_uint(obj, "bytes", c->bytes) ||
	    json_add(obj, "dropped", info_new_drops(c->dropped)) ||
	    json_add_uint(obj, "wakeups", c->wakeups) ||
	    (c->overrun_ns == UINT64_MAX ? json_object_object_add(obj, "overrun_ns", NULL) :
					   json_add_uint(obj, "overrun_ns", c->overrun_ns)) ||
	    json_add(obj, "ended", json_object_new_boolean(w->ended))) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

/* Return: how many rings have not ended; -errno, with @failed. */
static int print_interval(struct stat_run *s, const struct watched **failed)
{
	struct change c;
	unsigned int i;
	int err, left = 0;

	for (i = 0; i < s->nr; i++) {
		struct watched *w = &s->rings[i];

		if (w->ended)
			continue;
		*failed = w;
		err = watched_sample(w, &c);
		if (err)
			return err;
		if (s->opts.json)
			json_print(&s->out, new_change(w, &c));
		else
			print_text(s, w, &c);
		left += !w->ended;
	}
	out_flush(&s->out);
	return left;
}

static int watch(struct stat_run *s)
{
	uint64_t next = now_ns(), n;
	const struct watched *failed = NULL;
	int left = 1;

	for (n = 0; left && (!s->opts.count || n < s->opts.count); n++) {
		next = next_turn(next, s->opts.interval_ns);
		while (ns_until(next) && !out_check_signal(&s->out) && !s->out.err)
			out_wait(&s->out, ns_until(next), -1, -1);
		if (s->out.signal || s->out.err)
			break;
		left = print_interval(s, &failed);
		if (left < 0)
			return fail_ring("stat", failed->name, left);
	}
	if (s->out.err && s->out.err != -EPIPE)
		return fail("stat", "standard output: %s", strerror(-s->out.err));
	return EXIT_OK;
}

static int run_stat(const struct stat_opts *opts, char **names, unsigned int nr)
{
	struct stat_run s = { .opts = *opts };
	int err = 0, status = EXIT_OK;

	s.rings = calloc(nr, sizeof(*s.rings));
	if (!s.rings)
		return fail("stat", "%s", reason_of(-ENOMEM));
	err = signals_init();
	if (err)
		status = fail("stat", "signals: %s", reason_of(err));
	for (; !status && s.nr < nr; s.nr++) {
		err = watched_open(&s.rings[s.nr], names[s.nr]);
		if (err == -EOPNOTSUPP)
			status = fail("stat", "%s: it is a recording (ringctl info shows it)",
				      names[s.nr]);
		else if (err)
			status = fail_ring("stat", names[s.nr], err);
		if (status)
			break;
	}
	out_init(&s.out);
	if (!status)
		status = watch(&s);
	out_free(&s.out);
	while (s.nr)
		watched_close(&s.rings[--s.nr]);
	free(s.rings);
	return status;
}

enum { OPT_INTERVAL = 256, OPT_COUNT };

static const struct option options[] = {
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	struct stat_opts o = { .interval_ns = NSEC_PER_SEC };
	int c, status = EXIT_OK;

	while (!status && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return show_help(&stat_command);
		case 'j':
			o.json = true;
			break;
		case OPT_INTERVAL:
			status = parse_sampling_interval("stat", optarg, &o.interval_ns);
			break;
		case OPT_COUNT:
			status = parse_number("stat", "--count", optarg, 1, UINT64_MAX, &o.count);
			break;
		default:
			return fail_option("stat", c, argv, options);
		}
	}
	if (status)
		return status;
	if (optind == argc)
		return fail_usage("stat", "no name: name the rings (ringctl stat NAME...)");
	return run_stat(&o, argv + optind, (unsigned int)(argc - optind));
}

const struct command stat_command = {
	.name = "stat",
	.run = run,
	.summary = "print what happens in rings, by intervals",
	.help = help,
};
