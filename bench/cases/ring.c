// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring as a contender: writer.h and reader.h inline, in memory of a memfd.
 */
#include <seqring/reader.h>
#include <seqring/writer.h>

#include "kinds.h"

#define BATCH 256u

struct ring_stream {
	struct seqring_writer w;
};

static const char *create(struct stream *s, bool eager)
{
	struct ring_stream *ring = stream_alloc(s, sizeof(*ring));
	const void *ctl_reader, *data_reader;
	void *ctl = stream_map(s, 4096, &ctl_reader);
	void *data = stream_map(s, s->size, &data_reader);
	struct seqring_reader *r;
	unsigned int i;

	if (seqring_writer_init(&ring->w, ctl, data, s->size))
		fail("no ring of %llu bytes", (unsigned long long)s->size);
	for (i = 0; i < s->nr_readers; i++) {
		r = stream_alloc(s, sizeof(*r));
		s->reader[i].impl = r;
		if (seqring_reader_init(r, ctl_reader, data_reader, s->size))
			fail("no reader of %llu bytes", (unsigned long long)s->size);
		r->eager = eager;
	}
	s->impl = ring;
	return NULL;
}

static const char *ring_create(struct stream *s)
{
	return create(s, false);
}

static const char *ring_create_eager(struct stream *s)
{
	return create(s, true);
}

static inline void ring_write_len(struct stream *s, unsigned int n, uint32_t len)
{
	struct ring_stream *ring = s->impl;
	bool stamped = s->stamped;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, len, ++s->seq);
		seqring_writer_publish(&ring->w, TYPE, stamped ? now_ns() : 0, s->payload, len);
	}
}

static void ring_write(struct stream *s, unsigned int n)
{
	BY_LEN(s, ring_write_len, n);
}

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
	struct seqring_reader *r = rd->impl;
	uint64_t payload[PAYLOAD_MAX / 8];
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int n = 0;

	while (n < max) {
		if (r->pos >= r->snap && n)
			break;
		outcome = seqring_reader_read(r, &v, payload, len);
		if (outcome == SEQRING_OK) {
			if (v.len != len || v.type != TYPE)
				wrong("%s: header of record %llu is torn", s->kind->name,
				      (unsigned long long)v.seq);
			payload_check(payload, len, v.seq, s->kind->name);
			rd->lost += v.lost;
			rd->newest = v.seq;
			rd->read++;
			n++;
		} else if (outcome != SEQRING_OVERRUN) {
			break;
		} else if (seqring_reader_resync(r)) {
			wrong("%s: resync failed", s->kind->name);
		}
	}
	return n;
}

static unsigned int ring_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	return BY_LEN(s, ring_collect_len, rd, max);
}

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

const struct stream_kind kind_ring = {
	.name = "ring",
	.create = ring_create,
	.write = ring_write,
	.join = ring_join,
	.collect = ring_collect,
	.verify = ring_verify,
	.goes_round = true,
};

const struct stream_kind kind_ring_eager = {
	.name = "ring, eager",
	.create = ring_create_eager,
	.write = ring_write,
	.join = ring_join,
	.collect = ring_collect,
	.goes_round = true,
};
