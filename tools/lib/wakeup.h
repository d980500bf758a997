/* SPDX-License-Identifier: GPL-2.0-only */
/* How commands that read many records wait for them. */
#ifndef LIB_WAKEUP_H
#define LIB_WAKEUP_H

#include <stdint.h>

struct ring_reader;

/* How often to look at a ring that cannot wake readers. */
#define WAKEUP_POLL_NS 20000000ULL

/*
 * Lets a ring wake its reader when an eighth of it is unread, or @batch_ns after the first unread
 * record. Return: 0; -errno of the library.
 */
int wakeup_in_batches(struct ring_reader *ring, uint64_t batch_ns);

/* Sets @fd to what wakes the reader; -1: nothing does. Return: 0; -errno of the library. */
int wakeup_fd(struct ring_reader *ring, int *fd);

#endif /* LIB_WAKEUP_H */
