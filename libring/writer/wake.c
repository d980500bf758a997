// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Waking the readers of a ring that are due: each reader with a slot by its own thresholds and
 * doorbell, and the others together. The thread that publishes does it, or, with
 * RING_WRITER_WAKE_THREAD, a thread of its own.
 */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/membarrier.h"
#include "writer.h"

/* Without the fence that membarrier() executes, the thread looks again after this time. */
#define UNFENCED_MS 10

/*
 * @fd: eventfd, written by the threads that publish
 * @unfenced: a filter of system calls forbids membarrier()
 * @done: for each ring, the number of wakes_asked that the thread has seen
 */
struct ring_waker {
	pthread_t thread;
	int fd;
	uint32_t stop;
	bool unfenced;
	uint64_t done[];
};

/* Doorbells of readers that are due. They ring in batches. */
struct batch {
	struct ring_out *o;
	bool counted;
	unsigned int nr;
	int fds[LIBRING_DOORBELLS];
};

static void flush(struct batch *b)
{
	if (!b->nr)
		return;
	if (!b->counted)
		seqring_write(&b->o->w.ctl->wakeups, ++b->o->wakeups);
	b->counted = true;
	libring_doorbells_ring(b->o->writer, b->fds, b->nr);
	b->nr = 0;
}

static void add(struct batch *b, int fd)
{
	if (b->nr == LIBRING_DOORBELLS)
		flush(b);
	b->fds[b->nr++] = fd;
}

/*
 * Rings the doorbells that are due, after seqring_writer_wake_due(). What a reader may write
 * decides which doorbells ring, and nothing else.
 */
static void wake_due_readers(struct ring_out *o)
{
	struct seqring_threshold lowest = { SEQRING_WAIT_NONE, SEQRING_WAIT_NONE };
	struct ring_writer *w = o->writer;
	struct ring_slots *s = &w->slots;
	const size_t ring = (size_t)(o - w->rings);
	struct batch b = { .o = o };
	uint64_t pos, seq;
	uint32_t i, top;

	/* From here on no doorbell is closed. */
	seqring_add(&s->waking, 1);
	seqring_writer_wake_begin();
	pos = seqring_read(&o->w.ctl->head);
	seq = seqring_read(&o->w.ctl->seq);
	/* Their thresholds are those of struct seqring_wait alone, and were due. */
	if (seqring_read(&s->shared))
		add(&b, w->fds.doorbell);
	top = seqring_read(&s->top);
	for (i = 0; i < top; i++) {
		struct seqring_wait_slot *slot = libring_slot_at(s, i);

		/* Pairs with the release in libring_slots_take(). */
		if (!seqring_load_acquire(WAKE, &s->used[i]))
			continue;
		if (!seqring_read(&slot->own) ||
		    seqring_writer_slot_due(pos, seq, &slot->ring[ring], &lowest))
			add(&b, seqring_read(&s->doorbell[i]));
	}
	flush(&b);
	/* Its fence also orders the last use of a doorbell before the end of it. */
	seqring_writer_wake_end(o->wait, &lowest);
	seqring_add(&s->waking, -1);
}

/* Rings all doorbells: the ring has ended. */
void libring_wake_all(struct ring_writer *w)
{
	unsigned int i;

	libring_doorbells_ring(w, &w->fds.doorbell, 1);
	for (i = 0; i < w->slots.top; i++)
		if (w->slots.used[i])
			libring_doorbells_ring(w, &w->slots.doorbell[i], 1);
}

/* Wakes the readers that are due, after seqring_writer_wake_due() reset the thresholds. */
void libring_wake(struct ring_out *o)
{
	const uint64_t one = 1;

	if (!o->writer->waker) {
		wake_due_readers(o);
		return;
	}
	/* The thread that sees the new number sees the thresholds reset, and head. */
	seqring_fence_full(WAKE);
	seqring_write(&o->wakes_asked, o->wakes_asked + 1);
	/* Fails when as many are to be done already that the number is full. */
	if (write(o->writer->waker->fd, &one, sizeof(one)) < 0)
		return;
}

/* Executes a full fence here and, if it has none, in the thread that publishes. */
static void fence_both(struct ring_waker *k, const struct ring_out *o)
{
	/* Pairs with the fence in seqring_writer_wake_due(). */
	seqring_fence_full(WAKE);
	k->unfenced |= o->w.light_wake && libring_membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) < 0;
}

/* @always: without a request, since the thread may have missed that thresholds were due. */
static void wake_ring(struct ring_waker *k, struct ring_out *o, bool always)
{
	const uint64_t asked = seqring_read(&o->wakes_asked);
	uint64_t *done = &k->done[o - o->writer->rings];

	if (asked == *done && !always)
		return;
	if (asked != *done)
		wake_due_readers(o);
	*done = asked;
	/*
	 * The thread has armed again for readers that are not due, and like a reader it looks once
	 * more. The writer may have published meanwhile.
	 */
	fence_both(k, o);
	while (seqring_writer_wake_due_at(seqring_read(&o->w.ctl->head),
					  seqring_read(&o->w.ctl->seq), o->wait)) {
		wake_due_readers(o);
		fence_both(k, o);
	}
}

static void *run(void *arg)
{
	struct ring_writer *w = arg;
	struct ring_waker *k = w->waker;
	struct pollfd pfd = { .fd = k->fd, .events = POLLIN };
	uint64_t n;
	uint32_t i;

	while (!seqring_read(&k->stop)) {
		const bool always = k->unfenced;

		poll(&pfd, 1, always ? UNFENCED_MS : -1);
		if (read(k->fd, &n, sizeof(n)) < 0 && !always)
			continue;
		k->unfenced = false;
		for (i = 0; i < w->nr_rings; i++)
			wake_ring(k, &w->rings[i], always);
	}
	return NULL;
}

/* Starts the thread. It takes no signals. Return: 0; -errno. */
int libring_waker_start(struct ring_writer *w)
{
	sigset_t all, old;
	int err;

	w->waker = calloc(1, sizeof(*w->waker) + w->nr_rings * sizeof(w->waker->done[0]));
	if (!w->waker)
		return libring_set_error(ENOMEM, "no memory for the thread that wakes");
	w->waker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->waker->fd < 0) {
		err = libring_set_error(errno, "eventfd: %s", strerror(errno));
	} else {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		err = pthread_create(&w->waker->thread, NULL, run, w);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		err = err ? libring_set_error(err, "cannot start the thread that wakes: %s",
					      strerror(err)) :
			    0;
	}
	if (err) {
		libring_waker_forget(w);
		return err;
	}
	return 0;
}

/* In a child of fork(), where the thread does not run. */
void libring_waker_forget(struct ring_writer *w)
{
	if (!w->waker)
		return;
	libring_close_fd(w->waker->fd);
	free(w->waker);
	w->waker = NULL;
}

/* Ends the thread, which first does what was asked for. */
void libring_waker_stop(struct ring_writer *w)
{
	const uint64_t one = 1;

	if (!w->waker)
		return;
	seqring_write(&w->waker->stop, 1);
	/* If it fails, the descriptor is full, and so it is readable. */
	if (write(w->waker->fd, &one, sizeof(one)) < 0)
		errno = 0;
	pthread_join(w->waker->thread, NULL);
	libring_waker_forget(w);
}
