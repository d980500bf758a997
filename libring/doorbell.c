// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The writer's side of the doorbell, an eventfd that nobody reads. Whoever has it shares its
 * flags: a reader that clears O_NONBLOCK and makes it full would have write(2) sleep. So
 * the kernel is asked to ring it, as it does for a read of nothing that is done with
 * io_submit(2): that never sleeps, and is heard also when the eventfd is full.
 */

#include <linux/aio_abi.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "writer.h"

#define EVENTS 64

/* Without it (no CONFIG_AIO, a limit, a filter of system calls) there is write(2). */
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

/* Return: whether it rang. Not in a child of the process that made the ring. */
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
		/* What was done before has to be taken away. */
		if (syscall(SYS_io_getevents, w->aio, 0L, (long)EVENTS, events, NULL) < 0)
			return false;
	}
	return false;
}

void libring_ring_doorbell(struct ring_writer *w)
{
	uint64_t n = 1;

	if (w->aio && ring_by_kernel(w))
		return;
	if (write(w->fds.doorbell, &n, sizeof(n)) == sizeof(n) || errno != EAGAIN)
		return;
	/* Full, as any reader can make it: only the edge matters, not the count. */
	if (read(w->fds.doorbell, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return;
	n = 1;
	if (write(w->fds.doorbell, &n, sizeof(n)) < 0)
		return;
}
