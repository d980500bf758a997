/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shared by memfd and BPF rings: the writer rings a doorbell when it passes the lowest wake
 * threshold. Thresholds are in memory that the readers share with the writer.
 */
#ifndef LIBRING_BACKEND_THRESHOLDS_H
#define LIBRING_BACKEND_THRESHOLDS_H

#include <stdbool.h>
#include <stddef.h>

#include "poller.h"

struct ring_reader;
struct seqring_threshold;
struct seqring_wait;

/*
 * @poller: with the doorbell in it, edge-triggered; the reader sleeps on it
 * @wait: thresholds of all rings, shared with the writer and with other readers
 * @own: thresholds of this reader alone for ring 0; NULL: it has no slot
 * @own_stride: bytes from there to those for the next ring
 * @slot_map: memory with @own that is mapped for it alone; or NULL
 * @doorbell: a descriptor of this reader's own
 * @armed_read: records the reader had delivered when it was armed last
 * @timer_fired: since then
 * @idle_timeout: a whole wake_timeout_ns passed without a record
 */
struct ring_thresholds {
	struct ring_poller poller;
	struct seqring_wait *wait;
	size_t size;
	struct seqring_threshold *own;
	size_t own_stride;
	void *slot_map;
	size_t slot_size;
	int doorbell;
	uint64_t armed_read;
	bool timer_fired;
	bool idle_timeout;
};

void libring_thresholds_init(struct ring_thresholds *t);
void libring_thresholds_close(struct ring_thresholds *t);
int libring_thresholds_map(struct ring_thresholds *t, uint32_t nr_rings, int fd);
int libring_thresholds_map_slot(struct ring_thresholds *t, uint32_t nr_rings, int fd, uint64_t size,
				uint64_t offset);
int libring_thresholds_listen(struct ring_thresholds *t, struct ring_reader *r, int doorbell);
uint32_t libring_thresholds_drain(struct ring_thresholds *t);
void libring_thresholds_arm(struct ring_thresholds *t, const struct ring_reader *r, bool for_fd);
void libring_thresholds_note_fence(struct ring_thresholds *t, struct ring_reader *r, bool for_fd,
				   bool fenced);
void libring_thresholds_kick(struct ring_thresholds *t);

#endif /* LIBRING_BACKEND_THRESHOLDS_H */
