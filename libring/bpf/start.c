// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * After the maps are made and the programs are loaded: write header and control areas, freeze the
 * map, pin it, and hand out its descriptors.
 */

#include <bpf/bpf.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

/* Fills one element of the map: control area and writer's state. */
static void fill_ring(const struct ring_bpf *b, unsigned char *element, uint32_t ring)
{
	struct seqring_ring_ctl *ctl = (void *)(element + b->hdr.ring_offset);
	struct seqring_bpf_state *state = (void *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
	struct seqring_writer w = { 0 };

	/* Fails only for a bad size, and options.c checked the size. */
	seqring_writer_init(&w, ctl, (unsigned char *)ctl + b->hdr.data_offset, b->hdr.data_size);
	state->seg_end = w.seg_end;
	state->cold = w.cold;
	state->cold.payload_max = b->hdr.payload_max;
	state->clock_base_ns = b->clock_base_ns;
	seqring_write(&ctl->id, ring);
}

static int fill_thresholds(struct ring_bpf *b)
{
	const struct seqring_wait none = {
		.pos = SEQRING_WAIT_NONE,
		.seq = SEQRING_WAIT_NONE,
		/* Without announcements the program checks the thresholds each time. */
		.announced = !b->geo.announce,
		/* Without slots nobody tells the program who shares the doorbell: all do. */
		.always = !(b->hdr.features & SEQRING_FEAT_SLOTS),
	};
	uint32_t i;
	int err = 0;

	for (i = 0; !err && i < b->hdr.nr_rings; i++)
		err = bpf_map_update_elem(b->parts.wait, &i, &none, BPF_ANY);
	if (err)
		return libring_set_error(-err, "cannot fill the wake thresholds: %s",
					 strerror(-err));
	return libring_bpf_fill_slots(b);
}

/* Fills the map, then freezes it. Until then it is writable, and no other process has it. */
static int fill_map(struct ring_bpf *b)
{
	struct seqring_header *h;
	unsigned char *map;
	uint32_t i;
	int err;

	err = libring_bpf_measure_clock_base(b->parts.ctl, b->hdr.clock_id, b->geo.tick_ns,
					     &b->clock_base_ns);
	if (err)
		return libring_set_error(-err, "cannot set the ring's clock: %s", strerror(-err));
	map = mmap(NULL, (size_t)b->hdr.total_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   b->parts.ring, 0);
	if (map == MAP_FAILED)
		return libring_set_error(errno, "cannot map the ring's %" PRIu64 " bytes: %s",
					 (uint64_t)b->hdr.total_size, strerror(errno));
	for (i = 0; i < b->hdr.nr_rings; i++)
		fill_ring(b, map + i * b->hdr.ring_stride, i);
	if (libring_bpf_has_slots(&b->parts) && b->geo.slots)
		b->hdr.features |= SEQRING_FEAT_SLOTS;
	libring_owner_self(&b->hdr.owner, &b->hdr.owner_pidns);
	h = (void *)map;
	memcpy(h, &b->hdr, sizeof(*h));
	if (b->opts.schema_size)
		memcpy(map + h->schema_offset, b->schema, b->opts.schema_size);
	seqring_header_publish(h);
	munmap(map, (size_t)b->hdr.total_size);
	err = bpf_map_freeze(b->parts.ring);
	return err ? libring_set_error(-err, "cannot freeze the ring's map: %s", strerror(-err)) :
		     fill_thresholds(b);
}

/* In a child right after fork(): the owner is the parent. */
static void drop_loader(struct libring_own *own)
{
	struct ring_bpf *b = (void *)((char *)own - offsetof(struct ring_bpf, own));

	libring_pins_unlock_owner(&b->owner_dir);
}

/* A ring that exists, or a new one. */
static int start(struct ring_bpf *b)
{
	int err;

	if (b->continued)
		return libring_bpf_take_over(b);
	err = fill_map(b);
	if (!err && b->opts.name)
		err = libring_pins_create(b);
	libring_bpf_close_slots(b);
	/* Last: programs that are attached already publish from now on. */
	return err ? err : libring_bpf_open_epoch(b);
}

/* What is left to do for a ring that is kept from the start. Return: 0; -errno. */
static int finish_keep(struct ring_bpf *b)
{
	int err = 0;

	/* The names of these pins are those of the last loader's, which it has removed by now. */
	if (b->continued && !b->geo.epoch)
		err = libring_pins_add_writers(b, b->pins.dir, b->links, b->nr_links);
	return err ? err : libring_bpf_disown(b);
}

int ring_bpf_start_fds(struct ring_bpf *b, const struct ring_bpf_parts *user)
{
	struct ring_bpf_parts parts;
	int err = libring_bpf_check_own(b);

	if (err)
		return err;
	if (b->tried)
		return libring_set_error(EINVAL, b->started ? "the ring was started already" :
							      "the ring failed to start: close it");
	err = libring_get_opts(&parts, sizeof(parts), user, "ring_bpf_parts");
	if (!err)
		err = libring_bpf_check_parts(b, &parts);
	if (!err)
		err = libring_own_add(&b->own, drop_loader);
	if (err)
		return err;
	b->parts = parts;
	b->tried = true;
	err = start(b);
	b->started = !err;
	if (b->started && b->keeps)
		err = finish_keep(b);
	return libring_finish(err);
}

int ring_bpf_fds(const struct ring_bpf *b, struct ring_fds *fds)
{
	if (!b->started)
		return libring_set_error(EINVAL, "the ring was not started");
	fds->ring = b->parts.ring;
	fds->wait = b->parts.wait;
	fds->doorbell = b->parts.doorbell;
	return libring_finish(libring_bpf_share_doorbell(b));
}

int ring_bpf_adopt(struct ring_bpf *b)
{
	int err = 0;

	if (!b->own.inherited || !b->started || b->ended)
		return libring_set_error(EINVAL, "this process has not inherited a ring that was "
						 "started");
	if (!b->kept)
		err = libring_bpf_own(b);
	if (!err)
		b->own.inherited = false;
	else
		libring_pins_unlock_owner(&b->owner_dir);
	return libring_finish(err);
}
