// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring as a contender: writer.h and reader.h inline, in memory of a memfd.
 */
#include <seqring/writer.h>

#include "kinds.h"

#define BATCH 256u

static const char *ring_create(struct stream *s)
{
	struct seqring_writer *w = stream_alloc(s, sizeof(*w));
	const void *ctl_reader, *data_reader;
	void *ctl = stream_map(s, 4096, &ctl_reader);
	void *data = stream_map(s, s->size, &data_reader);
	struct seqring_reader *r;
	unsigned int i;

	if (seqring_writer_init(w, ctl, data, s->size))
		fail("no ring of %llu bytes", (unsigned long long)s->size);
	for (i = 0; i < s->nr_readers; i++) {
		r = stream_alloc(s, sizeof(*r));
		s->reader[i].impl = r;
		if (seqring_reader_init(r, ctl_reader, data_reader, s->size))
			fail("no reader of %llu bytes", (unsigned long long)s->size);
		r->eager = s->kind == &kind_ring_eager;
	}
	s->impl = w;
	return NULL;
}

static inline void ring_write_len(struct stream *s, unsigned int n, uint32_t len)
{
	struct seqring_writer *w = s->impl;
	bool stamped = s->stamped;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, len, ++s->seq);
		seqring_writer_publish(w, TYPE, stamped ? now_ns() : 0, s->payload, len);
	}
}

WRITE_BY_LEN(ring)

static void ring_join(struct stream *s, struct reader *rd)
{
	struct seqring_reader *r = rd->impl;

	seqring_reader_seek_head(r);
	/* Nothing is being published, so the next seq is known and losses count from here. */
	r->seq = s->seq + 1;
}

static inline unsigned int ring_collect_len(struct stream *s, struct reader *rd, unsigned int max,
					    uint32_t len)
{
	return ring_take(rd->impl, rd, max, len, s->kind->name);
}

COLLECT_BY_LEN(ring)

/* Reads all records that are still in the ring. */
static void ring_verify(struct stream *s)
{
	struct reader *rd = s->reader;

	rd->newest = 0;
	seqring_reader_seek_oldest(rd->impl);
	while (ring_collect(s, rd, BATCH))
		;
	if (rd->newest != s->seq)
		wrong("ring: the newest record is %llu, not %llu", (unsigned long long)rd->newest,
		      (unsigned long long)s->seq);
}

#define RING_KIND(says)                                                                      \
	{                                                                                    \
		.name = says, .create = ring_create, .write = ring_write, .join = ring_join, \
		.collect = ring_collect, .verify = ring_verify, .goes_round = true,          \
	}

const struct stream_kind kind_ring = RING_KIND("ring");
const struct stream_kind kind_ring_eager = RING_KIND("ring, eager");
