/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers of libring as sources to wait for: ring_fd(). */
#ifndef TESTS_LIB_WAIT_RING_H
#define TESTS_LIB_WAIT_RING_H

#include "ring.h"
#include "wait_source.h"

#include <seqring/abi.h>

/* More records than the ring of a test has, of at most 8 bytes. */
#define WAIT_RING_MAX 4096

/* Opens a reader of the backend's rings, to be waited for by ring_fd(). */
static inline void wait_ring_open(struct wait_reader *r, const struct wait_mark *mark)
{
	const struct wait_backend *kind = r->src->kind;
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.whence = RING_HEAD,
		.wake_records = mark->records,
		.wake_timeout_ns = mark->timeout_ns,
		.merge_window_ns = kind->window_ns,
	};
	struct ring_reader *ring;

	if (kind->open_ring(r->src, &opts, &ring))
		die("setup.open_ring");
	r->state = ring;
	if (ring_fd(ring, &r->fd))
		die("setup.ring_fd");
}

static inline void wait_ring_close(struct wait_reader *r)
{
	ring_close(r->state);
}

static inline int wait_ring_consume(const struct ring_record *rec, void *arg)
{
	wait_got(arg, rec->seq);
	return 0;
}

/* Each of the two calls that read all, in turn. */
static inline unsigned int wait_ring_call(struct wait_reader *r)
{
	static struct ring_record recs[WAIT_RING_MAX];
	static unsigned char buf[WAIT_RING_MAX * 8] __attribute__((aligned(8)));
	static unsigned int calls;
	unsigned int i, n;
	int err;

	if (calls++ % 2) {
		err = ring_consume(r->state, wait_ring_consume, r, 0, &n);
	} else {
		err = ring_read_batch(r->state, recs, WAIT_RING_MAX, buf, sizeof(buf), &n);
		for (i = 0; i < n; i++)
			wait_got(r, recs[i].seq);
	}
	r->bad += err != (n ? 0 : -EAGAIN);
	return n;
}

static inline unsigned int wait_ring_drain(struct wait_reader *r)
{
	struct ring_record rec;
	unsigned char buf[64];
	unsigned int n = 0;
	int err;

	if (r->one_call)
		return wait_ring_call(r);
	while (!(err = ring_read(r->state, &rec, buf, sizeof(buf)))) {
		wait_got(r, rec.seq);
		n++;
	}
	r->bad += err != -EAGAIN;
	return n;
}

static inline void wait_ring_set_mark(struct wait_reader *r, const struct wait_mark *mark)
{
	if (ring_set_wakeup(r->state, mark->records, 0, mark->timeout_ns))
		die("waits.ring_set_wakeup");
}

static inline void wait_ring_seek(struct wait_reader *r, bool oldest)
{
	if (ring_seek(r->state, oldest ? RING_OLDEST : RING_HEAD, 0))
		die("waits.ring_seek");
}

/* What every backend of libring has; it adds a name, and how to open a ring. */
#define WAIT_RING_OPS                                                                       \
	.marks = WAIT_EACH | WAIT_FIVE | WAIT_TIMEOUT, .open = wait_ring_open,              \
	.close = wait_ring_close, .drain = wait_ring_drain, .set_mark = wait_ring_set_mark, \
	.seek = wait_ring_seek, .by_call = true

#endif /* TESTS_LIB_WAIT_RING_H */
