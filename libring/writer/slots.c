// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Slots of served readers: giving them out and taking them back. */

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <seqring/barrier.h>

#include "../base/fd.h"
#include "slots.h"

/* @wait: the memory that is shared with the readers, of libring_slots_bytes(@nr_rings) */
void libring_slots_init(struct ring_slots *s, uint32_t nr_rings, void *wait)
{
	uint32_t i;

	s->offset = nr_rings * sizeof(struct seqring_wait);
	s->table = (unsigned char *)wait + s->offset;
	s->stride = sizeof(struct seqring_wait_slot) + nr_rings * sizeof(struct seqring_threshold);
	s->nr_rings = nr_rings;
	for (i = 0; i < LIBRING_SLOTS; i++)
		s->doorbell[i] = -1;
}

/* Gives a slot a doorbell that no reader had before: an earlier one could ring it, or listen. */
static bool renew_doorbell(struct ring_slots *s, uint32_t slot)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bool done;

	if (fd < 0)
		return false;
	if (s->doorbell[slot] < 0) {
		seqring_write(&s->doorbell[slot], fd);
		return true;
	}
	done = dup3(fd, s->doorbell[slot], O_CLOEXEC) >= 0;
	s->retired -= done;
	close(fd);
	return done;
}

static void reset(struct ring_slots *s, uint32_t slot)
{
	struct seqring_wait_slot *at = libring_slot_at(s, slot);
	uint32_t i;

	seqring_write(&at->own, 0);
	for (i = 0; i < s->nr_rings; i++) {
		seqring_write(&at->ring[i].pos, SEQRING_WAIT_NONE);
		seqring_write(&at->ring[i].seq, SEQRING_WAIT_NONE);
	}
}

/*
 * Takes a slot for a reader. At most @max readers have one.
 *
 * Return: the slot; -1 there is none, or no descriptor for its doorbell: the reader gets the
 * ring's own doorbell.
 */
int libring_slots_take(struct ring_slots *s, uint32_t max)
{
	uint32_t slot;

	for (slot = 0; slot < s->top && s->used[slot]; slot++)
		;
	if (slot >= max || slot >= LIBRING_SLOTS || !renew_doorbell(s, slot)) {
		seqring_write(&s->shared, 1);
		return -1;
	}
	reset(s, slot);
	/* Pairs with the acquire in wake_due_readers(): a used slot has its doorbell. */
	seqring_store_release(WAKE, &s->used[slot], 1);
	if (slot == s->top)
		seqring_write(&s->top, slot + 1);
	/*
	 * The reader gets the slot after this. Pairs with the fence in seqring_writer_wake_begin():
	 * a wake-up that begins after the reader has armed finds the slot used.
	 */
	seqring_fence_full(WAKE);
	return (int)slot;
}

/* Closes the doorbells of slots without a reader, unless a thread may be about to ring them. */
void libring_slots_collect(struct ring_slots *s)
{
	uint32_t slot;
	int fd;

	if (!s->retired)
		return;
	/*
	 * Pairs with the fence in seqring_writer_wake_begin(): a thread that wakes readers is seen
	 * here, or finds the slots unused.
	 */
	seqring_fence_full(WAKE);
	if (seqring_read(&s->waking))
		return;
	for (slot = 0; slot < s->top; slot++) {
		fd = s->doorbell[slot];
		if (s->used[slot] || fd < 0)
			continue;
		seqring_write(&s->doorbell[slot], -1);
		close(fd);
	}
	s->retired = 0;
}

/* Takes a slot back from a reader that is gone. @slot: -1: it had none. */
void libring_slots_give_back(struct ring_slots *s, int slot)
{
	if (slot < 0)
		return;
	seqring_write(&s->used[slot], 0);
	s->retired++;
	libring_slots_collect(s);
}

/* In a child that adopts the writer: forgets the readers and the threads of its parent. */
void libring_slots_forget(struct ring_slots *s)
{
	uint32_t slot;

	s->waking = 0;
	for (slot = 0; slot < s->top; slot++)
		if (s->used[slot])
			libring_slots_give_back(s, (int)slot);
}

void libring_slots_close(struct ring_slots *s)
{
	while (s->top)
		libring_close_fd(s->doorbell[--s->top]);
}
