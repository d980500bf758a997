// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What is done to a ring that is written already. Its map is frozen, so its own
 * control program does it.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define BUSY_MS 1000

/* Copies the header out of a ring's map. */
int libring_bpf_header(int ring, struct seqring_header *h)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	p = mmap(NULL, page, PROT_READ, MAP_SHARED, ring, 0);
	if (p == MAP_FAILED)
		return libring_fail(errno, "cannot map the ring's header: %s", strerror(errno));
	memcpy(h, p, sizeof(*h));
	munmap(p, page);
	if (h->magic != SEQRING_MAGIC || h->writer_kind != SEQRING_WRITER_BPF)
		return libring_fail(EPROTO, "what is pinned as a ring is none of a BPF program's");
	return 0;
}

/* Has the control program carry out @c. Return: what it returns; -errno. */
int libring_bpf_run(int ctl, struct seqring_bpf_ctl *c)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = c, .ctx_size_in = sizeof(*c));
	int err;

	err = bpf_prog_test_run_opts(ctl, &opts);
	if (err)
		return libring_fail(-err, "cannot run the ring's control program: %s",
				    strerror(-err));
	return (int)opts.retval;
}

/* Ends each ring once more. Return: how many had not ended before; -EBUSY; -errno. */
static int end_each(int ctl, uint32_t nr_rings)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_END };
	bool busy = false;
	int err, nr = 0;

	for (c.ring = 0; c.ring < nr_rings; c.ring++) {
		err = libring_bpf_run(ctl, &c);
		if (err < 0 && err != -EBUSY)
			return err;
		busy |= err == -EBUSY;
		nr += !err;
	}
	return busy ? -EBUSY : nr;
}

/* Wakes all sleepers; they look who owns the ring, too. */
int libring_bpf_wake_all(int ctl)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_DOORBELL };
	int i, err = -EAGAIN;

	for (i = 0; err == -EAGAIN && i < BUSY_MS; i++) {
		err = libring_bpf_run(ctl, &c);
		if (err == -EAGAIN)
			usleep(1000);
	}
	return err;
}

/**
 * libring_bpf_end_rings() - end all rings and wake who sleeps on them
 * @ctl: the control program
 * @nr_rings: how many there are
 *
 * A program that has found its ring free just before may take it all the same, and
 * give it back as if it had not ended. It is an RCU read-side critical section; so a
 * ring that has still ended after a grace period has for good.
 */
int libring_bpf_end_rings(int ctl, uint32_t nr_rings)
{
	int ms, woken, err = 1;

	for (ms = 0; ms < BUSY_MS; ms++) {
		err = end_each(ctl, nr_rings);
		if (err <= 0 && err != -EBUSY)
			break;
		if (err < 0 || libring_grace_period())
			usleep(1000);
	}
	if (err == -EBUSY)
		libring_fail(EBUSY, "a ring was being written for a second on end");
	woken = libring_bpf_wake_all(ctl);
	return err < 0 ? err : woken;
}
