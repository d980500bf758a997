// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A memfd ring: the writer rings a bell, an eventfd that nobody ever reads, when
 * it passes the lowest armed position. Each reader has an epoll instance of its
 * own with the bell in it, edge-triggered: every ring of the bell is an edge, for
 * every reader. The order that loses no wake-up:
 *
 *	drain the edges, arm, fence (with membarrier() when the writer has none),
 *	look at the rings once more, sleep
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static void arm_ring(struct ring *r, const struct ring_src *s, bool first)
{
	uint64_t pos = s->rd.pos, seq = SEQRING_WAIT_NONE;
	uint64_t records = libring_wish_records(r);

	if (!first) {
		pos = libring_add(pos, libring_wish_bytes(r) - 1);
		seq = libring_add(libring_next_seq(s), records - 1);
	}
	seqring_r_arm(&r->wait[s->ring], pos, seq);
}

static bool anything_pending(const struct ring *r)
{
	uint32_t i;

	for (i = 0; i < r->nr_src; i++)
		if (r->src[i].pending)
			return true;
	return false;
}

/*
 * With wake_timeout_ns, somebody has to notice the first record, for the time
 * runs from there. ring_wait() does: it is armed at the first record, then at the
 * wish. An application that polls would be woken by each first record, and there
 * would be no batches: so the timer starts when it polls, which is early enough.
 * When nothing came in a whole timeout, the first record wakes it again, and no
 * timer ticks meanwhile.
 */
static uint64_t arm_timeout(struct ring *r, bool for_fd, bool *first)
{
	if (!for_fd) {
		*first = !anything_pending(r);
		return 0;
	}
	r->calm = (r->fired || r->calm) && r->read == r->armed_read;
	r->armed_read = r->read;
	*first = r->calm;
	return r->calm ? 0 : libring_add(libring_now_ns(), r->wake_timeout_ns);
}

/* Asks for a wake-up by the words that the reader shares with the writer. */
void libring_arm_words(struct ring *r, bool for_fd)
{
	bool first = r->due_ns || libring_wish_records(r) == 1;
	uint64_t timer = r->due_ns;
	uint32_t i;

	if (!first && r->wake_timeout_ns)
		timer = arm_timeout(r, for_fd, &first);
	if (for_fd)
		libring_timer_set(r, timer);
	for (i = 0; i < r->nr_src; i++)
		if (!r->due_ns || !r->src[i].pending)
			arm_ring(r, &r->src[i], first);
}

static void memfd_arm(struct ring *r, bool for_fd)
{
	libring_arm_words(r, for_fd);
	/* Pairs with the light fence in seqring_w_wake_due(). */
	if (r->hdr.features & SEQRING_FEAT_MEMBARRIER)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

static void memfd_kick(struct ring *r)
{
	libring_timer_set(r, 1);
}

static void memfd_close(struct ring *r)
{
	if (r->wait)
		munmap(r->wait, r->wait_size);
}

static const struct ring_backend_ops memfd_ops = {
	.arm = memfd_arm,
	.kick = memfd_kick,
	.close = memfd_close,
};

static int check_seals(int fd, int needed, const char *what)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return libring_fail(EPROTO, "not a ring: the %s is no memfd", what);
	if ((seals & needed) != needed)
		return libring_fail(EPERM,
				    "the %s is not sealed against shrinking, growing and "
				    "the change of its seals: this could kill its readers",
				    what);
	return 0;
}

static int map_ring(struct ring *r, int fd)
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

static int map_wait(struct ring *r, int fd)
{
	size_t size = r->hdr.nr_rings * sizeof(struct seqring_wait);
	struct stat st;
	void *p;
	int err;

	err = check_seals(fd, F_SEAL_SHRINK | F_SEAL_SEAL, "memfd with the armed words");
	if (err)
		return err;
	if (fstat(fd, &st) || (uint64_t)st.st_size < size)
		return libring_fail(EPROTO,
				    "the memfd with the armed words is shorter than the "
				    "%zu bytes of %u rings",
				    size, r->hdr.nr_rings);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return libring_fail(errno, "cannot map the armed words: %s", strerror(errno));
	r->wait = p;
	r->wait_size = size;
	return 0;
}

static int check_membarrier(const struct ring *r)
{
	long cmds;

	if (!(r->hdr.features & SEQRING_FEAT_MEMBARRIER))
		return 0;
	cmds = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	if (cmds >= 0 && cmds & MEMBARRIER_CMD_GLOBAL_EXPEDITED)
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
int libring_memfd_open(struct ring *r, const struct ring_fds *fds, int sock)
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
		err = libring_bell_open(r, fds->bell);
	if (!err && sock >= 0)
		err = libring_poll_add(r, sock, EPOLLRDHUP | EPOLLET);
	return err;
}
