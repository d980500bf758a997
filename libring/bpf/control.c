// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Operations on a ring that programs already write: read its header and state, end it,
 * wake its readers. Its map is frozen, so the ring's own control program does every
 * change.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define BUSY_MS 1000

/* Bytes that one ring adds to the doorbell: a header and what the program reserves. */
#define DOORBELL_RECORD (BPF_RINGBUF_HDR_SZ + 8)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Copies the header out of a ring's map. Return: 0; -EPROTO not a BPF ring; -errno. */
int libring_bpf_read_header(int ring, struct seqring_header *h)
{
	void *p;

	p = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, ring, 0);
	if (p == MAP_FAILED)
		return libring_set_error(errno, "cannot map the ring's header: %s",
					 strerror(errno));
	memcpy(h, p, sizeof(*h));
	munmap(p, page_size());
	if (h->magic != SEQRING_MAGIC || h->writer_kind != SEQRING_WRITER_BPF)
		return libring_set_error(EPROTO,
					 "the map that is pinned as a ring is not a BPF ring");
	/* The fields that callers use, which check_header() of libring/reader has not checked. */
	if (!h->nr_rings || h->nr_rings > SEQRING_RINGS_MAX || h->ring_offset % page_size() ||
	    h->ring_offset > page_size() + SEQRING_SCHEMA_SIZE_MAX + page_size())
		return libring_set_error(EPROTO,
					 "the map that is pinned as a ring has a header that "
					 "contradicts itself");
	return 0;
}

/* Copies the writer's state of ring 0. @h: the header of the map @ring. Return: 0; -errno. */
int libring_bpf_read_state(int ring, const struct seqring_header *h,
			   struct seqring_bpf_state *state)
{
	const size_t size = (size_t)h->ring_offset + page_size();
	unsigned char *at = mmap(NULL, size, PROT_READ, MAP_SHARED, ring, 0);

	if (at == MAP_FAILED)
		return libring_set_error(errno, "cannot map the ring's state: %s", strerror(errno));
	memcpy(state, at + h->ring_offset + SEQRING_BPF_STATE_OFFSET, sizeof(*state));
	munmap(at, size);
	return 0;
}

/*
 * Asks whether ring 0 has ended: its state is final. @h: the header of the map @ring.
 * Return: also true if the map cannot be mapped.
 */
bool libring_bpf_has_ended(int ring, const struct seqring_header *h)
{
	const struct seqring_ring_ctl *ctl;
	bool ended;
	size_t size = (size_t)h->ring_offset + page_size();
	unsigned char *at = mmap(NULL, size, PROT_READ, MAP_SHARED, ring, 0);

	if (at == MAP_FAILED)
		return true;
	ctl = (const void *)(at + h->ring_offset);
	/* Pairs with the release in the control program. */
	ended = seqring_load_acquire(END, &ctl->state) & SEQRING_STATE_DEAD;
	munmap(at, size);
	return ended;
}

/* Runs the command @c in the control program. Return: what the program returns; -errno. */
int libring_bpf_run_control(int ctl, struct seqring_bpf_ctl *c)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = c, .ctx_size_in = sizeof(*c));
	int err;

	err = bpf_prog_test_run_opts(ctl, &opts);
	if (err)
		return libring_set_error(-err, "cannot run the ring's control program: %s",
					 strerror(-err));
	return (int)opts.retval;
}

/* Tries once to end each ring. Return: number of rings not ended before; -EBUSY; -errno. */
static int end_each(int ctl, uint32_t nr_rings, bool replaced)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_END, .owner = replaced };
	bool busy = false;
	int err, nr = 0;

	for (c.ring = 0; c.ring < nr_rings; c.ring++) {
		err = libring_bpf_run_control(ctl, &c);
		if (err < 0 && err != -EBUSY)
			return err;
		busy |= err == -EBUSY;
		nr += !err;
	}
	return busy ? -EBUSY : nr;
}

/*
 * Makes room in the doorbell, as a reader does before it sleeps. Only readers that sleep make room,
 * so a ring without them has a full doorbell after some owners.
 */
static void empty_doorbell(int doorbell)
{
	const size_t page = page_size();
	__u64 *consumed, *produced;

	if (doorbell < 0)
		return;
	consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, doorbell, 0);
	produced = mmap(NULL, page, PROT_READ, MAP_SHARED, doorbell, (off_t)page);
	/* One record stays: epoll drops an edge of a doorbell that is not readable. */
	if (consumed != MAP_FAILED && produced != MAP_FAILED &&
	    seqring_read(produced) >= DOORBELL_RECORD)
		seqring_write(consumed, seqring_read(produced) - DOORBELL_RECORD);
	if (consumed != MAP_FAILED)
		munmap(consumed, page);
	if (produced != MAP_FAILED)
		munmap(produced, page);
}

/**
 * libring_bpf_wake_all() - wake all sleepers
 * @ctl: the control program
 * @doorbell: the doorbell's map; -1: it cannot be opened
 *
 * A woken reader also looks up the ring's owner and its end. The caller has changed these already
 * and cannot take that back, so a doorbell that does not ring is no failure of the caller: readers
 * see the change when they look the next time.
 */
void libring_bpf_wake_all(int ctl, int doorbell)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_DOORBELL };
	int i;

	for (i = 0; i < BUSY_MS && libring_bpf_run_control(ctl, &c) == -EAGAIN; i++) {
		empty_doorbell(doorbell);
		/* Room was what the first attempt lacked; others found the kernel's lock taken. */
		if (i)
			usleep(1000);
	}
}

/* Stores who owns the ring, 0: nobody, and makes its readers look. Return: 0; -errno. */
int libring_bpf_set_owner(int ctl, int doorbell, uint64_t owner, uint64_t owner_pidns)
{
	struct seqring_bpf_ctl c = {
		.cmd = SEQRING_BPF_CTL_OWNER,
		.owner = owner,
		.owner_pidns = owner_pidns,
	};
	int err = libring_bpf_run_control(ctl, &c);

	if (!err)
		libring_bpf_wake_all(ctl, doorbell);
	return err;
}

/**
 * libring_bpf_end_rings() - end all rings and wake their sleepers
 * @ctl: the control program
 * @doorbell: as for libring_bpf_wake_all()
 * @nr_rings: how many rings the device has
 * @replaced: a new ring gets the name, which readers are told
 *
 * A program that found its ring free just before the end may still take it and then
 * give it back as if it had not ended. The program runs within an RCU read-side
 * critical section. So a ring that is still ended after a grace period stays ended.
 *
 * Return: 0; -EBUSY a program kept publishing for BUSY_MS; -errno.
 */
int libring_bpf_end_rings(int ctl, int doorbell, uint32_t nr_rings, bool replaced)
{
	int ms, err = 0;

	for (ms = 0; ms < BUSY_MS; ms++) {
		err = end_each(ctl, nr_rings, replaced);
		if (!err || (err < 0 && err != -EBUSY))
			break;
		if (err == -EBUSY) {
			usleep(1000);
			continue;
		}
		err = libring_bpf_wait_programs();
		if (err)
			break;
	}
	if (err == -EBUSY)
		libring_set_error(EBUSY, "a program was publishing to the ring for a whole second");
	libring_bpf_wake_all(ctl, doorbell);
	return err;
}
