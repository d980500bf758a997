// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The process that a BPF ring ends with. A killed process cannot end the ring, so the
 * ring's readers watch the process. A PID can be reused; PID plus start time cannot.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "owner.h"

/* Field 22 of /proc/PID/stat; 0: there is no such process. */
static uint32_t start_time(uint32_t pid)
{
	char path[32], text[1024], *at;
	unsigned long long start = 0;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = 0;
	/* The second field may contain anything; it ends at the last parenthesis. */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  &start) != 1)
		return 0;
	return (uint32_t)start;
}

static uint64_t owner_of(uint32_t pid)
{
	return pid | (uint64_t)start_time(pid) << 32;
}

static uint64_t own_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : st.st_ino;
}

/* Fills in the identity of this process. */
void libring_owner_self(__u64 *owner, __u64 *pidns)
{
	*owner = owner_of((uint32_t)getpid());
	*pidns = own_pidns();
}

/* True if the ring's owner runs, or if this process cannot tell. */
bool libring_owner_alive(uint64_t owner, uint64_t pidns)
{
	return owner && (pidns != own_pidns() || owner_of((uint32_t)owner) == owner);
}

/**
 * libring_owner_open() - get a descriptor that is readable once the owner is gone
 * @owner, @pidns: as in the header, not 0
 * @fd: the descriptor, the caller's; -1: this process cannot watch the owner
 *
 * Return: whether the owner is gone already.
 */
bool libring_owner_open(uint64_t owner, uint64_t pidns, int *fd)
{
	*fd = -1;
	if (pidns != own_pidns())
		return false;
	*fd = (int)syscall(SYS_pidfd_open, (uint32_t)owner, 0);
	if (*fd >= 0)
		fcntl(*fd, F_SETFD, FD_CLOEXEC);
	else if (errno == ESRCH)
		return true;
	/* While the descriptor is open, the PID is not reused. */
	return owner_of((uint32_t)owner) != owner;
}
