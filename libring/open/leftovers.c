// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sockets that killed processes left. */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../backend/connect.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/names.h"
#include "libring.h"

#define LOCK_TRIES 100
#define LOCK_MS	   10

/* Locks @dir as a process does that begins to serve. Return: whether it is locked. */
static bool lock(int dir)
{
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(dir, LOCK_EX | LOCK_NB))
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		poll(NULL, 0, LOCK_MS);
	}
	return false;
}

/* Asks whether the socket at @path refuses. One that this process may not ask may live. */
static bool refuses(const char *path)
{
	int sock = -1, err = libring_connect(path, 0, &sock);

	libring_close_fd(sock);
	return err == -ECONNREFUSED;
}

static int remove_socket(int dir, const char *path, const char *name)
{
	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 1;
	return libring_set_error(errno, "%s: %s", path, strerror(errno));
}

/* Looks at the entry @name of @where, open as @dir. Return: 0; what @fn returned; -ENAMETOOLONG. */
static int look_at_socket(const char *where, int dir, const char *name, uint32_t flags,
			  ring_leftover_fn fn, void *arg)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct ring_leftover found = { .kind = RING_LEFTOVER_SOCKET, .name = name, .path = path };
	bool locked, left;
	struct stat st;

	if (!libring_is_name(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISSOCK(st.st_mode) || libring_socket_path(where, name, path, sizeof(path)))
		return 0;
	/* For one socket at a time: others may begin to serve meanwhile. */
	locked = lock(dir);
	left = refuses(path);
	/* Without the lock, its maker may not have begun to listen yet. */
	found.maker_gone = locked;
	if (left && flags & RING_LEFTOVERS_REMOVE && (locked || flags & RING_LEFTOVERS_UNKNOWN))
		found.removed = remove_socket(dir, path, name);
	if (locked)
		flock(dir, LOCK_UN);
	return left ? fn(&found, arg) : 0;
}

static int look_into(const char *where, uint32_t flags, ring_leftover_fn fn, void *arg)
{
	struct dirent *e;
	int err = 0;
	DIR *dir;

	dir = opendir(where);
	if (!dir && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!dir)
		return libring_set_error(errno, "%s: %s", where, strerror(errno));
	while (!err && (e = readdir(dir)))
		err = look_at_socket(where, dirfd(dir), e->d_name, flags, fn, arg);
	closedir(dir);
	return err;
}

int ring_leftovers(uint32_t flags, ring_leftover_fn fn, void *arg)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	unsigned int nr;
	int err;

	if (flags & ~(RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN) ||
	    flags == RING_LEFTOVERS_UNKNOWN)
		return libring_set_error(EINVAL,
					 "flags are 0x%x: 0, RING_LEFTOVERS_REMOVE 1, or 3 with "
					 "RING_LEFTOVERS_UNKNOWN",
					 flags);
	for (nr = 0; !(err = libring_socket_dir(nr, dir, sizeof(dir))); nr++) {
		err = look_into(dir, flags, fn, arg);
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}
