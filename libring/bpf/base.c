// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The directory of all named rings, and its lock. Whoever owns it decides what the pins in it
 * are, so it belongs to this user or to root. Nothing is mounted over, and nothing removed,
 * that this call has not made.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_MOUNT "/sys/fs/bpf"
#define LOCK_MS	      10000
#define LOCK_STEP_MS  10

/* Opens @path, a directory that this user or root owns. Return: 0; -EPERM another one's; -errno. */
static int open_own_dir(const char *path, int flags, int *fd)
{
	struct stat st;

	*fd = open(path, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	if (!fstat(*fd, &st) && (!st.st_uid || st.st_uid == geteuid()))
		return 0;
	close(*fd);
	return libring_set_error(EPERM,
				 "%s: user %u owns it: only a directory of root or of this user "
				 "has rings",
				 path, (unsigned int)st.st_uid);
}

static int check_own_dir(const char *path)
{
	int fd, err;

	err = open_own_dir(path, O_PATH, &fd);
	if (!err)
		close(fd);
	return err;
}

/* The mode of a directory with files of @mode: who may use those may list and search it. */
mode_t libring_pins_dir_mode(mode_t mode)
{
	return 0700 | (mode & 0060 ? 0050 : 0) | (mode & 0006 ? 0005 : 0);
}

/* Mounts a BPF file system at @dir, for its owner and those who may use the ring. */
static int mount_bpffs(const char *dir, mode_t permissions)
{
	char path[32];
	int fd, err;

	/* By its descriptor: whoever may rename the directory could replace it meanwhile. */
	err = open_own_dir(dir, O_PATH, &fd);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		err = libring_set_error(errno, "cannot mount a BPF file system at %s: %s", dir,
					strerror(errno));
	close(fd);
	if (!err && permissions & 0077 && chmod(dir, libring_pins_dir_mode(permissions)))
		err = libring_set_error(errno, "%s: %s", dir, strerror(errno));
	return err;
}

static int make_dir(const char *path)
{
	/* The modes of the rings' own directories decide about access, and not the umask. */
	if (mkdir(path, 0755) || chmod(path, 0755))
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* A BPF file system of its own at @base, which does not exist yet. */
static int make_mounted(const char *base, mode_t permissions)
{
	int err;

	if (mkdir(base, 0700))
		return libring_set_error(errno, "cannot create %s to mount a BPF file system: %s",
					 base, strerror(errno));
	err = mount_bpffs(base, permissions);
	if (err)
		rmdir(base);
	return err;
}

static int say_not_mounted(const char *where)
{
	return libring_set_error(ENOTDIR,
				 "no BPF file system is mounted at %s: mount -t bpf bpf %s", where,
				 where);
}

/**
 * libring_pins_make_base() - make the directory of all named rings
 * @base: the directory
 * @mount_it: mount a BPF file system if none is there: at /sys/fs/bpf for the default
 *            directory, which is there for that, and otherwise at @base if @base is new
 * @permissions: of the ring that it is for, in case of a mount
 *
 * Return: 0; -EPERM another user owns @base; -ENOTDIR it would not be in a BPF file system;
 * -errno.
 */
int libring_pins_make_base(const char *base, bool mount_it, mode_t permissions)
{
	char parent[PATH_MAX], *slash;
	struct stat st;
	int err;

	if (!lstat(base, &st))
		return libring_on_bpffs(base) ? check_own_dir(base) : say_not_mounted(base);
	if (errno != ENOENT)
		return libring_set_error(errno, "%s: %s", base, strerror(errno));
	snprintf(parent, sizeof(parent), "%s", base);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = 0;
	if (libring_on_bpffs(parent))
		return make_dir(base);
	if (!mount_it)
		return say_not_mounted(parent);
	if (strcmp(parent, DEFAULT_MOUNT))
		return make_mounted(base, permissions);
	err = mount_bpffs(parent, permissions);
	return err ? err : make_dir(base);
}

/**
 * libring_pins_lock() - lock all names: nobody else looks one up or takes one
 * @p: located, and @p->base exists
 * @fd: set to the lock, which close(2) releases
 *
 * The lock is on a directory that only its owner can open. Any user can open @p->base,
 * and could block all others by locking it.
 *
 * Return: 0; -EBUSY another process keeps it for LOCK_MS; -EPERM another user owns it, or the
 * directory of the names; -errno.
 */
int libring_pins_lock(const struct ring_pins *p, int *fd)
{
	char path[PATH_MAX + 16];
	int ms, err;

	err = check_own_dir(p->base);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/+lock", p->base);
	if (mkdir(path, 0700) && errno != EEXIST)
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	err = open_own_dir(path, O_RDONLY, fd);
	if (err)
		return err;
	for (ms = 0; ms < LOCK_MS; ms += LOCK_STEP_MS) {
		if (!flock(*fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EINTR && errno != EWOULDBLOCK)
			break;
		usleep(LOCK_STEP_MS * 1000);
	}
	err = errno == EWOULDBLOCK ? EBUSY : errno;
	close(*fd);
	return libring_set_error(err, "cannot lock %s: %s", path,
				 err == EBUSY ? "another process keeps it locked" : strerror(err));
}
