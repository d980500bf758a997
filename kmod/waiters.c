// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waking the waiters of an open file. An interrupt wakes a few tasks. A work item wakes all
 * other waiters, in pieces: each may hang any number of further waiters behind itself.
 */

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "internal.h"

/* Waiters that a work item wakes before it lets others run. */
#define SEQRING_WORK_WAITERS	32
/* Longest pause of a file. */
#define SEQRING_FILE_PAUSE_MAX	NSEC_PER_SEC

/* A place in a wait queue, for a walk in pieces. */
static int seqring_mark_wake(struct wait_queue_entry *entry, unsigned int mode, int sync, void *key)
{
	return 0;
}

/*
 * Wakes up to @max waiters behind @mark, and moves @mark behind them. Keyless: a waiter
 * then asks poll() what there is, which arms for the next time. One exclusive waiter is
 * enough, as with any wake-up.
 *
 * Return: true if more waiters follow.
 */
static bool seqring_wake_some(struct wait_queue_head *wq, struct wait_queue_entry *mark,
			      unsigned int max, bool *exclusive_woken)
{
	struct wait_queue_entry *entry;
	unsigned int flags;

	lockdep_assert_held(&wq->lock);
	while (!list_is_last(&mark->entry, &wq->head)) {
		if (!max--)
			return true;
		entry = list_next_entry(mark, entry);
		/* The waiter may take itself off the queue, so the mark moves first. */
		list_move(&mark->entry, &entry->entry);
		flags = entry->flags;
		if (flags & WQ_FLAG_EXCLUSIVE && *exclusive_woken)
			continue;
		if (entry->func(entry, TASK_NORMAL, 0, NULL) > 0 && flags & WQ_FLAG_EXCLUSIVE)
			*exclusive_woken = true;
	}
	return false;
}

/*
 * Wakes all waiters of a queue, in pieces. A waiter that joins meanwhile looks at the ring
 * after it has joined, so it need not be woken.
 */
static void seqring_wake_all(struct wait_queue_head *wq)
{
	struct wait_queue_entry mark = { .func = seqring_mark_wake };
	bool exclusive_woken = false, more;
	unsigned long irq_flags;

	spin_lock_irqsave(&wq->lock, irq_flags);
	list_add(&mark.entry, &wq->head);
	for (;;) {
		more = seqring_wake_some(wq, &mark, SEQRING_WORK_WAITERS, &exclusive_woken);
		if (!more)
			break;
		spin_unlock_irqrestore(&wq->lock, irq_flags);
		cond_resched();
		spin_lock_irqsave(&wq->lock, irq_flags);
	}
	list_del(&mark.entry);
	spin_unlock_irqrestore(&wq->lock, irq_flags);
}

static void seqring_file_free(struct kref *ref)
{
	kvfree(container_of(ref, struct seqring_file, ref));
}

void seqring_file_put(struct seqring_file *f)
{
	kref_put(&f->ref, seqring_file_free);
}

/* Wakes all waiters of a file. May sleep. */
void seqring_wake_file_now(struct seqring_file *f)
{
	seqring_wake_all(&f->tasks);
	seqring_wake_all(&f->others);
}

static void seqring_wake_file_work(struct work_struct *work)
{
	struct delayed_work *wake_work = to_delayed_work(work);
	struct seqring_file *f = container_of(wake_work, struct seqring_file, wake_work);
	u64 begin = ktime_get_ns(), end;

	seqring_wake_file_now(f);
	end = ktime_get_ns();
	WRITE_ONCE(f->pause_end_ns,
		   end + min_t(u64, SEQRING_PAUSE_FACTOR * (end - begin),
			   SEQRING_FILE_PAUSE_MAX));
	seqring_file_put(f);
}

/* The caller holds f->tasks.lock, which orders this with seqring_file_end_wake(). */
static void seqring_queue_file_work(struct seqring_file *f, u64 now)
{
	u64 end = READ_ONCE(f->pause_end_ns);

	if (f->closed)
		return;
	/* The work holds a reference while it is queued. */
	kref_get(&f->ref);
	if (!queue_delayed_work(seqring_wq, &f->wake_work,
				end > now ? nsecs_to_jiffies(end - now) : 0))
		seqring_file_put(f);
}

/*
 * Wakes the tasks that sleep in poll(2), select(2) and read(2) themselves, if they are at
 * most @*max; subtracts them. Such a waiter costs one task's wake-up. All others may hang
 * any number of further waiters behind themselves, and are left to a work item.
 */
void seqring_wake_file(struct seqring_file *f, unsigned int *max, u64 now)
{
	struct wait_queue_entry mark = { .func = seqring_mark_wake }, *entry;
	bool exclusive_woken = false, work;
	unsigned long irq_flags;
	unsigned int nr = 0;

	/* Another ring has woken the file since it last looked, or is about to. */
	if (test_and_set_bit(SEQRING_FILE_WOKEN, &f->state))
		return;
	/* Who waits joined the queue before the file was armed, under the ring's lock. */
	work = waitqueue_active(&f->others);
	spin_lock_irqsave(&f->tasks.lock, irq_flags);
	list_for_each_entry(entry, &f->tasks.head, entry)
		if (++nr > *max)
			break;
	if (nr <= *max) {
		list_add(&mark.entry, &f->tasks.head);
		seqring_wake_some(&f->tasks, &mark, nr, &exclusive_woken);
		list_del(&mark.entry);
		*max -= nr;
	} else {
		work = true;
	}
	if (work)
		seqring_queue_file_work(f, now);
	spin_unlock_irqrestore(&f->tasks.lock, irq_flags);
}

static enum hrtimer_restart seqring_wake_file_timer(struct hrtimer *timer)
{
	struct seqring_file *f = container_of(timer, struct seqring_file, timer);
	unsigned int max_tasks = SEQRING_IRQ_TASKS;

	seqring_wake_file(f, &max_tasks, ktime_get_ns());
	return HRTIMER_NORESTART;
}

void seqring_file_init_wake(struct seqring_file *f)
{
	kref_init(&f->ref);
	init_waitqueue_head(&f->tasks);
	init_waitqueue_head(&f->others);
	INIT_DELAYED_WORK(&f->wake_work, seqring_wake_file_work);
	seqring_hrtimer_setup(&f->timer, seqring_wake_file_timer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_ABS_SOFT);
}

/* Ends all waking of a file that nobody has open. Others may hold references. */
void seqring_file_end_wake(struct seqring_file *f)
{
	u32 i;

	for (i = 0; i < f->sdev->nr_rings; i++)
		seqring_disarm(f->sdev->rings[i], &f->ring[i].sleeper,
			       SEQRING_BY_POLL | SEQRING_BY_READ);
	/* Only a sleeper on a ring starts the timer, and nobody polls any more. */
	hrtimer_cancel(&f->timer);
	spin_lock_irq(&f->tasks.lock);
	f->closed = true;
	spin_unlock_irq(&f->tasks.lock);
	if (cancel_delayed_work_sync(&f->wake_work))
		seqring_file_put(f);
}
