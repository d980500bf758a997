// SPDX-License-Identifier: GPL-2.0-only
/* write(2): a user process publishes, and the kernel stays the single writer. */

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/uio.h>

#include "internal.h"

/*
 * The device has no other writer than this: the mutex is all, and a page fault
 * between reserve and commit holds up other writers only.
 */
static int seqring_write_direct(struct seqring *sr, struct iov_iter *from, u32 len, u16 type)
{
	struct seqring_one *ring = sr->rings[0];
	void *payload;
	int err;

	err = seqring_w_reserve(&ring->w, len, &payload);
	if (err) {
		seqring_drop(ring, SEQRING_DROP_TOO_BIG);
		return err;
	}
	if (!copy_from_iter_full(payload, len, from)) {
		seqring_w_discard(&ring->w);
		seqring_drop(ring, SEQRING_DROP_FAULT);
		return -EFAULT;
	}
	seqring_w_commit(&ring->w, type, seqring_now(sr));
	seqring_wake_if_due(ring);
	return 0;
}

/* Kernel code writes here, too: through memory of our own, not to fault inside. */
static int seqring_write_shared(struct seqring *sr, struct iov_iter *from, u32 len, u16 type)
{
	void *copy;
	int err;

	if (len > SEQRING_WRITE_MAX_SHARED) {
		seqring_drop(sr->rings[0], SEQRING_DROP_TOO_BIG);
		return -EMSGSIZE;
	}
	copy = kvmalloc(max(len, 1U), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	if (copy_from_iter_full(copy, len, from)) {
		err = seqring_publish(sr, type, copy, len);
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
	struct seqring *sr = f->sr;
	size_t len = iov_iter_count(from);
	int err;

	if (len > U32_MAX)
		return -EMSGSIZE;
	if (mutex_lock_interruptible(&sr->write_lock))
		return -ERESTARTSYS;
	if (sr->dead)
		err = -ENODEV;
	else if (sr->user_owned)
		err = seqring_write_direct(sr, from, len, READ_ONCE(f->write_type));
	else
		err = seqring_write_shared(sr, from, len, READ_ONCE(f->write_type));
	if (err == -ENODEV)
		seqring_drop(sr->rings[0], SEQRING_DROP_DEAD);
	mutex_unlock(&sr->write_lock);
	return err ? err : len;
}
