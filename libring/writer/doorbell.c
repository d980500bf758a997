// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The writer's side of the doorbells, eventfds that nobody reads. Readers share their file
 * flags: a reader that clears O_NONBLOCK and makes one full would let write(2) sleep. So
 * the writer submits a read of no bytes by io_submit(2), and the kernel rings the eventfd
 * on its completion: this never sleeps, and wakes readers even when the eventfd is full.
 */

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "writer.h"

#define EVENTS 64
#define TRIES  3

/* Without AIO (no CONFIG_AIO, a limit, a filter of system calls), write(2) rings. */
void libring_doorbell_setup(struct ring_writer *w)
{
	aio_context_t ctx = 0;

	if (!syscall(SYS_io_setup, EVENTS, &ctx))
		w->aio = ctx;
}

void libring_doorbell_free(struct ring_writer *w)
{
	if (w->aio)
		syscall(SYS_io_destroy, w->aio);
}

/* Return: how many of the doorbells rang; 0 in a child of the process that made the ring. */
static unsigned int ring_by_kernel(const struct ring_writer *w, const int *fds, unsigned int nr)
{
	struct io_event events[EVENTS];
	struct iocb nothing[LIBRING_DOORBELLS];
	struct iocb *calls[LIBRING_DOORBELLS];
	unsigned int i, done = 0;
	int tries = 0;
	long n;

	for (i = 0; i < nr; i++) {
		nothing[i] = (struct iocb) {
			.aio_lio_opcode = IOCB_CMD_PREAD,
			.aio_fildes = (uint32_t)w->fds.ring,
			.aio_flags = IOCB_FLAG_RESFD,
			.aio_resfd = (uint32_t)fds[i],
		};
		calls[i] = &nothing[i];
	}
	while (done < nr) {
		n = syscall(SYS_io_submit, w->aio, (long)(nr - done), &calls[done]);
		if (n > 0) {
			done += (unsigned int)n;
			tries = 0;
			continue;
		}
		if (errno != EAGAIN || tries++ == TRIES)
			break;
		/* The queue is full: take completed requests out. */
		if (syscall(SYS_io_getevents, w->aio, 0L, (long)EVENTS, events, NULL) < 0)
			break;
	}
	return done;
}

static void ring_by_write(int fd)
{
	uint64_t n = 1;

	if (write(fd, &n, sizeof(n)) == sizeof(n) || errno != EAGAIN)
		return;
	/* Full: any reader can make it so. Only the edge matters, not the count. */
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return;
	n = 1;
	if (write(fd, &n, sizeof(n)) < 0)
		return;
}

/* Rings @nr doorbells, at most LIBRING_DOORBELLS. */
void libring_doorbells_ring(struct ring_writer *w, const int *fds, unsigned int nr)
{
	unsigned int done = w->aio ? ring_by_kernel(w, fds, nr) : 0;

	for (; done < nr; done++)
		ring_by_write(fds[done]);
}
