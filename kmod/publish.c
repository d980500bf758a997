// SPDX-License-Identifier: GPL-2.0-only
/* The writer's side of the kernel API. */

#include <linux/kcsan-checks.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>

#include "internal.h"

/*
 * SEQRING_MODE_CALLER always detects a second writer that interrupts the first on its
 * CPU. It detects a second writer on another CPU nearly always, and always with this
 * parameter, which costs one locked instruction for each record.
 */
static bool exact_check;
module_param(exact_check, bool, 0444);
MODULE_PARM_DESC(exact_check, "find every second writer of a caller-serialised ring");

void seqring_count_drop(struct seqring_ring *ring, enum seqring_drop cause)
{
	seqring_add(&ring->w.ctl->dropped[cause], 1);
}

static noinline void seqring_reject_second_writer(struct seqring_device *sdev,
						  struct seqring_ring *ring)
{
	seqring_count_drop(ring, SEQRING_DROP_BUSY);
	if (!test_and_set_bit(0, &sdev->warned))
		pr_warn("%s: a second writer on a ring that its caller serialises; dropped\n",
			sdev->name);
}

static __always_inline bool seqring_enter_caller(struct seqring_device *sdev,
						 struct seqring_ring *ring)
{
	u32 me = 1 + raw_smp_processor_id();

	if (exact_check ? !seqring_cmpxchg_full(NEST, &ring->busy, 0, me) :
			  !READ_ONCE(ring->busy)) {
		/* A nested writer has left the ring before this store, or it sees the store. */
		WRITE_ONCE(ring->busy, me);
		seqring_compiler_barrier(NEST);
		return true;
	}
	seqring_reject_second_writer(sdev, ring);
	return false;
}

/*
 * Takes the ring that this context may write. A nested writer, such as an NMI or a
 * tracepoint between reserve and commit, finds the ring busy: waiting would deadlock this
 * CPU.
 *
 * Return: the ring, to give back with seqring_leave(); NULL if it is busy, which counts
 * as a drop.
 */
static __always_inline struct seqring_ring *seqring_enter(struct seqring_device *sdev,
							  unsigned long *irq_flags)
{
	struct seqring_ring *ring;
	u32 me;

	if (sdev->mode == SEQRING_MODE_CALLER) {
		ring = sdev->rings[0];
		return seqring_enter_caller(sdev, ring) ? ring : NULL;
	}
	local_irq_save(*irq_flags);
	me = 1 + smp_processor_id();
	ring = sdev->mode == SEQRING_MODE_PERCPU ? *this_cpu_ptr(sdev->cpu_ring) : sdev->rings[0];
	if (sdev->mode == SEQRING_MODE_PERCPU) {
		if (READ_ONCE(ring->busy))
			goto busy;
	} else {
		if (READ_ONCE(ring->busy) == me)
			goto busy;
		if (!in_nmi())
			raw_spin_lock(&ring->lock);
		else if (!raw_spin_trylock(&ring->lock))
			goto busy;
		/* Held until seqring_leave(), which sparse cannot follow. */
		__release(&ring->lock);
	}
	WRITE_ONCE(ring->busy, me);
	seqring_compiler_barrier(NEST);
	return ring;
busy:
	seqring_count_drop(ring, SEQRING_DROP_BUSY);
	local_irq_restore(*irq_flags);
	return NULL;
}

static __always_inline void seqring_leave(struct seqring_ring *ring, unsigned long irq_flags)
{
	u32 mode = ring->sdev->mode;

	seqring_compiler_barrier(NEST);
	WRITE_ONCE(ring->busy, 0);
	if (mode == SEQRING_MODE_LOCKED) {
		__acquire(&ring->lock);
		raw_spin_unlock(&ring->lock);
	}
	if (mode != SEQRING_MODE_CALLER)
		local_irq_restore(irq_flags);
}

/**
 * seqring_reserve() - open a record, to write its payload in place
 * @sdev: the device
 * @len: payload bytes, 0 to payload_max (data_size / 4 - 24)
 * @resv: filled on success; undefined on failure
 *
 * If this returns 0, the caller holds the ring until it calls seqring_commit() or
 * seqring_discard(). resv->data holds old bytes, and the caller writes all @len of them.
 * In SEQRING_MODE_LOCKED and SEQRING_MODE_PERCPU interrupts are off meanwhile: the caller
 * is brief and does not sleep. In SEQRING_MODE_CALLER it may sleep.
 *
 * Context: any, NMI included. In SEQRING_MODE_CALLER the caller serialises the writers.
 * Return:
 * * 0: the record is open
 * * -EBUSY: the ring has a writer already; counted as a drop
 * * -EMSGSIZE: @len is above payload_max; counted as a drop
 */
int seqring_reserve(struct seqring_device *sdev, u32 len, struct seqring_resv *resv)
{
	struct seqring_ring *ring = seqring_enter(sdev, &resv->irq_flags);
	int err;

	if (!ring)
		return -EBUSY;
	err = seqring_writer_reserve(&ring->w, len, &resv->data);
	if (err) {
		seqring_count_drop(ring, SEQRING_DROP_TOO_BIG);
		seqring_leave(ring, resv->irq_flags);
		return err;
	}
	resv->len = len;
	resv->ring = ring;
	/* The caller's plain stores race with readers, which check afterwards: a seqcount. */
	kcsan_nestable_atomic_begin();
	return 0;
}
EXPORT_SYMBOL_GPL(seqring_reserve);

/**
 * seqring_commit() - publish the reserved record and wake the readers that wait for it
 * @resv: the reservation, from seqring_reserve(); invalid afterwards
 * @type: type of the record, defined by the producer
 *
 * The time of the record is the time of this call.
 *
 * Context: the context that called seqring_reserve(); in SEQRING_MODE_LOCKED and
 * SEQRING_MODE_PERCPU on the same CPU. Does not sleep.
 */
void seqring_commit(struct seqring_resv *resv, u16 type)
{
	struct seqring_ring *ring = resv->ring;

	kcsan_nestable_atomic_end();
	seqring_writer_commit(&ring->w, type, seqring_now(ring->sdev));
	seqring_wake_if_due(ring);
	seqring_leave(ring, resv->irq_flags);
}
EXPORT_SYMBOL_GPL(seqring_commit);

/**
 * seqring_discard() - give up the reserved record; no reader sees it
 * @resv: the reservation, from seqring_reserve(); invalid afterwards
 *
 * Does not count as a drop.
 *
 * Context: as for seqring_commit().
 */
void seqring_discard(struct seqring_resv *resv)
{
	kcsan_nestable_atomic_end();
	seqring_writer_discard(&resv->ring->w);
	seqring_leave(resv->ring, resv->irq_flags);
}
EXPORT_SYMBOL_GPL(seqring_discard);

/**
 * seqring_publish_batch() - publish several records with one wake-up
 * @sdev: the device
 * @items: the records; only read
 * @nr: number of records
 * @done: set to the number of published records; may be NULL
 *
 * All records go to one ring in a row, each with its own time.
 *
 * Context: any, NMI included. In SEQRING_MODE_CALLER the caller serialises the writers; in
 * the other modes interrupts are off throughout. Does not sleep.
 * Return:
 * * 0: all records are published
 * * -EBUSY: the ring has a writer already, and no record is published; one drop is counted
 * * -EMSGSIZE: items[*done] is longer than payload_max; the records before it are
 *   published, one drop is counted, and the records after it are not tried
 */
int seqring_publish_batch(struct seqring_device *sdev, const struct seqring_item *items,
			  unsigned int nr, unsigned int *done)
{
	unsigned long irq_flags;
	struct seqring_ring *ring = seqring_enter(sdev, &irq_flags);
	unsigned int i;
	int err = 0;

	if (done)
		*done = 0;
	if (!ring)
		return -EBUSY;
	for (i = 0; i < nr; i++) {
		err = seqring_writer_publish(&ring->w, items[i].type, seqring_now(sdev),
					     items[i].data, items[i].len);
		if (unlikely(err)) {
			seqring_count_drop(ring, SEQRING_DROP_TOO_BIG);
			break;
		}
	}
	seqring_wake_if_due(ring);
	seqring_leave(ring, irq_flags);
	if (done)
		*done = i;
	return err;
}
EXPORT_SYMBOL_GPL(seqring_publish_batch);

/**
 * seqring_publish() - publish one record
 * @sdev: the device
 * @type: type of the record, defined by the producer
 * @data: the payload; only read
 * @len: bytes of the payload, 0 to payload_max (data_size / 4 - 24)
 *
 * Wakes the readers that wait for the record.
 *
 * Context: any, NMI included. In SEQRING_MODE_CALLER the caller serialises the writers.
 * Does not sleep.
 * Return:
 * * 0: the record is published
 * * -EBUSY: the ring has a writer already; counted as a drop
 * * -EMSGSIZE: @len is above payload_max; counted as a drop
 */
int seqring_publish(struct seqring_device *sdev, u16 type, const void *data, u32 len)
{
	unsigned long irq_flags;
	struct seqring_ring *ring = seqring_enter(sdev, &irq_flags);
	int err;

	if (!ring)
		return -EBUSY;
	err = seqring_writer_publish(&ring->w, type, seqring_now(sdev), data, len);
	if (unlikely(err))
		seqring_count_drop(ring, SEQRING_DROP_TOO_BIG);
	else
		seqring_wake_if_due(ring);
	seqring_leave(ring, irq_flags);
	return err;
}
EXPORT_SYMBOL_GPL(seqring_publish);
