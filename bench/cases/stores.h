/* SPDX-License-Identifier: GPL-2.0-only */
/* Writers without readers, over memory that a ring and plain stores share. */
#ifndef RINGBENCH_STORES_H
#define RINGBENCH_STORES_H

#include <seqring/writer.h>

#include "kinds.h"

#define STORES_RINGS 64u

enum stores_kind { STORES_RING, STORES_PLAIN, STORES_LIBRARY };

/*
 * Rings lie one behind the other, each with a page of control before its data, as in a
 * memfd of libring. All kinds go on where their last round ended, so that small parts of a
 * large area do not stay in the caches.
 *
 * @at:   stores_bytes() of memory; not for STORES_LIBRARY
 * @size: bytes of each data area
 * @nr:   number of rings, a power of two
 * @same_payload: each record has the same payload
 */
struct stores {
	struct contender c;
	enum stores_kind kind;
	unsigned char *at;
	uint64_t size;
	uint32_t nr;
	uint32_t len;
	bool same_payload;

	struct seqring_writer w[STORES_RINGS];
	uint64_t pos[STORES_RINGS];
	struct ring_writer *library;
	uint64_t seq;
	uint64_t *payload;
	uint32_t chunk;
};

size_t stores_bytes(uint64_t size, uint32_t nr);
/* A copy, ready to take turns. */
struct stores *stores_new(const struct stores *like);
void stores_free(struct stores *s);
/* Checks the records in the rings; only of STORES_RING without @same_payload. */
void stores_verify(struct stores *s);

#endif
