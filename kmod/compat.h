/* SPDX-License-Identifier: GPL-2.0-only */
/* The differences between Linux 6.1 and 6.12 that matter to the module. */
#ifndef _SEQRING_COMPAT_H
#define _SEQRING_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define SEQRING_DEVNODE_CONST
#else
#define SEQRING_DEVNODE_CONST const
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

#endif /* _SEQRING_COMPAT_H */
