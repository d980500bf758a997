// SPDX-License-Identifier: GPL-2.0-only
/* An open file of a device: open, close, ioctl. */

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/ioctls.h>

#include "compat.h"
#include "internal.h"

/* What an open file costs, without its reader page. */
static size_t seqring_file_size(const struct seqring_device *sdev)
{
	const struct seqring_file *f;

	return size_add(struct_size(f, ring, sdev->nr_rings),
			array_size(sdev->nr_rings, sizeof(*f->heap)));
}

static int seqring_open(struct inode *inode, struct file *file)
{
	struct seqring_device *sdev = container_of(inode->i_cdev, struct seqring_device, cdev);
	struct seqring_file *f;
	int err;
	u32 i;

	if (READ_ONCE(sdev->dead))
		return -ENODEV;
	if (file->f_mode & FMODE_WRITE && !(sdev->flags & SEQRING_F_WRITE))
		return -EACCES;
	err = seqring_user_charge(file->f_cred->uid, seqring_file_size(sdev));
	if (err)
		return err;
	f = kvzalloc(struct_size(f, ring, sdev->nr_rings), GFP_KERNEL_ACCOUNT);
	if (f)
		f->heap = kvcalloc(sdev->nr_rings, sizeof(*f->heap), GFP_KERNEL_ACCOUNT);
	if (!f || !f->heap) {
		kvfree(f);
		seqring_user_uncharge(file->f_cred->uid, seqring_file_size(sdev));
		return -ENOMEM;
	}
	f->sdev = sdev;
	mutex_init(&f->lock);
	seqring_file_init_wake(f);
	for (i = 0; i < sdev->nr_rings; i++) {
		struct seqring_writer *w = &sdev->rings[i]->w;

		seqring_reader_init(&f->ring[i].r, w->ctl, w->data, sdev->data_size);
		f->ring[i].sleeper.file = f;
	}
	get_device(&sdev->dev);
	atomic_inc(&sdev->nr_files);
	mutex_lock(&sdev->files_lock);
	list_add(&f->list, &sdev->files);
	mutex_unlock(&sdev->files_lock);
	/* As on a pipe, an offset means nothing. llseek() moves to either end. */
	file->f_mode &= ~(FMODE_PREAD | FMODE_PWRITE);
	file->f_mode |= FMODE_NOWAIT;
	file->private_data = f;
	return 0;
}

static int seqring_release(struct inode *inode, struct file *file)
{
	struct seqring_file *f = file->private_data;
	struct seqring_device *sdev = f->sdev;

	mutex_lock(&sdev->files_lock);
	list_del(&f->list);
	mutex_unlock(&sdev->files_lock);
	seqring_file_end_wake(f);
	if (f->cursors)
		seqring_cursors_put(f->cursors);
	kvfree(f->heap);
	seqring_user_uncharge(file->f_cred->uid, seqring_file_size(sdev));
	seqring_file_put(f);
	atomic_dec(&sdev->nr_files);
	put_device(&sdev->dev);
	return 0;
}

/*
 * Bytes between the position of read(2) and head, on all rings. A read() that has room
 * for so many returns all that is there: no more, and less by the padding at the end of a
 * lap.
 */
static int seqring_ioc_fionread(struct seqring_file *f, int __user *user)
{
	u64 sum = 0, head;
	u32 i;

	mutex_lock(&f->lock);
	for (i = 0; i < f->sdev->nr_rings; i++) {
		head = seqring_read(&f->sdev->rings[i]->w.ctl->head);
		if (head > f->ring[i].r.pos)
			sum += min(head - f->ring[i].r.pos, f->sdev->data_size);
	}
	mutex_unlock(&f->lock);
	return put_user((int)min_t(u64, sum, INT_MAX), user);
}

static int seqring_ioc_geometry(struct seqring_file *f, void __user *user)
{
	const struct seqring_header *h = f->sdev->head.addr;
	struct seqring_geometry g;
	u32 size;
	int err;

	err = seqring_get_arg(&g, sizeof(g), sizeof(g), user, &size);
	if (err)
		return err;
	if (memchr_inv(g.reserved, 0, sizeof(g.reserved)))
		return -EINVAL;
	g.size = min_t(u32, size, sizeof(g));
	g.nr_rings = h->nr_rings;
	g.total_size = h->total_size;
	g.data_size = h->data_size;
	g.reader_size = seqring_cursors_size(f->sdev);
	g.payload_max = h->payload_max;
	g.mode = f->sdev->mode;
	g.clock_id = h->clock_id;
	g.page_size = h->page_size;
	g.features = h->features;
	return copy_to_user(user, &g, g.size) ? -EFAULT : 0;
}

static int seqring_ioc_stats(struct seqring_file *f, void __user *user)
{
	const struct seqring_ring_ctl *ctl;
	struct seqring_stats st;
	u32 size, i, ring;
	int err;

	err = seqring_get_arg(&st, sizeof(st), sizeof(st), user, &size);
	if (err)
		return err;
	if (memchr_inv(st.reserved, 0, sizeof(st.reserved)))
		return -EINVAL;
	if (st.ring >= f->sdev->nr_rings)
		return -ENOENT;
	ring = array_index_nospec(st.ring, f->sdev->nr_rings);
	ctl = f->sdev->rings[ring]->w.ctl;
	memset(&st, 0, sizeof(st));
	st.size = min_t(u32, size, sizeof(st));
	st.ring = ring;
	st.tail = READ_ONCE(ctl->tail);
	st.head = READ_ONCE(ctl->head);
	st.seq = READ_ONCE(ctl->seq);
	for (i = 0; i < SEQRING_DROP_SLOTS; i++)
		st.dropped[i] = READ_ONCE(ctl->dropped[i]);
	st.wakeups = READ_ONCE(ctl->wakeups);
	st.readers = atomic_read(&f->sdev->nr_files);
	st.state = READ_ONCE(ctl->state);
	return copy_to_user(user, &st, st.size) ? -EFAULT : 0;
}

static int seqring_ioc_seek(struct seqring_file *f, void __user *user)
{
	struct seqring_seek seek;
	u32 size;
	int err;

	err = seqring_get_arg(&seek, sizeof(seek), sizeof(seek), user, &size);
	return err ? err : seqring_seek(f, seek.whence, seek.value);
}

static int seqring_ioc_write_type(struct seqring_file *f, void __user *user)
{
	struct seqring_write_type arg;
	u32 size;
	int err;

	err = seqring_get_arg(&arg, sizeof(arg), sizeof(arg), user, &size);
	if (err)
		return err;
	if (arg.type > U16_MAX)
		return -EINVAL;
	WRITE_ONCE(f->write_type, arg.type);
	return 0;
}

/* poll() goes by the cursors from now on, so what its waiters wait for has changed. */
static int seqring_ioc_reader_fd(struct seqring_file *f, kuid_t uid)
{
	int fd = seqring_reader_fd(f, uid);

	if (fd >= 0)
		seqring_wake_file_now(f);
	return fd;
}

static int seqring_ioc_look(struct seqring_file *f)
{
	seqring_wake_file_now(f);
	return 0;
}

static int seqring_ioc_write_empty(struct file *file)
{
	return file->f_mode & FMODE_WRITE ? seqring_write_empty(file->private_data) : -EBADF;
}

static long seqring_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct seqring_file *f = file->private_data;
	void __user *user = (void __user *)arg;

	if (cmd == FIONREAD)
		return seqring_ioc_fionread(f, user);
	/* Compare the number only: a later version's struct may be longer. */
	if (_IOC_TYPE(cmd) != SEQRING_IOC_MAGIC)
		return -ENOTTY;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(SEQRING_IOC_GEOMETRY):
		return seqring_ioc_geometry(f, user);
	case _IOC_NR(SEQRING_IOC_STATS):
		return seqring_ioc_stats(f, user);
	case _IOC_NR(SEQRING_IOC_SEEK):
		return seqring_ioc_seek(f, user);
	case _IOC_NR(SEQRING_IOC_WRITE_TYPE):
		return seqring_ioc_write_type(f, user);
	case _IOC_NR(SEQRING_IOC_READER_FD):
		return arg ? -EINVAL : seqring_ioc_reader_fd(f, file->f_cred->uid);
	case _IOC_NR(SEQRING_IOC_LOOK):
		return arg ? -EINVAL : seqring_ioc_look(f);
	case _IOC_NR(SEQRING_IOC_WRITE_EMPTY):
		return arg ? -EINVAL : seqring_ioc_write_empty(file);
	default:
		return -ENOTTY;
	}
}

const struct file_operations seqring_fops = {
	.owner = THIS_MODULE,
	.open = seqring_open,
	.release = seqring_release,
	.mmap = seqring_mmap,
	.poll = seqring_fop_poll,
	.read_iter = seqring_fop_read_iter,
	.splice_read = seqring_splice_read,
	.write_iter = seqring_fop_write_iter,
	.llseek = seqring_fop_llseek,
	.unlocked_ioctl = seqring_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
