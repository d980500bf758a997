// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/wakeup.h"
#include "capture.h"

#define NAMES_MAX 1000 /* names that are tried in one second */

/* DIR/NAME-20260102T030405Z-1, or another number: two may begin in a second. */
static int make_path(struct capture *c, const struct flight_opts *opts, unsigned int number)
{
	const char *last = strrchr(opts->name, '/');
	time_t now = time(NULL);
	char when[32];
	struct tm tm;
	size_t len;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	len = (size_t)snprintf(c->path, sizeof(c->path), "%s/%s-%s-%u", opts->dir,
			       last ? last + 1 : opts->name, when, number);
	return len < sizeof(c->path) ? 0 : -ENAMETOOLONG;
}

static int create(struct capture *c, const struct flight_opts *opts)
{
	struct ring_recorder_opts rec = opts->rec;
	unsigned int number;
	int err = -EEXIST;

	if (c->at_ns && opts->after_ns < UINT64_MAX - c->at_ns)
		rec.until_ns = c->at_ns + opts->after_ns;
	for (number = 1; err == -EEXIST && number <= NAMES_MAX; number++) {
		err = make_path(c, opts, number);
		if (!err)
			err = ring_recorder_create(c->path, c->ring, &rec, &c->rec);
	}
	return err;
}

int capture_begin(struct capture *c, const struct flight_opts *opts)
{
	struct ring_open_opts open = { .size = sizeof(open), .whence = RING_OLDEST };
	int err;

	c->fd = -1;
	c->more = 0;
	if (c->at_ns) {
		open.whence = RING_TIME;
		if (c->at_ns > opts->before_ns)
			open.value = c->at_ns - opts->before_ns;
	}
	/* The writer may overrun the search again and again. */
	do {
		err = ring_open(opts->name, &open, &c->ring);
	} while (err == -EPIPE);
	if (!err)
		err = create(c, opts);
	if (!err)
		err = wakeup_in_batches(c->ring, FLIGHT_BATCH_NS);
	if (!err)
		err = wakeup_fd(c->ring, &c->fd);
	if (!err)
		return EXIT_OK;
	fail_ring("record", opts->name, err);
	ring_recorder_close(c->rec);
	ring_close(c->ring);
	c->rec = NULL;
	c->ring = NULL;
	return EXIT_FAIL;
}

int capture_copy(struct capture *c, const struct flight_opts *opts)
{
	int err = ring_recorder_copy(c->rec, NULL);

	if (!err || err == -EAGAIN || err == -ENODEV || err == -ENODATA)
		return err;
	if (err == -EPIPE)
		return 0;
	fail_ring("record", opts->name, err);
	return err;
}

/* Prints how far the records of the recording are from the trigger. */
static void print_reach(const struct capture *c)
{
	struct ring_recording_info info = { .size = sizeof(info) };
	struct ring_reader *r;

	if (ring_open(c->path, NULL, &r))
		return;
	if (!ring_recording_info(r, &info) && info.records && c->at_ns)
		fprintf(stderr, ", from %+.3f s to %+.3f s",
			((double)info.first_ns - (double)c->at_ns) / 1e9,
			((double)info.last_ns - (double)c->at_ns) / 1e9);
	ring_close(r);
}

static void print_account(const struct capture *c, const struct flight_opts *opts,
			  const struct ring_recorder_stats *st)
{
	fprintf(stderr, PROGRAM_NAME ": %s: %.200s", opts->name, c->trigger->text);
	if (c->seq)
		fprintf(stderr, " by record %llu of ring %u", (unsigned long long)c->seq, c->nr);
	fprintf(stderr, ": %s: recorded %llu, lost %llu", c->path, (unsigned long long)st->records,
		(unsigned long long)st->lost);
	print_reach(c);
	if (c->more)
		fprintf(stderr, "; %llu more triggers meanwhile", (unsigned long long)c->more);
	fputc('\n', stderr);
}

int capture_end(struct capture *c, const struct flight_opts *opts)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	int err;

	ring_recorder_stats(c->rec, &st);
	err = ring_recorder_close(c->rec);
	ring_close(c->ring);
	c->rec = NULL;
	c->ring = NULL;
	if (err)
		return fail_ring("record", opts->name, err);
	if (!opts->quiet)
		print_account(c, opts, &st);
	return EXIT_OK;
}
