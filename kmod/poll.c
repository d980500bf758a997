// SPDX-License-Identifier: GPL-2.0-only
/* poll(2): when an open file is readable, and what its sleepers wait for. */

#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/poll.h>

#include "internal.h"

/* What select(2) and poll(2) wait by; learned, since the kernel does not export it. */
static poll_queue_proc seqring_task_qproc __ro_after_init;

/* Which sleepers a look at the rings arms. */
enum seqring_arming {
	SEQRING_ARM_NONE,	/* nobody sleeps: the file is only asked */
	SEQRING_ARM_UNREADY,	/* the caller sleeps, or asks again, unless the file is ready */
	SEQRING_ARM_ALWAYS,	/* the caller may not ask again */
};

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
	/* Longer than any machine runs, and a sum that cannot overflow. */
	if (watermark.timeout_ns > KTIME_MAX / 2)
		watermark.timeout_ns = 0;
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
		u->cursor.pos = f->ring[i].r.pos;
		u->cursor.seq = f->ring[i].r.seq;
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
 * Time of the first unread record. If the ring's clock is not the timer's, or the record
 * cannot be read, the time at which it was noticed. Once the reader has read all that was
 * there at that time, whatever is unread now is noticed now.
 */
static u64 seqring_get_unread_since(struct seqring_file *f, u32 i, const struct seqring_unread *u,
				    u64 now)
{
	struct seqring_sleeper *s = &f->ring[i].sleeper;
	struct seqring_reader r = f->ring[i].r;
	struct seqring_view v;
	u64 noticed_ns = READ_ONCE(s->noticed_ns);

	if (!noticed_ns || u->cursor.pos >= READ_ONCE(s->noticed_pos)) {
		noticed_ns = now;
		WRITE_ONCE(s->noticed_pos, u->head);
		WRITE_ONCE(s->noticed_ns, now);
	}
	if (f->sdev->clock_id != SEQRING_CLOCK_MONOTONIC)
		return noticed_ns;
	r.snap = 0;
	if (seqring_reader_seek_pos(&r, u->cursor.pos) || seqring_reader_peek_whole(&r, &v))
		return noticed_ns;
	return min(v.ts_ns, now);
}

/*
 * What an open file finds on its rings.
 *
 * @ready: a watermark is reached, or the timeout is over
 * @expired: the timeout is over
 * @drained: no record is unread on any ring
 * @deadline_ns: when the timeout is over; 0: there is none, or no unread record
 */
struct seqring_look {
	bool ready;
	bool expired;
	bool drained;
	u64 deadline_ns;
};

static struct seqring_look seqring_look_at_rings(struct seqring_file *f,
						 const struct seqring_cursors *c,
						 const struct seqring_watermark *watermark)
{
	struct seqring_look look = { .drained = true };
	u64 since = U64_MAX, now = ktime_get_ns();
	struct seqring_unread u;
	u32 i;

	for (i = 0; i < f->sdev->nr_rings; i++) {
		seqring_sample_unread(f, c, i, watermark, &u);
		look.ready |= u.enough;
		if (!u.any)
			continue;
		look.drained = false;
		if (watermark->timeout_ns)
			since = min(since, seqring_get_unread_since(f, i, &u, now));
	}
	if (since == U64_MAX)
		return look;
	/* Both are times since the machine started, so the sum does not overflow. */
	look.deadline_ns = since + watermark->timeout_ns;
	look.expired = now >= look.deadline_ns;
	look.ready |= look.expired;
	return look;
}

/* @told: the reader is told of all records up to now, so it waits for more than these. */
static void seqring_arm_ring(struct seqring_file *f, const struct seqring_cursors *c, u32 i,
			     const struct seqring_watermark *watermark, bool told, u64 now)
{
	struct seqring_sleeper *s = &f->ring[i].sleeper;
	struct seqring_goal goal = {
		.seq = SEQRING_WAIT_NONE,
		.by = c == f->cursors ? SEQRING_BY_POLL : SEQRING_BY_READ,
	};
	struct seqring_unread u;
	u64 pos, seq;

	seqring_sample_unread(f, c, i, watermark, &u);
	if (u.unwanted) {
		seqring_disarm(f->sdev->rings[i], s, goal.by);
		return;
	}
	told |= u.enough;
	goal.told = told;
	pos = told ? u.head : u.cursor.pos;
	seq = told ? u.seq + 1 : u.cursor.seq;
	goal.pos = pos;
	if (watermark->records != 1) {
		goal.pos += watermark->bytes - 1;
		if (watermark->records)
			goal.seq = seq + watermark->records - 1;
		/* The next record is the first unread one, and begins the timeout. */
		if (!u.any || told)
			goal.timeout_ns = watermark->timeout_ns;
		goal.first_pos = pos;
	}
	seqring_arm(f->sdev->rings[i], s, &goal, now);
}

/*
 * Looks at the rings, and arms as @arming says. The caller holds f->lock. Who sleeps is on
 * a wait queue of the file already. The second look comes after the arming: the writer
 * wakes nobody for a record that it published before.
 */
static struct seqring_look seqring_look_and_arm(struct seqring_file *f,
						const struct seqring_cursors *c,
						enum seqring_arming arming)
{
	struct seqring_watermark watermark = seqring_get_watermark(f, c);
	struct seqring_look look = seqring_look_at_rings(f, c, &watermark);
	bool announced, told;
	u64 now;
	u32 i;

	lockdep_assert_held(&f->lock);
	if (arming == SEQRING_ARM_NONE || (arming == SEQRING_ARM_UNREADY && look.ready))
		return look;
	/* Before the arming: whoever finds this file armed wakes it. */
	clear_bit(SEQRING_FILE_WOKEN, &f->state);
	do {
		now = ktime_get_ns();
		told = look.expired;
		announced = true;
		for (i = 0; i < f->sdev->nr_rings; i++) {
			seqring_arm_ring(f, c, i, &watermark, told, now);
			announced &= seqring_thresholds_announced(&f->sdev->rings[i]->thresholds);
		}
		if (!announced)
			seqring_announce(f->sdev);
		look = seqring_look_at_rings(f, c, &watermark);
		/* The timeout ended meanwhile: it is told now, so wait for the next record. */
	} while (look.expired && !told);
	if (look.deadline_ns && !look.ready)
		hrtimer_start(&f->timer, ns_to_ktime(look.deadline_ns), HRTIMER_MODE_ABS_SOFT);
	return look;
}

/**
 * seqring_arm_read() - ask for a wake-up by the next record, for read(2)
 * @f: the file; the caller holds f->lock and is on f->tasks already
 *
 * Context: may sleep.
 * Return: true if there is nothing to read, so that the caller may sleep.
 */
bool seqring_arm_read(struct seqring_file *f)
{
	return seqring_look_and_arm(f, NULL, SEQRING_ARM_UNREADY).drained;
}

/* Learns what select(2) and poll(2) wait by. */
void __init seqring_poll_init(void)
{
	struct poll_wqueues table;

	poll_initwait(&table);
	seqring_task_qproc = table.pt._qproc;
	poll_freewait(&table);
}

/*
 * Nobody who only asks arms anything: a wake-up costs the writer. poll(2) asks with a
 * queue function if it may sleep, and without one if it will not. For epoll and io_uring,
 * which stay on the queue, each question arms for the next wake-up. They may not ask again: an
 * edge-triggered one does not, nor does a level-triggered epoll instance in which something
 * edge-triggered waits.
 */
static enum seqring_arming seqring_get_arming(struct seqring_file *f,
					      const struct poll_table_struct *wait, bool task)
{
	__poll_t events = poll_requested_events(wait);
	bool waits;

	if (!(events & (EPOLLIN | EPOLLRDNORM)))
		return SEQRING_ARM_NONE;
	/* A waiter that stays on a queue joined it in an earlier call. */
	waits = waitqueue_active(&f->others);
	if (waits && !task)
		return SEQRING_ARM_ALWAYS;
	/* As above. */
	waits |= (wait && wait->_qproc) || waitqueue_active(&f->tasks);
	if (!waits)
		return SEQRING_ARM_NONE;
	return SEQRING_ARM_UNREADY;
}

__poll_t seqring_fop_poll(struct file *file, struct poll_table_struct *wait)
{
	struct seqring_file *f = file->private_data;
	bool task = wait && wait->_qproc == seqring_task_qproc;
	struct seqring_look look;
	__poll_t mask = 0;
	bool dead;

	/* AIO waits on one queue only. */
	poll_wait(file, task ? &f->tasks : &f->others, wait);
	mutex_lock(&f->lock);
	/* Load before the look, which then sees every record published before the end. */
	dead = seqring_load_acquire(END, &f->sdev->dead);
	look = seqring_look_and_arm(f, f->cursors, seqring_get_arming(f, wait, task));
	mutex_unlock(&f->lock);

	if (look.ready || (dead && !look.drained) || READ_ONCE(f->overrun))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (dead && look.drained)
		mask |= EPOLLHUP;
	if (file->f_mode & FMODE_WRITE)
		mask |= dead ? EPOLLERR : EPOLLOUT | EPOLLWRNORM;
	return mask;
}
