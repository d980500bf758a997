/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far each ring has been spooled. Each file of the spool begins with this, so the spool knows
 * it although the messages that led to it have been released. One thread at a time uses a state.
 */
#ifndef RINGD_STATE_H
#define RINGD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../fleet/message.h"

/* @next: for each ring, the first seq that is neither spooled nor lost. @ended: so is its end */
struct known_ring {
	struct fleet_identity id;
	uint64_t schema;
	uint32_t nr_rings;
	bool ended;
	uint64_t *next;
};

struct state {
	struct known_ring *rings;
	size_t nr;
};

/* Takes a message into account. @body: of a schema; NULL: it is damaged. Return: 0; -ENOMEM. */
int state_take(struct state *s, const struct fleet_message *m, const void *body);

/* Return: the ring; NULL: it is not known. Valid until the next state_take(). */
const struct known_ring *state_find(const struct state *s, const struct fleet_identity *id);

/* Forgets rings of other boots that have ended. */
void state_prune(struct state *s, const unsigned char boot[16]);

/* As bytes of a file, and back. The caller frees *@bytes. Return: 0; -ENOMEM; -EBADMSG. */
int state_pack(const struct state *s, void **bytes, size_t *size);
int state_unpack(struct state *s, const void *bytes, size_t size);

/* Return: 0; -ENOMEM. */
int state_copy(struct state *to, const struct state *from);

void state_free(struct state *s);

#endif /* RINGD_STATE_H */
