// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Before libbpf loads the object: find the parts that SEQRING_BPF() declares, and give the maps
 * their sizes.
 */

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "libring/schema.h"

static struct bpf_map *find_map(const struct ring_object *o, const char *prefix, const char *map,
				const char *suffix)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%s%s", prefix, map, suffix);
	return bpf_object__find_map_by_name(o->obj, name);
}

/* Finds the maps and the program that SEQRING_BPF(@map) declares. */
static int find_parts(struct ring_object *o, const char *map)
{
	char ctl[256];
	size_t size;

	o->map = find_map(o, "", map, "");
	if (!o->map)
		return libring_set_error(ENOENT,
					 "the object has no map %s: SEQRING_BPF(%s) declares it",
					 map, map);
	o->wait = find_map(o, "", map, "_wait");
	o->doorbell = find_map(o, "", map, "_doorbell");
	o->slots = find_map(o, "", map, "_slots");
	o->doorbells = find_map(o, "", map, "_doorbells");
	o->geometry = find_map(o, ".rodata.", map, "");
	snprintf(ctl, sizeof(ctl), "%s_ctl", map);
	o->ctl = bpf_object__find_program_by_name(o->obj, ctl);
	if (!o->wait || !o->doorbell || !o->ctl || !o->geometry ||
	    !bpf_map__initial_value(o->geometry, &size) ||
	    bpf_map__type(o->map) != BPF_MAP_TYPE_ARRAY)
		return libring_set_error(EPROTO, "%s is no ring: SEQRING_BPF(%s) declares one", map,
					 map);
	return 0;
}

/* Chooses the schema: that of the options, or the one in the object's BTF, or none. */
static int choose_schema(const struct ring_object *o, struct ring_bpf_opts *opts, void **own)
{
	const struct btf *btf = bpf_object__btf(o->obj);
	size_t size;
	int err;

	if (opts->schema || !btf ||
	    btf__find_by_name_kind(btf, "seqring_schema", BTF_KIND_ENUM) < 0)
		return 0;
	err = ring_schema_from_btf(btf, own, &size);
	if (err)
		return err;
	opts->schema = *own;
	opts->schema_size = size;
	return 0;
}

static int reuse_map(struct bpf_map *map, int fd)
{
	int err = bpf_map__reuse_fd(map, fd);

	return err ? libring_set_error(-err, "cannot continue with map %s: %s", bpf_map__name(map),
				       strerror(-err)) :
		     0;
}

/* Gives the maps of the slots their sizes, or takes those of the ring that continues. */
static int set_slot_maps(const struct ring_object *o, const struct ring_bpf_maps *maps)
{
	int err;

	if (!o->slots || !o->doorbells)
		return 0;
	if (maps->slots < 0)
		return bpf_map__set_max_entries(o->slots, maps->nr_rings);
	err = reuse_map(o->slots, maps->slots);
	return err ? err : reuse_map(o->doorbells, maps->doorbells);
}

static int set_map_sizes(const struct ring_object *o, const struct ring_bpf *b)
{
	struct ring_bpf_maps maps = { .size = sizeof(maps) };
	size_t size;
	int err;

	ring_bpf_maps(b, &maps);
	memcpy((void *)bpf_map__initial_value(o->geometry, &size), maps.geometry,
	       maps.geometry_size);
	if (maps.ring >= 0) {
		err = reuse_map(o->map, maps.ring);
		if (!err)
			err = reuse_map(o->wait, maps.wait);
		if (!err)
			err = reuse_map(o->doorbell, maps.doorbell);
		return err ? err : set_slot_maps(o, &maps);
	}
	err = bpf_map__set_value_size(o->map, maps.value_size);
	if (!err)
		err = bpf_map__set_max_entries(o->map, maps.nr_rings);
	if (!err)
		err = bpf_map__set_max_entries(o->wait, maps.nr_rings);
	if (!err)
		err = bpf_map__set_max_entries(o->doorbell, maps.doorbell_size);
	if (!err)
		err = set_slot_maps(o, &maps);
	if (err)
		return libring_set_error(-err,
					 "cannot set the sizes of the ring's maps: is the object "
					 "loaded already? %s",
					 strerror(-err));
	return 0;
}

/* Plans the ring of the object @o. @opts: checked, and with the schema */
static int plan_object(const struct ring_object *o, const struct ring_bpf_opts *opts,
		       struct ring_bpf **out)
{
	const void *geometry;
	struct ring_bpf *b;
	size_t size;
	int err;

	geometry = bpf_map__initial_value(o->geometry, &size);
	err = libring_bpf_plan(geometry, size, opts, o, &b);
	if (err)
		return err;
	b->object = *o;
	err = set_map_sizes(o, b);
	if (err) {
		ring_bpf_close(b);
		return err;
	}
	*out = b;
	return 0;
}

int ring_bpf_prepare(struct bpf_object *obj, const char *map, const struct ring_bpf_opts *user,
		     struct ring_bpf **out)
{
	struct ring_object o = { .obj = obj };
	struct ring_bpf_opts opts;
	void *own_schema = NULL;
	int err;

	err = libring_bpf_read_opts(user, &opts);
	if (!err)
		err = find_parts(&o, map);
	if (!err)
		err = choose_schema(&o, &opts, &own_schema);
	if (!err)
		err = plan_object(&o, &opts, out);
	if (err) {
		free(own_schema);
		return err;
	}
	(*out)->own_schema = own_schema;
	return libring_finish(0);
}
