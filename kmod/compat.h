/* SPDX-License-Identifier: GPL-2.0-only */
/* The differences between the versions of Linux, from 6.1 on, that matter to the modules. */
#ifndef _SEQRING_COMPAT_H
#define _SEQRING_COMPAT_H

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define SEQRING_DEVNODE_CONST
#else
#define SEQRING_DEVNODE_CONST const
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define seqring_splice_read	generic_file_splice_read
#else
#define seqring_splice_read	copy_splice_read
#endif

static inline void seqring_vm_flags(struct vm_area_struct *vma, unsigned long set,
				    unsigned long clear)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#else
	vm_flags_mod(vma, set, clear);
#endif
}

/*
 * A descriptor with an inode of its own, which security modules can label. It has its own name
 * in each version, and the one for descriptors is not always exported.
 */
static inline int seqring_anon_fd(const char *name, const struct file_operations *fops, void *priv,
				  int flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	return anon_inode_getfd_secure(name, fops, priv, flags, NULL);
#else
	int fd = get_unused_fd_flags(flags);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_create_getfile(name, fops, priv, flags, NULL);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
#endif
}

static inline void seqring_hrtimer_setup(struct hrtimer *timer,
					 enum hrtimer_restart (*function)(struct hrtimer *),
					 clockid_t clock_id, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
#else
	hrtimer_setup(timer, function, clock_id, mode);
#endif
}

/* The arguments of a probe of the tracepoint sched_process_exit. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define SEQRING_PROBE_EXIT_ARGS	void *data, struct task_struct *p
#else
#define SEQRING_PROBE_EXIT_ARGS	void *data, struct task_struct *p, bool group_dead
#endif

#endif /* _SEQRING_COMPAT_H */
