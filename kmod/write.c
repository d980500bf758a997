// SPDX-License-Identifier: GPL-2.0-only
/* write(2): a user process publishes, and the kernel stays the single writer. */

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "internal.h"

/*
 * Straight into the ring, as far as the user's memory is there: a page that never
 * comes (userfaultfd, FUSE) must not stop the other writers and the end of the
 * device, which wait for sr->write_lock. Return: -EFAULT when it is not.
 */
static int seqring_write_direct(struct seqring_device *sr, struct iov_iter *from, u32 len, u16 type)
{
	struct seqring_ring *ring = sr->rings[0];
	void *payload;
	bool whole;
	int err;

	err = seqring_writer_reserve(&ring->w, len, &payload);
	if (err)
		return err;
	pagefault_disable();
	whole = copy_from_iter_full(payload, len, from);
	pagefault_enable();
	if (!whole) {
		seqring_writer_discard(&ring->w);
		return -EFAULT;
	}
	seqring_writer_commit(&ring->w, type, seqring_now(sr));
	seqring_wake_if_due(ring);
	return 0;
}

/* From @copy, memory of ours; NULL: from @from. */
static int seqring_write_locked(struct seqring_device *sr, const void *copy, struct iov_iter *from,
				u32 len, u16 type)
{
	struct seqring_ring *ring = sr->rings[0];
	int err;

	if (mutex_lock_interruptible(&sr->write_lock))
		return -ERESTARTSYS;
	if (sr->dead) {
		seqring_drop(ring, SEQRING_DROP_DEAD);
		err = -ENODEV;
	} else if (!sr->user_owned) {
		err = seqring_publish(sr, type, copy, len);
	} else if (copy) {
		err = seqring_writer_publish(&ring->w, type, seqring_now(sr), copy, len);
		seqring_wake_if_due(ring);
	} else {
		err = seqring_write_direct(sr, from, len, type);
	}
	mutex_unlock(&sr->write_lock);
	return err;
}

/* Fetches the user's memory first, however long that takes. */
static int seqring_write_copy(struct seqring_device *sr, struct iov_iter *from, u32 len, u16 type)
{
	void *copy = kvmalloc(max(len, 1U), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	int err;

	if (!copy)
		return -ENOMEM;
	if (copy_from_iter_full(copy, len, from)) {
		err = seqring_write_locked(sr, copy, NULL, len, type);
	} else {
		seqring_drop(sr->rings[0], SEQRING_DROP_FAULT);
		err = -EFAULT;
	}
	kvfree(copy);
	return err;
}

/*
 * One call, one record. EMSGSIZE: longer than payload_max, or than 64 KiB where
 * kernel code writes the device, too. ENODEV: the owner is gone. EBUSY: the ring
 * had a writer at this moment; counted as a drop.
 */
ssize_t seqring_fop_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct seqring_file *f = iocb->ki_filp->private_data;
	struct seqring_device *sr = f->sr;
	struct seqring_ring *ring = sr->rings[0];
	size_t len = iov_iter_count(from), most = ring->w.cold.payload_max;
	u16 type = READ_ONCE(f->write_type);
	int err = -EFAULT;

	if (!sr->user_owned)
		most = min_t(size_t, most, SEQRING_WRITE_MAX_SHARED);
	if (len > most) {
		seqring_drop(ring, SEQRING_DROP_TOO_BIG);
		return -EMSGSIZE;
	}
	if (sr->user_owned)
		err = seqring_write_locked(sr, NULL, from, len, type);
	if (err == -EFAULT)
		err = seqring_write_copy(sr, from, len, type);
	return err ? err : len;
}
