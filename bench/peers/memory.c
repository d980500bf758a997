// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contenders in shared memory: ConcurrencyKit's ring, and memcpy, a limit for every ring.
 */
#if __has_include("ck_ring.h")
#include <ck_ring.h>
#define HAVE_CK 1
#endif

#include "peers.h"

#define FULL_PAUSE 1000u /* ticks; a full ring: let the reader get ahead */

/* Copies one payload after the other, round and round, and tells no reader. */
struct copy {
	unsigned char *data;
	uint64_t size; /* bytes in whole payloads */
	uint64_t pos;
};

static const char *copy_create(struct stream *s)
{
	struct copy *c = stream_alloc(s, sizeof(*c));

	c->data = stream_map(s, s->size, NULL);
	c->size = s->size / s->len * s->len;
	s->impl = c;
	return NULL;
}

static inline void copy_write_len(struct stream *s, unsigned int n, uint32_t len)
{
	struct copy *c = s->impl;

	for (; n; n--) {
		payload_fill(s->payload, len, ++s->seq);
		memcpy(c->data + c->pos, s->payload, len);
		/* Otherwise the compiler would see that no one reads the copy. */
		__asm__ __volatile__("" : : : "memory");
		c->pos += len;
		if (c->pos == c->size)
			c->pos = 0;
	}
}

WRITE_BY_LEN(copy)

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

const struct stream_kind kind_copy = {
	.name = "memcpy",
	.create = copy_create,
	.write = copy_write,
	.verify = copy_verify,
};

#ifdef HAVE_CK
/* Records by value: between processes a pointer has no meaning. */
struct small {
	uint64_t payload[32 / 8];
};

struct large {
	uint64_t payload[1024 / 8];
};

CK_RING_PROTOTYPE(small, small)
CK_RING_PROTOTYPE(large, large)

/* A ring for each reader; indices and slots lie in memory of a memfd, as the ring's do. */
struct ck {
	struct ck_ring *ring;
	void *slots;
};

static const char *ck_create(struct stream *s)
{
	struct ck *c = stream_alloc(s, s->nr_readers * sizeof(*c));
	unsigned int i;

	if (s->len != 32 && s->len != 1024)
		fail("%s: no type of %u bytes", s->kind->name, s->len);
	for (i = 0; i < s->nr_readers; i++) {
		c[i].ring = stream_map(s, 4096, NULL);
		c[i].slots = stream_map(s, s->size, NULL);
		ck_ring_init(c[i].ring, (unsigned int)(s->size / s->len));
	}
	s->impl = c;
	return NULL;
}

static inline bool ck_put(struct ck *c, void *record, uint32_t len, bool spmc)
{
	if (len == 32)
		return spmc ? ck_ring_enqueue_spmc_small(c->ring, c->slots, record) :
			      ck_ring_enqueue_spsc_small(c->ring, c->slots, record);
	return spmc ? ck_ring_enqueue_spmc_large(c->ring, c->slots, record) :
		      ck_ring_enqueue_spsc_large(c->ring, c->slots, record);
}

static inline bool ck_get(struct ck *c, void *record, uint32_t len, bool spmc)
{
	if (len == 32)
		return spmc ? ck_ring_dequeue_spmc_small(c->ring, c->slots, record) :
			      ck_ring_dequeue_spsc_small(c->ring, c->slots, record);
	return spmc ? ck_ring_dequeue_spmc_large(c->ring, c->slots, record) :
		      ck_ring_dequeue_spsc_large(c->ring, c->slots, record);
}

static inline void ck_write_len(struct stream *s, unsigned int n, bool spmc, uint32_t len)
{
	struct ck *c = s->impl;
	unsigned int i;

	for (; n; n--) {
		payload_fill(s->payload, len, ++s->seq);
		for (i = 0; i < s->nr_readers; i++)
			while (!ck_put(&c[i], s->payload, len, spmc))
				pause_ticks(FULL_PAUSE);
	}
}

/* Nothing is lost on the way, so the records come in a row. */
static inline unsigned int ck_collect_len(struct stream *s, struct reader *rd, unsigned int max,
					  bool spmc, uint32_t len)
{
	struct ck *c = (struct ck *)s->impl + rd->index;
	uint64_t payload[PAYLOAD_MAX / 8];
	unsigned int n;

	for (n = 0; n < max && ck_get(c, payload, len, spmc); n++)
		payload_check(payload, len, ++rd->newest, s->kind->name);
	rd->read += n;
	return n;
}

static void ck_write_spsc(struct stream *s, unsigned int n)
{
	BY_LEN(s, ck_write_len, n, false);
}

static unsigned int ck_collect_spsc(struct stream *s, struct reader *rd, unsigned int max)
{
	return BY_LEN(s, ck_collect_len, rd, max, false);
}

static void ck_write_spmc(struct stream *s, unsigned int n)
{
	BY_LEN(s, ck_write_len, n, true);
}

static unsigned int ck_collect_spmc(struct stream *s, struct reader *rd, unsigned int max)
{
	return BY_LEN(s, ck_collect_len, rd, max, true);
}

#define CK_KIND(which) .create = ck_create, .write = ck_write_##which, .collect = ck_collect_##which
#else
static const char *ck_missing(struct stream *s)
{
	(void)s;
	return "ringbench was built without ck_ring.h (libck-dev)";
}

#define CK_KIND(which) .create = ck_missing
#endif

const struct stream_kind kind_ck_spsc = { .name = "ck_ring, SPSC", CK_KIND(spsc) };
const struct stream_kind kind_ck_spmc = { .name = "ck_ring, SPMC", CK_KIND(spmc) };
