// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds of one writer and one reader, and the ring as one of their subjects.
 */
#include <stdlib.h>

#include <seqring/reader.h>
#include <seqring/writer.h>

#include "stream.h"

#define CHUNK 100u /* records between two looks at the clock */
#define BATCH 256u /* records between two looks at the stop sign */
#define TYPE  7

/*
 * @ready: the reader has joined
 * @stop:  the writer has published its last record
 */
struct shared {
	struct stream_round *round;
	bool reader_disturbed;

	unsigned int ready __attribute__((aligned(128)));
	unsigned int stop __attribute__((aligned(128)));
};

struct stream *stream_new(const struct stream_kind *kind, uint64_t size, uint32_t len, bool stamped)
{
	struct stream *s = aligned_alloc(128, (sizeof(*s) + 127) & ~127ull);

	if (!s)
		fail("no memory");
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->size = size;
	s->len = len;
	s->stamped = stamped;
	if (len < 32 || len > PAYLOAD_MAX || len % 8)
		fail("a stream cannot have records of %u bytes", len);
	kind->create(s);
	return s;
}

static void collect_round(void *arg)
{
	struct shared *shared = arg;
	struct stream_round *r = shared->round;
	struct stream *s = r->s;
	uint64_t rest = (uint64_t)((double)r->rest_ns / ns_per_tick());
	uint64_t start, in_time = 0, elapsed = 0;
	unsigned int stop = 0, n;
	struct watch w;

	s->kind->join(s);
	s->read = 0;
	s->lost = 0;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	watch_start(&w);
	start = ticks();
	for (;;) {
		if (!stop) {
			stop = __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
			in_time = s->read;
			elapsed = ticks() - start;
		}
		n = s->kind->collect(s, BATCH);
		if (n == BATCH)
			continue;
		if (!stop)
			pause_ticks(rest);
		else if (!n)
			break;
	}
	shared->reader_disturbed = watch_disturbed(&w);
	r->delivered = (double)in_time / ((double)elapsed * ns_per_tick() / 1e3);
}

bool stream_round(void *arg)
{
	struct stream_round *r = arg;
	struct shared shared __attribute__((aligned(128))) = { .round = r };
	struct stream *s = r->s;
	uint64_t before = s->seq, start, now;
	bool disturbed;
	struct watch w;

	ns_per_tick();
	if (r->reader) {
		other_start(collect_round, &shared);
		while (!__atomic_load_n(&shared.ready, __ATOMIC_ACQUIRE))
			cpu_relax();
	}
	watch_start(&w);
	start = now_ns();
	do {
		s->kind->write(s, CHUNK);
		now = now_ns();
	} while (now - start < r->ns);
	disturbed = watch_disturbed(&w);
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELEASE);
	r->published = s->seq - before;
	r->writer_ns = (double)(now - start) / (double)r->published;
	if (!r->reader)
		return disturbed;
	other_wait();
	r->read = s->read;
	r->lost = s->lost;
	if (r->read + r->lost != r->published)
		wrong("%s: read %llu + lost %llu is not published %llu", s->kind->name,
		      (unsigned long long)r->read, (unsigned long long)r->lost,
		      (unsigned long long)r->published);
	return disturbed || shared.reader_disturbed;
}

struct stream_ring {
	struct seqring_writer w;
	struct seqring_reader r __attribute__((aligned(128)));
};

static void ring_create(struct stream *s)
{
	struct stream_ring *ring = aligned_alloc(128, (sizeof(*ring) + 127) & ~127ull);
	const void *ctl_reader, *data_reader;
	void *ctl = map_shared(4096, &ctl_reader);
	void *data = map_shared(s->size, &data_reader);

	if (!ring || seqring_writer_init(&ring->w, ctl, data, s->size) ||
	    seqring_reader_init(&ring->r, ctl_reader, data_reader, s->size))
		fail("no ring of %llu bytes", (unsigned long long)s->size);
	s->impl = ring;
}

static void eager_create(struct stream *s)
{
	ring_create(s);
	((struct stream_ring *)s->impl)->r.eager = 1;
}

static inline void ring_write_len(struct stream *s, unsigned int n, uint32_t len, bool stamped)
{
	struct stream_ring *ring = s->impl;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, len, ++s->seq);
		seqring_writer_publish(&ring->w, TYPE, stamped ? now_ns() : 0, s->payload, len);
	}
}

/* A writer knows the size of its records; so the usual lengths are constants here. */
static void ring_write(struct stream *s, unsigned int n)
{
	if (s->len == 32)
		ring_write_len(s, n, 32, s->stamped);
	else if (s->len == 1024)
		ring_write_len(s, n, 1024, s->stamped);
	else
		ring_write_len(s, n, s->len, s->stamped);
}

static void ring_join(struct stream *s)
{
	struct stream_ring *ring = s->impl;

	seqring_reader_seek_head(&ring->r);
	/* Known, as nothing is being published: so losses count from here. */
	ring->r.seq = s->seq + 1;
}

static inline unsigned int ring_collect_len(struct stream *s, unsigned int max, uint32_t len)
{
	struct stream_ring *ring = s->impl;
	struct seqring_reader *r = &ring->r;
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
				wrong("ring: header of record %llu is torn",
				      (unsigned long long)v.seq);
			payload_check(payload, len, v.seq, "ring");
			s->lost += v.lost;
			s->newest = v.seq;
			s->read++;
			n++;
		} else if (outcome != SEQRING_OVERRUN) {
			break;
		} else if (seqring_reader_resync(r)) {
			wrong("ring: resync failed");
		}
	}
	return n;
}

static unsigned int ring_collect(struct stream *s, unsigned int max)
{
	if (s->len == 32)
		return ring_collect_len(s, max, 32);
	if (s->len == 1024)
		return ring_collect_len(s, max, 1024);
	return ring_collect_len(s, max, s->len);
}

/* All that is still there. */
static void ring_verify(struct stream *s)
{
	struct stream_ring *ring = s->impl;

	s->newest = 0;
	seqring_reader_seek_oldest(&ring->r);
	while (ring_collect(s, BATCH))
		;
	if (s->newest != s->seq)
		wrong("ring: the newest record is %llu, not %llu", (unsigned long long)s->newest,
		      (unsigned long long)s->seq);
}

const struct stream_kind stream_ring = {
	.name = "ring",
	.create = ring_create,
	.write = ring_write,
	.join = ring_join,
	.collect = ring_collect,
	.verify = ring_verify,
};

const struct stream_kind stream_eager = {
	.name = "ring, eager",
	.create = eager_create,
	.write = ring_write,
	.join = ring_join,
	.collect = ring_collect,
};
