// SPDX-License-Identifier: GPL-2.0-only
/* Mappings: the device, read-only, and the reader page of an open file. */

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "internal.h"

/*
 * Finds the area of the page at @pgoff of the device's mapping, and sets @index to the
 * page's index in that area. @pgoff lies within the device.
 */
static struct seqring_area *seqring_find_area(struct seqring_device *sdev, unsigned long pgoff,
					      unsigned long *index)
{
	unsigned long ring_pages = sdev->rings[0]->area.nr_pages;

	if (pgoff < sdev->head.nr_pages) {
		*index = pgoff;
		return &sdev->head;
	}
	pgoff -= sdev->head.nr_pages;
	*index = pgoff % ring_pages;
	return &sdev->rings[pgoff / ring_pages]->area;
}

/*
 * mmap() maps all pages. This maps a page again that the process has dropped itself
 * (MADV_DONTNEED).
 */
static vm_fault_t seqring_fault(struct vm_fault *vmf)
{
	struct seqring_file *f = vmf->vma->vm_file->private_data;
	struct seqring_area *area;
	unsigned long index;

	if (vmf->pgoff >= f->sdev->total_size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	area = seqring_find_area(f->sdev, vmf->pgoff, &index);
	vmf->page = area->pages[index];
	get_page(vmf->page);
	return 0;
}

/*
 * A mapping holds a reference to the file, and the file to the device. So nothing has to
 * be counted when a mapping is split, moved or forked. The page tables also hold a
 * reference to each page.
 */
static const struct vm_operations_struct seqring_vm_ops = {
	.fault = seqring_fault,
};

int seqring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct seqring_file *f = file->private_data;
	struct seqring_device *sdev = f->sdev;
	unsigned long total = sdev->total_size >> PAGE_SHIFT;
	unsigned long pgoff = vma->vm_pgoff;
	unsigned long addr = vma->vm_start;

	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	/* Not VM_SHARED: the kernel clears it if the file is opened read-only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (pgoff >= total || vma_pages(vma) > total - pgoff)
		return -ENXIO;
	seqring_vm_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &seqring_vm_ops;

	while (addr < vma->vm_end) {
		struct seqring_area *area;
		unsigned long index, run, left;
		int err;

		area = seqring_find_area(sdev, pgoff, &index);
		run = min(area->nr_pages - index, (vma->vm_end - addr) >> PAGE_SHIFT);
		run = min(run, SEQRING_PAGES_CHUNK);
		left = run;
		err = vm_insert_pages(vma, addr, &area->pages[index], &left);
		if (err)
			return err;
		addr += run << PAGE_SHIFT;
		pgoff += run;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

unsigned long seqring_cursors_size(const struct seqring_device *sdev)
{
	return PAGE_ALIGN(sizeof(struct seqring_reader_page) +
			  sdev->nr_rings * sizeof(struct seqring_cursor));
}

static void seqring_cursors_free(struct kref *ref)
{
	struct seqring_cursors *c = container_of(ref, struct seqring_cursors, ref);

	seqring_user_uncharge(c->uid, c->area.nr_pages << PAGE_SHIFT);
	seqring_area_free(&c->area);
	kfree(c);
}

void seqring_cursors_put(struct seqring_cursors *c)
{
	kref_put(&c->ref, seqring_cursors_free);
}

static vm_fault_t seqring_cursors_fault(struct vm_fault *vmf)
{
	struct seqring_cursors *c = vmf->vma->vm_file->private_data;

	if (vmf->pgoff >= c->area.nr_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = c->area.pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct seqring_cursors_vm_ops = {
	.fault = seqring_cursors_fault,
};

static int seqring_cursors_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct seqring_cursors *c = file->private_data;

	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= c->area.nr_pages ||
	    vma_pages(vma) > c->area.nr_pages - vma->vm_pgoff)
		return -ENXIO;
	seqring_vm_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	vma->vm_ops = &seqring_cursors_vm_ops;
	return 0;
}

static int seqring_cursors_release(struct inode *inode, struct file *file)
{
	seqring_cursors_put(file->private_data);
	return 0;
}

static const struct file_operations seqring_cursors_fops = {
	.owner = THIS_MODULE,
	.mmap = seqring_cursors_mmap,
	.release = seqring_cursors_release,
	.llseek = noop_llseek,
};

static struct seqring_cursors *seqring_cursors_alloc(const struct seqring_device *sdev, kuid_t uid)
{
	unsigned long size = seqring_cursors_size(sdev);
	struct seqring_cursors *c;
	int err;

	err = seqring_user_charge(uid, size);
	if (err)
		return ERR_PTR(err);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	err = c ? seqring_area_alloc(&c->area, size >> PAGE_SHIFT, NUMA_NO_NODE) : -ENOMEM;
	if (err) {
		kfree(c);
		seqring_user_uncharge(uid, size);
		return ERR_PTR(err);
	}
	c->uid = uid;
	kref_init(&c->ref);
	return c;
}

/**
 * seqring_reader_fd() - a new descriptor of the file's reader page
 * @f: the file
 * @uid: who opened it, and pays for the page
 *
 * The page has its own descriptor, so a reader needs no write permission on the device.
 *
 * Context: may sleep.
 * Return: the descriptor; -ENOSPC the user's limit is reached; -ENOMEM; -EINTR; -EMFILE; -ENFILE.
 */
int seqring_reader_fd(struct seqring_file *f, kuid_t uid)
{
	struct seqring_cursors *c;
	int fd;

	mutex_lock(&f->lock);
	if (!f->cursors) {
		c = seqring_cursors_alloc(f->sdev, uid);
		if (IS_ERR(c)) {
			mutex_unlock(&f->lock);
			return PTR_ERR(c);
		}
		f->cursors = c;
	}
	c = f->cursors;
	kref_get(&c->ref);
	mutex_unlock(&f->lock);

	fd = seqring_anon_fd("[seqring-reader]", &seqring_cursors_fops, c, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		seqring_cursors_put(c);
	return fd;
}
