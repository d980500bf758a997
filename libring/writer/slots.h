/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Slots of served readers: wake thresholds and a doorbell for each. */
#ifndef LIBRING_WRITER_SLOTS_H
#define LIBRING_WRITER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <seqring/abi.h>

#include "libring.h"

#define LIBRING_SLOTS 1024

/*
 * The thread that serves the ring gives slots out and takes them back, while those that publish
 * read them.
 *
 * @table: the slots, behind the thresholds of all rings; shared with the readers
 * @offset: of @table, from the start of that memory
 * @stride: bytes of a slot
 * @nr_rings: thresholds in a slot
 * @top: slots from this number on were never used
 * @shared: some reader may have the ring's own doorbell, which is no slot's
 * @retired: slots without a reader that still have a doorbell
 * @waking: threads that wake readers right now. While there are any, no doorbell is closed: they
 *          could ring a number that has become another file's
 * @used: a reader has the slot
 * @doorbell: eventfds, or -1
 */
struct ring_slots {
	unsigned char *table;
	size_t offset;
	size_t stride;
	uint32_t nr_rings;
	uint32_t top;
	uint32_t shared;
	uint32_t retired;
	uint64_t waking;
	uint32_t used[LIBRING_SLOTS];
	int doorbell[LIBRING_SLOTS];
};

/* Bytes of the memfd with the thresholds of @nr_rings rings, and with the slots. */
static inline size_t libring_slots_bytes(uint32_t nr_rings)
{
	return nr_rings * sizeof(struct seqring_wait) +
	       LIBRING_SLOTS * (sizeof(struct seqring_wait_slot) +
				nr_rings * sizeof(struct seqring_threshold));
}

static inline struct seqring_wait_slot *libring_slot_at(const struct ring_slots *s, uint32_t slot)
{
	return (void *)(s->table + slot * s->stride);
}

void libring_slots_init(struct ring_slots *s, uint32_t nr_rings, void *wait);
int libring_slots_take(struct ring_slots *s, uint32_t max);
void libring_slots_give_back(struct ring_slots *s, int slot);
void libring_slots_collect(struct ring_slots *s);
void libring_slots_forget(struct ring_slots *s);
void libring_slots_close(struct ring_slots *s);

#endif /* LIBRING_WRITER_SLOTS_H */
