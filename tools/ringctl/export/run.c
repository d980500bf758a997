// SPDX-License-Identifier: GPL-2.0-only
/* The loop of ringctl export. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/clock.h"
#include "../../lib/decode.h"
#include "../../lib/message.h"
#include "../../lib/signals.h"
#include "../../lib/wakeup.h"
#include "export.h"
#include "format.h"
#include "output.h"

#define BATCH_NS       50000000ULL /* how long the first unread record may wait */
#define SIGNAL_RECORDS 256	   /* records between two checks for a signal */
#define PROGRESS_NS    NSEC_PER_SEC

/*
 * @last: seq of the last record of each ring
 * @total: records of a recording, for the progress; 0: unknown
 * @status: what a function of the format returned
 */
struct exporting {
	const struct export_opts *opts;
	struct export_source src;
	struct output out;
	void *state;
	uint64_t *last;
	uint64_t read;
	uint64_t lost;
	uint64_t total;
	uint64_t print_at;
	int ring_fd;
	int status;
	bool stop;
};

static void print_progress(struct exporting *x)
{
	const uint64_t now = now_ns();

	if (now < x->print_at)
		return;
	x->print_at = now + PROGRESS_NS;
	fprintf(stderr, PROGRAM_NAME ": %s: exported %llu", x->opts->name,
		(unsigned long long)x->read);
	if (x->total)
		fprintf(stderr, " of %llu", (unsigned long long)x->total);
	fprintf(stderr, ", lost %llu; %llu bytes\n", (unsigned long long)x->lost,
		(unsigned long long)x->out.bytes);
}

/* For ring_consume(). */
static int take_record(const struct ring_record *rec, void *arg)
{
	struct exporting *x = arg;

	x->read++;
	x->lost += rec->lost;
	if (rec->ring < x->src.info.nr_rings)
		x->last[rec->ring] = rec->seq;
	x->status = x->opts->format->record(x->state, rec);
	if (x->status || (x->opts->count && x->read >= x->opts->count))
		x->stop = true;
	if (x->read % SIGNAL_RECORDS == 0) {
		if (signals_take())
			x->stop = true;
		if (x->opts->progress)
			print_progress(x);
	}
	return x->stop;
}

/* Sleeps until the ring has records, or a signal came. */
static void wait_for_records(struct exporting *x)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = x->ring_fd, .events = POLLIN },
	};
	uint64_t ns = x->ring_fd < 0 ? WAKEUP_POLL_NS : UINT64_MAX;

	if (x->opts->progress) {
		print_progress(x);
		if (ns_until(x->print_at) < ns)
			ns = ns_until(x->print_at);
	}
	poll_ns(fds, 2, ns);
}

/* How many records the reader has dealt with. Return: 0 or -errno. */
static int get_place(struct exporting *x, uint64_t *done, uint64_t *left)
{
	struct ring_stats st = { .size = sizeof(st) };
	int err = ring_stats(x->src.ring, &st);

	*done = st.read + st.lost + st.filtered;
	*left = st.lag_records;
	return err;
}

/* Exports until there is a reason to stop. Return: 0 or -errno. */
static int follow(struct exporting *x)
{
	uint64_t done = 0, left = 0, goal = UINT64_MAX;
	int err = 0;

	if (!x->opts->follow) {
		err = get_place(x, &done, &left);
		goal = done + left;
	}
	while (!err && !x->stop && done < goal) {
		err = ring_consume(x->src.ring, take_record, x, 0, NULL);
		if (err > 0 || err == -EPIPE)
			err = 0;
		if (err == -ENODEV)
			return 0;
		if (!err || err == -EAGAIN) {
			bool idle = err == -EAGAIN;

			err = x->opts->follow ? 0 : get_place(x, &done, &left);
			if (idle && !err && !x->stop && x->opts->follow)
				wait_for_records(x);
			/* With --type, one call may pass records and deliver none. */
			if (idle && !x->opts->follow && !(x->opts->open.nr_types && left))
				return err;
		}
		if (signals_take())
			x->stop = true;
	}
	return err;
}

/*
 * Tells the format of losses that no later record reports. It is known which ring had them only if
 * all rings' counts agree with the sum.
 */
static int tell_last_losses(struct exporting *x)
{
	struct ring_stats st = { .size = sizeof(st) };
	struct ring_stats_at at = { .size = sizeof(at) };
	uint64_t sum = 0;
	uint32_t i;
	int err;

	err = ring_stats(x->src.ring, &st);
	if (err || st.lost <= x->lost)
		return err;
	for (i = 0; i < x->src.info.nr_rings; i++) {
		err = ring_stats_at(x->src.ring, i, &at);
		if (err)
			return err;
		if (at.published > x->last[i])
			sum += at.published - x->last[i];
	}
	for (i = 0; sum == st.lost - x->lost && x->opts->format->lost && i < x->src.info.nr_rings;
	     i++) {
		err = ring_stats_at(x->src.ring, i, &at);
		if (!err && at.published > x->last[i])
			err = x->opts->format->lost(x->state, i, at.published - x->last[i]);
		if (err)
			return err;
	}
	x->lost = st.lost;
	return 0;
}

/* Records of a ring with an unusable schema are exported undecoded. */
static int open_decoder(struct exporting *x)
{
	int err = decoder_open(x->src.ring, &x->src.decoder);

	if (err == -EPROTO && !x->opts->quiet)
		fail(x->opts->name, "%s; payloads are exported undecoded", ring_strerror());
	return err == -ENOENT || err == -EPROTO ? 0 : err;
}

static int get_ids(struct exporting *x)
{
	struct ring_stats_at at = { .size = sizeof(at) };
	uint32_t i;
	int err = 0;

	x->src.ids = calloc(x->src.info.nr_rings, sizeof(*x->src.ids));
	x->last = calloc(x->src.info.nr_rings, sizeof(*x->last));
	if (!x->src.ids || !x->last)
		return -ENOMEM;
	for (i = 0; i < x->src.info.nr_rings && !err; i++) {
		err = ring_stats_at(x->src.ring, i, &at);
		x->src.ids[i] = at.id;
	}
	return err;
}

/* Sets up all that depends on the ring. Return: 0 or -errno. */
static int prepare(struct exporting *x)
{
	struct ring_recording_info ri = { .size = sizeof(ri) };
	int err;

	err = ring_info(x->src.ring, &x->src.info);
	if (!err)
		err = get_ids(x);
	if (!err)
		err = open_decoder(x);
	if (!err)
		err = wakeup_in_batches(x->src.ring, BATCH_NS);
	if (!err)
		err = wakeup_fd(x->src.ring, &x->ring_fd);
	if (!ring_recording_info(x->src.ring, &ri))
		x->total = ri.records;
	x->print_at = now_ns() + PROGRESS_NS;
	return err;
}

/* Return: the exit status. */
static int run(struct exporting *x)
{
	const struct export_format *format = x->opts->format;
	int err;

	err = format->begin(&x->src, x->opts, &x->out, &x->state);
	if (!err) {
		err = follow(x);
		if (err)
			return fail_ring("export", x->opts->name, err);
		err = x->status;
	}
	/* After --count or a signal, what was lost later is not part of the export. */
	if (!err && !x->stop)
		err = tell_last_losses(x);
	if (!err)
		err = format->end(x->state);
	if (!err)
		err = output_commit(&x->out);
	return err < 0 ? fail("export", "%s: %s", x->opts->name, strerror(-err)) : err;
}

int export_ring(const struct export_opts *opts)
{
	struct exporting x = {
		.opts = opts,
		.src.info.size = sizeof(x.src.info),
		.ring_fd = -1,
	};
	int err, status;

	err = signals_init();
	if (err)
		return fail("export", "signals: %s", strerror(-err));
	err = ring_open(opts->name, &opts->open, &x.src.ring);
	if (!err)
		err = prepare(&x);
	if (err) {
		status = fail_ring("export", opts->name, err);
	} else {
		status = output_open(&x.out, opts->out, opts->format->is_dir);
		if (!status)
			status = run(&x);
		opts->format->free(x.state);
		output_discard(&x.out);
	}
	if (!status && !opts->quiet)
		fprintf(stderr, PROGRAM_NAME ": %s: exported %llu, lost %llu; %llu bytes in %s\n",
			opts->name, (unsigned long long)x.read, (unsigned long long)x.lost,
			(unsigned long long)x.out.bytes, opts->out);
	decoder_close(x.src.decoder);
	ring_close(x.src.ring);
	free(x.src.ids);
	free(x.last);
	return status;
}
