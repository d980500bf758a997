// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Names of rings, and where those that processes serve are found. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "internal.h"

#define RUN_DIR "/run/seqring"

bool libring_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len < SEQRING_NAME_SIZE && name[0] != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

int libring_check_name(const char *name)
{
	if (name && libring_name_ok(name))
		return 0;
	return libring_fail(EINVAL,
			    "bad name%s%.40s: 1 to %u of A-Z a-z 0-9 . _ - and no dot at "
			    "the start",
			    name ? " " : "", name ? name : "", SEQRING_NAME_SIZE - 1);
}

/*
 * The @i-th directory in which sockets are looked for; a writer makes its own in
 * the first. Return: 0; -ENOENT there are no more; -ENAMETOOLONG.
 */
int libring_socket_dir(unsigned int i, char *dir, size_t size)
{
	const char *own = secure_getenv("RINGDIR"), *run = secure_getenv("XDG_RUNTIME_DIR");
	int n;

	if (own && *own)
		n = i ? -1 : snprintf(dir, size, "%s", own);
	else if (run && *run && !i)
		n = snprintf(dir, size, "%s/seqring", run);
	else
		n = i > (run && *run) ? -1 : snprintf(dir, size, RUN_DIR);
	if (n < 0)
		return -ENOENT;
	if ((size_t)n >= size)
		return libring_fail(ENAMETOOLONG,
				    "$%s: at most %zu bytes make a directory for "
				    "sockets",
				    own && *own ? "RINGDIR" : "XDG_RUNTIME_DIR", size - 1);
	return 0;
}

/* @dir NULL: @name is a path. */
int libring_socket_path(const char *dir, const char *name, char *path, size_t size)
{
	int n = snprintf(path, size, "%s%s%s", dir ? dir : "", dir ? "/" : "", name);

	if (n < 0 || (size_t)n >= size)
		return libring_fail(ENAMETOOLONG,
				    "%s%s%s: the path of a socket has at most %zu "
				    "bytes",
				    dir ? dir : "", dir ? "/" : "", name, size - 1);
	return 0;
}
