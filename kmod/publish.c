// SPDX-License-Identifier: GPL-2.0-only
/* The writer's side of the kernel API. */

#include <linux/kcsan-checks.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>

#include "internal.h"

/*
 * Without it, SEQRING_MODE_CALLER finds a second writer that nests on the same
 * CPU, always, and one on another CPU nearly always. With it, always, at the
 * price of a locked instruction for each record.
 */
static bool exact_check;
module_param(exact_check, bool, 0444);
MODULE_PARM_DESC(exact_check, "find every second writer of a caller-serialised ring");

void seqring_drop(struct seqring_ring *ring, enum seqring_drop cause)
{
	seqring_add(&ring->w.ctl->dropped[cause], 1);
}

/* irq_work: may run in hard interrupt context, on PREEMPT_RT in a thread. */
void seqring_wake_sleepers(struct irq_work *work)
{
	struct seqring_ring *ring = container_of(work, struct seqring_ring, work);

	wake_up_poll(&ring->sr->wq, EPOLLIN | EPOLLRDNORM);
}

void seqring_wake(struct seqring_ring *ring)
{
	seqring_write(&ring->w.ctl->wakeups, ++ring->wakeups);
	irq_work_queue(&ring->work);
}

static noinline void seqring_complain(struct seqring_device *sr, struct seqring_ring *ring)
{
	seqring_drop(ring, SEQRING_DROP_BUSY);
	if (!test_and_set_bit(0, &sr->warned))
		pr_warn("%s: a second writer on a ring that its caller serialises; dropped\n",
			sr->name);
}

static __always_inline bool seqring_enter_caller(struct seqring_device *sr, struct seqring_ring *ring)
{
	u32 me = 1 + raw_smp_processor_id();

	if (exact_check ? !seqring_cmpxchg_full(NEST, &ring->busy, 0, me) : !READ_ONCE(ring->busy)) {
		/* A nested writer has come and gone before this store, or sees it. */
		WRITE_ONCE(ring->busy, me);
		seqring_compiler_barrier(NEST);
		return true;
	}
	seqring_complain(sr, ring);
	return false;
}

/*
 * Takes the ring that this context may write. A writer that nests, be it an NMI
 * or a tracepoint between reserve and commit, finds it busy: waiting for its own
 * CPU would be for ever.
 *
 * Return: the ring, to seqring_leave(); NULL: busy, counted as a drop.
 */
static __always_inline struct seqring_ring *seqring_enter(struct seqring_device *sr,
							 unsigned long *irq_flags)
{
	struct seqring_ring *ring;
	u32 me;

	if (sr->mode == SEQRING_MODE_CALLER) {
		ring = sr->rings[0];
		return seqring_enter_caller(sr, ring) ? ring : NULL;
	}
	local_irq_save(*irq_flags);
	me = 1 + smp_processor_id();
	ring = sr->mode == SEQRING_MODE_PERCPU ? *this_cpu_ptr(sr->cpu_ring) : sr->rings[0];
	if (sr->mode == SEQRING_MODE_PERCPU) {
		if (READ_ONCE(ring->busy))
			goto busy;
	} else {
		if (READ_ONCE(ring->busy) == me)
			goto busy;
		if (!in_nmi())
			raw_spin_lock(&ring->lock);
		else if (!raw_spin_trylock(&ring->lock))
			goto busy;
		/* Held until seqring_leave(); sparse cannot follow it to there. */
		__release(&ring->lock);
	}
	WRITE_ONCE(ring->busy, me);
	seqring_compiler_barrier(NEST);
	return ring;
busy:
	seqring_drop(ring, SEQRING_DROP_BUSY);
	local_irq_restore(*irq_flags);
	return NULL;
}

static __always_inline void seqring_leave(struct seqring_ring *ring, unsigned long irq_flags)
{
	u32 mode = ring->sr->mode;

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
 * seqring_reserve() - open a record and get the place of its payload
 * @sr: the device
 * @len: payload bytes, up to payload_max (data_size / 4 - 24)
 * @resv: filled on success; the caller's until seqring_commit() or _discard()
 *
 * Between this and the end of the reservation the ring is the caller's: in the
 * modes LOCKED and PERCPU with interrupts off, so be short and do not sleep. In
 * mode CALLER the caller may sleep. The payload holds old bytes; write all of it.
 *
 * Context: any, NMI included; in mode CALLER whatever the caller serialises.
 * Return: 0; -EBUSY the ring has a writer already; -EMSGSIZE @len is too large.
 * Both are counted as drops.
 */
int seqring_reserve(struct seqring_device *sr, u32 len, struct seqring_resv *resv)
{
	struct seqring_ring *ring = seqring_enter(sr, &resv->irq_flags);
	int err;

	if (!ring)
		return -EBUSY;
	err = seqring_writer_reserve(&ring->w, len, &resv->data);
	if (err) {
		seqring_drop(ring, SEQRING_DROP_TOO_BIG);
		seqring_leave(ring, resv->irq_flags);
		return err;
	}
	resv->len = len;
	resv->ring = ring;
	/* As within a seqcount: plain stores that readers check afterwards. */
	kcsan_nestable_atomic_begin();
	return 0;
}
EXPORT_SYMBOL_GPL(seqring_reserve);

/**
 * seqring_commit() - publish the reserved record, wake who waits for it
 * @resv: from seqring_reserve(); void afterwards
 * @type: the producer's type
 *
 * Context: that of seqring_reserve(), on the same CPU in the modes LOCKED and
 * PERCPU.
 */
void seqring_commit(struct seqring_resv *resv, u16 type)
{
	struct seqring_ring *ring = resv->ring;

	kcsan_nestable_atomic_end();
	seqring_writer_commit(&ring->w, type, seqring_now(ring->sr));
	seqring_wake_if_due(ring);
	seqring_leave(ring, resv->irq_flags);
}
EXPORT_SYMBOL_GPL(seqring_commit);

/**
 * seqring_discard() - drop the reserved record; nobody will see it
 * @resv: from seqring_reserve(); void afterwards
 *
 * Context: as seqring_commit().
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
 * @sr: the device
 * @items: the records; only read
 * @nr: how many
 * @done: set to how many were published; may be NULL
 *
 * All of them go to one ring in a row, each with its own time.
 *
 * Context: any, NMI included; in mode CALLER whatever the caller serialises. In
 * the other modes interrupts are off throughout.
 * Return: 0 all; -EBUSY the ring has a writer already, none was published
 * (counted as one drop); -EMSGSIZE items[*done] is too large (counted), those
 * before it are published.
 */
int seqring_publish_batch(struct seqring_device *sr, const struct seqring_item *items,
			  unsigned int nr, unsigned int *done)
{
	unsigned long irq_flags;
	struct seqring_ring *ring = seqring_enter(sr, &irq_flags);
	unsigned int i;
	int err = 0;

	if (done)
		*done = 0;
	if (!ring)
		return -EBUSY;
	for (i = 0; i < nr; i++) {
		err = seqring_writer_publish(&ring->w, items[i].type, seqring_now(sr), items[i].data,
					items[i].len);
		if (unlikely(err)) {
			seqring_drop(ring, SEQRING_DROP_TOO_BIG);
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
 * @sr: the device
 * @type: the producer's type
 * @data: the payload; only read
 * @len: its length, up to payload_max (data_size / 4 - 24)
 *
 * Context: any, NMI included; in mode CALLER whatever the caller serialises.
 * Return: 0; -EBUSY the ring has a writer already; -EMSGSIZE @len is too large.
 * Both are counted as drops.
 */
int seqring_publish(struct seqring_device *sr, u16 type, const void *data, u32 len)
{
	unsigned long irq_flags;
	struct seqring_ring *ring = seqring_enter(sr, &irq_flags);
	int err;

	if (!ring)
		return -EBUSY;
	err = seqring_writer_publish(&ring->w, type, seqring_now(sr), data, len);
	if (unlikely(err))
		seqring_drop(ring, SEQRING_DROP_TOO_BIG);
	else
		seqring_wake_if_due(ring);
	seqring_leave(ring, irq_flags);
	return err;
}
EXPORT_SYMBOL_GPL(seqring_publish);
