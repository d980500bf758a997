// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Names of rings, and the directories that have them. */

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "error.h"
#include "names.h"

#define RUN_DIR "/run/seqring"

bool libring_is_name(const char *name)
{
	size_t len = strlen(name);

	return len && len < SEQRING_NAME_SIZE && name[0] != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

int libring_check_name(const char *name)
{
	if (name && libring_is_name(name))
		return 0;
	return libring_set_error(EINVAL,
				 "bad name%s%.40s: 1 to %u of A-Z a-z 0-9 . _ - and no dot at "
				 "the start",
				 name ? " " : "", name ? name : "", SEQRING_NAME_SIZE - 1);
}

/*
 * Gives $XDG_RUNTIME_DIR, unless it is not this user's own: root may have inherited it from
 * another user, who could put any socket there. Return: NULL: there is none to use.
 */
static const char *own_runtime_dir(void)
{
	const char *dir = secure_getenv("XDG_RUNTIME_DIR");
	struct statx st;

	/* Without a question to the file system: another user may have mounted it. */
	if (!dir || !*dir ||
	    statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE | STATX_UID, &st))
		return NULL;
	if (!S_ISDIR(st.stx_mode) || st.stx_uid != geteuid() || st.stx_mode & 022)
		return NULL;
	return dir;
}

/*
 * Gives the directory number @nr, from 0, that is searched for sockets. Writers create
 * theirs in number 0. Return: 0; -ENOENT there are no more; -ENAMETOOLONG.
 */
int libring_socket_dir(unsigned int nr, char *dir, size_t size)
{
	const char *own = secure_getenv("RINGDIR"), *run = own_runtime_dir();
	int n;

	if (own && *own)
		n = nr ? -1 : snprintf(dir, size, "%s", own);
	else if (run && !nr)
		n = snprintf(dir, size, "%s/seqring", run);
	else
		n = nr > !!run ? -1 : snprintf(dir, size, RUN_DIR);
	if (n < 0)
		return -ENOENT;
	if ((size_t)n >= size)
		return libring_set_error(ENAMETOOLONG,
					 "$%s: at most %zu bytes make a directory for "
					 "sockets",
					 own && *own ? "RINGDIR" : "XDG_RUNTIME_DIR", size - 1);
	return 0;
}

/* Gives the path of socket @name in @dir; @dir NULL: @name is the path. */
int libring_socket_path(const char *dir, const char *name, char *path, size_t size)
{
	int n = snprintf(path, size, "%s%s%s", dir ? dir : "", dir ? "/" : "", name);

	if (n < 0 || (size_t)n >= size)
		return libring_set_error(ENAMETOOLONG,
					 "%s%s%s: the path of a socket has at most %zu "
					 "bytes",
					 dir ? dir : "", dir ? "/" : "", name, size - 1);
	return 0;
}

/* Gives the directory where named BPF rings are pinned. */
int libring_bpf_dir(char *dir, size_t size)
{
	const char *own = secure_getenv("RINGBPFDIR");
	int n;

	n = snprintf(dir, size, "%s", own && *own ? own : "/sys/fs/bpf/seqring");
	if (n < 0 || (size_t)n >= size)
		return libring_set_error(ENAMETOOLONG,
					 "$RINGBPFDIR: at most %zu bytes make a directory",
					 size - 1);
	return 0;
}

/* True if @path is in a BPF file system. */
bool libring_on_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && (unsigned long)st.f_type == BPF_FS_MAGIC;
}
