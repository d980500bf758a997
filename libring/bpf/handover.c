// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The hand-over of a ring from the programs of one loader to those of the next one.
 *
 * Each loader has an epoch. It is a constant in its programs, and a program publishes only if the
 * ring has the same epoch. So the new programs can be attached while the old ones still write, and
 * old ones may be attached for some time afterwards. In between the ring has no epoch for a grace
 * period, and until all events are over: the kernel may run the old and the new program for one
 * event, and an event that the old one has published must be over before the new one may publish.
 */

#include <bpf/bpf.h>
#include <string.h>

#include "../base/clock.h"
#include "internal.h"

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
		     libring_bpf_set_owner(b->parts.ctl, b->parts.doorbell, owner, owner_pidns);
}

/**
 * libring_bpf_open_epoch() - let the programs of @b write its rings, and no others
 * @b: nobody writes its rings
 *
 * Return: 0; -errno.
 */
int libring_bpf_open_epoch(const struct ring_bpf *b)
{
	const struct seqring_bpf_state ours = {
		.epoch = b->geo.epoch,
		.next_epoch = b->geo.epoch,
		/* With the kfuncs, a program publishes with preemption off in any case. */
		.no_sleep = b->parts.flags & RING_BPF_NO_SLEEP ||
			    b->geo.guard == SEQRING_BPF_GUARD_KFUNC,
	};
	int err;

	if (!b->geo.epoch)
		return 0;
	err = libring_bpf_set_epoch(b->parts.ctl, b->hdr.nr_rings, &ours);
	/* A program of @b publishes already. */
	return err == -EBUSY ? 0 : err;
}

/* Makes @b's programs those that write. On failure the writers before go on. */
static int switch_writers(struct ring_bpf *b)
{
	const int ctl = b->parts.ctl;
	struct seqring_bpf_state before;
	bool silent;
	int err;

	err = libring_bpf_read_state(b->pins.ring, &b->hdr, &before);
	if (err)
		return err;
	/* Programs without an epoch publish until they are detached. */
	silent = before.epoch && libring_pins_writers_have_epochs(&b->pins);
	/* First: the new programs are silent, so a failure changes nothing. */
	err = libring_pins_add_writers(b, b->pins.dir, b->links, b->nr_links);
	if (err)
		return err;
	err = libring_bpf_close_epoch(ctl, b->hdr.nr_rings, b->geo.epoch);
	if (!err && !silent)
		err = libring_pins_detach_others(&b->pins, b->geo.epoch);
	/* A grace period does not wait for a task between the old program and the new one. */
	if (!err)
		err = libring_bpf_wait_events();
	if (!err)
		err = libring_bpf_free_rings(ctl, b->hdr.nr_rings, b->geo.epoch,
					     silent && before.no_sleep);
	if (!err)
		err = libring_bpf_open_epoch(b);
	if (err) {
		const char *why = strdupa(ring_strerror());

		libring_bpf_set_epoch(ctl, b->hdr.nr_rings, &before);
		libring_pins_remove_writers(b, b->pins.dir, 0);
		return libring_set_error(-err, "%s", why);
	}
	/* There is no way back, and none is needed: what stays attached is silent. */
	if (silent)
		libring_pins_detach_others(&b->pins, b->geo.epoch);
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
 * Return: 0; -EBUSY a program has a ring for a second, and nothing tells that it has ended, or a
 * task is in the middle of an event for LIBRING_BPF_EVENT_MS; -errno.
 * On failure owner and writers are those before; only writers without an epoch may be detached.
 */
int libring_bpf_hand_over(struct ring_bpf *b, const struct seqring_header *h)
{
	int err = libring_bpf_own(b);

	if (!err)
		err = b->geo.epoch ? switch_writers(b) : libring_pins_detach_writers(&b->pins);
	if (err) {
		const char *why = strdupa(ring_strerror());

		libring_bpf_set_owner(b->parts.ctl, b->parts.doorbell, h->owner, h->owner_pidns);
		libring_pins_unlock_owner(&b->owner_dir);
		return libring_set_error(-err, "%s", why);
	}
	return 0;
}
