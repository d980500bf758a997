// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Descriptors. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "fd.h"

/* Closes @fd unless it is negative. */
void libring_close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void libring_close_fds(const struct ring_fds *fds)
{
	libring_close_fd(fds->ring);
	libring_close_fd(fds->wait);
	libring_close_fd(fds->doorbell);
}

/* Opens @path for reading. */
int libring_open_file(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	return 0;
}
