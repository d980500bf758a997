// SPDX-License-Identifier: GPL-2.0-only
/* The loop of ringctl record. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/message.h"
#include "../lib/signals.h"
#include "../lib/wakeup.h"
#include "record.h"

#define BATCH_NS    50000000ULL /* how long the first unread record may wait */
#define PROGRESS_NS NSEC_PER_SEC

/* @fd: what wakes; -1: nothing does. @ended: nothing more will come */
struct recorded_ring {
	const char *name;
	struct ring_reader *ring;
	struct ring_recorder *rec;
	int fd;
	bool ended;
};

struct record {
	const struct record_opts *opts;
	struct recorded_ring *rings;
	struct pollfd *fds;
	uint64_t end_ns;
	uint64_t sync_at;
	uint64_t print_at;
	bool live; /* standard error is a terminal: one line there tells how it goes */
};

/* Prints a failure of the library. Return: EXIT_FAIL. */
static int fail_record(const struct recorded_ring *r, int err)
{
	return fail_ring("record", r->name, err);
}

/* Gives the directory of a ring, which is @dir itself if there is one ring. */
static int get_dir(const struct record_opts *o, const char *name, char *path, size_t size)
{
	const char *last = strrchr(name, '/');

	if (o->nr == 1)
		snprintf(path, size, "%s", o->dir);
	else if ((size_t)snprintf(path, size, "%s/%s", o->dir, last ? last + 1 : name) >= size)
		return fail("record", "%s: the name is too long", name);
	return 0;
}

static int open_ring(const struct record_opts *o, struct recorded_ring *r)
{
	char path[PATH_MAX];
	int err;

	err = ring_open(r->name, &o->open, &r->ring);
	if (err)
		return fail_record(r, err);
	err = get_dir(o, r->name, path, sizeof(path));
	if (err)
		return err;
	err = ring_recorder_create(path, r->ring, &o->rec, &r->rec);
	if (!err)
		err = wakeup_in_batches(r->ring, BATCH_NS);
	if (!err)
		err = wakeup_fd(r->ring, &r->fd);
	return err ? fail_record(r, err) : 0;
}

/* Copies what is there. Return: 0; EXIT_FAIL: a message was printed. */
static int copy_ring(struct recorded_ring *r, bool *more)
{
	int err;

	if (r->ended)
		return 0;
	err = ring_recorder_copy(r->rec, NULL);
	r->ended = err == -ENODEV;
	*more |= !err || err == -EPIPE;
	if (!err || err == -ENODEV || err == -EAGAIN || err == -EPIPE)
		return 0;
	return fail_record(r, err);
}

static void print_account(const struct record_opts *o, const struct recorded_ring *r)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };

	if (ring_recorder_stats(r->rec, &st))
		return;
	fprintf(stderr,
		PROGRAM_NAME ": %s: recorded %llu, lost %llu; %llu bytes in %llu files; removed "
			     "%llu records",
		r->name, (unsigned long long)st.records, (unsigned long long)st.lost,
		(unsigned long long)st.bytes, (unsigned long long)st.segments,
		(unsigned long long)st.removed_records);
	if (o->rec.compression)
		fprintf(stderr, "; %llu bytes before compression",
			(unsigned long long)st.record_bytes);
	fputc('\n', stderr);
}

/* Rewrites the line of a terminal that tells how all recordings go. */
static void print_live(const struct record *c)
{
	struct ring_recorder_stats sum = { .size = sizeof(sum) };
	unsigned int i;

	for (i = 0; i < c->opts->nr; i++) {
		struct ring_recorder_stats st = { .size = sizeof(st) };

		ring_recorder_stats(c->rings[i].rec, &st);
		sum.records += st.records;
		sum.lost += st.lost;
		sum.bytes += st.bytes;
	}
	fprintf(stderr, "\r\033[K" PROGRAM_NAME ": recorded %llu, lost %llu; %.1f MiB on disk",
		(unsigned long long)sum.records, (unsigned long long)sum.lost,
		(double)sum.bytes / (1 << 20));
}

/* Leaves the terminal's line to what comes next. */
static void clear_live(const struct record *c)
{
	if (c->live)
		fputs("\r\033[K", stderr);
}

/* Does what is due. Sets @next to when something is due again. Return: 0; EXIT_FAIL. */
static int do_due(struct record *c, uint64_t *next)
{
	const uint64_t now = now_ns();
	unsigned int i;
	int err;

	if (now >= c->sync_at) {
		for (i = 0; i < c->opts->nr; i++) {
			err = ring_recorder_sync(c->rings[i].rec);
			if (err)
				return fail_record(&c->rings[i], err);
		}
		c->sync_at = add_ns(now_ns(), c->opts->sync_ns);
	}
	if (now >= c->print_at) {
		if (c->live)
			print_live(c);
		for (i = 0; i < c->opts->nr && !c->live; i++)
			print_account(c->opts, &c->rings[i]);
		c->print_at = add_ns(now, PROGRESS_NS);
	}
	*next = c->end_ns;
	if (c->sync_at < *next)
		*next = c->sync_at;
	if (c->print_at < *next)
		*next = c->print_at;
	return 0;
}

/* Sleeps until a ring has records, a signal came, or @until_ns. */
static void wait_for_records(struct record *c, uint64_t until_ns)
{
	uint64_t ns = ns_until(until_ns);
	unsigned int i;

	c->fds[0] = (struct pollfd) { .fd = signals_fd(), .events = POLLIN };
	for (i = 0; i < c->opts->nr; i++) {
		const struct recorded_ring *r = &c->rings[i];

		c->fds[i + 1] = (struct pollfd) { .fd = r->ended ? -1 : r->fd, .events = POLLIN };
		if (!r->ended && r->fd < 0 && ns > WAKEUP_POLL_NS)
			ns = WAKEUP_POLL_NS;
	}
	poll_ns(c->fds, c->opts->nr + 1, ns);
}

static bool all_ended(const struct record *c)
{
	unsigned int i;

	for (i = 0; i < c->opts->nr; i++)
		if (!c->rings[i].ended)
			return false;
	return true;
}

/* Records until there is a reason to stop. Return: the exit status. */
static int run(struct record *c)
{
	uint64_t next = UINT64_MAX;
	bool more, last;
	unsigned int i;
	int status;

	do {
		more = false;
		/* What is there at the end is recorded, too. */
		last = signals_take() || now_ns() >= c->end_ns;
		for (i = 0; i < c->opts->nr; i++) {
			status = copy_ring(&c->rings[i], &more);
			if (status)
				return status;
		}
		status = do_due(c, &next);
		if (status)
			return status;
		if (!more && !last && !all_ended(c))
			wait_for_records(c, next);
	} while (!last && !all_ended(c));
	return EXIT_OK;
}

/* Completes the recording of one ring. Return: the exit status. */
static int close_ring(const struct record_opts *o, struct recorded_ring *r, int status)
{
	int err;

	if (r->rec && !o->quiet)
		print_account(o, r);
	err = ring_recorder_close(r->rec);
	/* One failure is enough to be told. */
	if (err && !status)
		status = fail_record(r, err);
	ring_close(r->ring);
	return status;
}

int record_rings(const struct record_opts *opts)
{
	struct record c = {
		.opts = opts,
		.end_ns = add_ns(now_ns(), opts->duration_ns),
		.sync_at = opts->sync_ns ? add_ns(now_ns(), opts->sync_ns) : UINT64_MAX,
		.live = !opts->progress && !opts->quiet && isatty(STDERR_FILENO),
		.print_at = UINT64_MAX,
	};
	int err, status = EXIT_OK;
	unsigned int i;

	if (opts->progress || c.live)
		c.print_at = add_ns(now_ns(), PROGRESS_NS);
	err = signals_init();
	if (err)
		return fail("record", "signals: %s", strerror(-err));
	c.rings = calloc(opts->nr, sizeof(*c.rings));
	c.fds = calloc(opts->nr + 1, sizeof(*c.fds));
	if (!c.rings || !c.fds) {
		free(c.rings);
		free(c.fds);
		return fail("record", "%s", strerror(ENOMEM));
	}
	if (opts->nr > 1 && mkdir(opts->dir, 0777) && errno != EEXIST)
		status = fail("record", "%s: %s", opts->dir, strerror(errno));
	for (i = 0; i < opts->nr && !status; i++) {
		c.rings[i] = (struct recorded_ring) { .name = opts->names[i], .fd = -1 };
		status = open_ring(opts, &c.rings[i]);
	}
	if (!status)
		status = run(&c);
	clear_live(&c);
	for (i = 0; i < opts->nr; i++)
		status = close_ring(opts, &c.rings[i], status);
	free(c.rings);
	free(c.fds);
	return status;
}
