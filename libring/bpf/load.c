// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* From a BPF object that declares a ring to a ring that readers open. */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "libring/schema.h"

#define DATA_SIZE_DEFAULT (1u << 20)
#define DATA_SIZE_MAX	  (1u << 28)

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t page_align(uint64_t size)
{
	return (size + page_size() - 1) & ~(page_size() - 1);
}

static int check_name(const char *name)
{
	int err = libring_check_name(name);

	if (!err && strchr(name, '.'))
		return libring_fail(EINVAL, "bad name %s: a BPF file system takes no dots", name);
	return err;
}

static int get_opts(const struct ring_bpf_opts *user, struct ring_bpf_opts *o)
{
	const uint32_t flags = RING_BPF_ONE_RING | RING_BPF_CONTINUE | RING_BPF_MOUNT;
	int err;

	*o = (struct ring_bpf_opts) { .size = sizeof(*o) };
	if (user) {
		err = libring_get_opts(o, sizeof(*o), user, "ring_bpf_opts");
		if (err)
			return err;
	}
	if (!o->data_size)
		o->data_size = DATA_SIZE_DEFAULT;
	if (o->flags & ~flags || o->reserved)
		return libring_fail(EINVAL,
				    "ring_bpf_opts.flags is 0x%x and reserved %u: flags are "
				    "RING_BPF_*, reserved is 0",
				    o->flags, o->reserved);
	if (o->permissions & ~0666u)
		return libring_fail(EINVAL, "ring_bpf_opts.permissions is 0%o: bits of 0666",
				    o->permissions);
	if (o->flags & RING_BPF_CONTINUE && !o->name)
		return libring_fail(EINVAL, "RING_BPF_CONTINUE needs a name");
	err = libring_check_shape("ring_bpf_opts", o->clock_id, o->data_size, o->schema,
				  o->schema_size);
	if (err)
		return err;
	if (o->data_size > DATA_SIZE_MAX)
		return libring_fail(EINVAL,
				    "ring_bpf_opts.data_size is %" PRIu64 ": a BPF program "
				    "can write to 256 MiB at most",
				    o->data_size);
	return o->name ? check_name(o->name) : 0;
}

static struct bpf_map *find_map(const struct ring_bpf *b, const char *prefix, const char *map,
				const char *suffix)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%s%s", prefix, map, suffix);
	return bpf_object__find_map_by_name(b->obj, name);
}

/* What SEQRING_BPF(@map) declares. */
static int find_parts(struct ring_bpf *b, const char *map)
{
	const struct seqring_bpf_geometry *geo = NULL;
	char ctl[256];
	size_t size;

	b->map = find_map(b, "", map, "");
	if (!b->map)
		return libring_fail(ENOENT, "the object has no map %s: SEQRING_BPF(%s) declares it",
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
		return libring_fail(EPROTO, "%s is no ring: SEQRING_BPF(%s) declares one", map,
				    map);
	if (size != sizeof(*geo))
		return libring_fail(EPROTO,
				    "%s was compiled with another version of seqring/bpf.h: its "
				    "geometry has %zu bytes, not %zu",
				    map, size, sizeof(*geo));
	b->geo.payload_limit = geo->payload_limit;
	b->geo.announce = geo->announce && libring_membarrier_has(MEMBARRIER_CMD_GLOBAL);
	if (geo->payload_limit > SEQRING_PAYLOAD_MAX(b->opts.data_size))
		return libring_fail(EINVAL,
				    "SEQRING_BPF_PAYLOAD_MAX of the object is %u: with a "
				    "data_size of %" PRIu64 " payloads have at most %u bytes",
				    geo->payload_limit, b->opts.data_size,
				    SEQRING_PAYLOAD_MAX(b->opts.data_size));
	return 0;
}

static int get_schema(struct ring_bpf *b)
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

/* Header and geometry, as the options want them. */
static int get_shape(struct ring_bpf *b)
{
	struct seqring_bpf_geometry *geo = &b->geo;
	struct seqring_header *h = &b->hdr;
	struct seqring_shape shape;
	int nr = b->opts.flags & RING_BPF_ONE_RING ? 1 : libbpf_num_possible_cpus();

	if (nr < 0)
		return libring_fail(-nr, "cannot tell how many CPUs there are: %s", strerror(-nr));
	if ((unsigned int)nr > SEQRING_RINGS_MAX)
		return libring_fail(EINVAL, "%d CPUs, and %u rings at most: use one ring", nr,
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
	geo->tick_ns = libring_bpf_tick_ns();
	geo->cpu_mask = h->nr_rings > 1 ? ~0u : 0;
	geo->data_size = h->data_size;
	geo->clock_id = h->clock_id;
	geo->nr_rings = h->nr_rings;
	return 0;
}

static bool same_schema(const struct ring_bpf *b)
{
	size_t size = (size_t)b->hdr.ring_offset;
	bool same;
	unsigned char *p;

	if (!b->opts.schema_size)
		return true;
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, b->pins.ring, 0);
	if (p == MAP_FAILED)
		return false;
	same = !memcmp(p + b->hdr.schema_offset, b->schema, b->opts.schema_size);
	munmap(p, size);
	return same;
}

/* The header but for who owns it, and magic. */
static bool same_shape(const struct seqring_header *a, const struct seqring_header *b)
{
	struct seqring_header x = *a, y = *b;

	x.magic = 0;
	y.magic = 0;
	x.owner = 0;
	y.owner = 0;
	x.owner_pidns = 0;
	y.owner_pidns = 0;
	return !memcmp(&x, &y, sizeof(x));
}

static bool has_ended(const struct ring_pins *p, const struct seqring_header *h)
{
	const struct seqring_ring_ctl *ctl;
	bool ended;
	size_t size = (size_t)h->ring_offset + page_size();
	unsigned char *at = mmap(NULL, size, PROT_READ, MAP_SHARED, p->ring, 0);

	if (at == MAP_FAILED)
		return true;
	ctl = (const void *)(at + h->ring_offset);
	/* Pairs with the release in the control program. */
	ended = seqring_load_acquire(END, &ctl->state) & SEQRING_STATE_DEAD;
	munmap(at, size);
	return ended;
}

/*
 * Looks at who has the name. Opens its pins, for @b to go on with, or ends what
 * nobody writes any more.
 */
static int look_at_pins(struct ring_bpf *b)
{
	struct seqring_header h;
	int err;

	err = libring_pins_open(&b->pins);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = libring_bpf_header(b->pins.ring, &h);
	if (err)
		return err;
	if (libring_owner_alive(h.owner, h.owner_pidns))
		return libring_fail(EBUSY, "%s: process %u writes a ring of that name", b->name,
				    (uint32_t)h.owner);
	if (has_ended(&b->pins, &h) || (h.owner && !(b->opts.flags & RING_BPF_CONTINUE))) {
		libring_pins_unlink_links(&b->pins);
		libring_bpf_end_rings(b->pins.ctl, h.nr_rings);
		libring_pins_close(&b->pins);
		return libring_pins_remove(&b->pins);
	}
	if (!(b->opts.flags & RING_BPF_CONTINUE))
		return libring_fail(EEXIST, "%s: a ring of that name is there", b->name);
	if (!same_shape(&h, &b->hdr) || !same_schema(b))
		return libring_fail(EEXIST,
				    "%s: the ring of that name has another shape, clock or "
				    "schema: destroy it first",
				    b->name);
	b->go_on = true;
	return 0;
}

static int look_at_name(struct ring_bpf *b)
{
	int lock, err;

	err = libring_pins_find(b->name, &b->pins);
	if (!err)
		err = libring_pins_make_base(b->pins.base, b->opts.flags & RING_BPF_MOUNT);
	if (!err)
		err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	err = look_at_pins(b);
	close(lock);
	return err;
}

static int reuse(struct bpf_map *map, int fd)
{
	int err = bpf_map__reuse_fd(map, fd);

	return err ? libring_fail(-err, "cannot go on with map %s: %s", bpf_map__name(map),
				  strerror(-err)) :
		     0;
}

static int set_sizes(struct ring_bpf *b)
{
	struct seqring_bpf_geometry *geo;
	size_t size;
	int err;

	geo = (struct seqring_bpf_geometry *)bpf_map__initial_value(b->geometry, &size);
	*geo = b->geo;
	if (b->go_on) {
		err = reuse(b->map, b->pins.ring);
		if (!err)
			err = reuse(b->wait, b->pins.wait);
		return err ? err : reuse(b->doorbell, b->pins.doorbell);
	}
	err = bpf_map__set_value_size(b->map, (uint32_t)b->hdr.ring_stride);
	if (!err)
		err = bpf_map__set_max_entries(b->map, b->hdr.nr_rings);
	if (!err)
		err = bpf_map__set_max_entries(b->wait, b->hdr.nr_rings);
	if (!err)
		err = bpf_map__set_max_entries(b->doorbell, b->hdr.page_size);
	if (err)
		return libring_fail(-err,
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
		return libring_fail(ENOMEM, "no memory for a ring");
	b->obj = obj;
	b->pins = (struct ring_pins) { .ring = -1, .wait = -1, .doorbell = -1, .ctl = -1 };
	err = get_opts(user, &b->opts);
	if (!err && b->opts.name)
		memcpy(b->name, b->opts.name, strlen(b->opts.name));
	if (!err)
		err = find_parts(b, map);
	if (!err)
		err = get_schema(b);
	if (!err)
		err = get_shape(b);
	if (!err && b->opts.name)
		err = look_at_name(b);
	if (!err)
		err = set_sizes(b);
	if (err) {
		ring_bpf_close(b);
		return err;
	}
	*out = b;
	return 0;
}

/* One element: control area and the writer's state. */
static void init_ring(const struct ring_bpf *b, unsigned char *element, uint32_t ring)
{
	struct seqring_ring_ctl *ctl = (void *)(element + b->hdr.ring_offset);
	struct seqring_bpf_state *state = (void *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
	struct seqring_writer w = { 0 };

	/* Fails on a bad size only, and that was checked. */
	seqring_writer_init(&w, ctl, (unsigned char *)ctl + b->hdr.data_offset, b->hdr.data_size);
	state->seg_end = w.seg_end;
	state->cold = w.cold;
	state->cold.payload_max = b->hdr.payload_max;
	state->clock_base_ns = b->clock_base_ns;
	seqring_write(&ctl->id, ring);
}

static int init_wait(const struct ring_bpf *b)
{
	const struct seqring_wait none = {
		.pos = SEQRING_WAIT_NONE,
		.seq = SEQRING_WAIT_NONE,
		/* Without announcements: the program always looks who has armed. */
		.announced = !b->geo.announce,
	};
	uint32_t i;
	int err = 0;

	for (i = 0; !err && i < b->hdr.nr_rings; i++)
		err = bpf_map_update_elem(bpf_map__fd(b->wait), &i, &none, BPF_ANY);
	return err ? libring_fail(-err, "cannot fill the armed words: %s", strerror(-err)) : 0;
}

/* The map is writable until it is frozen, and nobody else has it yet. */
static int init_map(struct ring_bpf *b)
{
	struct seqring_header *h;
	unsigned char *map;
	uint32_t i;
	int err;

	if (b->hdr.clock_id == SEQRING_CLOCK_COARSE) {
		err = libring_bpf_clock_base(bpf_program__fd(b->ctl), b->geo.tick_ns,
					     &b->clock_base_ns);
		if (err)
			return libring_fail(-err, "cannot set the coarse clock: %s",
					    strerror(-err));
	}
	map = mmap(NULL, (size_t)b->hdr.total_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_map__fd(b->map), 0);
	if (map == MAP_FAILED)
		return libring_fail(errno, "cannot map the ring's %" PRIu64 " bytes: %s",
				    (uint64_t)b->hdr.total_size, strerror(errno));
	for (i = 0; i < b->hdr.nr_rings; i++)
		init_ring(b, map + i * b->hdr.ring_stride, i);
	libring_owner_self(&b->hdr.owner, &b->hdr.owner_pidns);
	h = (void *)map;
	memcpy(h, &b->hdr, sizeof(*h));
	if (b->opts.schema_size)
		memcpy(map + h->schema_offset, b->schema, b->opts.schema_size);
	seqring_header_publish(h);
	munmap(map, (size_t)b->hdr.total_size);
	err = bpf_map_freeze(bpf_map__fd(b->map));
	return err ? libring_fail(-err, "cannot freeze the ring's map: %s", strerror(-err)) :
		     init_wait(b);
}

/* The writers before us stop, and the ring becomes this process's. */
static int take_over(struct ring_bpf *b)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_OWNER };
	struct seqring_header h;
	int lock, err;

	libring_owner_self(&c.owner, &c.owner_pidns);
	err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	err = libring_bpf_header(b->pins.ring, &h);
	if (!err && (libring_owner_alive(h.owner, h.owner_pidns) || has_ended(&b->pins, &h)))
		err = libring_fail(EEXIST, "%s: somebody took or ended the ring meanwhile",
				   b->name);
	if (!err)
		err = libring_pins_unlink_links(&b->pins);
	if (!err)
		err = libring_bpf_run(bpf_program__fd(b->ctl), &c);
	if (!err)
		err = libring_bpf_wake_all(bpf_program__fd(b->ctl));
	close(lock);
	return err;
}

int ring_bpf_start(struct ring_bpf *b)
{
	int err;

	if (b->started || bpf_map__fd(b->map) < 0)
		return libring_fail(EINVAL, b->started ? "the ring was started already" :
							 "the object is not loaded yet");
	if (b->go_on) {
		err = take_over(b);
	} else {
		err = init_map(b);
		if (!err && b->opts.name)
			err = libring_pins_make(b);
	}
	b->started = !err;
	return err;
}

int ring_bpf_fds(const struct ring_bpf *b, struct ring_fds *fds)
{
	if (!b->started)
		return libring_fail(EINVAL, "the ring was not started");
	fds->ring = bpf_map__fd(b->map);
	fds->wait = bpf_map__fd(b->wait);
	fds->doorbell = bpf_map__fd(b->doorbell);
	return 0;
}

int ring_bpf_keep(struct ring_bpf *b, struct bpf_link *const *links, unsigned int nr)
{
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_OWNER };
	char path[PATH_MAX + 32];
	unsigned int i;
	int err;

	if (!b->started || !b->opts.name)
		return libring_fail(EINVAL, "only a ring that was started and has a name can be "
					    "kept");
	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/link-%u", b->pins.dir, i);
		err = bpf_link__pin(links[i], path);
		if (err) {
			err = libring_fail(-err, "cannot pin %s: %s", path, strerror(-err));
			libring_pins_unlink_links(&b->pins);
			return err;
		}
	}
	err = libring_bpf_run(bpf_program__fd(b->ctl), &c);
	if (err) {
		libring_pins_unlink_links(&b->pins);
		return err;
	}
	b->kept = true;
	return libring_bpf_wake_all(bpf_program__fd(b->ctl));
}

/* Of a ring that was kept, another one may have the name by now. */
static int remove_name(const struct ring_bpf *b)
{
	int lock, err;

	err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	if (libring_pins_same(&b->pins, bpf_map__fd(b->map)))
		err = libring_pins_remove(&b->pins);
	close(lock);
	return err;
}

int ring_bpf_end(struct ring_bpf *b)
{
	int err;

	if (!b->started)
		return libring_fail(EINVAL, "the ring was not started");
	if (b->ended)
		return 0;
	err = libring_bpf_end_rings(bpf_program__fd(b->ctl), b->hdr.nr_rings);
	if (err)
		return err;
	b->ended = true;
	return b->opts.name ? remove_name(b) : 0;
}

void ring_bpf_close(struct ring_bpf *b)
{
	if (!b)
		return;
	if (b->started && !b->kept)
		ring_bpf_end(b);
	libring_pins_close(&b->pins);
	free(b->own_schema);
	free(b);
}

static int destroy(const char *name, struct ring_pins *p)
{
	struct seqring_header h;
	int err;

	err = libring_pins_open(p);
	if (err == -ENOENT)
		return libring_fail(ENOENT, "%s: there is no such ring of a BPF program", name);
	if (!err)
		err = libring_bpf_header(p->ring, &h);
	if (!err && libring_owner_alive(h.owner, h.owner_pidns))
		err = libring_fail(EBUSY, "%s: process %u writes it", name, (uint32_t)h.owner);
	if (!err)
		err = libring_pins_unlink_links(p);
	if (!err)
		err = libring_bpf_end_rings(p->ctl, h.nr_rings);
	if (!err)
		err = libring_pins_remove(p);
	libring_pins_close(p);
	return err;
}

int ring_bpf_destroy(const char *name)
{
	struct ring_pins p;
	int lock, err;

	err = libring_check_name(name);
	if (!err)
		err = libring_pins_find(name, &p);
	if (!err && access(p.dir, F_OK) && errno != EACCES)
		err = libring_fail(ENOENT, "%s: there is no such ring of a BPF program", name);
	if (!err)
		err = libring_pins_lock(&p, &lock);
	if (err)
		return err;
	err = destroy(name, &p);
	close(lock);
	return err;
}
