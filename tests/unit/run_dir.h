/* SPDX-License-Identifier: GPL-2.0-only */
/* A directory for the sockets of a test, $RINGDIR. */
#ifndef UNIT_RUN_DIR_H
#define UNIT_RUN_DIR_H

#include <ftw.h>

#include "unit.h"

static char dir[64];

static inline int run_dir_remove_one(const char *path, const struct stat *st, int flag,
				     struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Names the directory. It does not exist yet: the first listener makes it. */
static inline void run_dir_name(void)
{
	strcpy(dir, "/tmp/ring-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	strcat(dir, "/run");
	setenv("RINGDIR", dir, 1);
}

/* Removes the directory with all that is in it, but not the one around it. */
static inline void run_dir_clear(void)
{
	nftw(dir, run_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void run_dir_remove(void)
{
	*strrchr(dir, '/') = 0;
	run_dir_clear();
	unsetenv("RINGDIR");
}

/* For tests that need no more of a set-up. */
static inline int run_dir_setup(void **state)
{
	(void)state;
	run_dir_name();
	return 0;
}

static inline int run_dir_teardown(void **state)
{
	(void)state;
	run_dir_remove();
	return 0;
}

static inline const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

#endif /* UNIT_RUN_DIR_H */
