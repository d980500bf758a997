// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "../lib/clock.h"
#include "log.h"
#include "metrics.h"
#include "spooler.h"

#define SYNC_BYTES (4u << 20) /* sync after so many bytes, also before it is time */
#define RETRY_NS   (NSEC_PER_SEC / 4)

/*
 * @unsynced: bytes; @since_ns: when the first of them was appended
 * @stop: another thread wants the end
 * @dropping: the spool stayed full until then: the next agent reads what is left
 */
struct spooler {
	const struct config *c;
	struct queue *q;
	struct spool *sp;
	struct publisher *p;
	pthread_t thread;
	uint64_t unsynced;
	uint64_t since_ns;
	bool stop;
	bool dropping;
};

static bool is_stopping(const struct spooler *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_RELAXED);
}

static void sync_spool(struct spooler *s)
{
	if (!s->unsynced)
		return;
	/* What is not on the disk is not sent. The next round tries again. */
	if (spool_sync(s->sp)) {
		s->since_ns = now_ns();
		return;
	}
	s->unsynced = 0;
	publisher_notify(s->p);
}

/* Appends an item, for which a full spool or disk needs time. */
static void append(struct spooler *s, struct item *item)
{
	bool said = false;
	int err;

	for (;;) {
		err = spool_append(s->sp, item);
		if (!err)
			break;
		if (err == -EINVAL)
			return;
		/* What follows it in its ring must not be spooled without it. */
		if (is_stopping(s)) {
			s->dropping = true;
			return;
		}
		if (!said && err == -ENOBUFS)
			log_warning("the spool is full: reading stops until messages are released");
		if (!said)
			count(&metrics.spool_full, 1);
		said = true;
		sync_spool(s);
		spool_wait_room(s->sp, now_ns() + (err == -ENOBUFS ? RETRY_NS : NSEC_PER_SEC));
	}
	if (said)
		log_info("the spool has room again");
	if (!s->unsynced)
		s->since_ns = now_ns();
	s->unsynced += item->room;
	count(&metrics.spooled, 1);
}

static void *run(void *arg)
{
	struct spooler *s = arg;
	struct item *item;
	bool ended = false;
	uint64_t sync_at;

	while (!ended) {
		sync_at = s->unsynced ? s->since_ns + s->c->spool_sync_time :
					now_ns() + NSEC_PER_SEC;
		item = queue_take(s->q, sync_at, &ended);
		if (item && !s->dropping)
			append(s, item);
		item_free(item);
		if (s->unsynced >= SYNC_BYTES || ended ||
		    now_ns() >= s->since_ns + s->c->spool_sync_time)
			sync_spool(s);
	}
	return NULL;
}

int spooler_start(const struct config *c, struct queue *q, struct spool *sp, struct publisher *p,
		  struct spooler **out)
{
	struct spooler *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	*s = (struct spooler) { .c = c, .q = q, .sp = sp, .p = p };
	err = -pthread_create(&s->thread, NULL, run, s);
	if (err) {
		free(s);
		return err;
	}
	pthread_setname_np(s->thread, "ringd-spool");
	*out = s;
	return 0;
}

void spooler_stop(struct spooler *s)
{
	if (!s)
		return;
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	spool_wake(s->sp);
	pthread_join(s->thread, NULL);
	free(s);
}
