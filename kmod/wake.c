// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sleeps on a ring, and how they are woken. docs/design.md says why it is so.
 *
 * Each open file has its own wait queues, and on each ring its own thresholds. A ring
 * keeps its armed sleepers in order, and shows the writer the lowest thresholds. The
 * writer queues an irq_work at most. What runs in an interrupt is bounded by constants:
 * it takes so many sleepers off the ring, and wakes so many tasks. Work items do the
 * rest, in pieces.
 */

#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/smp.h>

#include "compat.h"
#include "internal.h"

/* Files that one interrupt wakes. */
#define SEQRING_IRQ_FILES	4
/* Longest pause of a ring, unless its wake interval is longer. */
#define SEQRING_PAUSE_MAX	(1000 * NSEC_PER_USEC)

struct workqueue_struct *seqring_wq;
/* Serialises the announcers of all rings. */
static DEFINE_MUTEX(seqring_announce_lock);

int seqring_wake_init(void)
{
	/* Not of high priority: a file with many waiters must not displace other tasks. */
	seqring_wq = alloc_workqueue("seqring", WQ_UNBOUND, 0);
	return seqring_wq ? 0 : -ENOMEM;
}

void seqring_wake_exit(void)
{
	destroy_workqueue(seqring_wq);
}

/* --- the sleepers of a ring ----------------------------------------------------------- */

static bool seqring_pos_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct seqring_sleeper, pos_node)->pos <
	       rb_entry(b, struct seqring_sleeper, pos_node)->pos;
}

static bool seqring_seq_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct seqring_sleeper, seq_node)->seq <
	       rb_entry(b, struct seqring_sleeper, seq_node)->seq;
}

static void seqring_sleeper_add(struct seqring_ring *ring, struct seqring_sleeper *s)
{
	/* The first record only begins the timeout, so it comes first. */
	s->pos = s->goal.timeout_ns ? s->goal.first_pos : s->goal.pos;
	s->seq = s->goal.timeout_ns ? SEQRING_WAIT_NONE : s->goal.seq;
	rb_add_cached(&s->pos_node, &ring->by_pos, seqring_pos_before);
	if (s->seq != SEQRING_WAIT_NONE)
		rb_add_cached(&s->seq_node, &ring->by_seq, seqring_seq_before);
	s->armed = true;
	ring->nr_sleepers++;
}

static void seqring_sleeper_del(struct seqring_ring *ring, struct seqring_sleeper *s)
{
	rb_erase_cached(&s->pos_node, &ring->by_pos);
	if (s->seq != SEQRING_WAIT_NONE)
		rb_erase_cached(&s->seq_node, &ring->by_seq);
	s->armed = false;
	ring->nr_sleepers--;
}

/* The sleeper with the lowest threshold, by position or by seq; NULL: none has one. */
static struct seqring_sleeper *seqring_first_by_pos(const struct seqring_ring *ring)
{
	struct rb_node *node = rb_first_cached(&ring->by_pos);

	return node ? rb_entry(node, struct seqring_sleeper, pos_node) : NULL;
}

static struct seqring_sleeper *seqring_first_by_seq(const struct seqring_ring *ring)
{
	struct rb_node *node = rb_first_cached(&ring->by_seq);

	return node ? rb_entry(node, struct seqring_sleeper, seq_node) : NULL;
}

/* A sleeper with a threshold that the ring has reached; NULL: none. */
static struct seqring_sleeper *seqring_first_due(const struct seqring_ring *ring)
{
	const struct seqring_ring_ctl *ctl = ring->w.ctl;
	struct seqring_sleeper *s = seqring_first_by_pos(ring);

	if (s && seqring_load_acquire(JOIN, &ctl->head) > s->pos)
		return s;
	s = seqring_first_by_seq(ring);
	return s && seqring_read(&ctl->seq) >= s->seq ? s : NULL;
}

/* True if the ring has reached a threshold of this sleeper, which is armed. */
static bool seqring_is_due(const struct seqring_ring *ring, const struct seqring_sleeper *s)
{
	return seqring_load_acquire(JOIN, &ring->w.ctl->head) > s->pos ||
	       seqring_read(&ring->w.ctl->seq) >= s->seq;
}

/*
 * Shows the lowest thresholds to the writer, or, until the pause after the last wake-up is
 * over, to the timer that ends the pause.
 */
static void seqring_show_thresholds(struct seqring_ring *ring, u64 now)
{
	struct seqring_sleeper *by_pos = seqring_first_by_pos(ring);
	struct seqring_sleeper *by_seq = seqring_first_by_seq(ring);

	lockdep_assert_held(&ring->sleepers_lock);
	if (by_pos && !ring->ended && now < ring->pause_end_ns) {
		if (!hrtimer_is_queued(&ring->pause_timer))
			hrtimer_start(&ring->pause_timer, ns_to_ktime(ring->pause_end_ns),
				      HRTIMER_MODE_ABS_SOFT);
		by_pos = NULL;
		by_seq = NULL;
	}
	seqring_thresholds_store(&ring->thresholds, by_pos ? by_pos->pos : SEQRING_WAIT_NONE,
				 by_seq ? by_seq->seq : SEQRING_WAIT_NONE, ring->nr_sleepers);
}

/* Several wait on the same file: whichever goal is reached first wakes them. */
static void seqring_add_goal(struct seqring_sleeper *s, const struct seqring_goal *goal)
{
	u64 first = goal->timeout_ns ? goal->first_pos : goal->pos;

	s->goal.pos = min(s->pos, first);
	s->goal.seq = min(s->seq, goal->timeout_ns ? SEQRING_WAIT_NONE : goal->seq);
	s->goal.timeout_ns = 0;
	s->goal.by |= goal->by;
}

/**
 * seqring_arm() - ask for a wake-up of an open file
 * @ring: the ring
 * @s: the file's sleeper on that ring; armed already or not
 * @goal: when to wake it
 * @now: ktime_get_ns(), not long ago
 *
 * Afterwards the caller announces the sleeper if seqring_thresholds_announced() says so,
 * and looks at the ring again.
 *
 * Context: any but an NMI.
 */
void seqring_arm(struct seqring_ring *ring, struct seqring_sleeper *s,
		 const struct seqring_goal *goal, u64 now)
{
	unsigned long irq_flags;
	bool other;

	raw_spin_lock_irqsave(&ring->sleepers_lock, irq_flags);
	/* Whoever is told of a record must not take another waiter's wake-up for it away. */
	other = s->armed && (s->goal.by & ~goal->by || (goal->told && seqring_is_due(ring, s)));
	if (s->armed)
		seqring_sleeper_del(ring, s);
	if (!ring->ended) {
		if (other)
			seqring_add_goal(s, goal);
		else
			s->goal = *goal;
		seqring_sleeper_add(ring, s);
		seqring_show_thresholds(ring, now);
	}
	raw_spin_unlock_irqrestore(&ring->sleepers_lock, irq_flags);
}

/* Forgets what @by, SEQRING_BY_*, has asked for, unless somebody else asked as well. */
void seqring_disarm(struct seqring_ring *ring, struct seqring_sleeper *s, u32 by)
{
	unsigned long irq_flags;

	raw_spin_lock_irqsave(&ring->sleepers_lock, irq_flags);
	if (s->armed && !(s->goal.by & ~by)) {
		seqring_sleeper_del(ring, s);
		seqring_show_thresholds(ring, ktime_get_ns());
	}
	raw_spin_unlock_irqrestore(&ring->sleepers_lock, irq_flags);
}

/* --- announcing sleepers to the writers ------------------------------------------------ */

static void seqring_fence_here(void *unused)
{
	/* Pairs with the compiler barrier in seqring_thresholds_watched(), on this CPU. */
	seqring_fence_full(WAKE);
}

/*
 * Announces the sleepers of a device to the writers that do not watch yet. A CPU that is
 * offline publishes nothing, and executes full fences before it does again. So does a CPU
 * that switches from one task to another.
 */
void seqring_announce(struct seqring_device *sdev)
{
	struct seqring_ring *ring;
	int cpu = -1;
	u32 i, nr = 0;

	/* A CPU on its way offline may still publish, but gets no interrupt. */
	cpus_read_lock();
	mutex_lock(&seqring_announce_lock);
	for (i = 0; i < sdev->nr_rings; i++) {
		ring = sdev->rings[i];
		if (seqring_thresholds_announced(&ring->thresholds))
			continue;
		seqring_thresholds_announce(&ring->thresholds);
		ring->announcing = true;
		cpu = sdev->mode == SEQRING_MODE_PERCPU ? (int)seqring_read(&ring->w.ctl->id) : -1;
		nr++;
	}
	/* The writer of a ring that belongs to a CPU runs there only. */
	seqring_fence_full(WAKE);
	if (nr == 1 && cpu >= 0)
		smp_call_function_single(cpu, seqring_fence_here, NULL, true);
	else if (nr)
		smp_call_function(seqring_fence_here, NULL, true);
	for (i = 0; i < sdev->nr_rings; i++) {
		ring = sdev->rings[i];
		if (ring->announcing)
			seqring_thresholds_confirm(&ring->thresholds);
		ring->announcing = false;
	}
	mutex_unlock(&seqring_announce_lock);
	cpus_read_unlock();
}

/* --- waking the sleepers of a ring ----------------------------------------------------- */

/*
 * The first record of a reader with a timeout starts the timeout, and wakes nobody. Then
 * the sleeper waits for the rest of its watermark.
 */
static void seqring_begin_timeout(struct seqring_ring *ring, struct seqring_sleeper *s, u64 now)
{
	ktime_t deadline = ns_to_ktime(now + s->goal.timeout_ns);

	s->goal.timeout_ns = 0;
	WRITE_ONCE(s->noticed_pos, seqring_read(&ring->w.ctl->head));
	WRITE_ONCE(s->noticed_ns, now);
	if (!hrtimer_is_queued(&s->file->timer) ||
	    ktime_before(deadline, hrtimer_get_expires(&s->file->timer)))
		hrtimer_start(&s->file->timer, deadline, HRTIMER_MODE_ABS_SOFT);
	seqring_sleeper_add(ring, s);
}

/*
 * Takes a sleeper that is due off the ring. Return: its file, with a reference; NULL: no
 * sleeper is due, or @s began a timeout.
 */
static struct seqring_file *seqring_take_due(struct seqring_ring *ring, u64 now, bool *any)
{
	struct seqring_file *f = NULL;
	struct seqring_sleeper *s;
	unsigned long irq_flags;

	raw_spin_lock_irqsave(&ring->sleepers_lock, irq_flags);
	s = seqring_first_due(ring);
	*any = s;
	if (s) {
		seqring_sleeper_del(ring, s);
		if (s->goal.timeout_ns) {
			seqring_begin_timeout(ring, s, now);
		} else {
			f = s->file;
			kref_get(&f->ref);
		}
	}
	raw_spin_unlock_irqrestore(&ring->sleepers_lock, irq_flags);
	return f;
}

/* Wakes up to @max files that are due. Return: true if more may be due. */
static bool seqring_wake_due(struct seqring_ring *ring, unsigned int max, bool *woken)
{
	unsigned int max_tasks = SEQRING_IRQ_TASKS;
	struct seqring_file *f;
	u64 now = ktime_get_ns();
	bool any;

	while (max--) {
		f = seqring_take_due(ring, now, &any);
		if (!any)
			return false;
		if (!f)
			continue;
		*woken = true;
		seqring_wake_file(f, &max_tasks, now);
		seqring_file_put(f);
	}
	return true;
}

/*
 * After the wake-ups, if there were any, begins a pause; then shows the thresholds of those
 * that still sleep to the writer. Return: true if one of them is due already, for the
 * writer wakes nobody for what it published before.
 */
static bool seqring_end_wake(struct seqring_ring *ring, u64 begin, bool woken)
{
	const struct seqring_ring_ctl *ctl = ring->w.ctl;
	u64 interval = ring->sdev->wake_interval_ns, now = ktime_get_ns(), pause;
	unsigned long irq_flags;
	bool due;

	raw_spin_lock_irqsave(&ring->sleepers_lock, irq_flags);
	if (woken) {
		seqring_write(&ring->w.ctl->wakeups, ++ring->wakeups);
		seqring_trace_wake(ring);
		if (interval) {
			pause = min_t(u64, SEQRING_PAUSE_FACTOR * (now - begin), SEQRING_PAUSE_MAX);
			ring->pause_end_ns = now + max(pause, interval);
		}
	}
	seqring_show_thresholds(ring, now);
	due = seqring_thresholds_reached(&ring->thresholds, seqring_load_acquire(JOIN, &ctl->head),
					 seqring_read(&ctl->seq));
	raw_spin_unlock_irqrestore(&ring->sleepers_lock, irq_flags);
	return due;
}

/* In an interrupt, or in a thread that stands for one: wakes a few, leaves the rest. */
static void seqring_wake_ring(struct seqring_ring *ring)
{
	u64 begin = ktime_get_ns();
	bool woken = false, more = false;

	/* Not for a record that came just before the pause began. */
	if (begin >= READ_ONCE(ring->pause_end_ns))
		more = seqring_wake_due(ring, SEQRING_IRQ_FILES, &woken);
	if (more || seqring_end_wake(ring, begin, woken))
		queue_work(seqring_wq, &ring->wake_work);
}

static void seqring_wake_ring_irq(struct irq_work *work)
{
	seqring_wake_ring(container_of(work, struct seqring_ring, wake_irq));
}

static enum hrtimer_restart seqring_wake_ring_timer(struct hrtimer *timer)
{
	seqring_wake_ring(container_of(timer, struct seqring_ring, pause_timer));
	return HRTIMER_NORESTART;
}

static void seqring_wake_ring_work(struct work_struct *work)
{
	struct seqring_ring *ring = container_of(work, struct seqring_ring, wake_work);
	u64 begin = ktime_get_ns();
	bool woken = false;

	do {
		while (seqring_wake_due(ring, SEQRING_IRQ_FILES, &woken))
			cond_resched();
	} while (seqring_end_wake(ring, begin, woken));
}

/* Asks for a look at the sleepers of a ring. Any context. */
void seqring_wake(struct seqring_ring *ring)
{
	if (seqring_thresholds_due(&ring->thresholds, ring->w.pos, ring->w.seq))
		irq_work_queue(&ring->wake_irq);
}

void seqring_ring_init_wake(struct seqring_ring *ring)
{
	seqring_thresholds_init(&ring->thresholds);
	raw_spin_lock_init(&ring->sleepers_lock);
	ring->by_pos = RB_ROOT_CACHED;
	ring->by_seq = RB_ROOT_CACHED;
	init_irq_work(&ring->wake_irq, seqring_wake_ring_irq);
	INIT_WORK(&ring->wake_work, seqring_wake_ring_work);
	seqring_hrtimer_setup(&ring->pause_timer, seqring_wake_ring_timer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_ABS_SOFT);
}

/* Ends all waking by records. The caller guarantees that no publish follows. */
void seqring_ring_end_wake(struct seqring_ring *ring)
{
	unsigned long irq_flags;

	raw_spin_lock_irqsave(&ring->sleepers_lock, irq_flags);
	ring->ended = true;
	raw_spin_unlock_irqrestore(&ring->sleepers_lock, irq_flags);
	irq_work_sync(&ring->wake_irq);
	hrtimer_cancel(&ring->pause_timer);
	cancel_work_sync(&ring->wake_work);
}
