// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The epoch of a ring: which loader's programs may write it. While it has none, nobody may, and a
 * ring that is taken nevertheless was forgotten by a program.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define BUSY_MS 1000

/**
 * libring_bpf_set_epoch() - give all rings an epoch
 * @ctl: the control program
 * @nr_rings: how many rings the device has
 * @to: its epoch, next_epoch and no_sleep count
 *
 * Return: 0; -EBUSY the same, but a program is publishing; -EINVAL the control program knows no
 * epochs; -errno.
 */
int libring_bpf_set_epoch(int ctl, uint32_t nr_rings, const struct seqring_bpf_state *to)
{
	struct seqring_bpf_ctl c = {
		.cmd = SEQRING_BPF_CTL_EPOCH,
		.owner = to->epoch,
		.owner_pidns = to->next_epoch,
		.ticks = to->no_sleep,
	};
	bool busy = false;
	int err;

	for (c.ring = 0; c.ring < nr_rings; c.ring++) {
		err = libring_bpf_run_control(ctl, &c);
		if (err && err != -EBUSY)
			return err;
		busy |= err == -EBUSY;
	}
	return busy ? -EBUSY : 0;
}

/* Takes the epoch from all rings; the next one is @next. Return: as libring_bpf_set_epoch(). */
static int clear_epoch(int ctl, uint32_t nr_rings, uint32_t next)
{
	const struct seqring_bpf_state none = {
		.epoch = SEQRING_BPF_EPOCH_NONE,
		.next_epoch = next,
	};

	return libring_bpf_set_epoch(ctl, nr_rings, &none);
}

/**
 * libring_bpf_close_epoch() - take all rings from the programs with an epoch
 * @ctl: the control program
 * @nr_rings: how many rings the device has
 * @next: the epoch that follows
 *
 * Afterwards only a program that may sleep, or has no epoch, can be publishing.
 *
 * Return: 0; -EINVAL the control program knows no epochs; -errno.
 */
int libring_bpf_close_epoch(int ctl, uint32_t nr_rings, uint32_t next)
{
	int err = clear_epoch(ctl, nr_rings, next);

	return err && err != -EBUSY ? err : libring_bpf_wait_programs();
}

/* Frees all rings that were forgotten. Return: 0; -errno. */
static int reset_rings(int ctl, uint32_t nr_rings)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_RESET };
	int err = 0;

	for (c.ring = 0; !err && c.ring < nr_rings; c.ring++)
		err = libring_bpf_run_control(ctl, &c);
	return err;
}

/**
 * libring_bpf_free_rings() - wait until no program has a ring
 * @ctl: the control program
 * @nr_rings: how many rings the device has
 * @next: the epoch that follows
 * @forgotten: no program can be publishing: a ring that is taken was forgotten
 *
 * The rings have no epoch: see libring_bpf_close_epoch().
 *
 * Return: 0; -EBUSY a program has a ring for BUSY_MS; -errno.
 */
int libring_bpf_free_rings(int ctl, uint32_t nr_rings, uint32_t next, bool forgotten)
{
	int ms, err;

	if (forgotten)
		return reset_rings(ctl, nr_rings);
	for (ms = 0; ms < BUSY_MS; ms++) {
		err = clear_epoch(ctl, nr_rings, next);
		if (err != -EBUSY)
			return err;
		usleep(1000);
	}
	return libring_set_error(EBUSY, "a program was publishing to the ring for a whole second");
}

/* Frees rings that were forgotten, and leaves their writers as they are. Return: 0; -errno. */
static int recover(int ctl, int ring, const struct seqring_header *h)
{
	struct seqring_bpf_state before;
	int err;

	err = libring_bpf_read_state(ring, h, &before);
	if (err)
		return err;
	if (!before.epoch || !before.no_sleep)
		return -EBUSY;
	err = libring_bpf_close_epoch(ctl, h->nr_rings, before.next_epoch);
	if (!err)
		err = reset_rings(ctl, h->nr_rings);
	/* Programs need their epoch to count what they publish after the end. */
	libring_bpf_set_epoch(ctl, h->nr_rings, &before);
	return err;
}

/**
 * libring_bpf_end() - end all rings, also those that a program has forgotten
 * @ctl: the control program
 * @doorbell: as for libring_bpf_wake_all()
 * @ring: the ring's map
 * @h: its header
 * @replaced: a new ring gets the name, which readers are told
 *
 * Return: as libring_bpf_end_rings().
 */
int libring_bpf_end(int ctl, int doorbell, int ring, const struct seqring_header *h, bool replaced)
{
	int err = libring_bpf_end_rings(ctl, doorbell, h->nr_rings, replaced);
	const char *why = strdupa(ring_strerror());

	if (err != -EBUSY)
		return err;
	if (recover(ctl, ring, h))
		return libring_set_error(EBUSY, "%s", why);
	return libring_bpf_end_rings(ctl, doorbell, h->nr_rings, replaced);
}
