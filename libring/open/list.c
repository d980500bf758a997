// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* A list of all rings that have a name. */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/names.h"
#include "backends.h"

/*
 * A directory that ring_open() searches.
 *
 * @backend: index in libring_backends; @nr: as in ring_backend.dir()
 */
struct place {
	unsigned int backend;
	unsigned int nr;
	char dir[PATH_MAX];
};

/* Goes to the next directory. Return: 0; -ENOENT there are no more; -ENAMETOOLONG. */
static int next_place(struct place *p)
{
	int err = -ENOENT;

	for (; p->backend < LIBRING_NR_BACKENDS; p->backend++, p->nr = 0) {
		err = libring_backends[p->backend]->dir(p->nr, p->dir, sizeof(p->dir));
		if (err != -ENOENT)
			break;
	}
	p->nr++;
	return err;
}

/* True if ring_open(@name) finds something before it comes to @p. */
static bool is_hidden(const char *name, const struct place *p)
{
	struct place before = { 0 };
	char path[PATH_MAX + NAME_MAX + 2];

	while (!next_place(&before)) {
		if (before.backend == p->backend && before.nr == p->nr)
			return false;
		snprintf(path, sizeof(path), "%s/%s", before.dir, name);
		if (!access(path, F_OK))
			return true;
	}
	return true;
}

static int list_place(const struct place *p, ring_list_fn fn, void *arg)
{
	const struct ring_backend *b = libring_backends[p->backend];
	struct dirent *e;
	struct stat st;
	int err = 0;
	DIR *dir;

	dir = opendir(p->dir);
	if (!dir && (errno == ENOENT || errno == ENOTDIR || (errno == EACCES && b->dir_is_private)))
		return 0;
	if (!dir)
		return libring_set_error(errno, "%s: %s", p->dir, strerror(errno));
	while (!err && (e = readdir(dir))) {
		if (libring_is_name(e->d_name) && !fstatat(dirfd(dir), e->d_name, &st, 0) &&
		    (st.st_mode & S_IFMT) == b->node_type && !is_hidden(e->d_name, p))
			err = fn(e->d_name, b->writer, arg);
	}
	closedir(dir);
	return err;
}

int ring_list(ring_list_fn fn, void *arg)
{
	struct place p = { 0 };
	int err;

	while (!(err = next_place(&p))) {
		err = list_place(&p, fn, arg);
		if (err)
			return libring_forget_if_good(err);
	}
	return libring_forget_if_good(err == -ENOENT ? 0 : err);
}
