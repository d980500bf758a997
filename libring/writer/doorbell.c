// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The writer's side of the doorbell, an eventfd that nobody reads. Readers share its file
 * flags: a reader that clears O_NONBLOCK and makes it full would let write(2) sleep. So
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

/* Return: whether the doorbell rang; false in a child of the process that made the ring. */
static bool ring_by_kernel(const struct ring_writer *w)
{
	struct io_event events[EVENTS];
	struct iocb nothing = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)w->fds.ring,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)w->fds.doorbell,
	};
	struct iocb *one = &nothing;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		if (syscall(SYS_io_submit, w->aio, 1L, &one) == 1)
			return true;
		if (errno != EAGAIN)
			return false;
		/* The queue is full: take completed requests out. */
		if (syscall(SYS_io_getevents, w->aio, 0L, (long)EVENTS, events, NULL) < 0)
			return false;
	}
	return false;
}

void libring_doorbell_ring(struct ring_writer *w)
{
	uint64_t n = 1;

	if (w->aio && ring_by_kernel(w))
		return;
	if (write(w->fds.doorbell, &n, sizeof(n)) == sizeof(n) || errno != EAGAIN)
		return;
	/* Full: any reader can make it so. Only the edge matters, not the count. */
	if (read(w->fds.doorbell, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return;
	n = 1;
	if (write(w->fds.doorbell, &n, sizeof(n)) < 0)
		return;
}
