// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* A recording's files in their directory. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fd.h"
#include "segments.h"

/* Fills LIBRING_SEGMENT_NAME bytes of @name. */
void libring_name_segment(char *name, uint64_t number)
{
	snprintf(name, LIBRING_SEGMENT_NAME, "%010" PRIu64 ".seg", number);
}

/* True if @name is that of a file of a recording, with @number. */
static bool parse_name(const char *name, uint64_t *number)
{
	char same[LIBRING_SEGMENT_NAME];

	if (strspn(name, "0123456789") < 10)
		return false;
	*number = strtoull(name, NULL, 10);
	libring_name_segment(same, *number);
	return *number && !strcmp(name, same);
}

/**
 * libring_each_segment() - call a function for each file of a recording, in no order
 * @dir: the directory; stays the caller's, and so does its offset
 * @path: its path, for messages
 * @fn: gets the number of the file; anything but 0 ends the walk
 *
 * Return: 0; what @fn returned; -errno.
 */
int libring_each_segment(int dir, const char *path, int (*fn)(uint64_t number, void *arg),
			 void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t number;
	int err = 0;

	if (!d) {
		err = libring_set_error(errno, "%s: %s", path, strerror(errno));
		libring_close_fd(fd);
		return err;
	}
	while (!err && (e = readdir(d)))
		if (parse_name(e->d_name, &number))
			err = fn(number, arg);
	closedir(d);
	return err;
}
