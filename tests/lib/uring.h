/* SPDX-License-Identifier: GPL-2.0-only */
/* io_uring by system calls, for static programs. One thread uses a ring. */
#ifndef TESTS_LIB_URING_H
#define TESTS_LIB_URING_H

#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "tap.h"

/*
 * @flags: IORING_SETUP_*
 * @prepared: entries that are not submitted yet
 */
struct uring {
	int fd;
	unsigned int flags;
	unsigned int prepared;
	unsigned char *map;
	size_t map_size;
	struct io_uring_sqe *sqes;
	size_t sqes_size;
	struct io_uring_params p;
};

static inline unsigned int *uring_word(const struct uring *u, unsigned int offset)
{
	return (unsigned int *)(void *)(u->map + offset);
}

/* Return: 0; -errno the kernel has no such ring, and @u needs no close. */
static inline int uring_open(struct uring *u, unsigned int entries, unsigned int flags)
{
	size_t cq_end;

	memset(u, 0, sizeof(*u));
	u->flags = flags;
	u->p.flags = flags;
	u->p.sq_thread_idle = 50;
	u->fd = (int)syscall(SYS_io_uring_setup, entries, &u->p);
	if (u->fd < 0)
		return -errno;
	if (!(u->p.features & IORING_FEAT_SINGLE_MMAP) || !(u->p.features & IORING_FEAT_EXT_ARG))
		T_DIE("setup.uring", "features %#x", u->p.features);
	cq_end = u->p.cq_off.cqes + u->p.cq_entries * sizeof(struct io_uring_cqe);
	u->map_size = u->p.sq_off.array + u->p.sq_entries * sizeof(unsigned int);
	if (u->map_size < cq_end)
		u->map_size = cq_end;
	u->map = mmap(NULL, u->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		      IORING_OFF_SQ_RING);
	u->sqes_size = u->p.sq_entries * sizeof(struct io_uring_sqe);
	u->sqes = mmap(NULL, u->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		       IORING_OFF_SQES);
	if (u->map == MAP_FAILED || u->sqes == MAP_FAILED)
		T_DIE("setup.uring", "mmap: %s", strerror(errno));
	return 0;
}

static inline void uring_close(struct uring *u)
{
	munmap(u->map, u->map_size);
	munmap(u->sqes, u->sqes_size);
	close(u->fd);
}

/* Prepares an entry; the caller fills it in before the next call. */
static inline struct io_uring_sqe *uring_prepare(struct uring *u, unsigned int op, int fd,
						 uint64_t user_data)
{
	unsigned int *tail = uring_word(u, u->p.sq_off.tail);
	unsigned int at = (*tail + u->prepared) & *uring_word(u, u->p.sq_off.ring_mask);
	struct io_uring_sqe *sqe = &u->sqes[at];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = (unsigned char)op;
	sqe->fd = fd;
	sqe->user_data = user_data;
	uring_word(u, u->p.sq_off.array)[at] = at;
	u->prepared++;
	return sqe;
}

static inline struct io_uring_sqe *uring_prepare_poll(struct uring *u, int fd, uint32_t events,
						      uint32_t poll_flags, uint64_t user_data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_POLL_ADD, fd, user_data);

	sqe->poll32_events = events;
	sqe->len = poll_flags;
	return sqe;
}

static inline void uring_enter(struct uring *u, unsigned int submit, unsigned int min,
			       uint64_t timeout_ns)
{
	struct __kernel_timespec ts = { .tv_sec = (long long)(timeout_ns / 1000000000),
					.tv_nsec = (long long)(timeout_ns % 1000000000) };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)&ts };
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	long ret;

	if (u->flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	ret = syscall(SYS_io_uring_enter, u->fd, submit, min, flags, &arg, sizeof(arg));
	if (ret < 0 && errno != ETIME && errno != EINTR)
		T_DIE("setup.uring", "io_uring_enter: %s", strerror(errno));
}

/* Submits what is prepared. With IORING_SETUP_SQPOLL, waits until the kernel took it. */
static inline void uring_submit(struct uring *u)
{
	unsigned int *tail = uring_word(u, u->p.sq_off.tail), nr = u->prepared;

	if (!nr)
		return;
	u->prepared = 0;
	__atomic_store_n(tail, *tail + nr, __ATOMIC_RELEASE);
	do {
		uring_enter(u, nr, 0, 0);
	} while (__atomic_load_n(uring_word(u, u->p.sq_off.head), __ATOMIC_ACQUIRE) != *tail);
}

static inline bool uring_pop(struct uring *u, struct io_uring_cqe *out)
{
	unsigned int *head = uring_word(u, u->p.cq_off.head);
	const struct io_uring_cqe
		*cqes = (const struct io_uring_cqe *)(const void *)(u->map + u->p.cq_off.cqes);

	if (__atomic_load_n(uring_word(u, u->p.cq_off.tail), __ATOMIC_ACQUIRE) == *head)
		return false;
	*out = cqes[*head & *uring_word(u, u->p.cq_off.ring_mask)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Submits what is prepared, and waits for a completion. Return: whether one came in time. */
static inline bool uring_wait(struct uring *u, unsigned int timeout_ms, struct io_uring_cqe *cqe)
{
	uint64_t now = now_ns(), end = now + timeout_ms * MS;

	uring_submit(u);
	for (;;) {
		if (uring_pop(u, cqe))
			return true;
		/* The kernel completes some requests only when the program asks. */
		uring_enter(u, 0, end > now, end > now ? end - now : 0);
		if (uring_pop(u, cqe))
			return true;
		now = now_ns();
		if (now >= end)
			return false;
	}
}

#endif /* TESTS_LIB_URING_H */
