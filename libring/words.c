// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What the rings have in common that wake their readers by armed words, in memory that
 * readers share with the writer, and a doorbell: those of a memfd and of BPF programs.
 */

#include <fcntl.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* Maps the words of all rings; the caller has seen that @fd has as many. */
int libring_map_words(struct ring_reader *r, int fd)
{
	const size_t size = r->hdr.nr_rings * sizeof(struct seqring_wait);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return libring_fail(errno, "cannot map the armed words: %s", strerror(errno));
	r->wait = p;
	r->wait_size = size;
	return 0;
}

void libring_unmap_words(struct ring_reader *r)
{
	if (r->wait)
		munmap(r->wait, r->wait_size);
}

/* Opens what the reader of a ring sleeps on that has a doorbell: both its descriptors. */
int libring_doorbell_open(struct ring_reader *r, int doorbell)
{
	int err;

	err = libring_poll_open(r);
	if (err)
		return err;
	r->poll_fd = r->epfd;
	r->app_fd = r->epfd;
	/* Of its own: an epoll instance forgets a file that nobody has open any more. */
	r->doorbell = fcntl(doorbell, F_DUPFD_CLOEXEC, 0);
	if (r->doorbell < 0)
		return libring_fail(errno, "the ring's doorbell: %s", strerror(errno));
	return libring_poll_add(r, r->doorbell, EPOLLIN | EPOLLET);
}

static void arm_ring(struct ring_reader *r, const struct ring_source *s, bool first)
{
	uint64_t pos = s->rd.pos, seq = SEQRING_WAIT_NONE;
	uint64_t records = libring_watermark_records(r);

	if (!first) {
		pos = libring_add(pos, libring_watermark_bytes(r) - 1);
		seq = libring_add(libring_next_seq(s), records - 1);
	}
	seqring_reader_arm(&r->wait[s->ring], pos, seq);
}

static bool anything_pending(const struct ring_reader *r)
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
 * watermark. An application that polls would be woken by each first record, and there
 * would be no batches: so the timer starts when it polls, which is early enough.
 * When nothing came in a whole timeout, the first record wakes it again, and no
 * timer ticks meanwhile.
 */
static uint64_t arm_timeout(struct ring_reader *r, bool for_fd, bool *first)
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

/* Asks for a wake-up by the words. */
void libring_arm_words(struct ring_reader *r, bool for_fd)
{
	bool first = r->due_ns || libring_watermark_records(r) == 1;
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

/* Makes the descriptor readable until the next drain. */
void libring_kick_timer(struct ring_reader *r)
{
	libring_timer_set(r, 1);
}

/* Whether membarrier(2) has all of these commands here. */
bool libring_membarrier_has(int cmds)
{
	long has = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return has >= 0 && (has & cmds) == cmds;
}

/* Waits for an RCU grace period. Return: 0; -EINVAL: this kernel (nohz_full) has no means. */
int libring_grace_period(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}
