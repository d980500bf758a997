// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A reader that waits for the ring of a name, and follows the name from ring to ring.
 *
 * It is a backend around the present ring's backend, which does all the work while there is a
 * ring. Its descriptor is an epoll instance of its own, with the present ring's descriptor in it,
 * so it stays the same when the ring changes. Only where a read would return -ENODEV, the gap
 * begins: the name is looked up, again whenever something happens to it. The ring that is found is
 * opened as a reader of its own. A call that reads then takes that reader's parts over, and tells
 * so. Reading itself knows nothing of this.
 *
 * In the gap the old ring stays open, for two reasons: another process may go on with it (a BPF
 * ring), and it must not be taken for a new one.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "../backend/poller.h"
#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/names.h"
#include "../reader/reader.h"
#include "follow.h"
#include "lookup.h"
#include "watch.h"

#define BACKOFF_MS   1	  /* the first pause between two looks at what cannot be opened */
#define BACKOFFS     16	  /* how often the pause doubles */
#define HARD_TRIES   8	  /* looks before a failure counts that is not one of a name in change */
#define BLIND_MS     1000 /* between two looks where nothing tells of changes */
#define NR_SOFT_ERRS (sizeof(soft_errs) / sizeof(soft_errs[0]))

/*
 * @ring: the backend of the present ring; NULL: there was none yet
 * @ring_fd: the descriptor of the present ring, in @poller
 * @in_gap: the present ring has ended, or there is none
 * @next: the next ring, open, for the next call that reads
 * @same: it is the present one, which another process serves now
 * @forever: RING_FOLLOW; else the reader waits for its first ring alone
 * @late: the next ring is younger than this reader, which reads it from its start
 * @conn: a connection whose greeting is to come until @until_ns; -1
 * @again_at: when to look again, if nothing else tells; 0: never
 * @tries: looks in a row that found something and could not open it
 * @err: what a read returns in the gap, explained by @why
 */
struct ring_follow {
	const struct ring_backend *ring;
	int ring_fd;
	bool in_gap;
	struct ring_reader *next;
	bool same;
	bool forever;
	bool late;
	struct ring_open_opts opts;
	char *where;
	uint16_t *types; /* a copy: @opts->types is the caller's during the opening alone */
	struct ring_poller poller;
	struct ring_watch watch;
	int conn;
	uint64_t until_ns;
	uint64_t again_at;
	unsigned int tries;
	int err;
	char why[256];
};

/* Failures of a name while rings come and go. All others are told if they stay. */
static const int soft_errs[] = { ENOENT, ECONNREFUSED, ETIMEDOUT, EACCES,
				 EPIPE,	 EAGAIN,       ENODEV,	  ENXIO };

static bool is_soft(int err)
{
	unsigned int i;

	for (i = 0; i < NR_SOFT_ERRS; i++)
		if (err == -soft_errs[i])
			return true;
	return false;
}

static void begin_gap(struct ring_follow *f)
{
	f->in_gap = true;
	f->again_at = 1;
	f->err = -EAGAIN;
	f->late = f->ring;
	if (f->forever)
		libring_watch_begin(&f->watch, &f->poller);
	/* A device that is gone stays readable. A ring that may go on wakes its readers. */
	if (f->ring && !f->ring->revive)
		epoll_ctl(f->poller.epfd, EPOLL_CTL_DEL, f->ring_fd, NULL);
}

static void end_gap(struct ring_follow *f)
{
	f->in_gap = false;
	f->tries = 0;
	f->again_at = 0;
	libring_watch_end(&f->watch);
	libring_close_fd(f->conn);
	f->conn = -1;
}

/* Connected: from now on the greeting has its time. Return: -EINPROGRESS; -errno. */
static int await_greeting(struct ring_follow *f)
{
	int err;

	if (f->forever)
		f->until_ns = libring_open_until(&f->opts);
	err = libring_poller_add(&f->poller, f->conn, EPOLLIN | EPOLLET, POLLER_GREETING);
	return err ? err : -EINPROGRESS;
}

/* Takes the greeting. Return: -EINPROGRESS it is still to come; else as ring_open(). */
static int take_greeting(struct ring_follow *f, const struct ring_open_opts *opts)
{
	int err = libring_open_connected(f->conn, 0, opts, &f->next);

	if (err == -ETIMEDOUT && libring_now_ns() < f->until_ns)
		return -EINPROGRESS;
	libring_close_fd(f->conn);
	f->conn = -1;
	return err;
}

/* Opens the ring that the name leads to. Return: as ring_open(); -EINPROGRESS. */
static int open_next(struct ring_follow *f)
{
	struct ring_open_opts opts = f->opts;
	int err = -EINPROGRESS;

	/* To a reader that was there before the ring, all of its records are new. */
	if (f->late)
		opts.whence = RING_OLDEST;
	if (f->conn < 0) {
		err = libring_open_where(f->where, &opts, 0, &f->conn, &f->next);
		if (err == -EINPROGRESS)
			err = await_greeting(f);
	}
	if (err == -EINPROGRESS)
		err = take_greeting(f, &opts);
	if (!err && f->late)
		err = libring_seek_start(f->next);
	return err == -EBADMSG ? -EPROTO : err;
}

/* True if @next is the ring that @r is on. */
static bool is_same(const struct ring_reader *r, const struct ring_reader *next)
{
	return next->backend == r->follow->ring && next->ring_id == r->ring_id &&
	       next->merge.nr_src == r->merge.nr_src &&
	       next->mapping.hdr.data_size == r->mapping.hdr.data_size;
}

/*
 * True if the ring of f->next, which this reader is on, goes on: its writer has moved to a child
 * (ring_writer_adopt()) that serves it again. A BPF ring that goes on says so itself.
 */
static bool goes_on(const struct ring_follow *f)
{
	return !f->ring->revive && libring_get_end(f->next) == RING_RUNS;
}

/* Moves f->next to the place of @r in the same ring. */
static void keep_place(const struct ring_reader *r)
{
	uint32_t i;

	for (i = 0; i < r->merge.nr_src; i++) {
		const struct ring_source *from = &r->merge.src[i];
		struct ring_source *to = &r->follow->next->merge.src[i];

		to->corrupt = from->corrupt;
		to->rd.pos = from->rd.pos;
		to->rd.seq = from->rd.seq;
		to->rd.any = from->rd.any;
		to->rd.lost = from->rd.lost;
		to->rd.snap = 0;
	}
}

/* Checks that f->next can be read after this ring, and sees to it that it wakes this reader. */
static int accept_next(const struct ring_reader *r)
{
	struct ring_follow *f = r->follow;
	const struct ring_reader *next = f->next;
	int err = 0;

	f->same = is_same(r, next);
	if (f->same && !goes_on(f))
		return libring_set_error(ENOENT, "%s: the ring that has ended", f->where);
	if (f->forever && next->backend->recording)
		return libring_set_error(EOPNOTSUPP,
					 "%s is a recording, which no other one follows: open it "
					 "without RING_FOLLOW",
					 f->where);
	if (f->forever)
		err = libring_check_can_sleep(next);
	if (!err && next->wakeup.app_fd >= 0)
		err = libring_poller_add(&f->poller, next->wakeup.app_fd, EPOLLIN, POLLER_RING);
	return err;
}

/* The pause after @tries looks: each is as long as all before it together. */
static uint64_t pause_ns(const struct ring_follow *f)
{
	uint64_t ms = (uint64_t)BACKOFF_MS << (f->tries < BACKOFFS ? f->tries : BACKOFFS);

	return (f->watch.blind && ms > BLIND_MS ? BLIND_MS : ms) * LIBRING_MSEC_NS;
}

/* Decides when to look again after a look that ended with @err. Return: what a read returns. */
static int judge(struct ring_follow *f, int err)
{
	const uint64_t now = libring_now_ns();

	snprintf(f->why, sizeof(f->why), "%s", ring_strerror());
	f->again_at = 0;
	if (!f->forever && (err != -ETIMEDOUT || now >= f->until_ns))
		return err;
	f->late = f->forever;
	if (err != -ENOENT) {
		f->again_at = now + pause_ns(f);
		f->tries++;
	} else {
		f->tries = 0;
		if (f->watch.blind)
			f->again_at = now + BLIND_MS * LIBRING_MSEC_NS;
	}
	return is_soft(err) || f->tries < HARD_TRIES ? -EAGAIN : err;
}

/* Looks the name up. Return: -EREMCHG f->next is open; -EAGAIN; -errno. */
static int look_up(const struct ring_reader *r)
{
	struct ring_follow *f = r->follow;
	int err;

	/* First, so that nothing appears unseen after the look. */
	if (f->watch.on)
		libring_watch_update(&f->watch, f->where);
	err = open_next(f);
	if (err == -EINPROGRESS) {
		f->again_at = f->until_ns;
		return -EAGAIN;
	}
	if (!err)
		err = accept_next(r);
	if (!err) {
		end_gap(f);
		return -EREMCHG;
	}
	err = judge(f, err);
	ring_close(f->next);
	f->next = NULL;
	return err;
}

/* Takes the events out, and notes whether to look again. Return: whether there were any. */
static bool take_events(struct ring_follow *f)
{
	const uint32_t found = libring_poller_drain(&f->poller);

	if (found & POLLER_NAME)
		libring_watch_drain(&f->watch);
	if (found & (POLLER_NAME | POLLER_MOUNT | POLLER_GREETING))
		f->again_at = 1;
	return found;
}

static void set_timer(struct ring_follow *f)
{
	if (f->poller.timer_ns != f->again_at)
		libring_poller_set_timer(&f->poller, f->again_at);
}

static int follow_find_next(struct ring_reader *r)
{
	struct ring_follow *f = r->follow;

	if (f->next)
		return -EREMCHG;
	if (f->ring && !f->forever)
		return -ENODEV;
	if (!f->in_gap)
		begin_gap(f);
	take_events(f);
	if (f->again_at && libring_now_ns() >= f->again_at)
		f->err = look_up(r);
	set_timer(f);
	if (f->err == -EAGAIN || f->err == -EREMCHG)
		return f->err;
	return libring_set_error(-f->err, "%s", f->why);
}

/* Counts what the reader leaves behind: what it could not read any more is lost. */
static void leave_ring(struct ring_reader *r)
{
	struct ring_past *past = &r->past;
	__u64 records, bytes, lost;
	uint32_t i;

	for (i = 0; i < r->merge.nr_src; i++) {
		const struct ring_source *s = &r->merge.src[i];

		libring_source_account(s, &records, &bytes, &lost);
		past->lost += s->rd.lost_total;
		/* What the next record of the same ring tells is not counted twice. */
		if (!r->follow->same)
			past->lost += lost + records;
		past->overruns += s->rd.overruns;
	}
	past->misordered += r->merge.misordered;
	past->early += r->merge.early;
	past->restarts++;
	/* Before its last descriptor is closed: the mapping keeps a device's file open. */
	epoll_ctl(r->follow->poller.epfd, EPOLL_CTL_DEL, r->follow->ring_fd, NULL);
	r->follow->ring->close(r);
	libring_unmap_ring(&r->mapping);
	libring_merge_free(&r->merge);
}

static int follow_move(struct ring_reader *r)
{
	struct ring_follow *f = r->follow;
	struct ring_reader *next = f->next;

	/* The reader may have read on since the ring was found. */
	if (f->ring && f->same)
		keep_place(r);
	if (f->ring)
		leave_ring(r);
	f->next = NULL;
	f->ring = next->backend;
	f->ring_fd = next->wakeup.app_fd;
	r->merge = next->merge;
	r->mapping = next->mapping;
	r->state = next->state;
	r->peer = next->peer;
	r->ring_id = next->ring_id;
	r->creation = next->creation;
	r->walltime = next->walltime;
	r->peek.whole = false;
	r->wakeup.since_seq = 0;
	r->wakeup.armed = false;
	free(r->path);
	r->path = next->path;
	/* A filter was made for the schema of the old ring. */
	ring_filter_free(r->filter);
	r->filter = NULL;
	free(r->open_types);
	r->open_types = next->open_types;
	r->types = next->types;
	libring_close_fd(next->wakeup.wake_fd);
	free(next);
	/* The records of the next ring may be longer. */
	free(r->bounce);
	r->bounce = NULL;
	if (r->wakeup.fd_given)
		r->backend->kick(r);
	return libring_set_error_text(EREMCHG, "the reader has gone on to the next ring of its "
					       "name");
}

static bool follow_drain(struct ring_reader *r)
{
	struct ring_follow *f = r->follow;
	bool found = take_events(f);

	if (f->ring)
		found |= f->ring->drain(r);
	return found;
}

static void follow_arm(struct ring_reader *r, bool for_fd)
{
	struct ring_follow *f = r->follow;

	set_timer(f);
	if (!f->ring)
		return;
	f->ring->arm(r, for_fd);
	/* A device was asked by its old cursors, and is not asked again by itself. */
	libring_poller_look(&f->poller, f->ring_fd, EPOLLIN, POLLER_RING);
}

static bool follow_woken(struct ring_reader *r, short revents)
{
	struct ring_follow *f = r->follow;
	struct pollfd pfd = { .fd = f->ring_fd, .events = POLLIN };

	(void)revents;
	return f->ring && f->ring->woken && poll(&pfd, 1, 0) > 0 && f->ring->woken(r, pfd.revents);
}

static void follow_kick(struct ring_reader *r)
{
	libring_poller_set_timer(&r->follow->poller, 1);
}

static bool follow_revive(struct ring_reader *r)
{
	struct ring_follow *f = r->follow;

	if (!f->ring || !f->ring->revive || !f->ring->revive(r))
		return false;
	end_gap(f);
	return true;
}

static void follow_look(struct ring_reader *r)
{
	struct ring_follow *f = r->follow;

	if (f->ring && f->ring->look)
		f->ring->look(r);
}

static void follow_close(struct ring_reader *r)
{
	struct ring_follow *f = r->follow;

	if (!f)
		return;
	if (f->ring)
		f->ring->close(r);
	ring_close(f->next);
	end_gap(f);
	libring_poller_close(&f->poller);
	free(f->where);
	free(f->types);
	free(f);
}

static const struct ring_backend backend = {
	.close = follow_close,
	.drain = follow_drain,
	.arm = follow_arm,
	.woken = follow_woken,
	.kick = follow_kick,
	.revive = follow_revive,
	.look = follow_look,
	.find_next = follow_find_next,
	.move = follow_move,
};

/* Makes a reader without a ring. ring_close() it after a failure, too, unless it is NULL. */
static int make_reader(const char *where, const struct ring_open_opts *opts,
		       struct ring_reader **out)
{
	struct ring_reader *r = calloc(1, sizeof(*r));
	struct ring_follow *f = calloc(1, sizeof(*f));
	const size_t size = opts->nr_types * sizeof(*opts->types);
	uint16_t *types = size ? malloc(size) : NULL;
	char *path = strdup(where);
	int err;

	if (!r || !f || !path || (size && !types)) {
		free(types);
		free(r);
		free(f);
		free(path);
		return libring_set_error(ENOMEM, "no memory for a reader");
	}
	*f = (struct ring_follow) {
		.ring_fd = -1,
		.forever = opts->flags & RING_FOLLOW,
		.opts = *opts,
		.where = path,
		.types = types,
		.poller = LIBRING_NO_POLLER,
		.watch = LIBRING_NO_WATCH,
		.conn = -1,
		.until_ns = libring_open_until(opts),
	};
	if (size)
		memcpy(types, opts->types, size);
	f->opts.types = types;
	r->backend = &backend;
	r->follow = f;
	libring_walltime_open(&r->walltime, SEQRING_CLOCK_NONE);
	err = libring_poller_open(&f->poller);
	r->wakeup = (struct ring_wakeup) {
		.records = opts->wake_records,
		.bytes = opts->wake_bytes,
		.timeout_ns = opts->wake_timeout_ns,
		.poll_fd = f->poller.epfd,
		.app_fd = f->poller.epfd,
		.wake_fd = -1,
	};
	*out = r;
	return err ? err : libring_open_wake(&r->wakeup);
}

/* Sleeps until something happens, or until @until_ns. Return: -EAGAIN; -ETIMEDOUT. */
static int sleep_until(const struct ring_follow *f, uint64_t until_ns)
{
	struct pollfd pfd = { .fd = f->poller.epfd, .events = POLLIN };
	const uint64_t now = libring_now_ns();

	if (now >= until_ns)
		return libring_set_error(ETIMEDOUT, "no ring came in time: %s",
					 *f->why ? f->why : "its process did not answer");
	poll(&pfd, 1, (int)((until_ns - now) / LIBRING_MSEC_NS) + 1);
	return -EAGAIN;
}

/**
 * libring_follow_open() - open a reader that follows a name, or that waits for its ring
 * @where, @out: as in ring_open()
 * @opts: checked, with RING_FOLLOW or RING_NONBLOCK
 *
 * Return: as ring_open().
 */
int libring_follow_open(const char *where, const struct ring_open_opts *opts,
			struct ring_reader **out)
{
	const uint64_t until_ns = libring_open_until(opts);
	struct ring_reader *r = NULL;
	int err = 0;

	if (!where || !strchr(where, '/'))
		err = libring_check_name(where);
	if (!err)
		err = make_reader(where, opts, &r);
	if (err) {
		ring_close(r);
		return err;
	}
	err = follow_find_next(r);
	while (err == -EAGAIN && !(opts->flags & RING_NONBLOCK)) {
		err = sleep_until(r->follow, until_ns);
		if (err == -EAGAIN)
			err = follow_find_next(r);
	}
	if (err == -EREMCHG && r->follow->forever) {
		follow_move(r);
	} else if (err == -EREMCHG) {
		/* The ring was there: an ordinary reader. */
		*out = r->follow->next;
		r->follow->next = NULL;
		ring_close(r);
		return 0;
	} else if (err != -EAGAIN) {
		ring_close(r);
		return err;
	}
	*out = r;
	return 0;
}
