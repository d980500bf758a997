// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring as programs use it: a libring writer over a memfd, a libring reader of
 * its descriptors. Nobody sleeps, so no wake-up is ever due.
 */
#include <errno.h>
#include <stdlib.h>

#include <libring.h>
#include <seqring/abi.h>

#include "stream.h"

#define TYPE	      7
#define BATCH	      64u
#define PAYLOADS_SIZE (16u << 10) /* a batch stays in the first cache */
#define LATEST_NS     1000000u	  /* a reader who wants many waits no longer for fewer */

struct library {
	struct ring_writer *w;
	struct ring_record out[BATCH];
	uint64_t out_payloads[BATCH][PAYLOAD_MAX / 8];

	struct ring_reader *r __attribute__((aligned(128)));
	struct ring_record recs[BATCH];
	uint64_t payloads[PAYLOADS_SIZE / 8];
};

static struct ring_writer *writer_new(uint64_t size, uint32_t clock_id, uint32_t flags)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = flags,
		.clock_id = clock_id,
		.data_size = size,
		.name = "ringbench",
	};
	struct ring_writer *w;

	if (ring_writer_create(&opts, &w))
		fail("no ring of libring's: %s", ring_strerror());
	return w;
}

struct ring_writer *library_writer(uint64_t size)
{
	return writer_new(size, SEQRING_CLOCK_NONE, 0);
}

static void library_open(struct stream *s, const struct ring_open_opts *opts, uint32_t flags)
{
	struct library *l = aligned_alloc(128, (sizeof(*l) + 127) & ~127ull);
	struct ring_fds fds;

	if (!l)
		fail("no memory");
	memset(l, 0, sizeof(*l));
	l->w = writer_new(s->size, s->stamped ? SEQRING_CLOCK_MONOTONIC : SEQRING_CLOCK_NONE,
			  flags);
	if (ring_writer_fds(l->w, &fds) || ring_open_fds(&fds, opts, &l->r))
		fail("no reader of libring's: %s", ring_strerror());
	s->impl = l;
}

static void library_create(struct stream *s)
{
	library_open(s, NULL, 0);
}

static void library_create_fence(struct stream *s)
{
	library_open(s, NULL, RING_WRITER_FULL_FENCE);
}

static void library_create_eager(struct stream *s)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .flags = RING_EAGER };

	library_open(s, &opts, 0);
}

static void library_create_64(struct stream *s)
{
	const struct ring_open_opts opts = {
		.size = sizeof(opts),
		.wake_records = 64,
		.wake_timeout_ns = LATEST_NS,
	};

	library_open(s, &opts, 0);
}

static void library_create_bulk(struct stream *s)
{
	const struct ring_open_opts opts = {
		.size = sizeof(opts),
		.wake_bytes = 1 << 20,
		.wake_timeout_ns = LATEST_NS,
	};

	library_open(s, &opts, 0);
}

static void library_write(struct stream *s, unsigned int n)
{
	struct library *l = s->impl;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, s->len, ++s->seq);
		if (ring_writer_publish(l->w, 0, TYPE, s->payload, s->len))
			fail("libring does not publish: %s", ring_strerror());
	}
}

/* As one who collects BATCH records before it sends any. */
static void library_write_batch(struct stream *s, unsigned int n)
{
	struct library *l = s->impl;
	unsigned int i, nr;

	for (; n; n -= nr) {
		nr = n < BATCH ? n : BATCH;
		for (i = 0; i < nr; i++) {
			payload_fill(l->out_payloads[i], s->len, ++s->seq);
			l->out[i].payload = l->out_payloads[i];
			l->out[i].len = s->len;
			l->out[i].type = TYPE;
		}
		if (ring_writer_publish_batch(l->w, 0, l->out, nr, NULL))
			fail("libring does not publish: %s", ring_strerror());
	}
}

static void library_join(struct stream *s)
{
	/* Every round ends where the next one starts. */
	(void)s;
}

static unsigned int library_collect(struct stream *s, unsigned int max)
{
	struct library *l = s->impl;
	unsigned int n = 0, i, nr, want;
	int err;

	while (n < max) {
		want = max - n < BATCH ? max - n : BATCH;
		err = ring_read_batch(l->r, l->recs, want, l->payloads, sizeof(l->payloads), &nr);
		if (err == -EPIPE)
			continue;
		if (err == -EAGAIN && s->may_block && !n) {
			err = ring_wait(l->r, -1);
			if (err && err != -EINTR)
				fail("libring does not wait: %s", ring_strerror());
			continue;
		}
		if (err && err != -EAGAIN)
			wrong("libring: %s", ring_strerror());
		for (i = 0; i < nr; i++) {
			const struct ring_record *rec = &l->recs[i];

			if (rec->len != s->len || rec->type != TYPE)
				wrong("libring: header of record %llu is torn",
				      (unsigned long long)rec->seq);
			payload_check(rec->payload, s->len, rec->seq, "libring");
			s->lost += rec->lost;
			s->newest = rec->seq;
		}
		n += nr;
		if (nr < want && nr < PAYLOADS_SIZE / s->len)
			break;
	}
	s->read += n;
	return n;
}

#define LIBRARY_KIND(says, how) LIBRARY_WRITER(says, how, library_write)
#define LIBRARY_WRITER(says, how, writes)                                           \
	{                                                                           \
		.name = says, .create = how, .write = writes, .join = library_join, \
		.collect = library_collect,                                         \
	}

const struct stream_kind stream_library = LIBRARY_KIND("libring", library_create);
const struct stream_kind stream_library_fence = LIBRARY_KIND("libring, full fence",
							     library_create_fence);
const struct stream_kind stream_library_eager = LIBRARY_KIND("libring, eager",
							     library_create_eager);
const struct stream_kind stream_library_64 = LIBRARY_WRITER("libring, 64 in a batch",
							    library_create_64, library_write_batch);
const struct stream_kind stream_library_bulk = LIBRARY_KIND("libring, wakes for 1 MiB",
							    library_create_bulk);
