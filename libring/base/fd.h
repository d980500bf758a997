/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Descriptors. */
#ifndef LIBRING_BASE_FD_H
#define LIBRING_BASE_FD_H

#include <stdint.h>
#include <sys/uio.h>

#include "libring.h"

/* A ring_fds without a descriptor. */
#define LIBRING_NO_FDS ((struct ring_fds) { .ring = -1, .wait = -1, .doorbell = -1 })

void libring_close_fd(int fd);
void libring_close_fds(const struct ring_fds *fds);
int libring_open_file(const char *path, int *fd);
int libring_write_all(int fd, struct iovec *iov, int nr, uint64_t at);

#endif /* LIBRING_BASE_FD_H */
