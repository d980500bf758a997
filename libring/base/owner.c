// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The process that a BPF ring ends with. A killed process cannot end the ring, so others have to
 * find out. In this order:
 *
 * 1. A lock, which the kernel drops when the owner dies. It lies on a directory beside the ring's
 *    pins that only the user of the ring may open: nobody else can pretend to live. It tells the
 *    same in every PID namespace and without /proc.
 * 2. The PID, in the same PID namespace. The kernel says whether there is such a process. It may
 *    be a later one with that PID, which its start time tells, if /proc shows it.
 *
 * A failure to look is no answer: /proc may be hidden or missing, and descriptors may have run
 * out.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "owner.h"

/* True if /proc shows the PIDs of this process's own namespace. */
static bool is_proc_own(void)
{
	char text[16];
	ssize_t len = readlink("/proc/self", text, sizeof(text) - 1);

	if (len <= 0)
		return false;
	text[len] = 0;
	return strtol(text, NULL, 10) == getpid();
}

/* Field 22 of /proc/PID/stat; 0: this process cannot see it. */
static uint32_t start_time(uint32_t pid)
{
	char path[32], text[1024], *at;
	unsigned long long start = 0;
	ssize_t len;
	int fd;

	if (!is_proc_own())
		return 0;
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

static uint32_t pid_of(uint64_t owner)
{
	return (uint32_t)owner;
}

/* 0: it was not known. */
static uint32_t start_of(uint64_t owner)
{
	return (uint32_t)(owner >> 32);
}

/* 0: this process cannot see it. */
static uint64_t own_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : st.st_ino;
}

/* Fills in the identity of this process, as far as /proc shows it. */
void libring_owner_self(__u64 *owner, __u64 *pidns)
{
	uint32_t pid = (uint32_t)getpid();

	*owner = pid | (uint64_t)start_time(pid) << 32;
	*pidns = own_pidns();
}

/* Opens the directory with the lock, in the directory @pins. Return: -1: it cannot, see errno. */
int libring_owner_open_dir(const char *pins)
{
	char path[PATH_MAX + sizeof(LIBRING_OWNER_DIR)];

	if ((size_t)snprintf(path, sizeof(path), "%s/" LIBRING_OWNER_DIR, pins) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static struct flock whole_file(short type)
{
	return (struct flock) { .l_type = type, .l_whence = SEEK_SET };
}

/*
 * Takes the owner's lock on the open directory @dir, for as long as @dir is open. Of the kinds of
 * locks, only this one belongs to the open directory, is possible without write access, and can
 * be asked for without being taken. Return: 0; -errno.
 */
int libring_owner_lock(int dir)
{
	struct flock l = whole_file(F_RDLCK);

	return fcntl(dir, F_OFD_SETLK, &l) ? -errno : 0;
}

/* @dir: -1: this process cannot open it. */
static enum libring_owner_state look_at_lock(int dir)
{
	struct flock l = whole_file(F_WRLCK);

	if (dir < 0 || fcntl(dir, F_OFD_GETLK, &l))
		return OWNER_UNKNOWN;
	return l.l_type == F_UNLCK ? OWNER_GONE : OWNER_LIVES;
}

/* Looks at the process with the owner's PID. @there: the kernel has said that there is one. */
static enum libring_owner_state look_at_pid(uint64_t owner, bool there)
{
	uint32_t start;

	/* EPERM: there is one, of another user. */
	if (!there && kill((pid_t)pid_of(owner), 0) && errno == ESRCH)
		return OWNER_GONE;
	start = start_time(pid_of(owner));
	if (!start || !start_of(owner))
		return OWNER_UNKNOWN;
	return start == start_of(owner) ? OWNER_LIVES : OWNER_GONE;
}

static bool same_pidns(uint64_t pidns)
{
	return pidns && pidns == own_pidns();
}

/**
 * libring_owner_look() - find out whether a ring's owner lives
 * @owner, @pidns: as in the header. An owner of 0 is nobody: gone
 * @dir: the directory with the owner's lock, open; -1: this process cannot open it
 */
enum libring_owner_state libring_owner_look(uint64_t owner, uint64_t pidns, int dir)
{
	enum libring_owner_state state;

	if (!owner)
		return OWNER_GONE;
	state = look_at_lock(dir);
	if (state == OWNER_UNKNOWN && same_pidns(pidns))
		state = look_at_pid(owner, false);
	return state;
}

/**
 * libring_owner_open() - as libring_owner_look(), and get a descriptor that tells the owner's end
 * @owner, @pidns, @dir: as there; @owner is not 0
 * @pidfd: readable once the owner is gone, the caller's; -1: the caller has to look again
 */
enum libring_owner_state libring_owner_open(uint64_t owner, uint64_t pidns, int dir, int *pidfd)
{
	enum libring_owner_state by_lock = look_at_lock(dir), by_pid;
	int fd;

	*pidfd = -1;
	if (by_lock == OWNER_GONE || !same_pidns(pidns))
		return by_lock;
	fd = (int)syscall(SYS_pidfd_open, pid_of(owner), 0);
	if (fd < 0 && errno == ESRCH)
		return OWNER_GONE;
	/* While the descriptor is open, the PID is not reused. */
	by_pid = look_at_pid(owner, fd >= 0);
	if (fd >= 0 && by_pid == OWNER_GONE) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	*pidfd = fd;
	return by_lock == OWNER_LIVES ? by_lock : by_pid;
}
