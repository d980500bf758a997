// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/clock.h"
#include "log.h"
#include "metrics.h"
#include "publish.h"

#define UNDER_WAY_MAX 1024 /* messages */
#define BACK_OFF_MIN  100000000ULL
#define BACK_OFF_MAX  (5 * NSEC_PER_SEC)
#define MARK_NS	      (2 * NSEC_PER_SEC) /* how often to ask what the spool may forget */
#define IDLE_NS	      (NSEC_PER_SEC / 4) /* how often to look at the sink at least */

struct sent {
	uint64_t number;
	uint64_t bytes;
};

/*
 * @lock: protects @news, @stop, @until_ns, @failed
 * @next: number of the next message to send; @last: what the sink has once all sent have arrived
 * @sent: those under way, of @nr_sent from @first_sent on, with @bytes_sent
 * @highest: the newest message that was ever sent
 * @own_seen: the sink has had a message of this spool
 * @acked: in this session
 */
struct publisher {
	const struct config *c;
	struct spool *sp;
	const struct sink_ops *ops;
	struct sink *sink;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool news;
	bool stop;
	bool failed;
	uint64_t until_ns;

	uint64_t next;
	struct sink_last last;
	struct sent sent[UNDER_WAY_MAX];
	unsigned int first_sent;
	unsigned int nr_sent;
	uint64_t bytes_sent;
	uint64_t highest;
	uint64_t acked;
	uint64_t mark_at;
	bool own_seen;
	bool conflict;
};

void publisher_notify(struct publisher *p)
{
	pthread_mutex_lock(&p->lock);
	p->news = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* For the sink. */
static void notify(void *arg)
{
	publisher_notify(arg);
}

/* Sleeps until there are news, or until @until_ns. */
static void wait_for_news(struct publisher *p, uint64_t until_ns)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
					.tv_nsec = (long)(until_ns % NSEC_PER_SEC) };

	pthread_mutex_lock(&p->lock);
	while (!p->news)
		if (pthread_cond_timedwait(&p->changed, &p->lock, &until))
			break;
	p->news = false;
	pthread_mutex_unlock(&p->lock);
}

/* True if the thread is to end; @until_ns: how long it may still send. */
static bool is_stopping(struct publisher *p, uint64_t *until_ns)
{
	bool stop;

	pthread_mutex_lock(&p->lock);
	stop = p->stop;
	*until_ns = p->until_ns;
	pthread_mutex_unlock(&p->lock);
	return stop;
}

/* The time for sending after publisher_stop() is over, or all was sent. */
static bool is_done(struct publisher *p)
{
	uint64_t until;

	return is_stopping(p, &until) &&
	       (now_ns() >= until || (!p->nr_sent && p->next > spool_last(p->sp)));
}

/* Finds out where to go on, by what the sink has. Return: 0; -EBUSY; -ESTALE. */
static int resume(struct publisher *p, const struct sink_last *last)
{
	const uint64_t epoch = spool_epoch(p->sp), newest = spool_last(p->sp);
	uint64_t first = spool_first(p->sp);
	bool conflict = false;

	if (!first)
		first = newest + 1;
	p->last = *last;
	p->next = first;
	if (last->number && last->epoch == epoch) {
		p->own_seen = true;
		p->acked = last->number;
		if (last->number + 1 > p->next)
			p->next = last->number + 1;
		if (last->number > newest) {
			if (!p->conflict)
				log_error("the sink has message %" PRIu64
					  ", the spool only %" PRIu64
					  ": the spool is an old copy; remove it to begin anew",
					  last->number, newest);
			conflict = true;
		}
	} else if (last->number && (p->own_seen || first != 1)) {
		if (!p->conflict)
			log_error("another agent publishes under the name %s: its last message is "
				  "%016" PRIx64 "-%" PRIu64 "; give each agent its own agent.name",
				  p->c->agent_name, last->epoch, last->number);
		conflict = true;
	} else if (last->number) {
		log_info("a new spool goes on behind message %016" PRIx64 "-%" PRIu64 " of an "
			 "earlier one",
			 last->epoch, last->number);
	}
	p->conflict = conflict;
	set_gauge(&metrics.conflict, conflict);
	set_gauge(&metrics.acked, p->acked);
	return conflict ? -EBUSY : 0;
}

/* Takes into account that all messages up to @acked have arrived. */
static void take_acked(struct publisher *p, uint64_t acked)
{
	while (p->nr_sent && p->sent[p->first_sent].number <= acked) {
		p->bytes_sent -= p->sent[p->first_sent].bytes;
		p->first_sent = (p->first_sent + 1) % UNDER_WAY_MAX;
		p->nr_sent--;
		count(&metrics.published, 1);
	}
	if (acked > p->acked)
		p->acked = acked;
	if (acked)
		p->own_seen = true;
	set_gauge(&metrics.acked, p->acked);
}

/* Asks what the spool may forget, if it is time. */
static int take_mark(struct publisher *p)
{
	uint64_t released = 0;
	int err = -EOPNOTSUPP;

	if (now_ns() < p->mark_at)
		return 0;
	p->mark_at = now_ns() + MARK_NS;
	if (p->ops->mark)
		err = p->ops->mark(p->sink, spool_epoch(p->sp), &released);
	if (err == -EOPNOTSUPP) {
		released = p->acked;
		err = 0;
	}
	if (released) {
		spool_release(p->sp, released);
		set_gauge(&metrics.released, released);
	}
	return err;
}

/* Sends one message. Return: 0; -errno. */
static int send_next(struct publisher *p)
{
	struct fleet_message m;
	unsigned char *bytes;
	uint64_t size;
	int err;

	err = spool_read(p->sp, p->next, &m, &bytes);
	if (err == -ENODATA) {
		p->next++;
		return 0;
	}
	if (err)
		return err;
	err = p->ops->send(p->sink, &m, bytes, &p->last);
	free(bytes);
	if (err)
		return err;
	size = FLEET_HEADER_SIZE + m.body_size;
	p->sent[(p->first_sent + p->nr_sent++) % UNDER_WAY_MAX] = (struct sent) { m.number, size };
	p->bytes_sent += size;
	p->last = (struct sink_last) { m.epoch, m.number };
	p->next++;
	count(&metrics.published_bytes, size);
	if (m.number <= p->highest)
		count(&metrics.resent, 1);
	else
		p->highest = m.number;
	return 0;
}

static int send_more(struct publisher *p)
{
	const uint64_t last = spool_last(p->sp);
	int err = 0;

	while (!err && p->next <= last && p->bytes_sent < p->c->nats_window &&
	       p->nr_sent < UNDER_WAY_MAX)
		err = send_next(p);
	return err;
}

/* One session with the sink. Return: 0: all was sent, and the thread is to end; -errno. */
static int run_session(struct publisher *p)
{
	struct sink_last last;
	uint64_t acked;
	int err;

	p->nr_sent = 0;
	p->bytes_sent = 0;
	p->acked = 0;
	p->mark_at = 0;
	err = p->ops->open(p->sink, &last);
	if (!err)
		err = resume(p, &last);
	if (err)
		return err;
	count(&metrics.sessions, 1);
	set_gauge(&metrics.connected, 1);
	for (;;) {
		err = p->ops->poll(p->sink, &acked);
		if (acked)
			take_acked(p, acked);
		if (!err)
			err = take_mark(p);
		if (!err && is_done(p))
			return 0;
		if (!err)
			err = send_more(p);
		if (err)
			return err;
		wait_for_news(p, now_ns() + IDLE_NS);
	}
}

static void *run(void *arg)
{
	struct publisher *p = arg;
	uint64_t back_off = BACK_OFF_MIN, until, at;
	int err;

	for (;;) {
		const uint64_t before = get_metric(&metrics.published);

		err = run_session(p);
		p->ops->close(p->sink);
		set_gauge(&metrics.connected, 0);
		if (!err)
			return NULL;
		count(&metrics.failures, 1);
		if (err == -EPIPE) {
			pthread_mutex_lock(&p->lock);
			p->failed = true;
			pthread_mutex_unlock(&p->lock);
			return NULL;
		}
		if (get_metric(&metrics.published) != before)
			back_off = BACK_OFF_MIN;
		at = now_ns() + back_off;
		back_off = 2 * back_off < BACK_OFF_MAX ? 2 * back_off : BACK_OFF_MAX;
		while (now_ns() < at) {
			if (is_stopping(p, &until) && now_ns() >= until)
				return NULL;
			wait_for_news(p, at < now_ns() + IDLE_NS ? at : now_ns() + IDLE_NS);
		}
	}
}

int publisher_start(const struct config *c, struct spool *sp, struct publisher **out)
{
	struct publisher *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;
	int err;

	if (!p) {
		log_error("no memory for the publisher");
		return -ENOMEM;
	}
	p->c = c;
	p->sp = sp;
	p->ops = sink_of(c);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attr);
	pthread_condattr_destroy(&attr);
	err = p->ops->create(c, notify, p, &p->sink);
	if (!err) {
		err = -pthread_create(&p->thread, NULL, run, p);
		if (err) {
			log_error("the publishing thread: %s", strerror(-err));
			p->ops->destroy(p->sink);
		}
	}
	if (err) {
		pthread_cond_destroy(&p->changed);
		pthread_mutex_destroy(&p->lock);
		free(p);
		return err;
	}
	pthread_setname_np(p->thread, "ringd-publish");
	*out = p;
	return 0;
}

bool publisher_failed(struct publisher *p)
{
	bool failed;

	pthread_mutex_lock(&p->lock);
	failed = p->failed;
	pthread_mutex_unlock(&p->lock);
	return failed;
}

void publisher_stop(struct publisher *p, uint64_t until_ns)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	p->until_ns = until_ns;
	p->news = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	p->ops->destroy(p->sink);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
