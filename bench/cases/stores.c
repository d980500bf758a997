// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writers without readers: a ring, libring, and plain stores of the same headers and
 * payloads into the same memory with no protocol, the way a good programmer writes it.
 */
#include <stdlib.h>

#include <libring.h>
#include <seqring/reader.h>

#include "stores.h"

#define CTL_BYTES   4096u
#define ROUND_BYTES (1u << 20) /* at most, between two looks at the clock */

static inline unsigned char *ctl_of(const struct stores *s, uint32_t i)
{
	return s->at + i * (s->size + CTL_BYTES);
}

static inline unsigned char *data_of(const struct stores *s, uint32_t i)
{
	return ctl_of(s, i) + CTL_BYTES;
}

size_t stores_bytes(uint64_t size, uint32_t nr)
{
	return nr * (size + CTL_BYTES);
}

/* Only the first and the last word depend on the record; the others cost nothing. */
static inline void next_payload(struct stores *s)
{
	s->seq++;
	if (s->same_payload)
		return;
	s->payload[0] = payload_word(s->seq, 0);
	s->payload[s->len / 8 - 1] = s->seq;
}

static void plain_store(struct stores *s, unsigned int i, uint32_t len)
{
	uint64_t size = seqring_record_size(len), mask = s->size - 1;
	struct seqring_record *rec;

	next_payload(s);
	if (mask + 1 - (s->pos[i] & mask) < size)
		s->pos[i] = (s->pos[i] | mask) + 1;
	rec = (struct seqring_record *)(data_of(s, i) + (s->pos[i] & mask));
	rec->stamp = s->seq;
	rec->ts_ns = 0;
	rec->meta.len = len;
	rec->meta.type = TYPE;
	rec->meta.flags = 0;
	memcpy(rec + 1, s->payload, len);
	s->pos[i] += size;
}

static void ring_store(struct stores *s, unsigned int i, uint32_t len)
{
	next_payload(s);
	if (seqring_writer_publish(&s->w[i], TYPE, 0, s->payload, len))
		fail("a ring of %llu KiB takes no record of %u bytes",
		     (unsigned long long)s->size >> 10, len);
}

static void library_store(struct stores *s, uint32_t len)
{
	next_payload(s);
	if (ring_writer_publish(s->library, 0, TYPE, s->payload, len))
		fail("libring does not publish: %s", ring_strerror());
}

/* Writes to each ring in turn. With one ring, no figure has the cost of taking turns. */
static void __attribute__((noinline)) store_chunk(struct stores *s, uint32_t len)
{
	uint32_t i;

	if (s->kind == STORES_LIBRARY) {
		for (i = 0; i < s->chunk; i++)
			library_store(s, len);
	} else if (s->kind == STORES_PLAIN && s->nr == 1) {
		for (i = 0; i < s->chunk; i++)
			plain_store(s, 0, len);
	} else if (s->kind == STORES_PLAIN) {
		for (i = 0; i < s->chunk; i++)
			plain_store(s, i & (s->nr - 1), len);
	} else if (s->nr == 1) {
		for (i = 0; i < s->chunk; i++)
			ring_store(s, 0, len);
	} else {
		for (i = 0; i < s->chunk; i++)
			ring_store(s, i & (s->nr - 1), len);
	}
}

/*
 * The other contenders have taken the caches. If the caches can hold all of the memory, this
 * goes round once. Of a larger area they never held enough to matter.
 */
static void warm(struct stores *s)
{
	uint64_t done = 0;

	if (s->kind == STORES_LIBRARY || s->size * s->nr > RING_LARGE)
		return;
	for (; done < s->size * s->nr; done += s->chunk * seqring_record_size(s->len))
		store_chunk(s, s->len);
}

/* The length is a run-time variable in all of these functions. */
static bool store_round(struct contender *c)
{
	struct stores *s = (struct stores *)c;
	uint64_t start, now, records = 0;
	uint32_t len = opaque(s->len);
	struct watch w;

	warm(s);
	watch_start(&w);
	start = now_ns();
	do {
		store_chunk(s, len);
		records += s->chunk;
		now = now_ns();
	} while (now - start < opt.round_ms * MS);
	contender_set(c, "payload_bytes", s->len);
	contender_set(c, "ring_bytes", (double)s->size);
	contender_set(c, "rings", s->nr);
	contender_set(c, "writer_ns", (double)(now - start) / (double)records);
	return watch_disturbed(&w);
}

static uint64_t *payload_new(uint32_t len)
{
	uint64_t *payload = alloc(len);
	uint32_t i;

	for (i = 0; i < len / 8; i++)
		payload[i] = payload_word(0, i);
	return payload;
}

struct stores *stores_new(const struct stores *like)
{
	struct stores *s = alloc(sizeof(*s));
	uint32_t i;

	*s = *like;
	s->c.round = store_round;
	s->payload = payload_new(s->len);
	/* Long enough for the clock, short enough for a round, and the same for each ring. */
	s->chunk = ROUND_BYTES / (s->len + 24);
	s->chunk = s->chunk > 512 ? 512 : s->chunk < STORES_RINGS ? STORES_RINGS : s->chunk;
	s->chunk -= s->chunk % STORES_RINGS;
	if (s->kind == STORES_LIBRARY)
		s->library = library_writer(s->size);
	for (i = 0; s->kind == STORES_RING && i < s->nr; i++)
		if (seqring_writer_init(&s->w[i], (void *)ctl_of(s, i), data_of(s, i), s->size))
			fail("no ring of %llu bytes", (unsigned long long)s->size);
	return s;
}

void stores_free(struct stores *s)
{
	ring_writer_close(s->library);
	free(s->payload);
	free(s);
}

static void check_payload(const struct stores *s, const uint64_t *payload, uint64_t seq)
{
	uint32_t words = s->len / 8;

	if (payload[words - 1] != seq || (words > 1 && payload[0] != payload_word(seq, 0)) ||
	    (words > 2 && memcmp(payload + 1, s->payload + 1, 8 * (words - 2))))
		wrong("stores: record %llu of %u bytes is torn", (unsigned long long)seq, s->len);
}

/*
 * Reads all that stands in the rings after one more lap, which overwrites what the plain
 * stores have left there.
 */
void stores_verify(struct stores *s)
{
	uint64_t end, newest, *payload = payload_new(s->len);
	enum seqring_outcome outcome;
	struct seqring_reader r;
	struct seqring_view v;
	uint32_t i;

	end = s->w[0].pos + s->size + s->size / 8;
	while (s->w[0].pos < end)
		store_chunk(s, s->len);
	for (i = 0; i < s->nr; i++) {
		newest = 0;
		if (seqring_reader_init(&r, (void *)ctl_of(s, i), data_of(s, i), s->size))
			wrong("stores: the tail is not the start of a record");
		while (!(outcome = seqring_reader_read(&r, &v, payload, s->len))) {
			if (v.len != s->len || (newest && v.seq != newest + 1))
				wrong("stores: record %llu behind %llu", (unsigned long long)v.seq,
				      (unsigned long long)newest);
			newest = v.seq;
			/* The payloads count the records of all rings. */
			check_payload(s, payload, (newest - 1) * s->nr + i + 1);
		}
		if (outcome != SEQRING_EMPTY || newest != s->seq / s->nr)
			wrong("stores: of %llu records the newest is %llu",
			      (unsigned long long)s->seq / s->nr, (unsigned long long)newest);
	}
	free(payload);
}
