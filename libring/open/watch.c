// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Notices that something appears at a name or a path, so that nobody asks the file system again
 * and again. inotify tells it on every file system that has names of rings, the BPF one and
 * devtmpfs included. What it does not tell is that a file system is mounted over a directory.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../backend/poller.h"
#include "../base/fd.h"
#include "backends.h"
#include "watch.h"

/* IN_ATTRIB: the one who creates a node or a socket sets its mode afterwards. */
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Begins to watch, with what it is told by in @p. Watches no directory yet. */
void libring_watch_begin(struct ring_watch *w, struct ring_poller *p)
{
	w->on = true;
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify >= 0 && libring_poller_add(p, w->inotify, EPOLLIN, POLLER_NAME)) {
		libring_close_fd(w->inotify);
		w->inotify = -1;
	}
	w->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->mounts >= 0)
		libring_poller_add(p, w->mounts, EPOLLPRI | EPOLLET, POLLER_MOUNT);
}

void libring_watch_end(struct ring_watch *w)
{
	libring_close_fd(w->inotify);
	libring_close_fd(w->mounts);
	*w = LIBRING_NO_WATCH;
}

/* Takes the events out. What they say does not matter: the name is looked up again. */
void libring_watch_drain(const struct ring_watch *w)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (w->inotify >= 0 && read(w->inotify, events, sizeof(events)) > 0)
		;
}

/* Makes @path the directory around it. Return: false: there is none. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!strcmp(path, "/") || !strcmp(path, "."))
		return false;
	if (!slash)
		memcpy(path, ".", 2);
	else if (slash == path)
		path[1] = 0;
	else
		*slash = 0;
	return true;
}

/*
 * Watches @path, which is overwritten, or the nearest directory around it that is there and that
 * this process may read. Return: whether inotify tells of all that appears in it.
 */
static bool watch_dir(const struct ring_watch *w, char *path)
{
	struct stat st;

	do {
		if (inotify_add_watch(w->inotify, path, EVENTS) >= 0)
			return true;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			return false;
		/* It can be searched but not watched, or is a link to what is not there. */
		if (!access(path, X_OK) || (!lstat(path, &st) && S_ISLNK(st.st_mode)))
			return false;
	} while (go_up(path));
	return false;
}

/* Watches each directory where ring_open(@where) would look now. Call it before that look. */
void libring_watch_update(struct ring_watch *w, const char *where)
{
	char dir[PATH_MAX];
	unsigned int i, nr;

	w->blind = w->inotify < 0;
	if (w->blind)
		return;
	if (strchr(where, '/')) {
		snprintf(dir, sizeof(dir), "%s", where);
		w->blind = !go_up(dir) || !watch_dir(w, dir);
		return;
	}
	for (i = 0; i < LIBRING_NR_BACKENDS; i++)
		for (nr = 0; !libring_backends[i]->dir(nr, dir, sizeof(dir)); nr++)
			w->blind |= !watch_dir(w, dir);
}
