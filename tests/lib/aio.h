/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's AIO by system calls: polls only. */
#ifndef TESTS_LIB_AIO_H
#define TESTS_LIB_AIO_H

#include <linux/aio_abi.h>
#include <poll.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "tap.h"

static inline aio_context_t aio_open(unsigned int nr)
{
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, nr, &ctx))
		T_DIE("setup.aio", "io_setup: %s", strerror(errno));
	return ctx;
}

static inline void aio_close(aio_context_t ctx)
{
	if (syscall(SYS_io_destroy, ctx))
		T_DIE("setup.aio", "io_destroy: %s", strerror(errno));
}

/* Submits a poll. @cb must stay where it is until then. Return: 0 or -errno. */
static inline int aio_poll(aio_context_t ctx, struct iocb *cb, int fd, uint64_t data)
{
	memset(cb, 0, sizeof(*cb));
	cb->aio_lio_opcode = IOCB_CMD_POLL;
	cb->aio_fildes = (uint32_t)fd;
	cb->aio_buf = POLLIN;
	cb->aio_data = data;
	return syscall(SYS_io_submit, ctx, 1L, &cb) == 1 ? 0 : -errno;
}

/* Waits for one to @max completions. Return: how many came in time. */
static inline int aio_wait(aio_context_t ctx, struct io_event *events, long max,
			   unsigned int timeout_ms)
{
	struct timespec ts = { .tv_sec = timeout_ms / 1000,
			       .tv_nsec = timeout_ms % 1000 * 1000000L };
	long n;

	do {
		n = syscall(SYS_io_getevents, ctx, 1L, max, events, &ts);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		T_DIE("setup.aio", "io_getevents: %s", strerror(errno));
	return (int)n;
}

#endif /* TESTS_LIB_AIO_H */
