// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* membarrier(2): fences on behalf of other threads, and RCU grace periods. */

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "membarrier.h"

/* Return: 0 or more; -errno. */
int libring_membarrier(int cmd)
{
	long done = syscall(SYS_membarrier, cmd, 0, 0);

	return done < 0 ? -errno : (int)done;
}

/* True if membarrier(2) of this kernel has all of these commands. */
bool libring_membarrier_has(int cmds)
{
	int has = libring_membarrier(MEMBARRIER_CMD_QUERY);

	return has >= 0 && (has & cmds) == cmds;
}

/* Waits for an RCU grace period. Return: 0; -EINVAL: this kernel (nohz_full) cannot. */
int libring_grace_period(void)
{
	return libring_membarrier(MEMBARRIER_CMD_GLOBAL);
}
