// SPDX-License-Identifier: GPL-2.0-only
/*
 * read(2) and seek: a process can follow a device without a mapping or a library.
 *
 * A copy to user space may take as long as the user wants: its page may come from a
 * userfaultfd or from a FUSE file. So nothing is locked meanwhile. Several reads on one open
 * file then copy the same record, and the one that comes first consumes it.
 */

#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "internal.h"

/* Records that a seek passes before other tasks may run. */
#define SEQRING_SEEK_CHUNK	1024U

/* --- the next record of all rings ------------------------------------------------------ */

static bool seqring_older(const struct seqring_file *f, u32 a, u32 b)
{
	return f->ring[f->heap[a]].view.ts_ns < f->ring[f->heap[b]].view.ts_ns;
}

static void seqring_sift_down(struct seqring_file *f)
{
	u32 i = 0, child;

	while ((child = 2 * i + 1) < f->nr_heap) {
		if (child + 1 < f->nr_heap && seqring_older(f, child + 1, child))
			child++;
		if (!seqring_older(f, child, i))
			break;
		swap(f->heap[i], f->heap[child]);
		i = child;
	}
}

static void seqring_push(struct seqring_file *f, u32 ring)
{
	u32 i = f->nr_heap++, parent;

	f->heap[i] = ring;
	while (i) {
		parent = (i - 1) / 2;
		if (!seqring_older(f, i, parent))
			break;
		swap(f->heap[i], f->heap[parent]);
		i = parent;
	}
}

/* Peeks at a ring. An overrun moves on to a later record, and read(2) has to tell. */
static enum seqring_outcome seqring_peek_ring(struct seqring_file *f, u32 ring)
{
	struct seqring_file_ring *fr = &f->ring[ring];
	enum seqring_outcome outcome = seqring_reader_peek_whole(&fr->r, &fr->view);

	if (outcome != SEQRING_OVERRUN)
		return outcome;
	f->overrun = true;
	seqring_trace_overrun(f->sdev->rings[ring], fr->r.seq);
	return seqring_reader_resync(&fr->r) ? SEQRING_CORRUPT : SEQRING_OVERRUN;
}

/*
 * Fills the heap with the next record of each ring, as of now. A record that is published
 * later is younger than all of these, so only the next filling needs it: a record costs
 * the logarithm of the number of rings.
 */
static enum seqring_outcome seqring_fill_heap(struct seqring_file *f)
{
	enum seqring_outcome outcome, all = SEQRING_DEAD;
	u32 i;

	for (i = 0; i < f->sdev->nr_rings; i++) {
		outcome = seqring_peek_ring(f, i);
		if (outcome == SEQRING_OK)
			seqring_push(f, i);
		else if (outcome == SEQRING_CORRUPT || outcome == SEQRING_OVERRUN)
			return outcome;
		else if (outcome == SEQRING_EMPTY)
			all = SEQRING_EMPTY;
	}
	return f->nr_heap ? SEQRING_OK : all;
}

/* SEQRING_OK: heap[0] is the ring with the oldest next record. The caller holds f->lock. */
static enum seqring_outcome seqring_find_oldest(struct seqring_file *f)
{
	lockdep_assert_held(&f->lock);
	return f->nr_heap ? SEQRING_OK : seqring_fill_heap(f);
}

/* The ring at the top of the heap has moved. The caller holds f->lock. */
static void seqring_update_top(struct seqring_file *f)
{
	struct seqring_reader *r = &f->ring[f->heap[0]].r;
	enum seqring_outcome outcome;

	/* Only up to the last filling: the other rings' later records are not in the heap. */
	if (r->pos < r->snap) {
		outcome = seqring_peek_ring(f, f->heap[0]);
		if (outcome == SEQRING_OVERRUN)
			outcome = seqring_peek_ring(f, f->heap[0]);
		if (outcome == SEQRING_OK) {
			seqring_sift_down(f);
			return;
		}
	}
	/* Empty as of the last filling, or corrupt: the next filling finds out. */
	f->heap[0] = f->heap[--f->nr_heap];
	seqring_sift_down(f);
}

/* --- read(2) --------------------------------------------------------------------------- */

/* Return: 0; -EFAULT; -EINTR if the task is being killed. @to may have moved. */
static int seqring_copy_out(const struct seqring_view *v, struct iov_iter *to)
{
	struct seqring_record rec = {
		.stamp = v->seq,
		.ts_ns = v->ts_ns,
		.meta = { .len = v->len, .type = v->type, .flags = v->flags },
	};
	size_t left = seqring_record_size(v->len) - sizeof(rec), n;
	const unsigned char *from = v->payload;

	if (copy_to_iter(&rec, sizeof(rec), to) != sizeof(rec))
		return -EFAULT;
	for (; left; left -= n, from += n) {
		n = min_t(size_t, left, SEQRING_COPY_CHUNK);
		if (copy_to_iter(from, n, to) != n)
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/*
 * Moves on from the record that was copied out, and sets @moves.
 *
 * Return: 0; -EAGAIN if another call has moved the position meanwhile; -EPIPE if the record
 * was overwritten.
 */
static int seqring_consume(struct seqring_file *f, u32 ring, const struct seqring_view *v,
			   u64 *moves)
{
	struct seqring_file_ring *fr = &f->ring[ring];
	int err = 0;

	mutex_lock(&f->lock);
	if (!f->nr_heap || f->heap[0] != ring || fr->r.pos != v->pos || fr->view.seq != v->seq) {
		err = -EAGAIN;
	} else if (seqring_reader_recheck(&fr->r, v)) {
		/* The next look finds the overrun, and tells it. */
		err = -EPIPE;
		seqring_update_top(f);
	} else {
		seqring_reader_consume(&fr->r, v);
		seqring_update_top(f);
		*moves = ++f->moves;
	}
	mutex_unlock(&f->lock);
	return err;
}

/*
 * Copies the oldest record out. @first: it is the first one of this call, and -EPIPE counts as
 * told. A later one must follow the one before it, after which the position had moved @moves
 * times: otherwise a record that another call has taken would look like a loss.
 *
 * Return: 0; -EPIPE if records were lost; -EMSGSIZE if it does not fit; -EIO if a ring is
 * corrupt; -EFAULT; -EINTR; -EAGAIN if there is none; 1 if there is none and the device
 * has ended.
 */
static int seqring_read_one(struct seqring_file *f, struct iov_iter *to, bool first, u64 *moves)
{
	enum seqring_outcome outcome;
	struct seqring_view v = {};
	size_t size = 0, before;
	u32 ring = 0;
	int err;

	for (;;) {
		mutex_lock(&f->lock);
		if (!first && f->moves != *moves)
			outcome = SEQRING_EMPTY;
		else
			outcome = f->overrun ? SEQRING_OVERRUN : seqring_find_oldest(f);
		if (outcome == SEQRING_OVERRUN && first)
			f->overrun = false;
		if (outcome == SEQRING_OK) {
			ring = f->heap[0];
			v = f->ring[ring].view;
			size = seqring_record_size(v.len);
		}
		mutex_unlock(&f->lock);
		switch (outcome) {
		case SEQRING_OK:
			break;
		case SEQRING_OVERRUN:
			return -EPIPE;
		case SEQRING_CORRUPT:
			return -EIO;
		default:
			return outcome == SEQRING_DEAD ? 1 : -EAGAIN;
		}
		before = iov_iter_count(to);
		err = size > before ? -EMSGSIZE : seqring_copy_out(&v, to);
		if (err && err != -EMSGSIZE) {
			iov_iter_revert(to, before - iov_iter_count(to));
			return err;
		}
		if (err && !seqring_reader_recheck(&f->ring[ring].r, &v))
			return err;
		err = seqring_consume(f, ring, &v, moves);
		if (!err)
			return 0;
		iov_iter_revert(to, before - iov_iter_count(to));
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

/* Sleeps until a record is on a ring. Return: 0; -ERESTARTSYS. */
static int seqring_wait_for_record(struct seqring_file *f)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool drained;
	int err = 0;

	add_wait_queue(&f->tasks, &wait);
	mutex_lock(&f->lock);
	drained = seqring_arm_read(f);
	mutex_unlock(&f->lock);
	if (drained && !seqring_load_acquire(END, &f->sdev->dead)) {
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
		if (signal_pending(current))
			err = -ERESTARTSYS;
	}
	remove_wait_queue(&f->tasks, &wait);
	return err;
}

/*
 * Reads as many whole records as fit, oldest first. -EPIPE, once, if records were lost;
 * the seq of the next record tells how many. -EMSGSIZE: the next record does not fit;
 * nothing was consumed. 0: the device has ended and all records are read.
 */
ssize_t seqring_fop_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct seqring_file *f = iocb->ki_filp->private_data;
	bool nowait = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	size_t count = iov_iter_count(to), done = 0;
	u64 moves = 0;
	int err;

	do {
		err = seqring_read_one(f, to, !done, &moves);
		done = count - iov_iter_count(to);
		if (err == -EAGAIN && !done && !nowait) {
			err = seqring_wait_for_record(f);
			continue;
		}
		cond_resched();
	} while (!err && !(done && signal_pending(current)));
	if (done)
		return done;
	return err == 1 ? 0 : err;
}

/* --- seek ------------------------------------------------------------------------------ */

static enum seqring_outcome seqring_seek_ring(struct seqring_reader *r, u32 whence, u64 value)
{
	struct seqring_search search;
	enum seqring_outcome outcome;

	switch (whence) {
	case SEQRING_SEEK_OLDEST:
		return seqring_reader_seek_oldest(r);
	case SEQRING_SEEK_NEWEST:
		return seqring_reader_seek_newest(r);
	case SEQRING_SEEK_HEAD:
		return seqring_reader_seek_head(r);
	}
	seqring_reader_search_begin(r, &search, whence == SEQRING_SEEK_TIME, value);
	while (!seqring_reader_search(r, &search, SEQRING_SEEK_CHUNK, &outcome)) {
		cond_resched();
		if (fatal_signal_pending(current))
			return SEQRING_OVERRUN;
	}
	return outcome;
}

/* Return: 0; -EINVAL; -ERANGE; -EOPNOTSUPP; see seqring_seek(). */
static int seqring_check_seek(const struct seqring_file *f, u32 whence, u64 value)
{
	switch (whence) {
	case SEQRING_SEEK_OLDEST:
	case SEQRING_SEEK_NEWEST:
	case SEQRING_SEEK_HEAD:
		return value ? -EINVAL : 0;
	case SEQRING_SEEK_SEQ:
		if (f->sdev->nr_rings > 1)
			return -EOPNOTSUPP;
		return value > READ_ONCE(f->sdev->rings[0]->w.ctl->seq) + 1 ? -ERANGE : 0;
	case SEQRING_SEEK_TIME:
		return f->sdev->clock_id == SEQRING_CLOCK_NONE ? -EOPNOTSUPP : 0;
	default:
		return -EINVAL;
	}
}

static int seqring_seek_rings(struct seqring_file *f, u32 whence, u64 value)
{
	enum seqring_outcome outcome;
	struct seqring_reader r;
	u32 i;

	for (i = 0; i < f->sdev->nr_rings; i++) {
		/* A seek may take long, so it works on a copy. */
		mutex_lock(&f->lock);
		r = f->ring[i].r;
		mutex_unlock(&f->lock);
		outcome = seqring_seek_ring(&r, whence, value);
		if (fatal_signal_pending(current))
			return -EINTR;
		if (outcome)
			return outcome == SEQRING_OVERRUN ? -EAGAIN : -EIO;
		mutex_lock(&f->lock);
		f->ring[i].r = r;
		/* What is in the heap is from before the seek. */
		f->nr_heap = 0;
		f->moves++;
		mutex_unlock(&f->lock);
		cond_resched();
	}
	return 0;
}

/**
 * seqring_seek() - move the position of read(2), on all rings
 * @f: the file
 * @whence: SEQRING_SEEK_*
 * @value: seq or time, as @whence needs it; else 0
 *
 * Who waits for the file looks at the rings again.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL no such whence, or a value that it does not take; -ERANGE @value is a
 * seq in the future; -EOPNOTSUPP a seek by seq on several rings, or by time without a
 * clock; -EAGAIN the writer overran the reader in every try; -EIO the ring is
 * corrupt; -EINTR the task is being killed.
 */
int seqring_seek(struct seqring_file *f, u32 whence, u64 value)
{
	int err = seqring_check_seek(f, whence, value);

	if (err)
		return err;
	mutex_lock(&f->lock);
	f->overrun = false;
	mutex_unlock(&f->lock);
	err = seqring_seek_rings(f, whence, value);
	/* After a failure, too: some rings may have moved. */
	seqring_wake_file_now(f);
	return err;
}

/* As on /dev/kmsg: SEEK_SET 0 is the oldest record, SEEK_END 0 is after the newest. */
loff_t seqring_fop_llseek(struct file *file, loff_t off, int whence)
{
	struct seqring_file *f = file->private_data;

	if (off)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
		return seqring_seek(f, SEQRING_SEEK_OLDEST, 0);
	case SEEK_END:
		return seqring_seek(f, SEQRING_SEEK_HEAD, 0);
	default:
		return -EINVAL;
	}
}
