// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring itself is the memory of the flight recorder: nothing is copied until a trigger fires.
 * Then a second reader begins in the past, where the records still are, and records until the time
 * after the trigger is over. The first one goes on to look for triggers.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/signals.h"
#include "../../lib/wakeup.h"
#include "capture.h"
#include "command.h"
#include "flight.h"
#include "trigger.h"

#define BATCH	  256
#define BYTES_MIN (1u << 16)

/**
 * struct flight - the state
 * @ring: the watcher
 * @fd: what wakes it; -1: nothing does
 * @buf, @size: room for payloads: no payload is cut, since filters look at all of it
 * @missed: records that the watcher lost, and that were dropped, of which a trigger was told
 * @quiet_until: when triggers work again, by now_ns()
 * @ignored: triggers before that
 */
struct flight {
	const struct flight_opts *opts;
	struct trigger triggers[FLIGHT_TRIGGERS_MAX];
	struct ring_reader *ring;
	int fd;
	void *buf;
	size_t size;
	bool clock;
	bool reads;
	bool ended;
	bool failed;
	uint64_t missed;
	struct capture capture;
	struct commands commands;
	uint64_t quiet_until;
	uint64_t ignored;
	uint64_t done;
	struct ring_record recs[BATCH];
};

static int open_watcher(struct flight *f)
{
	struct ring_open_opts open = { .size = sizeof(open), .whence = RING_HEAD };
	struct ring_info info = { .size = sizeof(info) };
	uint64_t now;
	int err;

	err = ring_open(f->opts->name, &open, &f->ring);
	if (!err)
		err = ring_info(f->ring, &info);
	if (err)
		return fail_ring("record", f->opts->name, err);
	f->clock = !ring_now(f->ring, &now);
	f->size = info.payload_max > BYTES_MIN ? info.payload_max : BYTES_MIN;
	f->buf = malloc(f->size);
	if (!f->buf)
		return fail("record", "%s", strerror(ENOMEM));
	err = wakeup_in_batches(f->ring, FLIGHT_BATCH_NS);
	if (!err)
		err = wakeup_fd(f->ring, &f->fd);
	return err ? fail_ring("record", f->opts->name, err) : EXIT_OK;
}

static int init_triggers(struct flight *f)
{
	const struct flight_opts *opts = f->opts;
	unsigned int i;
	int status = EXIT_OK;

	for (i = 0; i < opts->nr_triggers && !status; i++)
		status = trigger_init(&f->triggers[i], opts->triggers[i], f->ring);
	f->reads = trigger_reads(f->triggers, opts->nr_triggers);
	return status ? status : trigger_filter(f->triggers, opts->nr_triggers, f->ring);
}

static uint64_t missed_now(struct flight *f)
{
	struct ring_stats st = { .size = sizeof(st) };

	return ring_stats(f->ring, &st) ? 0 : st.lost + st.dropped;
}

/* @rec: NULL: no record has fired @t. */
static void fire(struct flight *f, const struct trigger *t, const struct ring_record *rec)
{
	struct capture *c = &f->capture;
	uint64_t now = 0, passed;

	if (c->rec) {
		c->more++;
		return;
	}
	if (now_ns() < f->quiet_until || (f->opts->count && f->done == f->opts->count)) {
		f->ignored++;
		return;
	}
	ring_now(f->ring, &now);
	*c = (struct capture) { .trigger = t, .at_ns = now };
	if (rec && f->clock) {
		c->seq = rec->seq;
		c->nr = rec->ring;
		c->at_ns = rec->ts_ns;
	}
	passed = now > c->at_ns ? now - c->at_ns : 0;
	c->until_ns = now_ns();
	if (passed < f->opts->after_ns)
		c->until_ns = add_ns(c->until_ns, f->opts->after_ns - passed);
	f->failed |= capture_begin(c, f->opts) != EXIT_OK;
}

static void match(struct flight *f, const struct ring_record *rec)
{
	unsigned int i;

	for (i = 0; i < f->opts->nr_triggers; i++)
		if (trigger_match(&f->triggers[i], rec))
			fire(f, &f->triggers[i], rec);
}

static void fire_kind(struct flight *f, enum trigger_kind kind)
{
	unsigned int i;

	for (i = 0; i < f->opts->nr_triggers; i++)
		if (f->triggers[i].kind == kind)
			fire(f, &f->triggers[i], NULL);
}

/* Looks at a batch of records. Return: EXIT_OK; EXIT_FAIL. @more: there may be more */
static int watch(struct flight *f, bool *more)
{
	unsigned int nr = 0, i;
	uint64_t missed;
	int err;

	if (!f->reads)
		ring_seek(f->ring, RING_HEAD, 0);
	err = ring_read_batch(f->ring, f->recs, BATCH, f->buf, f->size, &nr);
	for (i = 0; i < nr && f->reads; i++)
		match(f, &f->recs[i]);
	missed = missed_now(f);
	if (missed != f->missed) {
		f->missed = missed;
		fire_kind(f, TRIGGER_LOSS);
	}
	*more |= (!err && f->reads) || err == -EPIPE;
	f->ended = err == -ENODEV;
	if (!err || err == -EAGAIN || err == -ENODEV || err == -EPIPE)
		return EXIT_OK;
	return fail_ring("record", f->opts->name, err);
}

/* @failed: it was told already */
static void end_capture(struct flight *f, bool failed)
{
	const struct flight_opts *opts = f->opts;

	if (capture_end(&f->capture, opts) || failed) {
		f->failed = true;
	} else {
		f->done++;
		if (opts->command)
			command_start(&f->commands, opts->command, f->capture.path);
	}
	f->quiet_until = add_ns(now_ns(), opts->cooldown_ns);
}

/* Goes on with the recording. @last: it ends now */
static void record(struct flight *f, bool last, bool *more)
{
	bool failed, done;
	int err;

	/* What is there when the time is over, and is not too late, is recorded. */
	last |= now_ns() >= f->capture.until_ns;
	err = capture_copy(&f->capture, f->opts);
	done = err == -ENODEV || err == -ENODATA;
	failed = err && err != -EAGAIN && !done;
	*more |= !err;
	if (last || failed || done)
		end_capture(f, failed);
}

static void wait_for_records(struct flight *f, uint64_t until_ns)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = f->fd, .events = POLLIN },
		{ .fd = f->capture.rec ? f->capture.fd : -1, .events = POLLIN },
	};
	uint64_t ns;

	if (f->capture.rec && f->capture.until_ns < until_ns)
		until_ns = f->capture.until_ns;
	ns = ns_until(until_ns);
	if ((f->fd < 0 || f->commands.nr) && ns > WAKEUP_POLL_NS)
		ns = WAKEUP_POLL_NS;
	poll_ns(fds, 3, ns);
}

/* Takes signals. Return: whether one ends the command. */
static bool take_signals(struct flight *f)
{
	int sig;

	while ((sig = signals_take()) == SIGUSR1)
		fire_kind(f, TRIGGER_SIGNAL);
	return sig != 0;
}

static int run(struct flight *f)
{
	const uint64_t end_ns = add_ns(now_ns(), f->opts->duration_ns);
	bool more, last;
	int status;

	do {
		more = false;
		last = take_signals(f) || now_ns() >= end_ns;
		status = watch(f, &more);
		last |= status || f->ended;
		if (f->capture.rec)
			record(f, last, &more);
		last |= f->opts->count && f->done == f->opts->count;
		command_reap(&f->commands, f->opts->command);
		if (!more && !last)
			wait_for_records(f, end_ns);
	} while (!last);
	/* A second signal ends this, too. */
	while (f->commands.nr && !signals_take()) {
		struct pollfd fd = { .fd = signals_fd(), .events = POLLIN };

		poll_ns(&fd, 1, WAKEUP_POLL_NS);
		command_reap(&f->commands, f->opts->command);
	}
	return status || f->failed || f->commands.failed ? EXIT_FAIL : EXIT_OK;
}

/* Tells how far back the ring reaches now: the user may want a larger one. */
static void print_start(struct flight *f)
{
	struct ring_reader *oldest;
	struct ring_record rec;
	uint64_t now;

	fprintf(stderr, PROGRAM_NAME ": %s: waiting for %u trigger%s", f->opts->name,
		f->opts->nr_triggers, f->opts->nr_triggers == 1 ? "" : "s");
	if (!ring_open(f->opts->name, NULL, &oldest)) {
		if (!ring_peek(oldest, &rec) && rec.ts_ns && !ring_now(oldest, &now) &&
		    now > rec.ts_ns)
			fprintf(stderr, "; the oldest record is %.3f s old",
				(double)(now - rec.ts_ns) / 1e9);
		ring_close(oldest);
	}
	fputc('\n', stderr);
}

static void print_end(struct flight *f)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t watched;

	if (ring_stats(f->ring, &st))
		return;
	watched = st.read + st.filtered;
	fprintf(stderr, PROGRAM_NAME ": %s: %llu recordings", f->opts->name,
		(unsigned long long)f->done);
	if (f->reads)
		fprintf(stderr, "; watched %llu records, lost %llu", (unsigned long long)watched,
			(unsigned long long)st.lost);
	if (f->ignored)
		fprintf(stderr, "; ignored %llu triggers after a recording",
			(unsigned long long)f->ignored);
	fputc('\n', stderr);
}

int flight_run(const struct flight_opts *opts)
{
	struct flight *f;
	unsigned int i;
	int err, status;

	err = signals_init_with(SIGUSR1);
	if (err)
		return fail("record", "signals: %s", strerror(-err));
	f = calloc(1, sizeof(*f));
	if (!f)
		return fail("record", "%s", strerror(ENOMEM));
	f->opts = opts;
	f->fd = -1;
	status = open_watcher(f);
	if (!status)
		status = init_triggers(f);
	if (!status && mkdir(opts->dir, 0777) && errno != EEXIST)
		status = fail("record", "%s: %s", opts->dir, strerror(errno));
	if (!status) {
		f->missed = missed_now(f);
		if (!opts->quiet)
			print_start(f);
		status = run(f);
		if (!opts->quiet)
			print_end(f);
	}
	for (i = 0; i < opts->nr_triggers; i++)
		trigger_free(&f->triggers[i]);
	ring_close(f->ring);
	free(f->buf);
	free(f);
	return status;
}
