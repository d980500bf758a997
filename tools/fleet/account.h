/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The account of messages that have arrived: for each ring of each creation, which records are
 * there, which are lost and why, and which nobody has accounted for. Messages may come in any
 * order, and again.
 */
#ifndef FLEET_ACCOUNT_H
#define FLEET_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "ranges.h"

/**
 * struct fleet_ring_account - one ring of one creation
 * @ring, @ring_id: as in struct fleet_message
 * @known: seqs of records that are there, or lost
 * @read: how many are there
 * @lost: how many are lost, by enum fleet_loss
 * @published: how many there should be: the most that any message speaks of
 * @dropped: by SEQRING_DROP_*, as of the last counters
 * @counted: @dropped is valid: a message with counters has come
 * @end: an enum fleet_end; 0: the ring has not ended
 */
struct fleet_ring_account {
	struct fleet_identity id;
	uint32_t ring;
	uint32_t ring_id;
	struct fleet_ranges known;
	uint64_t read;
	uint64_t lost[FLEET_LOSS_CAUSES];
	uint64_t published;
	uint64_t dropped[FLEET_DROPS];
	bool counted;
	unsigned int end;
};

/* All zero: nothing has arrived. */
struct fleet_account {
	struct fleet_ring_account *rings;
	size_t nr;
};

/* Takes a message that fleet_decode() has checked. Return: 0; -ENOMEM: call it again. */
int fleet_account_take(struct fleet_account *a, const struct fleet_message *m, const void *body);

uint64_t fleet_account_lost(const struct fleet_ring_account *r);

/* How many of the published records are neither there nor lost. */
uint64_t fleet_account_missing(const struct fleet_ring_account *r);

void fleet_account_free(struct fleet_account *a);

#endif /* FLEET_ACCOUNT_H */
