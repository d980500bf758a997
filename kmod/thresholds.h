/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words by which the sleepers of a ring and its writer meet. Only barrier.h is needed,
 * so that tests/proof/model runs this code as it is.
 *
 * The writer executes a fence and compares only while a sleeper is announced. A sleeper
 * that finds no announcement stores one and interrupts every CPU that may publish: the
 * interrupt is the writer's fence, wherever in its code it arrives.
 */
#ifndef _SEQRING_THRESHOLDS_H
#define _SEQRING_THRESHOLDS_H

#include <seqring/abi.h>
#include <seqring/barrier.h>

/* seqring_thresholds.announced */
#define SEQRING_ANNOUNCED_NONE	0u	/* the writer looks at nothing else */
#define SEQRING_ANNOUNCED_HALF	1u	/* the CPUs are being interrupted */
#define SEQRING_ANNOUNCED_FULL	2u	/* every publish sees the announcement */

/* After so many records without a sleeper, the writer assumes that none will come soon. */
#ifndef SEQRING_IDLE_PUBLISHES
#define SEQRING_IDLE_PUBLISHES	4096u
#endif

/**
 * struct seqring_thresholds - when a ring's writer must wake somebody
 * @pos: wake when head is above it; SEQRING_WAIT_NONE: at no position
 * @seq: wake when this seq is published; SEQRING_WAIT_NONE: at no seq
 * @announced: SEQRING_ANNOUNCED_*
 * @nr_sleepers: sleepers of the ring, those included that are not in @pos and @seq yet
 * @idle_publishes: records since the last one that found a sleeper; the writer's
 */
struct seqring_thresholds {
	__u64 pos;
	__u64 seq;
	__u32 announced;
	__u32 nr_sleepers;
	__u32 idle_publishes;
};

static inline void seqring_thresholds_init(struct seqring_thresholds *t)
{
	t->pos = SEQRING_WAIT_NONE;
	t->seq = SEQRING_WAIT_NONE;
	t->announced = SEQRING_ANNOUNCED_NONE;
	t->nr_sleepers = 0;
	t->idle_publishes = 0;
}

/* True if a ring with this head and seq has reached a threshold. */
static inline int seqring_thresholds_reached(const struct seqring_thresholds *t, __u64 head,
					     __u64 seq)
{
	return head > seqring_read(&t->pos) || seq >= seqring_read(&t->seq);
}

/**
 * seqring_thresholds_watched() - ask whether the writer must look at the thresholds
 * @t: the thresholds of the ring
 *
 * The writer calls it after it has stored head. Most rings have no sleeper at most times:
 * this is all that they pay.
 *
 * Return: nonzero if seqring_thresholds_due() must be called.
 */
static inline int seqring_thresholds_watched(const struct seqring_thresholds *t)
{
	/* Pairs with the interrupt of seqring_thresholds_announce()'s caller. */
	seqring_compiler_barrier(WAKE);
	return seqring_read(&t->announced) != SEQRING_ANNOUNCED_NONE;
}

/**
 * seqring_thresholds_due() - ask whether the published records wake somebody
 * @t: the thresholds of the ring, which are watched
 * @head: the writer's head
 * @seq: seq of its newest record
 *
 * If so, this resets the thresholds, and the caller makes somebody look at the sleepers,
 * who stores new ones.
 *
 * Return: nonzero if somebody must look at the sleepers.
 */
static inline int seqring_thresholds_due(struct seqring_thresholds *t, __u64 head, __u64 seq)
{
	__u32 announced;

	/* Pairs with the full fence in seqring_thresholds_store(). */
	seqring_fence_full(WAKE);
	if (seqring_thresholds_reached(t, head, seq)) {
		seqring_write(&t->pos, SEQRING_WAIT_NONE);
		seqring_write(&t->seq, SEQRING_WAIT_NONE);
		t->idle_publishes = 0;
		return 1;
	}
	if (seqring_read(&t->nr_sleepers)) {
		t->idle_publishes = 0;
		return 0;
	}
	if (++t->idle_publishes <= SEQRING_IDLE_PUBLISHES)
		return 0;
	t->idle_publishes = 0;
	announced = seqring_read(&t->announced);
	seqring_write(&t->announced, SEQRING_ANNOUNCED_NONE);
	/* Pairs with the same fence: a sleeper sees the store, or is seen here. */
	seqring_fence_full(WAKE);
	if (seqring_read(&t->nr_sleepers))
		seqring_write(&t->announced, announced);
	return 0;
}

/**
 * seqring_thresholds_store() - change the thresholds and the number of sleepers
 * @t: the thresholds; the caller serialises all callers
 * @pos: the lowest position of all sleepers that the writer may wake now
 * @seq: the lowest seq, likewise
 * @nr_sleepers: all sleepers
 *
 * Afterwards the caller compares with head again: for records that were published before,
 * the writer wakes nobody.
 */
static inline void seqring_thresholds_store(struct seqring_thresholds *t, __u64 pos, __u64 seq,
					    __u32 nr_sleepers)
{
	seqring_write(&t->nr_sleepers, nr_sleepers);
	seqring_write(&t->pos, pos);
	seqring_write(&t->seq, seq);
	/* Pairs with the full fences in seqring_thresholds_due(). */
	seqring_fence_full(WAKE);
}

/* True if a new sleeper, which has stored its threshold, finds the writer watching. */
static inline int seqring_thresholds_announced(const struct seqring_thresholds *t)
{
	/* Acquire: the caller's last look at head must not be older than this load. */
	return seqring_load_acquire(WAKE, &t->announced) == SEQRING_ANNOUNCED_FULL;
}

/*
 * Announces a sleeper that has stored its threshold. The caller serialises all
 * announcers. It then interrupts each CPU on which the writer may run, waits until each
 * one has executed a full fence, and calls seqring_thresholds_confirm(). The last look at
 * head comes after that.
 */
static inline void seqring_thresholds_announce(struct seqring_thresholds *t)
{
	seqring_write(&t->announced, SEQRING_ANNOUNCED_HALF);
}

/*
 * The announcement is seen by every publish that begins now; if it still stands. A sleeper
 * that is late may have been woken, and its announcement forgotten.
 */
static inline void seqring_thresholds_confirm(struct seqring_thresholds *t)
{
	seqring_cmpxchg_full(WAKE, &t->announced, SEQRING_ANNOUNCED_HALF, SEQRING_ANNOUNCED_FULL);
}

#endif /* _SEQRING_THRESHOLDS_H */
