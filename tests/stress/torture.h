/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of the torture: length, type, time and every byte follow from the
 * seq, so that a reader needs nothing else to tell a whole record from a torn one.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include "seqring/reader.h"
#include "seqring/writer.h"

#define TORTURE_BUF (1u << 20)

static inline uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Mostly short, one in 64 up to the largest the ring or the buffer takes. */
static inline uint32_t record_len(uint64_t seq, uint32_t max)
{
	uint64_t h = mix(seq);
	uint32_t top = h & 63 ? 200 : (max < TORTURE_BUF ? max : TORTURE_BUF);

	return (uint32_t)((h >> 8) % (top + 1));
}

static inline uint64_t record_word(uint64_t seq, uint32_t i)
{
	return (seq + 1) * 0x9e3779b97f4a7c15ULL + i * 0x10001ULL;
}

static inline void record_fill(unsigned char *p, uint64_t seq, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len / 8; i++) {
		uint64_t w = record_word(seq, i);

		memcpy(p + 8 * (size_t)i, &w, 8);
	}
	if (len & 7) {
		uint64_t w = record_word(seq, i);

		memcpy(p + 8 * (size_t)i, &w, len & 7);
	}
}

/* Whether @v with the payload at @p is the record of its seq, as far as @have bytes. */
static inline int record_ok(const struct seqring_view *v, const unsigned char *p, uint32_t max,
			    uint32_t have)
{
	uint32_t i, len = v->len < have ? v->len : have;

	if (v->len != record_len(v->seq, max) || v->ts_ns != ~v->seq ||
	    v->type != (uint16_t)v->seq || v->flags)
		return 0;
	for (i = 0; i < (len + 7) / 8; i++) {
		uint64_t want = record_word(v->seq, i);

		if (memcmp(p + 8 * (size_t)i, &want, len - 8 * i < 8 ? len - 8 * i : 8))
			return 0;
	}
	return 1;
}

#endif /* TORTURE_H */
