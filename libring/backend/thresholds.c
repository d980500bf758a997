// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Wake thresholds and the reader's side of a doorbell, for memfd and BPF rings. */

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../reader/reader.h"
#include "../reader/watermark.h"
#include "thresholds.h"

void libring_thresholds_init(struct ring_thresholds *t)
{
	*t = (struct ring_thresholds) { .poller = LIBRING_NO_POLLER, .doorbell = -1 };
}

void libring_thresholds_close(struct ring_thresholds *t)
{
	if (t->wait)
		munmap(t->wait, t->size);
	if (t->slot_map)
		munmap(t->slot_map, t->slot_size);
	libring_poller_close(&t->poller);
	libring_close_fd(t->doorbell);
}

/* Maps the thresholds of all rings. The caller has checked that @fd has as many. */
int libring_thresholds_map(struct ring_thresholds *t, uint32_t nr_rings, int fd)
{
	const size_t size = nr_rings * sizeof(struct seqring_wait);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return libring_set_error(errno, "cannot map the wake thresholds: %s",
					 strerror(errno));
	t->wait = p;
	t->size = size;
	return 0;
}

/*
 * Maps this reader's slot, which is at @offset of @fd, a file of @size bytes. The offset comes from
 * the serving process, like the file.
 */
int libring_thresholds_map_slot(struct ring_thresholds *t, uint32_t nr_rings, int fd, uint64_t size,
				uint64_t offset)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct seqring_wait_slot *slot;
	const size_t bytes = sizeof(*slot) + nr_rings * sizeof(slot->ring[0]);
	const size_t before = offset & (page - 1);
	void *p;

	if (offset & 7 || offset < t->size || offset > size || size - offset < bytes)
		return libring_set_error(EPROTO,
					 "the greeting names a slot at %" PRIu64 ": it is at a "
					 "multiple of 8 from %zu on, and its %zu bytes end within "
					 "the %" PRIu64 " of the memfd with the wake thresholds",
					 offset, t->size, bytes, size);
	p = mmap(NULL, before + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 (off_t)(offset - before));
	if (p == MAP_FAILED)
		return libring_set_error(errno, "cannot map the reader's wake thresholds: %s",
					 strerror(errno));
	t->slot_map = p;
	t->slot_size = before + bytes;
	slot = (void *)((unsigned char *)p + before);
	t->own = slot->ring;
	t->own_stride = sizeof(slot->ring[0]);
	/* Until the writer sees this, it wakes this reader whenever it wakes another one. */
	seqring_write(&slot->own, 1);
	return 0;
}

/* Opens the descriptor that @r sleeps on, with @doorbell in it, which stays the caller's. */
int libring_thresholds_listen(struct ring_thresholds *t, struct ring_reader *r, int doorbell)
{
	int err;

	err = libring_poller_open(&t->poller);
	if (err)
		return err;
	r->wakeup.poll_fd = t->poller.epfd;
	r->wakeup.app_fd = t->poller.epfd;
	/* A duplicate: an epoll instance forgets a file when its last descriptor is closed. */
	t->doorbell = fcntl(doorbell, F_DUPFD_CLOEXEC, 0);
	if (t->doorbell < 0)
		return libring_set_error(errno, "the ring's doorbell: %s", strerror(errno));
	return libring_poller_add(&t->poller, t->doorbell, EPOLLIN | EPOLLET, POLLER_DOORBELL);
}

/* Return: POLLER_*. An error of the doorbell means nothing: readers can make it overflow. */
uint32_t libring_thresholds_drain(struct ring_thresholds *t)
{
	uint32_t found = libring_poller_drain(&t->poller);

	t->timer_fired = found & POLLER_TIMER;
	return found;
}

static void arm(struct ring_thresholds *t, uint32_t ring, uint64_t pos, uint64_t seq)
{
	if (t->own)
		seqring_reader_arm_slot(&t->wait[ring],
					(void *)((unsigned char *)t->own + ring * t->own_stride),
					pos, seq);
	else
		seqring_reader_arm(&t->wait[ring], pos, seq);
}

/*
 * Arms a ring with a record that is held back. A later record of the ring does not make it due,
 * unless the ring is half unread with it.
 */
static void arm_holding_ring(struct ring_thresholds *t, const struct ring_merge *m,
			     const struct ring_source *s)
{
	uint64_t pos = libring_add_saturating(s->rd.pos, libring_merge_half(m) - 1);

	arm(t, s->ring, pos, SEQRING_WAIT_NONE);
}

static void arm_ring(struct ring_thresholds *t, const struct ring_reader *r,
		     const struct ring_source *s, bool first)
{
	uint64_t pos = s->rd.pos, seq = SEQRING_WAIT_NONE;
	uint64_t records = libring_watermark_records(r);

	if (!first) {
		pos = libring_add_saturating(pos, libring_watermark_bytes(r) - 1);
		seq = libring_add_saturating(libring_source_next_seq(s), records - 1);
	}
	arm(t, s->ring, pos, seq);
}

static bool any_pending(const struct ring_reader *r)
{
	uint32_t i;

	for (i = 0; i < r->merge.nr_src; i++)
		if (r->merge.src[i].pending)
			return true;
	return false;
}

/*
 * The time of wake_timeout_ns runs from the first record, so something has to notice that
 * record. ring_wait() notices it: the first record wakes ring_wait(), which then arms the
 * watermark. For an application that polls, this would wake it at each first record and
 * make no batches. Instead the timer starts when the application polls, which is early
 * enough. When a whole timeout passes without a record, the next first record wakes the
 * application, and no timer ticks meanwhile.
 *
 * Sets @first if the first record is to wake. Return: what to set the timer to.
 */
static uint64_t arm_timeout(struct ring_thresholds *t, const struct ring_reader *r, bool for_fd,
			    bool *first)
{
	if (!for_fd) {
		*first = !any_pending(r);
		return 0;
	}
	t->idle_timeout = (t->timer_fired || t->idle_timeout) && r->read == t->armed_read;
	t->armed_read = r->read;
	/* The first record is there, and has less than a whole timeout left. */
	if (r->wakeup.ready_ns != LIBRING_NEVER) {
		t->idle_timeout = false;
		return r->wakeup.ready_ns;
	}
	*first = t->idle_timeout;
	if (t->idle_timeout)
		return 0;
	return libring_add_saturating(libring_now_ns(), r->wakeup.timeout_ns);
}

/*
 * Asks for a wake-up by the thresholds.
 *
 * While a record is held back, a first record of each other ring would make it due. A reader that
 * wants batches is not woken for these: the time at which the record is due comes soon.
 */
void libring_thresholds_arm(struct ring_thresholds *t, const struct ring_reader *r, bool for_fd)
{
	const struct ring_merge *m = &r->merge;
	bool first = libring_watermark_records(r) == 1;
	uint64_t timer = m->due_ns;
	uint32_t i;

	if (!first && !m->due_ns && r->wakeup.timeout_ns)
		timer = arm_timeout(t, r, for_fd, &first);
	if (for_fd)
		libring_poller_set_timer(&t->poller, timer);
	for (i = 0; i < m->nr_src; i++) {
		if (m->due_ns && m->src[i].pending)
			arm_holding_ring(t, m, &m->src[i]);
		else
			arm_ring(t, r, &m->src[i], first);
	}
}

/*
 * Notes, after libring_thresholds_arm(), whether the fence for it was executed. If not, the writer
 * may have missed the thresholds, and a timer wakes an application that polls.
 */
void libring_thresholds_note_fence(struct ring_thresholds *t, struct ring_reader *r, bool for_fd,
				   bool fenced)
{
	uint64_t until;

	r->wakeup.unfenced = !fenced;
	if (fenced)
		return;
	r->wakeup.nr_unfenced++;
	until = libring_now_ns() + LIBRING_UNFENCED_NS;
	if (for_fd && (!t->poller.timer_ns || t->poller.timer_ns > until))
		libring_poller_set_timer(&t->poller, until);
}

/* Makes the descriptor readable until the next drain. */
void libring_thresholds_kick(struct ring_thresholds *t)
{
	libring_poller_set_timer(&t->poller, 1);
}
