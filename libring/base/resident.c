// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Memory of a ring that is there before it is used, and stays. */

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "error.h"
#include "resident.h"

/* Linux 5.14; glibc names them since 2.35. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/* A kernel that does not know the advice, or a device whose mapping takes none. */
static void touch(unsigned char *at, size_t size, bool write)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile unsigned char *p;
	unsigned char same;
	size_t i;

	for (i = 0; i < size; i += page) {
		p = at + i;
		/* Nobody else has the memory yet that this process writes. */
		same = *p;
		if (write)
			*p = same;
	}
}

/**
 * libring_prefault() - take the page faults of a mapping now
 * @at, @size: the mapping; @at is the start of a page
 * @write: for writing; it is private to this process, or nobody uses it yet
 *
 * Return: 0; -ENOMEM, and what madvise(2) gives.
 */
int libring_prefault(void *at, size_t size, bool write)
{
	if (!madvise(at, size, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return 0;
	if (errno != EINVAL)
		return libring_set_error(errno, "cannot get the ring's %zu bytes into memory: %s",
					 size, strerror(errno));
	touch(at, size, write);
	return 0;
}

/**
 * libring_lock() - keep in memory what is touched of a mapping
 * @at, @size: the mapping
 *
 * It is unlocked when it is unmapped. Return: 0; -EPERM, -ENOMEM, and what mlock2(2) gives.
 */
int libring_lock(const void *at, size_t size)
{
	struct rlimit limit = { 0 };
	int err;

	if (!mlock2(at, size, MLOCK_ONFAULT))
		return 0;
	err = errno;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	return libring_set_error(err,
				 "cannot lock the ring's %zu bytes in memory: %s. RLIMIT_MEMLOCK "
				 "lets this process lock %" PRIu64 " bytes in all, unless it has "
				 "CAP_IPC_LOCK",
				 size, strerror(err), (uint64_t)limit.rlim_cur);
}
