// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Before the programs are loaded: compute the ring's shape from the object's geometry and the
 * options, and say which maps the ring needs.
 */

#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t page_align(uint64_t size)
{
	return (size + page_size() - 1) & ~(page_size() - 1);
}

/*
 * Takes over what the object was compiled with. @o: NULL: another loader than libbpf knows its
 * programs. Return: 0; -EPROTO; -EINVAL; -ENOTSUP.
 */
static int read_geometry(struct ring_bpf *b, const void *geometry, size_t size,
			 const struct ring_object *o)
{
	struct seqring_bpf_geometry geo;
	int err;

	if (size != sizeof(geo))
		return libring_set_error(
			EPROTO,
			"the object was compiled with another version of seqring/bpf.h: its "
			"geometry has %zu bytes, not %zu",
			size, sizeof(geo));
	memcpy(&geo, geometry, sizeof(geo));
	if (!geo.payload_limit)
		return libring_set_error(EPROTO,
					 "the geometry has no SEQRING_BPF_PAYLOAD_MAX: it is the "
					 "section .rodata.NAME of the object, as compiled");
	err = libring_bpf_check_target(geo.target, libring_bpf_get_machine());
	if (err)
		return err;
	b->geo.target = geo.target;
	b->geo.payload_limit = geo.payload_limit;
	b->can = geo.guard;
	b->promises = geo.announce;
	b->has_epoch = geo.epoch;
	/* Who opens a ring by its descriptors has no slot: a ring without a name needs none. */
	b->geo.slots = b->opts.name && geo.slots == SEQRING_SLOTS ? SEQRING_SLOTS : 0;
	b->geo.announce = geo.announce && libring_membarrier_has(MEMBARRIER_CMD_GLOBAL);
	if (geo.payload_limit > SEQRING_PAYLOAD_MAX(b->opts.data_size))
		return libring_set_error(EINVAL,
					 "SEQRING_BPF_PAYLOAD_MAX of the object is %u: with a "
					 "data_size of %" PRIu64 " payloads have at most %u bytes",
					 geo.payload_limit, b->opts.data_size,
					 SEQRING_PAYLOAD_MAX(b->opts.data_size));
	return libring_bpf_set_guard(b, o);
}

/* Fills header and geometry according to the options. */
static int fill_shape(struct ring_bpf *b)
{
	struct seqring_bpf_geometry *geo = &b->geo;
	struct seqring_header *h = &b->hdr;
	struct seqring_shape shape;
	int nr = b->opts.flags & RING_BPF_ONE_RING ? 1 : libring_bpf_count_rings(NULL);

	if (nr < 0)
		return nr;
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

/**
 * libring_bpf_plan() - ring_bpf_plan() for an object whose programs may be known
 * @geometry, @geometry_size, @user, @out: as for ring_bpf_plan()
 * @o: the object; NULL: not one of libbpf
 *
 * Return: as ring_bpf_plan().
 */
int libring_bpf_plan(const void *geometry, size_t geometry_size, const struct ring_bpf_opts *user,
		     const struct ring_object *o, struct ring_bpf **out)
{
	struct ring_bpf *b;
	int err;

	b = calloc(1, sizeof(*b));
	if (!b)
		return libring_set_error(ENOMEM, "no memory for a ring");
	b->owner_dir = -1;
	b->pins = LIBRING_NO_PINS;
	err = libring_bpf_read_opts(user, &b->opts);
	if (!err && b->opts.name)
		memcpy(b->name, b->opts.name, strlen(b->opts.name));
	if (!err)
		err = read_geometry(b, geometry, geometry_size, o);
	b->schema = b->opts.schema;
	if (!err)
		err = fill_shape(b);
	if (!err && b->opts.name)
		err = libring_bpf_claim_name(b);
	if (!err)
		err = set_epoch(b);
	if (err) {
		ring_bpf_close(b);
		return err;
	}
	*out = b;
	return libring_finish(0);
}

int ring_bpf_plan(const void *geometry, size_t geometry_size, const struct ring_bpf_opts *user,
		  struct ring_bpf **out)
{
	return libring_bpf_plan(geometry, geometry_size, user, NULL, out);
}

int ring_bpf_maps(const struct ring_bpf *b, struct ring_bpf_maps *maps)
{
	const struct ring_bpf_maps result = {
		.value_size = (uint32_t)b->hdr.ring_stride,
		.nr_rings = b->hdr.nr_rings,
		.doorbell_size = b->hdr.page_size,
		.ring = b->continued ? b->pins.ring : -1,
		.wait = b->continued ? b->pins.wait : -1,
		.doorbell = b->continued ? b->pins.doorbell : -1,
		.slots_size = sizeof(struct seqring_wait_slots),
		.nr_slots = SEQRING_SLOTS,
		.slots = b->continued ? b->pins.slots : -1,
		.doorbells = b->continued ? b->pins.doorbells : -1,
		.geometry = &b->geo,
		.geometry_size = sizeof(b->geo),
	};

	libring_put_result(maps, &result, sizeof(result));
	return libring_finish(0);
}
