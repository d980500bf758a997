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

#define TYPE  7
#define BATCH 64u

struct library {
	struct ring_writer *w;

	struct ring *r __attribute__((aligned(128)));
	struct ring_record recs[BATCH];
	uint64_t payloads[BATCH * 64 / 8];
};

struct ring_writer *library_writer(uint64_t size)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_NONE,
		.data_size = size,
		.name = "ringbench",
	};
	struct ring_writer *w;

	if (ring_writer_create(&opts, &w))
		fail("no ring of libring's: %s", ring_strerror());
	return w;
}

static void library_create(struct stream *s)
{
	struct library *l = aligned_alloc(128, (sizeof(*l) + 127) & ~127ull);
	struct ring_fds fds;

	if (!l)
		fail("no memory");
	l->w = library_writer(s->size);
	if (ring_writer_fds(l->w, &fds) || ring_open_fds(&fds, NULL, &l->r))
		fail("no reader of libring's: %s", ring_strerror());
	s->impl = l;
}

static void library_write(struct stream *s, unsigned int n)
{
	struct library *l = s->impl;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, 32, ++s->seq);
		if (ring_writer_publish(l->w, 0, TYPE, s->payload, 32))
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
		if (err && err != -EAGAIN)
			wrong("libring: %s", ring_strerror());
		for (i = 0; i < nr; i++) {
			const struct ring_record *rec = &l->recs[i];

			if (rec->len != 32 || rec->type != TYPE)
				wrong("libring: header of record %llu is torn",
				      (unsigned long long)rec->seq);
			payload_check(rec->payload, 32, rec->seq, "libring");
			s->lost += rec->lost;
		}
		n += nr;
		if (nr < want)
			break;
	}
	s->read += n;
	return n;
}

const struct stream_kind stream_library = {
	.name = "libring",
	.create = library_create,
	.write = library_write,
	.join = library_join,
	.collect = library_collect,
};
