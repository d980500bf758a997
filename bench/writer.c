// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a record costs the writer while nobody reads. The limit: the bytes of the
 * same headers and payloads, stored one after the other into a buffer of the
 * same size, with no protocol, the way a good programmer writes it.
 */
#include <stdlib.h>
#include <string.h>

#include <libring.h>
#include <seqring/writer.h>

#include "bench.h"

#define CHUNK 500u /* records between two looks at the clock */
#define TYPE  7

struct plain {
	unsigned char *data;
	uint64_t mask;
	uint64_t pos;
	uint64_t seq;
};

struct contender {
	struct plain plain;
	struct seqring_writer ring;
	struct ring_writer *library;
	const unsigned char *source;
	void (*chunk)(struct contender *c, uint32_t len);
	uint32_t len;
	double ns; /* per record, of the latest round */
};

static void __attribute__((noinline)) plain_chunk(struct contender *c, uint32_t len)
{
	struct plain *p = &c->plain;
	const unsigned char *source = c->source;
	unsigned int i;

	for (i = 0; i < CHUNK; i++) {
		uint64_t size = (sizeof(struct seqring_record) + len + 7) & ~7ULL;
		struct seqring_record *rec;

		if (p->mask + 1 - (p->pos & p->mask) < size)
			p->pos = (p->pos | p->mask) + 1;
		rec = (struct seqring_record *)(p->data + (p->pos & p->mask));
		rec->stamp = ++p->seq;
		rec->ts_ns = 0;
		rec->meta.len = len;
		rec->meta.type = TYPE;
		rec->meta.flags = 0;
		memcpy(rec + 1, source, len);
		p->pos += size;
	}
}

static void __attribute__((noinline)) ring_chunk(struct contender *c, uint32_t len)
{
	const unsigned char *source = c->source;
	unsigned int i;

	for (i = 0; i < CHUNK; i++)
		seqring_writer_publish(&c->ring, TYPE, 0, source, len);
}

static void __attribute__((noinline)) library_chunk(struct contender *c, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < CHUNK; i++)
		ring_writer_publish(c->library, 0, TYPE, c->source, len);
}

/* The length is a run-time variable to all of them. */
static bool one_round(void *arg)
{
	struct contender *c = arg;
	uint64_t start, now, records = 0;
	uint32_t len = opaque(c->len);
	struct watch w;

	watch_start(&w);
	start = now_ns();
	do {
		c->chunk(c, len);
		records += CHUNK;
		now = now_ns();
	} while (now - start < opt.round_ms * 1000000ull);
	c->ns = (double)(now - start) / (double)records;
	return watch_disturbed(&w);
}

static struct contender *contender_new(void (*chunk)(struct contender *c, uint32_t len),
				       uint32_t len)
{
	struct contender *c = calloc(1, sizeof(*c));
	unsigned char *source = aligned_alloc(64, 4096);
	unsigned int i;

	if (!c || !source)
		fail("no memory");
	for (i = 0; i < 4096; i++)
		source[i] = (unsigned char)(i * 7);
	c->source = source;
	c->chunk = chunk;
	c->len = len;
	return c;
}

static void one_size(uint32_t len, const char *const names[4])
{
	enum { RING, PLAIN, LIBRARY, KINDS };
	uint64_t size = ring_size(RING_CACHED);
	struct contender *c[KINDS] = {
		contender_new(ring_chunk, len),
		contender_new(plain_chunk, len),
		contender_new(library_chunk, len),
	};
	struct series *ns[KINDS];
	unsigned int i, k;
	bool clean;

	c[PLAIN]->plain.mask = size - 1;
	c[PLAIN]->plain.data = map_shared(size, NULL);
	c[LIBRARY]->library = library_writer(size);
	if (seqring_writer_init(&c[RING]->ring, map_shared(4096, NULL), map_shared(size, NULL),
				size))
		fail("no ring of %llu bytes", (unsigned long long)size);
	for (k = 0; k < KINDS; k++)
		ns[k] = series_new("writer", names[k], "ns");
	/* The first round of each only touches the pages. */
	for (k = 0; k < KINDS; k++)
		one_round(c[k]);
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < KINDS; k++) {
			clean = undisturbed(one_round, c[k]);
			series_add(ns[k], c[k]->ns, !clean);
		}
	}
	series_compare(ns[RING], ns[PLAIN]);
	series_compare(ns[LIBRARY], ns[PLAIN]);
	target("writer", names[KINDS], series_ratio(ns[RING], ns[PLAIN]), "x", AT_MOST, 1.15);
}

void bench_writer(void)
{
	static const char *const names[][4] = {
		{ "ring, 32 B", "plain stores, 32 B", "libring, 32 B",
		  "cost of a 32-byte record, to plain stores" },
		{ "ring, 200 B", "plain stores, 200 B", "libring, 200 B",
		  "cost of a 200-byte record, to plain stores" },
		{ "ring, 1 KiB", "plain stores, 1 KiB", "libring, 1 KiB",
		  "cost of a 1 KiB record, to plain stores" },
	};

	one_size(32, names[0]);
	one_size(200, names[1]);
	one_size(1024, names[2]);
	note("writer", "rings of %llu KiB", (unsigned long long)ring_size(RING_CACHED) >> 10);
}
