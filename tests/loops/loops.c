// SPDX-License-Identifier: GPL-2.0-only
/*
 * Common event loops on ring_fd() of memfd rings: libevent, libuv and sd-event. Each gets records
 * one by one, then the descriptor is added and removed thousands of times while records come.
 *
 *   loops [CYCLES]
 */
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <uv.h>

#include "../lib/clock.h"
#include "../lib/ring.h"
#include "../lib/tap.h"

#include <seqring/abi.h>

#define NR_RECORDS  2000
#define PATIENCE_NS (30000 * MS)

/*
 * A reader in an event loop.
 *
 * @nr_read: records
 * @calls: of the loop's callback
 * @wrong: records out of turn, and errors
 * @want: the loop stops at so many records
 * @stop: stops the loop
 */
struct subject {
	struct ring_writer *w;
	struct ring_reader *r;
	int fd;
	uint64_t nr_read;
	uint64_t calls;
	uint64_t wrong;
	uint64_t want;
	void (*stop)(void *loop);
	void *loop;
};

/*
 * An event loop.
 *
 * @add, @remove: the descriptor
 * @run: until subject.want records are read, or for PATIENCE_NS. Return: whether they were
 * @turn: handles what there is, and does not sleep
 */
struct loop_kind {
	const char *name;
	bool edge;
	void *(*create)(void);
	void (*destroy)(void *loop);
	void *(*add)(void *loop, struct subject *s, bool edge);
	void (*remove)(void *loop, void *source);
	bool (*run)(void *loop, struct subject *s);
	void (*turn)(void *loop);
};

/* Called by every loop when the descriptor is readable. */
static void on_readable(struct subject *s)
{
	struct ring_record rec;
	int err;

	s->calls++;
	while (!(err = ring_read(s->r, &rec, NULL, 0)))
		s->wrong += rec.seq != ++s->nr_read;
	s->wrong += err != -EAGAIN;
	if (s->want && s->nr_read >= s->want && s->stop)
		s->stop(s->loop);
}

static void publish(struct subject *s)
{
	uint64_t n = 0;

	if (ring_writer_publish(s->w, 0, 1, &n, sizeof(n)))
		die("setup.publish");
}

/* --- libevent --------------------------------------------------------------------------- */

static void *libevent_create(void)
{
	return event_base_new();
}

static void libevent_destroy(void *loop)
{
	event_base_free(loop);
}

static void libevent_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	on_readable(arg);
}

static void *libevent_add(void *loop, struct subject *s, bool edge)
{
	struct event *ev = event_new(loop, s->fd,
				     (short)(EV_READ | EV_PERSIST | (edge ? EV_ET : 0)),
				     libevent_readable, s);

	if (!ev || event_add(ev, NULL))
		T_DIE("setup.libevent", "event_add");
	return ev;
}

static void libevent_remove(void *loop, void *source)
{
	(void)loop;
	event_free(source);
}

static void libevent_stop(void *loop)
{
	event_base_loopbreak(loop);
}

static bool libevent_run(void *loop, struct subject *s)
{
	struct timeval tv = { .tv_sec = PATIENCE_NS / (1000 * MS) };

	s->stop = libevent_stop;
	event_base_loopexit(loop, &tv);
	event_base_dispatch(loop);
	return s->nr_read >= s->want;
}

static void libevent_turn(void *loop)
{
	event_base_loop(loop, EVLOOP_NONBLOCK);
}

/* --- libuv ------------------------------------------------------------------------------ */

static void *uv_create(void)
{
	uv_loop_t *loop = malloc(sizeof(*loop));

	if (!loop || uv_loop_init(loop))
		T_DIE("setup.libuv", "uv_loop_init");
	return loop;
}

static void uv_destroy(void *loop)
{
	uv_run(loop, UV_RUN_NOWAIT);
	if (uv_loop_close(loop))
		T_DIE("setup.libuv", "uv_loop_close");
	free(loop);
}

static void uv_readable(uv_poll_t *poll, int status, int events)
{
	struct subject *s = poll->data;

	(void)events;
	s->wrong += !!status;
	on_readable(s);
}

static void *uv_add(void *loop, struct subject *s, bool edge)
{
	uv_poll_t *poll = malloc(sizeof(*poll));

	(void)edge;
	if (!poll || uv_poll_init(loop, poll, s->fd) ||
	    uv_poll_start(poll, UV_READABLE, uv_readable))
		T_DIE("setup.libuv", "uv_poll_start");
	poll->data = s;
	return poll;
}

static void uv_free(uv_handle_t *handle)
{
	free(handle);
}

static void uv_remove(void *loop, void *source)
{
	(void)loop;
	uv_poll_stop(source);
	uv_close(source, uv_free);
}

static void uv_stop_loop(void *loop)
{
	uv_stop(loop);
}

static void uv_late(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static bool uv_run_until(void *loop, struct subject *s)
{
	uv_timer_t *timer = malloc(sizeof(*timer));

	s->stop = uv_stop_loop;
	if (!timer || uv_timer_init(loop, timer) ||
	    uv_timer_start(timer, uv_late, PATIENCE_NS / MS, 0))
		T_DIE("setup.libuv", "uv_timer_start");
	uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)timer, uv_free);
	return s->nr_read >= s->want;
}

static void uv_turn(void *loop)
{
	uv_run(loop, UV_RUN_NOWAIT);
}

/* --- sd-event --------------------------------------------------------------------------- */

static void *sd_create(void)
{
	sd_event *loop;

	if (sd_event_new(&loop) < 0)
		T_DIE("setup.sd_event", "sd_event_new");
	return loop;
}

static void sd_destroy(void *loop)
{
	sd_event_unref(loop);
}

static int sd_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	on_readable(arg);
	return 0;
}

static void *sd_add(void *loop, struct subject *s, bool edge)
{
	sd_event_source *source;

	if (sd_event_add_io(loop, &source, s->fd, EPOLLIN | (edge ? EPOLLET : 0), sd_readable, s) <
	    0)
		T_DIE("setup.sd_event", "sd_event_add_io");
	return source;
}

static void sd_remove(void *loop, void *source)
{
	(void)loop;
	sd_event_source_unref(source);
}

static bool sd_run_until(void *loop, struct subject *s)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	s->stop = NULL;
	while (s->nr_read < s->want && now_ns() < end)
		if (sd_event_run(loop, PATIENCE_NS / 1000) < 0)
			return false;
	return s->nr_read >= s->want;
}

static void sd_turn(void *loop)
{
	sd_event_run(loop, 0);
}

#define LIBEVENT                                                                     \
	.create = libevent_create, .destroy = libevent_destroy, .add = libevent_add, \
	.remove = libevent_remove, .run = libevent_run, .turn = libevent_turn
#define SD_EVENT                                                                        \
	.create = sd_create, .destroy = sd_destroy, .add = sd_add, .remove = sd_remove, \
	.run = sd_run_until, .turn = sd_turn

static const struct loop_kind loops[] = {
	{ .name = "libevent", LIBEVENT },
	{ .name = "libevent, edge", .edge = true, LIBEVENT },
	{ .name = "libuv",
	  .create = uv_create,
	  .destroy = uv_destroy,
	  .add = uv_add,
	  .remove = uv_remove,
	  .run = uv_run_until,
	  .turn = uv_turn },
	{ .name = "sd-event", SD_EVENT },
	{ .name = "sd-event, edge", .edge = true, SD_EVENT },
};

/* --- the tests -------------------------------------------------------------------------- */

static void subject_open(struct subject *s)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.data_size = 1 << 20,
	};
	struct ring_fds fds;

	memset(s, 0, sizeof(*s));
	if (ring_writer_create(&opts, &s->w) || ring_writer_fds(s->w, &fds) ||
	    ring_open_fds(&fds, NULL, &s->r) || ring_fd(s->r, &s->fd))
		die("setup.ring");
}

static void subject_close(struct subject *s)
{
	ring_close(s->r);
	ring_writer_close(s->w);
}

static void *publisher(void *arg)
{
	struct subject *s = arg;
	unsigned int i;

	for (i = 0; i < NR_RECORDS; i++) {
		publish(s);
		/* Mostly after the reader has gone to sleep, sometimes before. */
		sleep_ns(i % 10 ? MS / 10 : 0);
	}
	return NULL;
}

/* No record is lost, none comes twice, and the loop sleeps in between. */
static void gets_all(const struct loop_kind *kind)
{
	void *loop = kind->create(), *source;
	struct subject s;
	pthread_t thread;
	char name[64];
	bool all;

	subject_open(&s);
	s.want = NR_RECORDS;
	s.loop = loop;
	source = kind->add(loop, &s, kind->edge);
	if (pthread_create(&thread, NULL, publisher, &s))
		T_DIE("setup.thread", "pthread_create");
	all = kind->run(loop, &s);
	pthread_join(thread, NULL);
	snprintf(name, sizeof(name), "loops, %s gets each record", kind->name);
	t_check(all && !s.wrong && s.nr_read == NR_RECORDS && s.calls <= 2 * NR_RECORDS + 10, name,
		"%llu of %d records, %llu wrong, %llu calls", (unsigned long long)s.nr_read,
		NR_RECORDS, (unsigned long long)s.wrong, (unsigned long long)s.calls);
	kind->remove(loop, source);
	kind->destroy(loop);
	subject_close(&s);
}

static void publish_one(struct subject *s, uint64_t *nr)
{
	publish(s);
	(*nr)++;
}

/* In each cycle a record comes before the descriptor is added, after it, or while it is away. */
static void cycles(const struct loop_kind *kind, unsigned int nr)
{
	void *loop = kind->create(), *source;
	struct subject s;
	uint64_t published = 0;
	unsigned int i;
	char name[64];
	bool all = true;

	subject_open(&s);
	for (i = 0; i < nr && all; i++) {
		if (i % 3 == 0)
			publish_one(&s, &published);
		source = kind->add(loop, &s, kind->edge);
		if (i % 3 == 1)
			publish_one(&s, &published);
		kind->turn(loop);
		/* A loop may look for new events in its next turn. */
		if (i % 3 < 2 && s.nr_read < published)
			kind->turn(loop);
		all = s.nr_read == published;
		kind->remove(loop, source);
		if (i % 3 == 2)
			publish_one(&s, &published);
		kind->turn(loop);
	}
	snprintf(name, sizeof(name), "loops, %s adds and removes", kind->name);
	t_check(all && !s.wrong, name, "cycle %u: %llu of %llu records, %llu wrong", i,
		(unsigned long long)s.nr_read, (unsigned long long)published,
		(unsigned long long)s.wrong);
	kind->destroy(loop);
	subject_close(&s);
}

int main(int argc, char **argv)
{
	unsigned int nr = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 0) : 5000;
	size_t i;

	alarm(300);
	for (i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		gets_all(&loops[i]);
		cycles(&loops[i], nr);
	}
	return t_done();
}
