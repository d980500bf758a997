// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The hand-over of a ring from the programs of one loader to those of the next one.
 *
 * Each loader has an epoch. It is a constant in its programs, and a program publishes only if the
 * ring has the same epoch. So the new programs can be attached while the old ones still write, and
 * old ones may be attached for some time afterwards. In between the ring has no epoch for a grace
 * period: the kernel may run the old and the new program for one event, and an event that the old
 * one has published must be over before the new one may publish.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "internal.h"

#define BUSY_MS 1000

/* Epochs are in units of about a millisecond, so that none comes twice in weeks. */
#define EPOCH_SHIFT 20

/**
 * libring_bpf_choose_epoch() - choose the epoch of a loader
 * @last: the epoch of the loader before, or 0
 *
 * A loader that fails may leave programs with its epoch behind, and does not say so in the ring.
 * Therefore an epoch is a time and not a count.
 *
 * Return: an epoch later than @last.
 */
uint32_t libring_bpf_choose_epoch(uint32_t last)
{
	uint32_t epoch = (uint32_t)(libring_clock_ns(CLOCK_BOOTTIME) >> EPOCH_SHIFT);

	if (last && (int32_t)(epoch - last) <= 0)
		epoch = last + 1;
	while (!epoch || epoch == SEQRING_BPF_EPOCH_NONE)
		epoch++;
	return epoch;
}

/* Makes this process the owner of a ring. Return: 0; -errno. */
int libring_bpf_own(struct ring_bpf *b)
{
	__u64 owner, owner_pidns;
	int err = 0;

	libring_owner_self(&owner, &owner_pidns);
	if (b->opts.name)
		err = libring_pins_lock_owner(&b->pins, &b->owner_dir);
	return err ? err :
		     libring_bpf_set_owner(bpf_program__fd(b->ctl), bpf_map__fd(b->doorbell), owner,
					   owner_pidns);
}

/* Gives all rings an epoch. Return: 0; -EBUSY a program is publishing; -errno. */
static int set_epoch(const struct ring_bpf *b, uint32_t epoch, uint32_t next)
{
	struct seqring_bpf_ctl c = {
		.cmd = SEQRING_BPF_CTL_EPOCH,
		.owner = epoch,
		.owner_pidns = next,
	};
	bool busy = false;
	int err;

	for (c.ring = 0; c.ring < b->hdr.nr_rings; c.ring++) {
		err = libring_bpf_run_control(bpf_program__fd(b->ctl), &c);
		if (err && err != -EBUSY)
			return err;
		busy |= err == -EBUSY;
	}
	return busy ? -EBUSY : 0;
}

/**
 * libring_bpf_open_epoch() - let the programs of @b write its rings, and no others
 * @b: nobody writes its rings
 *
 * Return: 0; -errno.
 */
int libring_bpf_open_epoch(const struct ring_bpf *b)
{
	int err = b->geo.epoch ? set_epoch(b, b->geo.epoch, b->geo.epoch) : 0;

	/* A program of @b publishes already. */
	return err == -EBUSY ? 0 : err;
}

/* Takes the rings from all programs with an epoch. Return: 0; -EBUSY; -errno. */
static int close_epoch(const struct ring_bpf *b)
{
	int ms, err;

	err = set_epoch(b, SEQRING_BPF_EPOCH_NONE, b->geo.epoch);
	if (!err || err == -EBUSY)
		err = libring_bpf_wait_programs();
	/* A program that may sleep is not waited for, but has its ring meanwhile. */
	for (ms = 0; !err && ms < BUSY_MS; ms++) {
		err = set_epoch(b, SEQRING_BPF_EPOCH_NONE, b->geo.epoch);
		if (err != -EBUSY)
			return err;
		err = 0;
		usleep(1000);
	}
	return err ? err :
		     libring_set_error(EBUSY,
				       "%s: a program was publishing to the ring for a "
				       "whole second",
				       b->name);
}

/* Makes @b's programs those that write. On failure the writers before go on. */
static int switch_writers(const struct ring_bpf *b)
{
	struct seqring_bpf_state before;
	bool silent;
	int err;

	err = libring_bpf_read_state(b->pins.ring, &b->hdr, &before);
	if (err)
		return err;
	/* Programs without an epoch publish until they are detached. */
	silent = before.epoch && libring_pins_writers_have_epochs(&b->pins);
	err = close_epoch(b);
	if (!err && !silent)
		err = libring_pins_detach_writers(&b->pins);
	if (!err)
		err = libring_bpf_open_epoch(b);
	if (err) {
		const char *why = strdupa(ring_strerror());

		set_epoch(b, before.epoch, before.next_epoch);
		return libring_set_error(-err, "%s", why);
	}
	/* There is no way back, and none is needed: what stays attached is silent. */
	if (silent)
		libring_pins_detach_writers(&b->pins);
	return 0;
}

/**
 * libring_bpf_hand_over() - let the programs of @b write a ring in place of those that do
 * @b: ->continued, and its object is loaded
 * @h: the ring's header
 *
 * Makes this process the owner first: if it is killed on the way, readers learn that the writer is
 * gone.
 *
 * Return: 0; -EBUSY a program kept publishing for BUSY_MS; -errno. On failure owner and writers are
 * those before; only writers without an epoch may be detached.
 */
int libring_bpf_hand_over(struct ring_bpf *b, const struct seqring_header *h)
{
	int err = libring_bpf_own(b);

	if (!err)
		err = b->geo.epoch ? switch_writers(b) : libring_pins_detach_writers(&b->pins);
	if (err) {
		const char *why = strdupa(ring_strerror());

		libring_bpf_set_owner(bpf_program__fd(b->ctl), bpf_map__fd(b->doorbell), h->owner,
				      h->owner_pidns);
		libring_pins_unlock_owner(&b->owner_dir);
		return libring_set_error(-err, "%s", why);
	}
	return 0;
}
