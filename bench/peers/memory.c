// SPDX-License-Identifier: GPL-2.0-only
/*
 * What moves records through shared memory in this process: ConcurrencyKit's
 * ring; the ring with several readers; and memcpy, which is what no ring can beat.
 */
#include <stdlib.h>

#if __has_include("ck_ring.h")
#include <ck_ring.h>
#define HAVE_CK 1
#endif

#include <seqring/reader.h>
#include <seqring/writer.h>

#include "peers.h"

#define TYPE	   7
#define FULL_PAUSE 1000u /* ticks; a full ring: let the reader get ahead */

static void *alloc(size_t size)
{
	void *p = aligned_alloc(128, (size + 127) & ~(size_t)127);

	if (!p)
		fail("no memory");
	memset(p, 0, size);
	return p;
}

/* Payload upon payload, round and round; nobody is told. */
struct copy {
	unsigned char *data;
	uint64_t size; /* bytes in whole payloads */
	uint64_t pos;
};

static void copy_create(struct stream *s)
{
	struct copy *c = alloc(sizeof(*c));

	c->data = map_shared(s->size, NULL);
	c->size = s->size / s->len * s->len;
	s->impl = c;
}

static inline void copy_write_len(struct stream *s, unsigned int n, uint32_t len)
{
	struct copy *c = s->impl;

	for (; n; n--) {
		payload_fill(s->payload, len, ++s->seq);
		memcpy(c->data + c->pos, s->payload, len);
		/* Nobody reads it: the compiler must not know. */
		__asm__ __volatile__("" : : : "memory");
		c->pos += len;
		if (c->pos == c->size)
			c->pos = 0;
	}
}

static void copy_write(struct stream *s, unsigned int n)
{
	if (s->len == 32)
		copy_write_len(s, n, 32);
	else if (s->len == 1024)
		copy_write_len(s, n, 1024);
	else
		copy_write_len(s, n, s->len);
}

static void copy_verify(struct stream *s)
{
	struct copy *c = s->impl;
	uint64_t pos = c->pos, seq, payload[PAYLOAD_MAX / 8];

	for (seq = s->seq; seq && s->seq - seq < c->size / s->len; seq--) {
		pos = (pos ? pos : c->size) - s->len;
		memcpy(payload, c->data + pos, s->len);
		payload_check(payload, s->len, seq, s->kind->name);
	}
}

const struct stream_kind stream_copy = {
	.name = "memcpy, nobody reads",
	.create = copy_create,
	.write = copy_write,
	.verify = copy_verify,
};

/* One ring, PEER_FAN readers, who take turns on one core. */
struct fan {
	struct seqring_writer w;
	struct seqring_reader r[PEER_FAN] __attribute__((aligned(128)));
};

static void fan_create(struct stream *s)
{
	struct fan *f = alloc(sizeof(*f));
	const void *ctl_reader, *data_reader;
	void *ctl = map_shared(4096, &ctl_reader);
	void *data = map_shared(s->size, &data_reader);
	unsigned int i;

	if (seqring_writer_init(&f->w, ctl, data, s->size))
		fail("no ring of %llu bytes", (unsigned long long)s->size);
	for (i = 0; i < PEER_FAN; i++)
		if (seqring_reader_init(&f->r[i], ctl_reader, data_reader, s->size))
			fail("no reader of %llu bytes", (unsigned long long)s->size);
	s->impl = f;
}

static void fan_write(struct stream *s, unsigned int n)
{
	struct fan *f = s->impl;

	for (; n; n--) {
		payload_fill(s->payload, 32, ++s->seq);
		seqring_writer_publish(&f->w, TYPE, 0, s->payload, 32);
	}
}

static void fan_join(struct stream *s)
{
	struct fan *f = s->impl;
	unsigned int i;

	for (i = 0; i < PEER_FAN; i++) {
		seqring_reader_seek_head(&f->r[i]);
		f->r[i].seq = s->seq + 1;
	}
}

static unsigned int fan_one(struct stream *s, struct seqring_reader *r, unsigned int max)
{
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int n = 0;
	uint64_t payload[4];

	while (n < max && (r->pos < r->snap || !n)) {
		outcome = seqring_reader_read(r, &v, payload, sizeof(payload));
		if (outcome == SEQRING_OK) {
			if (v.len != sizeof(payload) || v.type != TYPE)
				wrong("%s: header of record %llu is torn", s->kind->name,
				      (unsigned long long)v.seq);
			payload_check(payload, sizeof(payload), v.seq, s->kind->name);
			s->lost += v.lost;
			n++;
		} else if (outcome != SEQRING_OVERRUN) {
			break;
		} else if (seqring_reader_resync(r)) {
			wrong("%s: resync failed", s->kind->name);
		}
	}
	s->read += n;
	return n;
}

static unsigned int fan_collect(struct stream *s, unsigned int max)
{
	struct fan *f = s->impl;
	unsigned int i, n, most = 0;

	for (i = 0; i < PEER_FAN; i++) {
		n = fan_one(s, &f->r[i], max);
		most = n > most ? n : most;
	}
	return most;
}

const struct stream_kind stream_ring_fan = {
	.name = "one ring, eight readers",
	.create = fan_create,
	.write = fan_write,
	.join = fan_join,
	.collect = fan_collect,
	.readers = PEER_FAN,
};

#ifdef HAVE_CK
/* Records by value, as between processes, where no pointer has a meaning. */
struct small {
	uint64_t payload[32 / 8];
};

struct large {
	uint64_t payload[1024 / 8];
};

CK_RING_PROTOTYPE(small, small)
CK_RING_PROTOTYPE(large, large)

/* Indices and slots lie in memory of a memfd, as the ring's do. */
struct ck {
	struct ck_ring *ring[PEER_FAN];
	void *slots[PEER_FAN];

	/* The readers'. */
	uint64_t newest[PEER_FAN] __attribute__((aligned(128)));
};

static void ck_create(struct stream *s)
{
	struct ck *c = alloc(sizeof(*c));
	unsigned int i, n = s->kind->readers ? s->kind->readers : 1;

	if (s->len != 32 && s->len != 1024)
		fail("%s: no type of %u bytes", s->kind->name, s->len);
	for (i = 0; i < n; i++) {
		c->ring[i] = map_shared(4096, NULL);
		c->slots[i] = map_shared(s->size, NULL);
		ck_ring_init(c->ring[i], (unsigned int)(s->size / s->len));
	}
	s->impl = c;
}

static inline bool ck_put(struct ck *c, unsigned int i, const void *record, uint32_t len, bool spmc)
{
	struct ck_ring *ring = c->ring[i];

	if (len == 32)
		return spmc ? ck_ring_enqueue_spmc_small(ring, c->slots[i], (void *)record) :
			      ck_ring_enqueue_spsc_small(ring, c->slots[i], (void *)record);
	return spmc ? ck_ring_enqueue_spmc_large(ring, c->slots[i], (void *)record) :
		      ck_ring_enqueue_spsc_large(ring, c->slots[i], (void *)record);
}

static inline bool ck_get(struct ck *c, unsigned int i, void *record, uint32_t len, bool spmc)
{
	struct ck_ring *ring = c->ring[i];

	if (len == 32)
		return spmc ? ck_ring_dequeue_spmc_small(ring, c->slots[i], record) :
			      ck_ring_dequeue_spsc_small(ring, c->slots[i], record);
	return spmc ? ck_ring_dequeue_spmc_large(ring, c->slots[i], record) :
		      ck_ring_dequeue_spsc_large(ring, c->slots[i], record);
}

static inline void ck_write_len(struct stream *s, unsigned int n, uint32_t len, bool spmc,
				unsigned int rings)
{
	struct ck *c = s->impl;
	unsigned int i;

	for (; n; n--) {
		payload_fill(s->payload, len, ++s->seq);
		for (i = 0; i < rings; i++)
			while (!ck_put(c, i, s->payload, len, spmc))
				pause_ticks(FULL_PAUSE);
	}
}

static inline unsigned int ck_collect_len(struct stream *s, unsigned int max, uint32_t len,
					  bool spmc, unsigned int rings)
{
	uint64_t payload[PAYLOAD_MAX / 8];
	struct ck *c = s->impl;
	unsigned int i, n, most = 0;

	for (i = 0; i < rings; i++) {
		for (n = 0; n < max && ck_get(c, i, payload, len, spmc); n++) {
			/* Nothing is lost on the way, so it is the one after the last. */
			c->newest[i]++;
			payload_check(payload, len, c->newest[i], s->kind->name);
		}
		s->newest = c->newest[0];
		s->read += n;
		most = n > most ? n : most;
	}
	return most;
}

static void ck_join(struct stream *s)
{
	/* Every round ends with empty rings. */
	(void)s;
}

static void ck_write_spsc(struct stream *s, unsigned int n)
{
	if (s->len == 32)
		ck_write_len(s, n, 32, false, 1);
	else
		ck_write_len(s, n, 1024, false, 1);
}

static unsigned int ck_collect_spsc(struct stream *s, unsigned int max)
{
	return s->len == 32 ? ck_collect_len(s, max, 32, false, 1) :
			      ck_collect_len(s, max, 1024, false, 1);
}

static void ck_write_spmc(struct stream *s, unsigned int n)
{
	if (s->len == 32)
		ck_write_len(s, n, 32, true, 1);
	else
		ck_write_len(s, n, 1024, true, 1);
}

static unsigned int ck_collect_spmc(struct stream *s, unsigned int max)
{
	return s->len == 32 ? ck_collect_len(s, max, 32, true, 1) :
			      ck_collect_len(s, max, 1024, true, 1);
}

static void ck_write_fan(struct stream *s, unsigned int n)
{
	ck_write_len(s, n, 32, false, PEER_FAN);
}

static unsigned int ck_collect_fan(struct stream *s, unsigned int max)
{
	return ck_collect_len(s, max, 32, false, PEER_FAN);
}

#define CK_KIND(which)                                                   \
	.create = ck_create, .write = ck_write_##which, .join = ck_join, \
	.collect = ck_collect_##which
#else
#define CK_KIND(which) .missing = "it was built without ck_ring.h (libck-dev)"
#endif

const struct stream_kind stream_ck_spsc = {
	.name = "ck_ring, SPSC",
	CK_KIND(spsc),
};

const struct stream_kind stream_ck_spmc = {
	.name = "ck_ring, SPMC",
	CK_KIND(spmc),
};

const struct stream_kind stream_ck_fan = {
	.name = "eight ck_rings, a reader each",
	CK_KIND(fan),
	.readers = PEER_FAN,
};
