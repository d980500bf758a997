/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* An epoll instance with a timer: one descriptor for everything that wakes a reader. */
#ifndef LIBRING_BACKEND_POLLER_H
#define LIBRING_BACKEND_POLLER_H

#include <stdint.h>

/* Kinds of descriptors in the instance, as bits; libring_poller_drain() returns them. */
#define POLLER_TIMER	(1u << 0)
#define POLLER_DOORBELL (1u << 1)
#define POLLER_OWNER	(1u << 2) /* a pidfd, readable when the process is gone */
#define POLLER_PEER	(1u << 3) /* a socket or a device: returned when it hung up */
#define POLLER_RING	(1u << 4) /* what wakes the reader of the present ring, or of the next */
#define POLLER_NAME	(1u << 5) /* inotify on the directories of a name */
#define POLLER_MOUNT	(1u << 6) /* a file system was mounted or unmounted */
#define POLLER_GREETING (1u << 7) /* a connection: its process answered or is gone */

/*
 * @epfd: the instance; -1: there is none
 * @timer_ns: what the timer is set to; 0: it is off
 */
struct ring_poller {
	int epfd;
	int timer;
	uint64_t timer_ns;
};

#define LIBRING_NO_POLLER ((struct ring_poller) { .epfd = -1, .timer = -1 })

int libring_poller_open(struct ring_poller *p);
void libring_poller_close(struct ring_poller *p);
int libring_poller_add(struct ring_poller *p, int fd, uint32_t events, uint32_t what);
void libring_poller_remove(struct ring_poller *p, int fd);
void libring_poller_look(struct ring_poller *p, int fd, uint32_t events, uint32_t what);
uint32_t libring_poller_drain(struct ring_poller *p);
void libring_poller_set_timer(struct ring_poller *p, uint64_t at_ns);

#endif /* LIBRING_BACKEND_POLLER_H */
