// SPDX-License-Identifier: GPL-2.0-only
/* read(2) and seek: a process can follow a device without a mapping or a library. */

#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "internal.h"

/* Peeks at all rings. SEQRING_OK: @v is the oldest next record, on ring @ring. */
static enum seqring_outcome seqring_peek_oldest(struct seqring_file *f, u32 *ring,
						struct seqring_view *v)
{
	enum seqring_outcome outcome, all = SEQRING_DEAD;
	struct seqring_view other;
	u32 i;

	for (i = 0; i < f->sdev->nr_rings; i++) {
		outcome = seqring_reader_peek(&f->r[i], &other);
		if (outcome == SEQRING_OVERRUN || outcome == SEQRING_CORRUPT) {
			*ring = i;
			return outcome;
		}
		if (outcome == SEQRING_EMPTY && all == SEQRING_DEAD)
			all = SEQRING_EMPTY;
		if (outcome || (all == SEQRING_OK && other.ts_ns >= v->ts_ns))
			continue;
		*ring = i;
		*v = other;
		all = SEQRING_OK;
	}
	return all;
}

/* Copies one whole record out, in the format of the data area. */
static ssize_t seqring_copy_record(struct seqring_reader *r, const struct seqring_view *v,
				   char __user *buf, size_t count)
{
	struct seqring_record rec = {
		.stamp = v->seq,
		.ts_ns = v->ts_ns,
		.meta = { .len = v->len, .type = v->type, .flags = v->flags },
	};
	u64 size = seqring_record_size(v->len);

	if (size > count)
		return seqring_reader_recheck(r, v) ? -EPIPE : -EMSGSIZE;
	if (copy_to_user(buf, &rec, sizeof(rec)) ||
	    copy_to_user(buf + sizeof(rec), v->payload, size - sizeof(rec)))
		return -EFAULT;
	if (seqring_reader_recheck(r, v))
		return -EPIPE;
	seqring_reader_consume(r, v);
	return size;
}

/*
 * Sleeps until a record is on a ring. The caller holds f->lock, which is released during
 * the sleep.
 */
static int seqring_wait_for_record(struct seqring_file *f)
{
	DEFINE_WAIT(wait);
	bool drained;
	int err = 0;

	prepare_to_wait(&f->sdev->wq, &wait, TASK_INTERRUPTIBLE);
	seqring_arm_and_check(f, NULL, &drained);
	if (drained && !READ_ONCE(f->sdev->dead)) {
		mutex_unlock(&f->lock);
		schedule();
		if (signal_pending(current))
			err = -ERESTARTSYS;
		finish_wait(&f->sdev->wq, &wait);
		mutex_lock(&f->lock);
		return err;
	}
	finish_wait(&f->sdev->wq, &wait);
	return 0;
}

/*
 * Reads as many whole records as fit, oldest first. -EPIPE, once, if records were lost;
 * the seq of the next record tells how many. -EMSGSIZE: the next record does not fit in
 * @count; nothing was consumed. 0: the device has ended and all records are read.
 */
ssize_t seqring_fop_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct seqring_file *f = file->private_data;
	struct seqring_view v;
	size_t done = 0;
	ssize_t ret = 0;
	u32 ring = 0;

	if (mutex_lock_interruptible(&f->lock))
		return -ERESTARTSYS;
	while (!ret) {
		enum seqring_outcome outcome;

		if (f->overrun) {
			ret = -EPIPE;
			break;
		}
		outcome = seqring_peek_oldest(f, &ring, &v);
		if (outcome == SEQRING_OK) {
			ret = seqring_copy_record(&f->r[ring], &v, buf + done, count - done);
			if (ret > 0) {
				done += ret;
				ret = 0;
			} else if (ret == -EPIPE) {
				outcome = SEQRING_OVERRUN;
			}
		}
		if (outcome == SEQRING_OVERRUN) {
			f->overrun = true;
			ret = seqring_reader_resync(&f->r[ring]) ? -EIO : -EPIPE;
		} else if (outcome == SEQRING_CORRUPT) {
			ret = -EIO;
		} else if (outcome && done) {
			break;
		} else if (outcome == SEQRING_DEAD) {
			break;
		} else if (outcome == SEQRING_EMPTY) {
			ret = file->f_flags & O_NONBLOCK ? -EAGAIN : seqring_wait_for_record(f);
		}
		if (done && signal_pending(current))
			break;
	}
	if (done)
		ret = done;
	else if (ret == -EPIPE)
		f->overrun = false;
	mutex_unlock(&f->lock);
	return ret;
}

/**
 * seqring_seek() - move the position of read(2), on all rings
 * @f: the file
 * @whence: SEQRING_SEEK_*
 * @value: seq or time, as @whence needs it; else 0
 *
 * Context: may sleep.
 * Return: 0; -EINVAL no such whence, or a value that it does not take; -ERANGE @value is a
 * seq in the future; -EOPNOTSUPP a seek by seq on several rings, or by time without a
 * clock; -EAGAIN the writer overran the reader in every try; -EIO the ring is corrupt.
 */
int seqring_seek(struct seqring_file *f, u32 whence, u64 value)
{
	enum seqring_outcome outcome = SEQRING_OK;
	u32 i;

	if (whence == SEQRING_SEEK_SEQ) {
		if (f->sdev->nr_rings > 1)
			return -EOPNOTSUPP;
		if (value > READ_ONCE(f->sdev->rings[0]->w.ctl->seq) + 1)
			return -ERANGE;
	} else if (whence == SEQRING_SEEK_TIME) {
		if (f->sdev->clock_id == SEQRING_CLOCK_NONE)
			return -EOPNOTSUPP;
	} else if (whence > SEQRING_SEEK_TIME) {
		return -EINVAL;
	} else if (value) {
		return -EINVAL;
	}
	mutex_lock(&f->lock);
	f->overrun = false;
	for (i = 0; i < f->sdev->nr_rings && !outcome; i++) {
		struct seqring_reader *r = &f->r[i];

		switch (whence) {
		case SEQRING_SEEK_OLDEST:
			outcome = seqring_reader_seek_oldest(r);
			break;
		case SEQRING_SEEK_NEWEST:
			outcome = seqring_reader_seek_newest(r);
			break;
		case SEQRING_SEEK_HEAD:
			outcome = seqring_reader_seek_head(r);
			break;
		default:
			outcome = seqring_reader_seek(r, whence == SEQRING_SEEK_TIME, value);
		}
	}
	mutex_unlock(&f->lock);
	if (outcome)
		return outcome == SEQRING_OVERRUN ? -EAGAIN : -EIO;
	return 0;
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
