/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers of libring as sources to wait for: ring_fd(). */
#ifndef TESTS_LIB_WAIT_RING_H
#define TESTS_LIB_WAIT_RING_H

#include "ring.h"
#include "wait_source.h"

#include <seqring/abi.h>

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

static inline unsigned int wait_ring_drain(struct wait_reader *r)
{
	struct ring_record rec;
	unsigned char buf[64];
	unsigned int n = 0;
	int err;

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
	.seek = wait_ring_seek

#endif /* TESTS_LIB_WAIT_RING_H */
