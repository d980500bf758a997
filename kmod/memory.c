// SPDX-License-Identifier: GPL-2.0-only
/* Pages of the rings: allocated one by one, charged, limited, and mapped in a row. */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "internal.h"

static unsigned long max_total_mib;
module_param(max_total_mib, ulong, 0644);
MODULE_PARM_DESC(max_total_mib, "memory of all rings, in MiB (0: a quarter of the machine's)");

static atomic_long_t seqring_pages = ATOMIC_LONG_INIT(0);

/* Return: 0; -ENOSPC if all rings together would exceed the module's limit. */
int seqring_charge(unsigned long nr_pages)
{
	unsigned long mib = READ_ONCE(max_total_mib);
	unsigned long limit = totalram_pages() / 4;

	if (mib)
		limit = mib > ULONG_MAX >> 20 ? ULONG_MAX : (mib << 20) >> PAGE_SHIFT;
	if (nr_pages > limit)
		return -ENOSPC;
	if (atomic_long_add_return(nr_pages, &seqring_pages) > limit) {
		atomic_long_sub(nr_pages, &seqring_pages);
		return -ENOSPC;
	}
	return 0;
}

void seqring_uncharge(unsigned long nr_pages)
{
	atomic_long_sub(nr_pages, &seqring_pages);
}

static unsigned long max_user_mib;
module_param(max_user_mib, ulong, 0644);
MODULE_PARM_DESC(max_user_mib,
		 "memory of one user's open files, in MiB (0: a 64th of the machine's)");

/* The bytes of each user who has a file open, as a value entry, by UID. */
static DEFINE_XARRAY(seqring_users);
static DEFINE_MUTEX(seqring_users_lock);

/**
 * seqring_user_charge() - add memory to the account of a user
 * @uid: the user who opened the file
 * @bytes: of the open file or of its reader page; at least 1
 *
 * Without a limit, a user could take much of the kernel's memory by opening a device with many
 * rings again and again. A caller with CAP_SYS_RESOURCE has no limit.
 *
 * Context: may sleep.
 * Return: 0; -ENOSPC if the user would exceed the limit; -ENOMEM.
 */
int seqring_user_charge(kuid_t uid, size_t bytes)
{
	unsigned long mib = READ_ONCE(max_user_mib), limit = (totalram_pages() / 64) << PAGE_SHIFT;
	unsigned long sum;
	void *old;
	int err;

	if (mib)
		limit = min_t(unsigned long, mib, LONG_MAX >> 20) << 20;
	mutex_lock(&seqring_users_lock);
	old = xa_load(&seqring_users, __kuid_val(uid));
	sum = bytes + (old ? xa_to_value(old) : 0);
	if (sum > limit && !ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE))
		err = -ENOSPC;
	else
		err = xa_err(xa_store(&seqring_users, __kuid_val(uid), xa_mk_value(sum),
				      GFP_KERNEL));
	mutex_unlock(&seqring_users_lock);
	return err;
}

/* Takes back what seqring_user_charge() added. May sleep. */
void seqring_user_uncharge(kuid_t uid, size_t bytes)
{
	unsigned long left;

	mutex_lock(&seqring_users_lock);
	left = xa_to_value(xa_load(&seqring_users, __kuid_val(uid))) - bytes;
	/* There is an entry, so the store allocates nothing. */
	if (left)
		xa_store(&seqring_users, __kuid_val(uid), xa_mk_value(left), GFP_KERNEL);
	else
		xa_erase(&seqring_users, __kuid_val(uid));
	mutex_unlock(&seqring_users_lock);
}

/**
 * seqring_area_alloc() - allocate zeroed pages and map them in a row
 * @area: filled on success, zeroed on failure
 * @nr_pages: at least 1
 * @node: preferred NUMA node, or NUMA_NO_NODE
 *
 * Allocates single pages: a large ring then needs no contiguous memory, and each page has
 * its own reference count when a process maps it.
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -EINTR if a fatal signal is pending.
 */
int seqring_area_alloc(struct seqring_area *area, unsigned long nr_pages, int node)
{
	/* A ring that is too large for the machine fails, and does not invoke the OOM killer. */
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	int err = -ENOMEM;

	area->addr = NULL;
	area->nr_pages = 0;
	area->pages = kvcalloc(nr_pages, sizeof(*area->pages), GFP_KERNEL_ACCOUNT);
	if (!area->pages)
		return -ENOMEM;
	while (area->nr_pages < nr_pages) {
		struct page *page;

		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto free;
		}
		page = alloc_pages_node(node, gfp, 0);
		if (!page)
			goto free;
		area->pages[area->nr_pages++] = page;
		cond_resched();
	}
	area->addr = vmap(area->pages, nr_pages, VM_MAP, PAGE_KERNEL);
	if (area->addr)
		return 0;
free:
	seqring_area_free(area);
	return err;
}

/* A page that a process still maps stays allocated until that mapping is gone. */
void seqring_area_free(struct seqring_area *area)
{
	unsigned long i;

	vunmap(area->addr);
	for (i = 0; i < area->nr_pages; i++) {
		put_page(area->pages[i]);
		if (i % SEQRING_PAGES_CHUNK == 0)
			cond_resched();
	}
	kvfree(area->pages);
	memset(area, 0, sizeof(*area));
}
