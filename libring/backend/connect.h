/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The reader's end of a served ring's socket. */
#ifndef LIBRING_BACKEND_CONNECT_H
#define LIBRING_BACKEND_CONNECT_H

#include "libring.h"

int libring_connect(const char *path, uint64_t until_ns, int *sock);
int libring_receive_fds(int sock, uint64_t until_ns, struct ring_fds *fds, uint64_t *slot_offset);

#endif /* LIBRING_BACKEND_CONNECT_H */
