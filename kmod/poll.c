// SPDX-License-Identifier: GPL-2.0-only
/* Sleeping readers: when to wake them, and how. */

#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/poll.h>

#include "internal.h"

/*
 * When to wake a reader. The values come from its reader page, so any value is possible.
 * No value has another effect than to wake this reader early or late.
 */
struct seqring_watermark {
	u64 records;
	u64 bytes;
	u64 timeout_ns;
};

/*
 * The unread records of one ring.
 *
 * @cursor: the first unread record
 * @head, @seq: of the ring
 * @unwanted: the reader does not read this ring
 * @any: a record is unread
 * @enough: a watermark is reached
 */
struct seqring_unread {
	struct seqring_cursor cursor;
	u64 head;
	u64 seq;
	bool unwanted;
	bool any;
	bool enough;
};

static struct seqring_watermark seqring_get_watermark(const struct seqring_file *f,
						      const struct seqring_cursors *c)
{
	u64 half = f->sdev->data_size / 2;
	struct seqring_watermark watermark = { .records = 1 };

	if (c) {
		const struct seqring_reader_page *page = c->area.addr;

		watermark.records = READ_ONCE(page->wake_records);
		watermark.bytes = READ_ONCE(page->wake_bytes);
		watermark.timeout_ns = READ_ONCE(page->wake_timeout_ns);
		if (!watermark.records && !watermark.bytes)
			watermark.records = 1;
	}
	/* Wake at half full at the latest: waiting longer risks an overrun. */
	if (!watermark.bytes || watermark.bytes > half)
		watermark.bytes = half;
	if (watermark.records > half)
		watermark.records = half;
	return watermark;
}

static void seqring_sample_unread(const struct seqring_file *f, const struct seqring_cursors *c,
				  u32 i, const struct seqring_watermark *watermark,
				  struct seqring_unread *u)
{
	const struct seqring_ring_ctl *ctl = f->sdev->rings[i]->w.ctl;
	bool known;

	if (c) {
		const struct seqring_reader_page *page = c->area.addr;

		u->cursor.pos = READ_ONCE(page->cursor[i].pos);
		u->cursor.seq = READ_ONCE(page->cursor[i].seq);
	} else {
		u->cursor.pos = f->r[i].pos;
		u->cursor.seq = f->r[i].seq;
	}
	u->head = seqring_load_acquire(JOIN, &ctl->head);
	u->seq = seqring_read(&ctl->seq);
	u->unwanted = u->cursor.pos == SEQRING_WAIT_NONE;
	if (u->cursor.pos > u->head)
		u->cursor.pos = u->head;
	u->any = u->cursor.pos < u->head;
	if (!u->cursor.pos)
		u->cursor.seq = 1;
	/* If the seq is unknown, wake on any record: early is safe. */
	known = u->cursor.seq && u->cursor.seq <= u->seq + 1;
	if (!known)
		u->cursor.seq = u->seq + 1;
	u->enough = u->any && (u->head - u->cursor.pos >= watermark->bytes ||
			       (watermark->records &&
				(!known || u->seq - u->cursor.seq + 1 >= watermark->records)));
}

/*
 * Arms the reader even if a watermark is reached: with edge-triggered epoll it does not
 * poll again. A reader with a timeout must notice the next record, because that record
 * starts the timeout.
 */
static void seqring_arm_ring(struct seqring_ring *ring, const struct seqring_watermark *watermark,
			     const struct seqring_unread *u)
{
	u64 pos = (u->enough ? u->head : u->cursor.pos);
	u64 seq = (u->enough ? u->seq + 1 : u->cursor.seq);

	if (u->unwanted)
		return;
	if (watermark->records == 1 || (watermark->timeout_ns && (!u->any || u->enough)))
		seqring_reader_arm(&ring->wait, pos, SEQRING_WAIT_NONE);
	else
		seqring_reader_arm(&ring->wait, pos + watermark->bytes - 1,
				   watermark->records ? seq + watermark->records - 1 :
							SEQRING_WAIT_NONE);
}

/* Asks for a wake-up by the next record of any ring, after a reader's timeout. */
static void seqring_arm_heads(struct seqring_file *f)
{
	u32 i;

	for (i = 0; i < f->sdev->nr_rings; i++) {
		struct seqring_ring *ring = f->sdev->rings[i];

		/* No check follows: poll() reports the ring readable in any case. */
		seqring_reader_arm(&ring->wait, seqring_load_acquire(JOIN, &ring->w.ctl->head),
				   SEQRING_WAIT_NONE);
	}
}

/*
 * Time of the first unread record. If the ring's clock is not the timer's, or the record
 * cannot be read, the time at which poll() noticed it.
 */
static u64 seqring_get_unread_since(struct seqring_file *f, u32 i, const struct seqring_unread *u)
{
	u64 now = ktime_get_ns();
	struct seqring_reader r = f->r[i];
	struct seqring_view v;

	if (!f->unread_since_ns)
		f->unread_since_ns = now;
	if (f->sdev->clock_id != SEQRING_CLOCK_MONOTONIC)
		return f->unread_since_ns;
	r.snap = 0;
	if (seqring_reader_seek_pos(&r, u->cursor.pos) || seqring_reader_peek(&r, &v) ||
	    seqring_reader_recheck(&r, &v))
		return f->unread_since_ns;
	return min(v.ts_ns, now);
}

enum hrtimer_restart seqring_wake_on_timeout(struct hrtimer *timer)
{
	struct seqring_file *f = container_of(timer, struct seqring_file, timer);

	wake_up_poll(&f->timer_wq, EPOLLIN | EPOLLRDNORM);
	return HRTIMER_NORESTART;
}

/**
 * seqring_arm_and_check() - ask for a wake-up, then check whether a watermark is reached
 * @f: the file; the caller holds f->lock and is on the wait queues already
 * @c: the reader page with the reader's cursors; NULL: use the positions of read(2)
 * @drained: set to true if no record is unread on any ring
 *
 * Context: may sleep (the caller holds a mutex).
 * Return: true if a watermark or the timeout is reached.
 */
bool seqring_arm_and_check(struct seqring_file *f, const struct seqring_cursors *c, bool *drained)
{
	struct seqring_watermark watermark = seqring_get_watermark(f, c);
	u64 since = U64_MAX, deadline;
	struct seqring_unread u;
	bool enough = false;
	u32 i;

	lockdep_assert_held(&f->lock);
	*drained = true;
	for (i = 0; i < f->sdev->nr_rings; i++) {
		seqring_sample_unread(f, c, i, &watermark, &u);
		seqring_arm_ring(f->sdev->rings[i], &watermark, &u);
		/* Sample again after arming: a record published before that wakes nobody. */
		seqring_sample_unread(f, c, i, &watermark, &u);
		enough |= u.enough;
		if (!u.any)
			continue;
		*drained = false;
		if (watermark.timeout_ns)
			since = min(since, seqring_get_unread_since(f, i, &u));
	}
	if (*drained)
		f->unread_since_ns = 0;
	if (enough || *drained || !watermark.timeout_ns)
		return enough;
	if (check_add_overflow(since, watermark.timeout_ns, &deadline) || deadline > KTIME_MAX)
		return false;
	if (ktime_get_ns() >= deadline) {
		seqring_arm_heads(f);
		return true;
	}
	hrtimer_start(&f->timer, ns_to_ktime(deadline), HRTIMER_MODE_ABS_SOFT);
	return false;
}

__poll_t seqring_fop_poll(struct file *file, struct poll_table_struct *wait)
{
	struct seqring_file *f = file->private_data;
	bool enough, drained, dead;
	__poll_t mask = 0;

	poll_wait(file, &f->sdev->wq, wait);
	poll_wait(file, &f->timer_wq, wait);
	mutex_lock(&f->lock);
	/* Load before the check, which then sees every record published before the end. */
	dead = seqring_load_acquire(END, &f->sdev->dead);
	enough = seqring_arm_and_check(f, f->cursors, &drained);
	mutex_unlock(&f->lock);

	if (enough || (dead && !drained) || READ_ONCE(f->overrun))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (dead && drained)
		mask |= EPOLLHUP;
	if (file->f_mode & FMODE_WRITE)
		mask |= dead ? EPOLLERR : EPOLLOUT | EPOLLWRNORM;
	return mask;
}
