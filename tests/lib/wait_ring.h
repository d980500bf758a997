/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers of libring as sources to wait for: ring_fd(). */
#ifndef TESTS_LIB_WAIT_RING_H
#define TESTS_LIB_WAIT_RING_H

#include "ring.h"
#include "wait_source.h"

#include <seqring/abi.h>

/* For ring_reader in wait_reader.state, opened by the backend with these options. */
static inline struct ring_open_opts wait_ring_opts(const struct wait_mark *mark)
{
	return (struct ring_open_opts) {
		.size = sizeof(struct ring_open_opts),
		.whence = RING_HEAD,
		.wake_records = mark->records,
		.wake_timeout_ns = mark->timeout_ns,
	};
}

static inline void wait_ring_start(struct wait_reader *r, struct ring_reader *ring)
{
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

#endif /* TESTS_LIB_WAIT_RING_H */
