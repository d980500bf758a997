// SPDX-License-Identifier: GPL-2.0-only
/* Sleeping readers: what they wait for, and when they have it. */

#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/poll.h>

#include "internal.h"

/*
 * What a reader wants to be woken for. Taken from its reader page: any value is
 * possible there, and none does more than wake this reader early or late.
 */
struct seqring_watermark {
	u64 records;
	u64 bytes;
	u64 timeout_ns;
};

/* How a reader stands on one ring; @unwanted: it does not read this one at all. */
struct seqring_unread {
	struct seqring_cursor cursor;
	u64 head;
	u64 seq;
	bool unwanted;
	bool any;
	bool enough;
};

static struct seqring_watermark seqring_watermark(const struct seqring_file *f,
					const struct seqring_cursors *c)
{
	u64 half = f->sr->data_size / 2;
	struct seqring_watermark watermark = { .records = 1 };

	if (c) {
		const struct seqring_reader_page *page = c->area.addr;

		watermark.records = READ_ONCE(page->wake_records);
		watermark.bytes = READ_ONCE(page->wake_bytes);
		watermark.timeout_ns = READ_ONCE(page->wake_timeout_ns);
		if (!watermark.records && !watermark.bytes)
			watermark.records = 1;
	}
	/* Half a ring unread is enough for anybody: later, it would be lost. */
	if (!watermark.bytes || watermark.bytes > half)
		watermark.bytes = half;
	if (watermark.records > half)
		watermark.records = half;
	return watermark;
}

static void seqring_sample_unread(const struct seqring_file *f, const struct seqring_cursors *c, u32 i,
			 const struct seqring_watermark *watermark, struct seqring_unread *u)
{
	const struct seqring_ring_ctl *ctl = f->sr->rings[i]->w.ctl;
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
	/* Who does not know the seq is woken early, by any record: not late. */
	known = u->cursor.seq && u->cursor.seq <= u->seq + 1;
	if (!known)
		u->cursor.seq = u->seq + 1;
	u->enough = u->any && (u->head - u->cursor.pos >= watermark->bytes ||
			       (watermark->records &&
				(!known || u->seq - u->cursor.seq + 1 >= watermark->records)));
}

/*
 * Also arms a reader that has enough: an edge-triggered one does not ask again.
 * With a timeout it must notice the first record to come, which starts the time.
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
			      watermark->records ? seq + watermark->records - 1 : SEQRING_WAIT_NONE);
}

/* Asks for the next record of any ring, on behalf of a reader whose time is up. */
static void seqring_arm_heads(struct seqring_file *f)
{
	u32 i;

	for (i = 0; i < f->sr->nr_rings; i++) {
		struct seqring_ring *ring = f->sr->rings[i];

		/* Nothing to look at again: this poll says yes anyhow. */
		seqring_reader_arm(&ring->wait, seqring_load_acquire(JOIN, &ring->w.ctl->head),
			      SEQRING_WAIT_NONE);
	}
}

/* Time of the first unread record, or when it was noticed without a clock. */
static u64 seqring_unread_since(struct seqring_file *f, u32 i, const struct seqring_unread *u)
{
	u64 now = ktime_get_ns();
	struct seqring_reader r = f->r[i];
	struct seqring_view v;

	if (!f->unread_since_ns)
		f->unread_since_ns = now;
	if (f->sr->clock_id != SEQRING_CLOCK_MONOTONIC)
		return f->unread_since_ns;
	r.snap = 0;
	if (seqring_reader_seek_pos(&r, u->cursor.pos) || seqring_reader_peek(&r, &v) ||
	    seqring_reader_recheck(&r, &v))
		return f->unread_since_ns;
	return min(v.ts_ns, now);
}

enum hrtimer_restart seqring_timeout(struct hrtimer *timer)
{
	struct seqring_file *f = container_of(timer, struct seqring_file, timer);

	wake_up_poll(&f->timer_wq, EPOLLIN | EPOLLRDNORM);
	return HRTIMER_NORESTART;
}

/**
 * seqring_arm_and_look() - ask for a wake-up, then say whether to sleep at all
 * @f: the file, with f->lock held; it is on the wait queues already
 * @c: the reader page that says where the reader stands; NULL: where read(2) does
 * @drained: set to whether nothing is unread on any ring
 *
 * Return: whether what the reader waits for is there.
 */
bool seqring_arm_and_look(struct seqring_file *f, const struct seqring_cursors *c, bool *drained)
{
	struct seqring_watermark watermark = seqring_watermark(f, c);
	u64 since = U64_MAX, deadline;
	struct seqring_unread u;
	bool enough = false;
	u32 i;

	lockdep_assert_held(&f->lock);
	*drained = true;
	for (i = 0; i < f->sr->nr_rings; i++) {
		seqring_sample_unread(f, c, i, &watermark, &u);
		seqring_arm_ring(f->sr->rings[i], &watermark, &u);
		/* Again, after the fence in there: what came before it wakes nobody. */
		seqring_sample_unread(f, c, i, &watermark, &u);
		enough |= u.enough;
		if (!u.any)
			continue;
		*drained = false;
		if (watermark.timeout_ns)
			since = min(since, seqring_unread_since(f, i, &u));
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

	poll_wait(file, &f->sr->wq, wait);
	poll_wait(file, &f->timer_wq, wait);
	mutex_lock(&f->lock);
	/* Before the look: what was published before the end is seen by it. */
	dead = seqring_load_acquire(END, &f->sr->dead);
	enough = seqring_arm_and_look(f, f->cursors, &drained);
	mutex_unlock(&f->lock);

	if (enough || (dead && !drained) || READ_ONCE(f->overrun))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (dead && drained)
		mask |= EPOLLHUP;
	if (file->f_mode & FMODE_WRITE)
		mask |= dead ? EPOLLERR : EPOLLOUT | EPOLLWRNORM;
	return mask;
}
