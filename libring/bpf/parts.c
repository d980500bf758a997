// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Checks the maps and the control program that a loader has made. A mistake here would publish
 * nothing or end another ring, without a word from the kernel.
 */

#include <bpf/bpf.h>
#include <inttypes.h>
#include <string.h>

#include "internal.h"

/* More maps than any control program has. */
#define MAPS_MAX 64

/* What a map must be. @value_size: 0 if the kind of map has no values */
struct wanted {
	const char *part;
	int fd;
	uint32_t type;
	const char *type_name;
	uint32_t value_size;
	uint32_t entries;
	uint32_t flags;
};

/* The kernel says EBADFD of a number that is no descriptor. */
static int get_info(int fd, void *info, __u32 len)
{
	int err = bpf_obj_get_info_by_fd(fd, info, &len);

	return err == -EBADFD ? -EBADF : err;
}

static int check_map(const struct wanted *w, uint32_t *id)
{
	struct bpf_map_info info = { 0 };
	int err = get_info(w->fd, &info, sizeof(info));

	if (err)
		return libring_set_error(-err, "ring_bpf_parts.%s is %d: a descriptor of a map: %s",
					 w->part, w->fd, strerror(-err));
	if (info.type != w->type || info.value_size != w->value_size ||
	    info.max_entries != w->entries || (info.map_flags & w->flags) != w->flags)
		return libring_set_error(
			EINVAL,
			"ring_bpf_parts.%s has type %u, value_size %u, max_entries %u, map_flags "
			"0x%x: it is a map of type %s %u, %u, %u, 0x%x, see ring_bpf_maps()",
			w->part, info.type, info.value_size, info.max_entries, info.map_flags,
			w->type_name, w->type, w->value_size, w->entries, w->flags);
	*id = info.id;
	return 0;
}

static bool has_map(const __u32 *ids, uint32_t nr, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < nr && i < MAPS_MAX; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* The program must be the control program of just these maps. */
static int check_ctl(int ctl, uint32_t ring, uint32_t doorbell, uint32_t geometry)
{
	__u32 ids[MAPS_MAX] = { 0 };
	struct bpf_prog_info info = {
		.nr_map_ids = MAPS_MAX,
		.map_ids = (uintptr_t)ids,
	};
	int err = get_info(ctl, &info, sizeof(info));

	if (err)
		return libring_set_error(-err,
					 "ring_bpf_parts.ctl is %d: a descriptor of the program "
					 "NAME_ctl: %s",
					 ctl, strerror(-err));
	if (info.type != BPF_PROG_TYPE_SYSCALL)
		return libring_set_error(
			EINVAL,
			"ring_bpf_parts.ctl has type %u: it is the program NAME_ctl, "
			"of type BPF_PROG_TYPE_SYSCALL %u",
			info.type, BPF_PROG_TYPE_SYSCALL);
	if (!has_map(ids, info.nr_map_ids, ring) || !has_map(ids, info.nr_map_ids, doorbell) ||
	    !has_map(ids, info.nr_map_ids, geometry))
		return libring_set_error(EINVAL,
					 "ring_bpf_parts.ctl was not loaded with the maps ring, "
					 "doorbell and geometry of ring_bpf_parts");
	return 0;
}

/* The verifier has taken the geometry for constants: no later change helps. */
static int check_geometry(const struct ring_bpf *b, int fd)
{
	struct seqring_bpf_geometry geo;
	const __u32 first = 0;
	int err = bpf_map_lookup_elem(fd, &first, &geo);

	if (err)
		return libring_set_error(-err, "cannot read the map ring_bpf_parts.geometry: %s",
					 strerror(-err));
	if (memcmp(&geo, &b->geo, sizeof(geo)))
		return libring_set_error(
			EINVAL, "the programs were not loaded with ring_bpf_maps.geometry as "
				"the contents of .rodata.NAME");
	return 0;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };

	return get_info(fd, &info, sizeof(info)) ? 0 : info.id;
}

/* Checks the maps for slots. They may be missing, unless the ring that continues has them. */
static int check_slots(const struct ring_bpf *b, const struct ring_bpf_parts *parts)
{
	const struct wanted maps[] = {
		{ "slots", parts->slots, BPF_MAP_TYPE_ARRAY, "ARRAY",
		  sizeof(struct seqring_wait_slots), b->hdr.nr_rings, BPF_F_MMAPABLE },
		{ "doorbells", parts->doorbells, BPF_MAP_TYPE_ARRAY_OF_MAPS, "ARRAY_OF_MAPS",
		  sizeof(uint32_t), SEQRING_SLOTS, 0 },
	};
	const bool needed = b->continued && b->hdr.features & SEQRING_FEAT_SLOTS;
	uint32_t ids[2];
	int err;

	if (!b->geo.slots)
		return 0;
	if (!needed && (parts->slots <= 0 || parts->doorbells <= 0))
		return 0;
	err = check_map(&maps[0], &ids[0]);
	if (!err)
		err = check_map(&maps[1], &ids[1]);
	if (!err && needed &&
	    (ids[0] != map_id(b->pins.slots) || ids[1] != map_id(b->pins.doorbells)))
		err = libring_set_error(EINVAL, "the ring continues and has slots, but "
						"ring_bpf_parts has other maps than ring_bpf_maps");
	return err;
}

/**
 * libring_bpf_check_parts() - compare what a loader has made with what the ring needs
 * @b: planned
 * @parts: not yet in @b
 *
 * Return: 0; -EINVAL; what bpf(2) gives.
 */
int libring_bpf_check_parts(const struct ring_bpf *b, const struct ring_bpf_parts *parts)
{
	const struct wanted maps[] = {
		{ "ring", parts->ring, BPF_MAP_TYPE_ARRAY, "ARRAY", (uint32_t)b->hdr.ring_stride,
		  b->hdr.nr_rings, BPF_F_MMAPABLE },
		{ "wait", parts->wait, BPF_MAP_TYPE_ARRAY, "ARRAY", sizeof(struct seqring_wait),
		  b->hdr.nr_rings, BPF_F_MMAPABLE },
		{ "doorbell", parts->doorbell, BPF_MAP_TYPE_RINGBUF, "RINGBUF", 0, b->hdr.page_size,
		  0 },
		{ "geometry", parts->geometry, BPF_MAP_TYPE_ARRAY, "ARRAY", sizeof(b->geo), 1,
		  BPF_F_RDONLY_PROG },
	};
	uint32_t ids[4];
	unsigned int i;
	int err = 0;

	if (parts->flags & ~RING_BPF_NO_SLEEP)
		return libring_set_error(
			EINVAL, "ring_bpf_parts.flags is 0x%x: 0 or RING_BPF_NO_SLEEP 0x%x",
			parts->flags, RING_BPF_NO_SLEEP);
	for (i = 0; !err && i < 4; i++)
		err = check_map(&maps[i], &ids[i]);
	if (!err && b->continued &&
	    (ids[0] != map_id(b->pins.ring) || ids[1] != map_id(b->pins.wait) ||
	     ids[2] != map_id(b->pins.doorbell)))
		err = libring_set_error(
			EINVAL, "the ring continues, but ring_bpf_parts has other maps than "
				"ring_bpf_maps");
	if (!err)
		err = check_slots(b, parts);
	if (!err)
		err = check_ctl(parts->ctl, ids[0], ids[2], ids[3]);
	/* The library itself puts the bytes into an object of libbpf. */
	return err || b->object.obj ? err : check_geometry(b, parts->geometry);
}
