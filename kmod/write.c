// SPDX-License-Identifier: GPL-2.0-only
/* write(2): a process publishes a record, and the kernel stays the ring's only writer. */

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "internal.h"

/*
 * Copies straight into the ring, without page faults. A page that never arrives
 * (userfaultfd, FUSE) must not block the other writers and the end of the device, which
 * wait for sdev->write_lock.
 *
 * Return: 0; -EMSGSIZE; -EFAULT if a page of the process is not in memory.
 */
static int seqring_write_direct(struct seqring_device *sdev, struct iov_iter *from, u32 len,
				u16 type)
{
	struct seqring_ring *ring = sdev->rings[0];
	size_t done = 0, n, copied;
	void *payload;
	int err;

	err = seqring_writer_reserve(&ring->w, len, &payload);
	if (err)
		return err;
	for (; done < len; done += n) {
		n = min_t(size_t, len - done, SEQRING_COPY_CHUNK);
		pagefault_disable();
		copied = copy_from_iter(payload + done, n, from);
		pagefault_enable();
		if (copied != n) {
			iov_iter_revert(from, done + copied);
			seqring_writer_discard(&ring->w);
			return -EFAULT;
		}
		cond_resched();
	}
	seqring_writer_commit(&ring->w, type, seqring_stamp(ring, sdev->clock_id));
	seqring_wake_if_due(ring);
	return 0;
}

/* Publishes from @copy, kernel memory; if @copy is NULL, from the process's @from. */
static int seqring_write_locked(struct seqring_device *sdev, const void *copy,
				struct iov_iter *from, u32 len, u16 type, bool nowait)
{
	struct seqring_ring *ring = sdev->rings[0];
	int err;

	if (nowait && !mutex_trylock(&sdev->write_lock))
		return -EAGAIN;
	if (!nowait && mutex_lock_interruptible(&sdev->write_lock))
		return -ERESTARTSYS;
	if (sdev->dead) {
		seqring_count_drop(ring, SEQRING_DROP_DEAD);
		err = -ENODEV;
	} else if (!sdev->user_owned) {
		err = seqring_publish(sdev, type, copy, len);
	} else if (copy) {
		err = seqring_writer_publish(&ring->w, type, seqring_stamp(ring, sdev->clock_id),
					     copy, len);
		seqring_wake_if_due(ring);
	} else {
		err = seqring_write_direct(sdev, from, len, type);
	}
	mutex_unlock(&sdev->write_lock);
	return err;
}

/* Copies the process's memory to the kernel first, without a lock: this may take long. */
static int seqring_write_copy(struct seqring_device *sdev, struct iov_iter *from, u32 len, u16 type)
{
	void *copy = kvmalloc(max(len, 1U), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	int err;

	if (!copy)
		return -ENOMEM;
	if (copy_from_iter_full(copy, len, from)) {
		err = seqring_write_locked(sdev, copy, NULL, len, type, false);
	} else {
		seqring_count_drop(sdev->rings[0], SEQRING_DROP_FAULT);
		err = -EFAULT;
	}
	kvfree(copy);
	return err;
}

/*
 * One call publishes one record. -EMSGSIZE: the record is longer than payload_max, or than
 * SEQRING_WRITE_MAX_SHARED if kernel code writes the device, too. -ENODEV: the device has
 * ended. -EBUSY: the ring had a writer at that moment; counted as a drop. -EAGAIN, with
 * RWF_NOWAIT: the call would wait for another writer or for a page. A write of 0 bytes
 * publishes nothing; seqring_write_empty() publishes a record without payload.
 */
ssize_t seqring_fop_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct seqring_file *f = iocb->ki_filp->private_data;
	struct seqring_device *sdev = f->sdev;
	struct seqring_ring *ring = sdev->rings[0];
	size_t len = iov_iter_count(from), most = ring->w.cold.payload_max;
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	u16 type = READ_ONCE(f->write_type);
	int err = -EFAULT;

	/* As writev(2) of 0 bytes, which never gets here. */
	if (!len)
		return 0;
	if (!sdev->user_owned)
		most = min_t(size_t, most, SEQRING_WRITE_MAX_SHARED);
	if (len > most) {
		seqring_count_drop(ring, SEQRING_DROP_TOO_BIG);
		return -EMSGSIZE;
	}
	if (sdev->user_owned)
		err = seqring_write_locked(sdev, NULL, from, len, type, nowait);
	/* Without waiting, only memory that is present can be copied. */
	if (err == -EFAULT && nowait)
		return -EAGAIN;
	if (err == -EFAULT)
		err = seqring_write_copy(sdev, from, len, type);
	return err ? err : len;
}

/* Publishes a record without payload. Return: 0; an error as of write(2). */
int seqring_write_empty(struct seqring_file *f)
{
	return seqring_write_locked(f->sdev, "", NULL, 0, READ_ONCE(f->write_type), false);
}
