// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A memfd ring: the writer rings a doorbell, an eventfd that nobody ever reads, when
 * it passes the lowest armed position. Each reader has an epoll instance of its
 * own with the doorbell in it, edge-triggered: every ring of the doorbell is an edge, for
 * every reader. The order that loses no wake-up:
 *
 *	drain the edges, arm, fence (with membarrier() when the writer has none),
 *	look at the rings once more, sleep
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

static void memfd_arm(struct ring_reader *r, bool for_fd)
{
	libring_arm_words(r, for_fd);
	/* Pairs with the light fence in seqring_writer_wake_due(). */
	if (r->hdr.features & SEQRING_FEAT_MEMBARRIER)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

static const struct ring_backend_ops memfd_ops = {
	.arm = memfd_arm,
	.kick = libring_kick_timer,
	.close = libring_unmap_words,
};

static int check_seals(int fd, int needed, const char *what)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs st;

	if (seals < 0 || fstatfs(fd, &st))
		return libring_fail(EPROTO, "not a ring: the %s is no memfd", what);
	/* What is mapped of them comes in their size, and only so can it be given back. */
	if ((unsigned long)st.f_type == HUGETLBFS_MAGIC)
		return libring_fail(EPROTO, "the %s consists of huge pages", what);
	if ((seals & needed) != needed)
		return libring_fail(EPERM,
				    "the %s is not sealed against shrinking, growing and "
				    "the change of its seals: this could kill its readers",
				    what);
	return 0;
}

static int map_ring(struct ring_reader *r, int fd)
{
	struct stat st;
	int err;

	err = check_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, "ring's memfd");
	if (err)
		return err;
	if (!(fcntl(fd, F_GET_SEALS) & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE)))
		return libring_fail(EPERM, "the ring's memfd is not sealed against other writers");
	if (fstat(fd, &st))
		return libring_fail(errno, "cannot stat the ring's memfd: %s", strerror(errno));
	return libring_map(r, fd, (uint64_t)st.st_size);
}

static int map_wait(struct ring_reader *r, int fd)
{
	size_t size = r->hdr.nr_rings * sizeof(struct seqring_wait);
	struct stat st;
	int err;

	err = check_seals(fd, F_SEAL_SHRINK | F_SEAL_SEAL, "memfd with the armed words");
	if (err)
		return err;
	if (fstat(fd, &st) || (uint64_t)st.st_size < size)
		return libring_fail(EPROTO,
				    "the memfd with the armed words is shorter than the "
				    "%zu bytes of %u rings",
				    size, r->hdr.nr_rings);
	return libring_map_words(r, fd);
}

static int check_membarrier(const struct ring_reader *r)
{
	if (!(r->hdr.features & SEQRING_FEAT_MEMBARRIER) ||
	    libring_membarrier_has(MEMBARRIER_CMD_GLOBAL_EXPEDITED))
		return 0;
	return libring_fail(ENOTSUP, "the ring's readers need membarrier(2) to sleep, and this "
				     "process has none: create it with RING_WRITER_FULL_FENCE");
}

/**
 * libring_memfd_open() - map a memfd ring and get the means to sleep on it
 * @r: the reader
 * @fds: its descriptors, the caller's; @fds->wait < 0: without the means to sleep
 * @sock: connection to the process that serves it, the reader's from here on; or -1
 */
int libring_memfd_open(struct ring_reader *r, const struct ring_fds *fds, int sock)
{
	int err;

	r->sock = sock;
	err = map_ring(r, fds->ring);
	if (err || fds->wait < 0)
		return err;
	r->ops = &memfd_ops;
	err = check_membarrier(r);
	if (!err)
		err = map_wait(r, fds->wait);
	if (!err)
		err = libring_doorbell_open(r, fds->doorbell);
	if (!err && sock >= 0)
		err = libring_poll_add(r, sock, EPOLLRDHUP | EPOLLET);
	return err;
}
