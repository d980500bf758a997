// SPDX-License-Identifier: GPL-2.0-only
/* The reader of ringctl cat. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "../lib/clock.h"
#include "../lib/decode.h"
#include "../lib/message.h"
#include "../lib/out.h"
#include "../lib/record.h"
#include "../lib/recording.h"
#include "../lib/signals.h"
#include "../lib/wakeup.h"
#include "../lib/where.h"
#include "cat.h"

#define FLUSH_BYTES    (1u << 16)
#define SIGNAL_RECORDS 64 /* records between two checks for a signal */

/* Sequence numbers read from one ring; they check the losses that the library reports. */
struct account {
	uint64_t first;
	uint64_t last;
};

struct cat {
	const struct cat_opts *opts;
	struct ring_reader *ring;
	struct decoder *decoder; /* NULL: payloads are printed undecoded */
	struct out out;
	struct account *accounts;
	uint32_t nr_accounts;
	struct when until;
	uint64_t read;
	uint64_t lost;		   /* as the records reported it */
	uint64_t published_before; /* on the rings that this reader has left */
	uint64_t restarts;
	uint64_t sleeps;
	int ring_fd; /* -1: this ring cannot wake readers */
	bool stop;
	bool wrong; /* the numbers contradict the reported losses */
};

static void update_stop(struct cat *c)
{
	if (c->out.err || c->out.signal)
		c->stop = true;
}

static void check_signal(struct cat *c)
{
	out_check_signal(&c->out);
	update_stop(c);
}

/* A failure ends the loop; finish() reports it. */
static void flush(struct cat *c)
{
	out_flush(&c->out);
	update_stop(c);
}

/* Sleeps for @ns at most, or until the ring has records if @wake. */
static void wait_for_input(struct cat *c, uint64_t ns, bool wake)
{
	out_wait(&c->out, ns, wake ? c->ring_fd : -1, -1);
	update_stop(c);
}

/* With --type and --where, records that are left out may lie in between. */
static bool follows(const struct cat *c, const struct account *a, const struct ring_record *rec)
{
	const uint64_t next = a->last + 1 + rec->lost;

	return cat_is_filtered(c->opts) ? rec->seq >= next : rec->seq == next;
}

static void account_for(struct cat *c, const struct ring_record *rec)
{
	struct account *a;

	c->read++;
	c->lost += rec->lost;
	if (rec->ring >= c->nr_accounts)
		return;
	a = &c->accounts[rec->ring];
	if (!a->last) {
		a->first = rec->seq - rec->lost;
	} else if (!follows(c, a, rec) && !c->wrong) {
		c->wrong = true;
		fail(c->opts->name, "ring %u: seq %llu is followed by %llu with %llu lost",
		     rec->ring, (unsigned long long)a->last, (unsigned long long)rec->seq,
		     (unsigned long long)rec->lost);
	}
	a->last = rec->seq;
}

/* For ring_consume(). */
static int print_record(const struct ring_record *rec, void *arg)
{
	struct cat *c = arg;
	const struct cat_opts *opts = c->opts;

	if (when_reached(c->ring, &c->until, rec)) {
		c->stop = true;
		return true;
	}
	account_for(c, rec);
	if (opts->format == CAT_RAW)
		out_append(&c->out, rec->payload, rec->len);
	else if (opts->format == CAT_JSON)
		record_print_json(&c->out, rec, c->decoder);
	else
		record_print_text(&c->out, rec, c->decoder, opts->full);

	if (c->out.err || (opts->count && c->read >= opts->count))
		c->stop = true;
	else if (opts->slow_ns)
		wait_for_input(c, opts->slow_ns, false);
	else if (c->out.len >= FLUSH_BYTES)
		flush(c);
	if (c->read % SIGNAL_RECORDS == 0)
		check_signal(c);
	return c->stop;
}

/* The records that were published on the present ring since this reader started there. */
static uint64_t count_published(const struct cat *c)
{
	uint64_t published = 0;
	uint32_t i;

	for (i = 0; i < c->nr_accounts; i++)
		if (c->accounts[i].last)
			published += c->accounts[i].last - c->accounts[i].first + 1;
	return published;
}

static int set_up(struct cat *c);

/* Begins with another ring of the name. */
static int change_ring(struct cat *c)
{
	struct ring_stats st = { .size = sizeof(st) };

	flush(c);
	c->published_before += count_published(c);
	free(c->accounts);
	c->accounts = NULL;
	c->nr_accounts = 0;
	decoder_close(c->decoder);
	c->decoder = NULL;
	if (!c->opts->quiet && !ring_stats(c->ring, &st))
		fail(c->opts->name, "%s",
		     st.restarts == c->restarts ?
			     "the ring is there" :
			     "the writer is gone, and another ring has the name");
	c->restarts = st.restarts;
	return set_up(c);
}

/* Tells that another process writes the same ring. */
static void check_writer(struct cat *c)
{
	struct ring_stats st = { .size = sizeof(st) };

	if (!(c->opts->open.flags & RING_FOLLOW) || ring_stats(c->ring, &st) ||
	    st.restarts == c->restarts)
		return;
	c->restarts = st.restarts;
	if (c->opts->quiet)
		return;
	flush(c);
	fail(c->opts->name, "another process goes on with the ring");
}

/* Sleeps until the ring has records, unless none before --until can come. */
static void wait_for_records(struct cat *c)
{
	const uint64_t last = c->nr_accounts == 1 ? c->accounts->last : 0;
	uint64_t ns = when_left(c->ring, &c->until, last, c->opts->open.merge_window_ns);

	if (!ns) {
		c->stop = true;
		return;
	}
	if (c->ring_fd < 0 && ns > WAKEUP_POLL_NS)
		ns = WAKEUP_POLL_NS;
	c->sleeps++;
	wait_for_input(c, ns, true);
}

/*
 * Reads until there is a reason to stop. Return: 0; -ENODEV: the writer is gone; -errno;
 * EXIT_FAIL: a message was printed.
 */
static int follow(struct cat *c)
{
	int err = 0;

	while (!c->stop) {
		err = ring_consume(c->ring, print_record, c, 0, NULL);
		if (err == -EREMCHG) {
			err = change_ring(c);
			if (err)
				return err;
		} else if (err == -EAGAIN) {
			check_writer(c);
			wait_for_records(c);
		} else if (err < 0 && err != -EPIPE) {
			return err;
		}
		check_signal(c);
	}
	return 0;
}

/* Prints the records that are in the ring now, even if the writer continues. */
static int print_present(struct cat *c)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t goal;
	int err;

	err = ring_stats(c->ring, &st);
	if (err)
		return err;
	goal = st.read + st.lost + st.filtered + st.lag_records;
	if (!st.lag_records)
		return st.dead ? -ENODEV : 0;

	/* After this wait the merge no longer holds back any of these records. */
	if (c->opts->open.merge_window_ns)
		wait_for_input(c, c->opts->open.merge_window_ns, false);
	while (!c->stop && st.read + st.lost + st.filtered < goal) {
		err = ring_consume(c->ring, print_record, c, 0, NULL);
		if (err < 0 && err != -EPIPE && err != -EAGAIN)
			return err;
		check_signal(c);
		ring_stats(c->ring, &st);
		/* Nothing is there; or, of those that are left out, many were passed. */
		if (err == -EAGAIN && !(cat_is_filtered(c->opts) && st.lag_records))
			return 0;
	}
	return 0;
}

/* How the ring ended, by enum ring_end. */
static const char *const ends[] = {
	[RING_RUNS] = "",
	[RING_ENDED] = "; the writer has ended the ring",
	[RING_KILLED] = "; the writer is gone, and did not end the ring",
	[RING_REPLACED] = "; the writer is gone, and another one has the name",
};

static void print_summary(const struct cat *c, bool ended)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t published = c->published_before + count_published(c);

	if (ring_stats(c->ring, &st))
		return;
	/* Losses at the end, which no later record reported. */
	if (st.lost > c->lost)
		published += st.lost - c->lost;

	if (cat_is_filtered(c->opts))
		fprintf(stderr, PROGRAM_NAME ": %s: read %llu, lost %llu, filtered %llu; ",
			c->opts->name, (unsigned long long)c->read, (unsigned long long)st.lost,
			(unsigned long long)st.filtered);
	else
		fprintf(stderr, PROGRAM_NAME ": %s: read %llu + lost %llu %s published %llu; ",
			c->opts->name, (unsigned long long)c->read, (unsigned long long)st.lost,
			c->read + st.lost == published ? "=" : "!=", (unsigned long long)published);
	fprintf(stderr, "overruns %llu, waits %llu, misordered %llu",
		(unsigned long long)st.overruns, (unsigned long long)c->sleeps,
		(unsigned long long)st.misordered);
	if (st.early)
		fprintf(stderr, ", early %llu", (unsigned long long)st.early);
	if (ended && recording_is(c->ring))
		fprintf(stderr, "; the recording ends here\n");
	else
		fprintf(stderr, "%s\n", ended ? ends[st.end] : "");
}

static int finish(struct cat *c, int err)
{
	const char *name = c->opts->name;
	int status = c->wrong ? EXIT_FAIL : EXIT_OK;

	if (err > 0)
		status = err;
	else if (err && err != -ENODEV)
		status = fail_ring("cat", name, err);
	flush(c);
	if (c->out.err == -EPIPE)
		return EXIT_OK;
	if (c->out.err == -EINTR)
		status = fail("cat", "standard output: the reader did not take the last %zu bytes",
			      c->out.len);
	else if (c->out.err)
		status = fail("cat", "standard output: %s", strerror(-c->out.err));
	if (!c->opts->quiet) {
		print_summary(c, err == -ENODEV);
		recording_print(name, c->ring);
	}
	return status;
}

/* Sets up the descriptor to sleep on. */
static int prepare_to_sleep(struct cat *c)
{
	int err = wakeup_fd(c->ring, &c->ring_fd);

	return err ? fail_ring("cat", c->opts->name, err) : 0;
}

/* Sets up the accounts, the wake-up thresholds and the descriptor to sleep on. */
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

	if (c->opts->batch_ns)
		err = wakeup_in_batches(c->ring, c->opts->batch_ns);
	return err ? fail_ring("cat", c->opts->name, err) : prepare_to_sleep(c);
}

/* Explains why ring_open() returned @err, in terms of the options. */
static int fail_open(const struct cat_opts *opts, int err)
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
	else if (info.clock_id == SEQRING_CLOCK_NONE && opts->open.whence >= RING_TIME)
		status = fail("cat", "%s: --since: the ring has no clock (use seq:N)", name);
	else if (info.nr_rings > 1 && opts->open.whence == RING_SEQ)
		status = fail(
			"cat",
			"%s: --since seq: each ring has its own numbers (use it with --ring N)",
			name);
	ring_close(ring);
	return status ? status : fail_ring("cat", name, err);
}

/* Records of a ring with an unusable schema are printed undecoded. */
static int prepare_decoder(struct cat *c)
{
	int err;

	if (c->opts->no_schema || c->opts->format == CAT_RAW)
		return 0;
	err = decoder_open(c->ring, &c->decoder);
	if (!err || err == -ENOENT)
		return 0;
	if (err == -ENOMEM)
		return fail("cat", "%s", strerror(ENOMEM));
	if (!c->opts->quiet)
		fail(c->opts->name, "%s; payloads are printed undecoded", ring_strerror());
	return 0;
}

/* Goes to where a --since that is how long ago begins. */
static int seek_ago(struct ring_reader *ring, struct when since)
{
	int err = when_resolve(ring, &since);

	return err ? err : ring_seek(ring, RING_TIME, since.value);
}

/* Applies --since and --until. Return: 0; EXIT_FAIL. */
static int set_range(struct cat *c)
{
	const struct cat_opts *o = c->opts;
	int err;

	c->until = o->until;
	err = when_resolve_until("cat", o->name, c->ring, o->open.one_ring, &c->until);
	if (err || !o->since.is_ago)
		return err;
	err = seek_ago(c->ring, o->since);
	return err ? fail_ring("cat", o->name, err) : 0;
}

static bool is_there(struct ring_reader *ring)
{
	struct ring_info info = { .size = sizeof(info) };

	return ring_info(ring, &info) != -EAGAIN;
}

/* Sets up all that depends on the ring. */
static int set_up(struct cat *c)
{
	int status = prepare(c);

	if (!status)
		status = where_set("cat", c->ring, c->opts->where);
	return status ? status : prepare_decoder(c);
}

/* With --follow-name, the ring may not be there yet. */
static int set_up_first(struct cat *c)
{
	if (is_there(c->ring))
		return set_up(c);
	if (!c->opts->quiet)
		fail(c->opts->name, "waits for a ring of this name");
	return prepare_to_sleep(c);
}

int cat_ring(const struct cat_opts *opts)
{
	struct cat c = { .opts = opts, .ring_fd = -1 };
	int err, status = EXIT_OK;

	err = signals_init();
	if (err)
		return fail("cat", "signals: %s", strerror(-err));
	err = ring_open(opts->name, &opts->open, &c.ring);
	if (err)
		return fail_open(opts, err);
	out_init(&c.out);
	/* A ring that is not there yet has no older records. */
	if (is_there(c.ring))
		status = set_range(&c);
	if (!status)
		status = set_up_first(&c);
	if (!status)
		status = finish(&c, opts->follow ? follow(&c) : print_present(&c));
	out_free(&c.out);
	free(c.accounts);
	decoder_close(c.decoder);
	ring_close(c.ring);
	return status;
}
