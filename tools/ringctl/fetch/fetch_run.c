// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop of ringctl fetch: pull, write, sync, acknowledge. A session with the servers is never
 * repaired. After a failure another one begins, and gets again what was not acknowledged.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nats/nats.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/signals.h"
#include "../../nats/consume.h"
#include "fetch.h"
#include "keep.h"
#include "streams.h"

#define PULL_MAX    32	/* messages under way: a message may have a MiB */
#define PULL_MS	    250 /* a round of idle streams */
#define PULL_MS_MIN 20
#define LOOK_NS	    (2 * NSEC_PER_SEC) /* how often to look for streams that came or went */
#define RETRY_NS    (NSEC_PER_SEC / 2)
#define GIVE_UP_NS  (60 * NSEC_PER_SEC) /* without --follow, if nothing moves */

/*
 * @c: NULL between sessions
 * @end: the last message at the start; @done: all up to it is acknowledged
 */
struct source {
	char *stream;
	struct nats_consumer *c;
	uint64_t end;
	bool done;
};

/*
 * @sources: streams, also between sessions
 * @connected: a session was good once: a failure is not a mistake in the options
 * @told: the present failure was printed
 * @servers: as messages show them
 * @moved_at: when something was fetched last, or a stream was done
 */
struct fetch {
	const struct fetch_opts *opts;
	natsOptions *nats;
	struct nats_session *session;
	struct source *sources;
	size_t nr;
	struct keep keep;
	bool connected;
	bool told;
	bool waiting;
	uint64_t look_at;
	uint64_t moved_at;
	char servers[256];
	char why[NATS_WHY_SIZE];
};

/* What a session's functions return beside 0 and EXIT_FAIL: begin another session. */
#define AGAIN (-EAGAIN)

static void close_source(struct source *s)
{
	nats_consumer_close(s->c);
	s->c = NULL;
}

static void drop_source(struct fetch *f, size_t i)
{
	close_source(&f->sources[i]);
	free(f->sources[i].stream);
	f->sources[i] = f->sources[--f->nr];
}

/* The next session goes on with the same streams. */
static void close_session(struct fetch *f)
{
	size_t i;

	for (i = 0; i < f->nr; i++)
		close_source(&f->sources[i]);
	nats_session_close(f->session);
	f->session = NULL;
}

/* Whether a failure is one that another session may not have. */
static bool is_passing(const struct fetch *f, int err)
{
	return (err == -EIO && f->connected) || err == -ESTALE;
}

static int failed(struct fetch *f, const char *stream, int err)
{
	if (is_passing(f, err))
		return AGAIN;
	return fail("fetch", "%s: %s", stream ? stream : f->servers, f->why);
}

static struct source *find_source(struct fetch *f, const char *stream)
{
	size_t i;

	for (i = 0; i < f->nr; i++)
		if (!strcmp(f->sources[i].stream, stream))
			return &f->sources[i];
	return NULL;
}

static struct source *add_source(struct fetch *f, const char *stream)
{
	struct source *s = realloc(f->sources, (f->nr + 1) * sizeof(*s));

	if (!s)
		return NULL;
	f->sources = s;
	s += f->nr;
	*s = (struct source) { .stream = strdup(stream) };
	if (!s->stream)
		return NULL;
	f->nr++;
	return s;
}

/* Begins or continues to read a stream, unless it is gone meanwhile. */
static int attach(struct fetch *f, const char *stream)
{
	struct source *s = find_source(f, stream);
	uint64_t end;
	int err;

	if (!s && f->connected && !f->opts->follow)
		return 0;
	if (!s)
		s = add_source(f, stream);
	if (!s)
		return fail("fetch", "%s", strerror(ENOMEM));
	if (s->c || s->done)
		return 0;
	err = nats_consumer_open(f->session, stream, f->opts->consumer, &end, &s->c, f->why);
	if (!err && !s->end)
		s->end = end;
	return err && err != -ENOENT ? failed(f, stream, err) : 0;
}

/* Says which streams are gone. */
static int find_deleted(struct fetch *f)
{
	size_t i = 0;

	while (i < f->nr) {
		const struct source *s = &f->sources[i];

		if (s->c || s->done) {
			i++;
			continue;
		}
		fail("fetch", "%s: the stream was deleted; what was fetched of it stays",
		     s->stream);
		if (!f->opts->follow)
			return EXIT_FAIL;
		drop_source(f, i);
	}
	return 0;
}

/* Looks for streams that are new, and for those that are gone. */
static int find_streams(struct fetch *f)
{
	const bool may_wait = f->opts->follow && (f->connected || strpbrk(f->opts->stream, "*?["));
	char **names;
	size_t nr, i;
	int err;

	err = nats_list_streams(f->session, f->opts->stream, &names, &nr, f->why);
	if (err && (err != -ENOENT || (!may_wait && !f->nr)))
		return failed(f, err == -ENOENT ? f->opts->stream : NULL, err);
	for (i = 0, err = 0; i < nr && !err; i++)
		err = attach(f, names[i]);
	nats_free_names(names, nr);
	if (!err)
		err = find_deleted(f);
	if (!err && !f->nr && !f->waiting)
		fprintf(stderr, PROGRAM_NAME ": fetch: waits for a stream %s\n", f->opts->stream);
	f->waiting = !f->nr;
	return err;
}

/* Looks whether streams are still there: a pull does not always tell. */
static int look_at_streams(struct fetch *f)
{
	uint64_t floor, left, unacked;
	size_t i;
	int err;

	for (i = 0; i < f->nr; i++) {
		struct source *s = &f->sources[i];

		err = s->done ? 0 : nats_consumer_left(s->c, &floor, &left, &unacked, f->why);
		if (err == -ENOENT)
			close_source(s);
		else if (err)
			return failed(f, s->stream, err);
	}
	return find_streams(f);
}

/* @seq: the last message; @failed: a message could not be kept, which was printed */
struct pulled {
	struct fetch *f;
	const char *stream;
	uint64_t seq;
	bool failed;
};

static int take(const struct nats_item *item, void *arg)
{
	struct pulled *p = arg;

	p->seq = item->seq;
	if (!keep_take(&p->f->keep, p->stream, item->seq, item->data, item->size))
		return 0;
	p->failed = true;
	return -ECANCELED;
}

/* Without --follow: notes whether all is acknowledged that was there at the start. */
static int check_done(struct fetch *f, struct source *s)
{
	uint64_t floor, left, unacked;
	int err = nats_consumer_left(s->c, &floor, &left, &unacked, f->why);

	if (err)
		return failed(f, s->stream, err);
	s->done = floor >= s->end || (!left && !unacked);
	if (s->done)
		f->moved_at = now_ns();
	if (!s->done && now_ns() - f->moved_at > GIVE_UP_NS)
		return fail("fetch",
			    "%s: %" PRIu64 " messages were delivered to another reader of the "
			    "consumer %s, which does not acknowledge them",
			    s->stream, unacked, f->opts->consumer);
	return 0;
}

/* Takes what a stream has now. */
static int serve(struct fetch *f, struct source *s)
{
	struct pulled p = { .f = f, .stream = s->stream };
	int64_t wait_ms = PULL_MS / (int64_t)f->nr;
	unsigned int nr;
	int err;

	if (wait_ms < PULL_MS_MIN)
		wait_ms = PULL_MS_MIN;
	err = nats_consumer_pull(s->c, PULL_MAX, wait_ms, take, &p, &nr, f->why);
	if (p.failed)
		return EXIT_FAIL;
	if (!err && nr) {
		/* Only what is on the disk may be acknowledged. */
		if (keep_sync(&f->keep))
			return EXIT_FAIL;
		err = nats_consumer_commit(s->c, f->why);
		f->moved_at = now_ns();
	}
	if (err)
		return failed(f, s->stream, err);
	if (!f->opts->follow && (!nr || p.seq >= s->end))
		return check_done(f, s);
	return 0;
}

/* Serves all streams once. @done: nothing is left to do. Return: 0; AGAIN; EXIT_FAIL. */
static int serve_all(struct fetch *f, bool *done)
{
	size_t i;
	int err = 0;

	*done = !f->opts->follow;
	for (i = 0; i < f->nr && !err; i++) {
		if (!f->sources[i].done)
			err = serve(f, &f->sources[i]);
		*done &= f->sources[i].done;
	}
	if (err || now_ns() < f->look_at)
		return err;
	f->look_at = now_ns() + LOOK_NS;
	return look_at_streams(f);
}

/* What a signal means: --follow ends in no other way. */
static int end_by_signal(const struct fetch *f)
{
	if (f->opts->follow)
		return 0;
	return fail("fetch", "interrupted: %s has only a part of the streams", f->opts->dir);
}

/* Sleeps; a signal ends the sleep. */
static void rest(uint64_t ns)
{
	struct pollfd p = { .fd = signals_fd(), .events = POLLIN };

	poll_ns(&p, 1, ns);
}

static int run_session(struct fetch *f)
{
	bool done = false;
	int err = nats_session_open(f->nats, &f->session, f->why);

	if (err)
		return failed(f, NULL, err);
	err = find_streams(f);
	if (err)
		return err;
	f->connected = true;
	f->look_at = now_ns() + LOOK_NS;
	while (!err && !done) {
		err = serve_all(f, &done);
		if (!err && f->told) {
			fputs(PROGRAM_NAME ": fetch: connected again\n", stderr);
			f->told = false;
		}
		if (!err && !done && signals_take())
			return end_by_signal(f);
		if (!err && !f->nr && !done)
			rest(RETRY_NS);
	}
	return err;
}

static int run_sessions(struct fetch *f)
{
	int err;

	f->moved_at = now_ns();
	for (;;) {
		err = run_session(f);
		close_session(f);
		if (err != AGAIN)
			return err;
		if (!f->opts->follow && now_ns() - f->moved_at > GIVE_UP_NS)
			return fail("fetch", "%s: %s", f->servers, f->why);
		if (!f->told)
			fail("fetch", "%s: %s: tries again", f->servers, f->why);
		f->told = true;
		rest(RETRY_NS);
		if (signals_take())
			return end_by_signal(f);
	}
}

int fetch_run(const struct fetch_opts *opts)
{
	struct fetch *f = calloc(1, sizeof(*f));
	uint64_t missing;
	int err;

	if (!f || signals_init()) {
		free(f);
		return fail("fetch", "%s", strerror(ENOMEM));
	}
	f->opts = opts;
	login_shown(&opts->login, f->servers, sizeof(f->servers));
	err = streams_login("fetch", &opts->login, &f->nats);
	if (err)
		goto out;
	err = keep_open(&f->keep, opts->dir, opts->file_size);
	if (err)
		goto out_options;
	err = run_sessions(f);
	missing = keep_print_missing(&f->keep, !err && !opts->follow);
	if (!opts->quiet && f->connected)
		fprintf(stderr,
			PROGRAM_NAME ": fetch: %s: wrote %" PRIu64 " messages, %" PRIu64
				     " bytes; %" PRIu64 " were there already; %" PRIu64
				     " were set aside; %" PRIu64 " are missing\n",
			opts->dir, f->keep.written, f->keep.bytes, f->keep.again, f->keep.aside,
			missing);
	if (!err && (f->keep.aside || (missing && !opts->follow)))
		err = EXIT_FAIL;
	while (f->nr)
		drop_source(f, f->nr - 1);
	free(f->sources);
	keep_close(&f->keep);
out_options:
	natsOptions_Destroy(f->nats);
	nats_CloseAndWait(0);
out:
	free(f);
	return err;
}
