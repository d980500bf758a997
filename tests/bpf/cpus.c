// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs and their rings: a record of a CPU that has no ring is counted. The kernel's list of CPUs
 * may have gaps; tests/unit/test_bpf_guard.c has lists of other machines.
 */
#include "../../libring/bpf/internal.h"
#include "loader.h"

#define RECORDS 10

/* Publishes on @cpu. Return: 0; -errno. */
static int publish_on(const struct loaded *l, int cpu)
{
	const uint64_t ctx[2] = { RECORDS, 0 };

	return run_prog(prog_fd(l->obj, "publish"), ctx, sizeof(ctx), cpu);
}

static void get_counts(const struct loaded *l, struct ring_stats_at *st)
{
	struct ring_reader *r;
	struct ring_fds fds;

	*st = (struct ring_stats_at) { .size = sizeof(*st) };
	if (ring_bpf_fds(l->ring, &fds) || ring_open_fds(&fds, NULL, &r) || ring_stats_at(r, 0, st))
		die("counts");
	ring_close(r);
}

/* As if the loader had counted too few CPUs: CPU 0 alone has a ring. */
static void load_with_one(struct loaded *l)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.flags = RING_BPF_ONE_RING);
	struct bpf_map *map;
	size_t size;

	memset(l, 0, sizeof(*l));
	l->obj = open_object("wake");
	if (ring_bpf_prepare(l->obj, "ring", &opts, &l->ring))
		die("prepare");
	map = bpf_object__find_map_by_name(l->obj, ".rodata.ring");
	((struct seqring_bpf_geometry *)bpf_map__initial_value(map, &size))->cpu_mask = ~0u;
	l->ring->geo.cpu_mask = ~0u;
	if (ring_bpf_load(l->obj) || ring_bpf_start(l->ring))
		die("start");
}

int main(void)
{
	struct ring_stats_at st;
	struct loaded l;

	need_bpf("cpus");
	load_with_one(&l);
	T_EQ("cpus.with_ring", publish_on(&l, 0), 0);
	get_counts(&l, &st);
	T_EQ("cpus.with_ring.published", st.published, RECORDS);
	T_EQ("cpus.with_ring.dropped", st.dropped[SEQRING_DROP_BUSY], 0);
	if (nr_cpus_online() > 1) {
		publish_on(&l, 1);
		get_counts(&l, &st);
		T_EQ("cpus.without.published", st.published, RECORDS);
		/* The second attempt is a reservation, whose failure ends the program. */
		T_EQ("cpus.without.counted", st.dropped[SEQRING_DROP_BUSY], 2);
	} else {
		t_skip("cpus.without", "there is one CPU");
	}
	unload_ring(&l);
	return t_done();
}
