// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Before the object is loaded: find the parts that SEQRING_BPF() declares, compute the
 * ring's shape and give the maps their sizes.
 */

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "libring/schema.h"

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t page_align(uint64_t size)
{
	return (size + page_size() - 1) & ~(page_size() - 1);
}

static struct bpf_map *find_map(const struct ring_bpf *b, const char *prefix, const char *map,
				const char *suffix)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%s%s", prefix, map, suffix);
	return bpf_object__find_map_by_name(b->obj, name);
}

/* Finds the maps and the program that SEQRING_BPF(@map) declares. */
static int find_parts(struct ring_bpf *b, const char *map)
{
	const struct seqring_bpf_geometry *geo = NULL;
	char ctl[256];
	size_t size;

	b->map = find_map(b, "", map, "");
	if (!b->map)
		return libring_set_error(ENOENT,
					 "the object has no map %s: SEQRING_BPF(%s) declares it",
					 map, map);
	b->wait = find_map(b, "", map, "_wait");
	b->doorbell = find_map(b, "", map, "_doorbell");
	b->geometry = find_map(b, ".rodata.", map, "");
	snprintf(ctl, sizeof(ctl), "%s_ctl", map);
	b->ctl = bpf_object__find_program_by_name(b->obj, ctl);
	if (b->geometry)
		geo = bpf_map__initial_value(b->geometry, &size);
	if (!b->wait || !b->doorbell || !b->ctl || !geo ||
	    bpf_map__type(b->map) != BPF_MAP_TYPE_ARRAY)
		return libring_set_error(EPROTO, "%s is no ring: SEQRING_BPF(%s) declares one", map,
					 map);
	if (size != sizeof(*geo))
		return libring_set_error(
			EPROTO,
			"%s was compiled with another version of seqring/bpf.h: its "
			"geometry has %zu bytes, not %zu",
			map, size, sizeof(*geo));
	b->geo.payload_limit = geo->payload_limit;
	b->has_epoch = geo->epoch;
	b->geo.announce = geo->announce && libring_membarrier_has(MEMBARRIER_CMD_GLOBAL);
	if (geo->payload_limit > SEQRING_PAYLOAD_MAX(b->opts.data_size))
		return libring_set_error(EINVAL,
					 "SEQRING_BPF_PAYLOAD_MAX of the object is %u: with a "
					 "data_size of %" PRIu64 " payloads have at most %u bytes",
					 geo->payload_limit, b->opts.data_size,
					 SEQRING_PAYLOAD_MAX(b->opts.data_size));
	return 0;
}

/* Chooses the schema: that of the options, or the one in the object's BTF, or none. */
static int choose_schema(struct ring_bpf *b)
{
	const struct btf *btf = bpf_object__btf(b->obj);
	size_t size;
	int err;

	b->schema = b->opts.schema;
	if (b->schema || !btf || btf__find_by_name_kind(btf, "seqring_schema", BTF_KIND_ENUM) < 0)
		return 0;
	err = ring_schema_from_btf(btf, &b->own_schema, &size);
	if (err)
		return err;
	b->schema = b->own_schema;
	b->opts.schema_size = size;
	return 0;
}

/* Fills header and geometry according to the options. */
static int fill_shape(struct ring_bpf *b)
{
	struct seqring_bpf_geometry *geo = &b->geo;
	struct seqring_header *h = &b->hdr;
	struct seqring_shape shape;
	int nr = b->opts.flags & RING_BPF_ONE_RING ? 1 : libbpf_num_possible_cpus();

	if (nr < 0)
		return libring_set_error(-nr, "cannot count the possible CPUs: %s", strerror(-nr));
	if ((unsigned int)nr > SEQRING_RINGS_MAX)
		return libring_set_error(EINVAL, "%d CPUs, but at most %u rings: use one ring", nr,
					 SEQRING_RINGS_MAX);
	shape = (struct seqring_shape) {
		.writer_kind = SEQRING_WRITER_BPF,
		.page_size = (uint32_t)page_size(),
		.nr_rings = (uint32_t)nr,
		.clock_id = b->opts.clock_id,
		.features = geo->announce ? SEQRING_FEAT_ANNOUNCE : 0,
		.data_size = b->opts.data_size,
		.payload_max = geo->payload_limit,
		.ring_offset = page_align(sizeof(*h) + b->opts.schema_size),
		.schema_offset = sizeof(*h),
		.schema_size = b->opts.schema_size,
		.name = b->name,
	};
	shape.ring_stride = shape.ring_offset + shape.page_size + shape.data_size +
			    page_align(sizeof(struct seqring_record) + geo->payload_limit);
	shape.total_size = shape.ring_stride * shape.nr_rings;
	seqring_header_init(h, &shape);

	geo->ring_offset = h->ring_offset;
	geo->data_offset = h->data_offset;
	geo->pos_mask = h->data_size - 8;
	geo->tick_ns = libring_bpf_get_tick_ns();
	geo->cpu_mask = h->nr_rings > 1 ? ~0u : 0;
	geo->data_size = h->data_size;
	geo->clock_id = h->clock_id;
	geo->nr_rings = h->nr_rings;
	return 0;
}

static int reuse_map(struct bpf_map *map, int fd)
{
	int err = bpf_map__reuse_fd(map, fd);

	return err ? libring_set_error(-err, "cannot continue with map %s: %s", bpf_map__name(map),
				       strerror(-err)) :
		     0;
}

/* Also the previous loader's epoch decides, so that a program knows which of two is older. */
static int set_epoch(struct ring_bpf *b)
{
	struct seqring_bpf_state before = { 0 };
	int err = 0;

	if (!b->has_epoch)
		return 0;
	if (b->continued)
		err = libring_bpf_read_state(b->pins.ring, &b->hdr, &before);
	if (!err)
		b->geo.epoch = libring_bpf_choose_epoch(before.next_epoch);
	return err;
}

static int set_map_sizes(struct ring_bpf *b)
{
	struct seqring_bpf_geometry *geo;
	size_t size;
	int err;

	geo = (struct seqring_bpf_geometry *)bpf_map__initial_value(b->geometry, &size);
	*geo = b->geo;
	if (b->continued) {
		err = reuse_map(b->map, b->pins.ring);
		if (!err)
			err = reuse_map(b->wait, b->pins.wait);
		return err ? err : reuse_map(b->doorbell, b->pins.doorbell);
	}
	err = bpf_map__set_value_size(b->map, (uint32_t)b->hdr.ring_stride);
	if (!err)
		err = bpf_map__set_max_entries(b->map, b->hdr.nr_rings);
	if (!err)
		err = bpf_map__set_max_entries(b->wait, b->hdr.nr_rings);
	if (!err)
		err = bpf_map__set_max_entries(b->doorbell, b->hdr.page_size);
	if (err)
		return libring_set_error(-err,
					 "cannot set the sizes of the ring's maps: is the object "
					 "loaded already? %s",
					 strerror(-err));
	return 0;
}

int ring_bpf_prepare(struct bpf_object *obj, const char *map, const struct ring_bpf_opts *user,
		     struct ring_bpf **out)
{
	struct ring_bpf *b;
	int err;

	b = calloc(1, sizeof(*b));
	if (!b)
		return libring_set_error(ENOMEM, "no memory for a ring");
	b->obj = obj;
	b->owner_dir = -1;
	b->pins = (struct ring_pins) { .ring = -1, .wait = -1, .doorbell = -1, .ctl = -1 };
	err = libring_bpf_read_opts(user, &b->opts);
	if (!err && b->opts.name)
		memcpy(b->name, b->opts.name, strlen(b->opts.name));
	if (!err)
		err = find_parts(b, map);
	if (!err)
		err = choose_schema(b);
	if (!err)
		err = fill_shape(b);
	if (!err && b->opts.name)
		err = libring_bpf_claim_name(b);
	if (!err)
		err = set_epoch(b);
	if (!err)
		err = set_map_sizes(b);
	if (err) {
		ring_bpf_close(b);
		return err;
	}
	*out = b;
	return libring_finish(0);
}
