/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The slot of a reader of a BPF ring: thresholds and a doorbell of its own. */
#ifndef LIBRING_BACKEND_BPF_SLOT_H
#define LIBRING_BACKEND_BPF_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf_map.h"

struct ring_thresholds;
struct seqring_wait_slots;

/*
 * @dir: directory of the ring's pins; -1: none
 * @table: slots of each ring, of @nr_rings; NULL: the ring has none, or this process may not arm
 * @searched: slots of processes that are gone were looked for
 * @nr: which slot this reader has, if it has one
 * @fd, @doorbell: its doorbell
 * @pid: who has taken it
 * @owner: the same, as stored in the slot
 */
struct ring_slot {
	int dir;
	struct seqring_wait_slots *table;
	uint32_t nr_rings;
	bool searched;
	unsigned int nr;
	int fd;
	struct ring_doorbell doorbell;
	pid_t pid;
	__u64 owner;
};

void libring_slot_init(struct ring_slot *s);
int libring_slot_map(struct ring_slot *s, int dir, uint32_t nr_rings);
bool libring_slot_is_own(const struct ring_slot *s);
void libring_slot_take(struct ring_slot *s, struct ring_thresholds *t);
void libring_slot_leave(struct ring_slot *s, struct ring_thresholds *t);
void libring_slot_close(struct ring_slot *s);

#endif /* LIBRING_BACKEND_BPF_SLOT_H */
