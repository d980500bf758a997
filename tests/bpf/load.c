// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads every program of the named objects, so that the kernel verifies it, and reports
 * the cost of each. Repeats this with rings of several sizes and with one ring for all
 * CPUs, because these are constants in the programs.
 *
 * usage: load OBJECT.bpf.o...
 */
#include "common.h"

/* Sizes from the largest that 6.1 takes, downwards. */
static const uint64_t sizes[] = { 1 << 21, 1 << 20, SEQRING_DATA_SIZE_MIN };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The first map that SEQRING_BPF() declared; NULL: the object has no ring. */
static const char *ring_of(const struct bpf_object *obj)
{
	struct bpf_map *map, *geometry;
	char name[256];
	size_t size;

	for (map = NULL; (map = bpf_object__next_map(obj, map));) {
		snprintf(name, sizeof(name), ".rodata.%s", bpf_map__name(map));
		geometry = bpf_object__find_map_by_name(obj, name);
		if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY && geometry &&
		    bpf_map__initial_value(geometry, &size) &&
		    size == sizeof(struct seqring_bpf_geometry))
			return bpf_map__name(map);
	}
	return NULL;
}

static void describe(const struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog;

	for (prog = NULL; (prog = bpf_object__next_program(obj, prog));) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		char check[160];

		/* The object does not load this program here; another one does its work. */
		if (!bpf_program__autoload(prog))
			continue;
		snprintf(check, sizeof(check), "load.%s.%s", name, bpf_program__name(prog));
		t_check(!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) &&
				info.jited_prog_len,
			check, "not loaded, or not compiled by the kernel");
		t_note("%s: %zu instructions, %u jited bytes, %u verified", check,
		       bpf_program__insn_cnt(prog), info.jited_prog_len, info.verified_insns);
	}
}

static void load(const char *path, uint64_t data_size, uint32_t flags)
{
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.flags = flags,
		.clock_id = data_size == sizes[0] ? SEQRING_CLOCK_NONE :
			    data_size == sizes[1] ? SEQRING_CLOCK_COARSE :
						    SEQRING_CLOCK_MONOTONIC,
		.data_size = data_size,
	};
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct ring_bpf *ring = NULL;
	const char *map;
	char name[160];
	int err = 0;

	snprintf(name, sizeof(name), "load.%s.%" PRIu64 "%s", base_name(path), data_size,
		 flags ? ".one_ring" : "");
	map = obj ? ring_of(obj) : NULL;
	if (map)
		err = ring_bpf_prepare(obj, map, &opts, &ring);
	if (err == -EINVAL && strstr(ring_strerror(), "SEQRING_BPF_PAYLOAD_MAX")) {
		t_note("%s: %s", name, ring_strerror());
		goto out;
	}
	if (obj && !err)
		err = ring_bpf_load(obj);
	if (obj && !err && ring)
		err = ring_bpf_start(ring);
	if (t_check(obj && !err, name, "%d: %s", err, ring_strerror()) &&
	    data_size == SEQRING_DATA_SIZE_MIN && !flags)
		describe(obj, base_name(path));
out:
	ring_bpf_close(ring);
	bpf_object__close(obj);
}

/* Loads programs without libring-bpf: they have no ring, but the kernel accepts them. */
static void load_unset(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	char name[160];
	int err = -ENOENT;

	snprintf(name, sizeof(name), "load.%s.never_set_up", base_name(path));
	if (obj)
		err = ring_bpf_explain(bpf_object__load(obj));
	t_check(!err, name, "%d: %s", err, ring_strerror());
	bpf_object__close(obj);
}

int main(int argc, char **argv)
{
	unsigned int j;
	int i;

	need_bpf("load");
	for (i = 1; i < argc; i++) {
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			load(argv[i], sizes[j], 0);
		load(argv[i], sizes[1], RING_BPF_ONE_RING);
		load_unset(argv[i]);
	}
	return t_done();
}
