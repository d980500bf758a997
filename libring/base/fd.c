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

/* Writes all bytes of @iov, which changes, at @at of a file. Return: 0; -errno, no sentence. */
int libring_write_all(int fd, struct iovec *iov, int nr, uint64_t at)
{
	ssize_t done;

	while (nr) {
		done = pwritev(fd, iov, nr, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -ENOSPC;
		at += (uint64_t)done;
		for (; nr && (size_t)done >= iov->iov_len; iov++, nr--)
			done -= (ssize_t)iov->iov_len;
		if (nr) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}
