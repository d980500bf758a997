/* SPDX-License-Identifier: GPL-2.0-only */
/* Loaders of handover.bpf.o in one process, the events that they publish, and a reader. */
#ifndef TESTS_BPF_UPGRADE_H
#define TESTS_BPF_UPGRADE_H

#include "common.h"
#include "handover.h"

#define NAME "handover"

/* One loader: its object, ring and link. */
struct loader {
	struct bpf_object *obj;
	struct ring_bpf *ring;
	struct bpf_link *link;
};

static uint64_t ring_data_size = 1 << 20;
static bool forgets = true;

static inline long trigger_nr(void)
{
	static pid_t root;

	if (!root)
		root = getpid();
	return 1000000 + root;
}

static inline void set_constants(struct bpf_object *obj, uint64_t number)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	size_t size;

	*(struct constants *)bpf_map__initial_value(map, &size) = (struct constants) {
		.trigger = (uint64_t)trigger_nr(),
		.loader = number,
		.forgets = forgets,
	};
}

/*
 * @number: which loader it is, for its records
 * @no_epoch: as if the object was compiled before there were epochs
 * Return: 0; what the first call that failed returned.
 */
static inline int load_as(struct loader *l, uint64_t number, bool no_epoch)
{
	const struct ring_bpf_opts opts = { .size = sizeof(opts),
					    .flags = RING_BPF_CONTINUE,
					    .clock_id = SEQRING_CLOCK_MONOTONIC,
					    .data_size = ring_data_size,
					    .name = NAME };
	struct bpf_map *map;
	size_t size;
	int err;

	memset(l, 0, sizeof(*l));
	l->obj = open_object("handover");
	set_constants(l->obj, number);
	map = bpf_object__find_map_by_name(l->obj, ".rodata.ring");
	if (no_epoch)
		((struct seqring_bpf_geometry *)bpf_map__initial_value(map, &size))->epoch = 0;
	err = ring_bpf_prepare(l->obj, "ring", &opts, &l->ring);
	return err ? err : ring_bpf_load(l->obj);
}

static inline int load(struct loader *l, uint64_t number)
{
	return load_as(l, number, false);
}

static inline int attach(struct loader *l)
{
	l->link = bpf_program__attach(bpf_object__find_program_by_name(l->obj, "on_event"));
	return l->link ? 0 : -errno;
}

static inline int keep(struct loader *l)
{
	return ring_bpf_keep(l->ring, &l->link, 1);
}

static inline void unload(struct loader *l)
{
	bpf_link__destroy(l->link);
	ring_bpf_close(l->ring);
	bpf_object__close(l->obj);
	memset(l, 0, sizeof(*l));
}

/* A whole life of a loader that leaves the ring to the next one. */
static inline int restart_as(uint64_t number, bool attach_first, bool no_epoch)
{
	struct loader l;
	int err = load_as(&l, number, no_epoch);

	if (!err && attach_first)
		err = attach(&l);
	if (!err)
		err = ring_bpf_start(l.ring);
	if (!err && !attach_first)
		err = attach(&l);
	if (!err)
		err = keep(&l);
	unload(&l);
	return err;
}

static inline int restart(uint64_t number)
{
	return restart_as(number, true, false);
}

static inline struct ring_reader *open_ring(uint32_t whence)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .whence = whence };
	struct ring_reader *r = NULL;

	if (ring_open(NAME, &opts, &r))
		die(NAME);
	return r;
}

/* --- events ----------------------------------------------------------------------- */

#define MAKERS_MAX 2

static inline void make_event(uint64_t maker, uint64_t id)
{
	syscall(trigger_nr(), maker << 48 | id);
}

/*
 * What a reader got of the makers' events. @last: newest id of a maker; @missing: ids left out;
 * @twice: not above the last id
 */
struct account {
	struct ring_reader *r;
	uint64_t last[MAKERS_MAX];
	uint64_t got;
	uint64_t missing;
	uint64_t twice;
	uint64_t newest_loader;
	int err;
	int stop;
};

static inline void read_events(struct account *a)
{
	struct ring_record rec;
	struct event e = { 0 };

	/* -EPIPE: the newest records were lost; the account of the loss is in the stats. */
	while (!(a->err = ring_read(a->r, &rec, &e, sizeof(e))) || a->err == -EPIPE) {
		uint64_t *last = &a->last[e.id >> 48 & 1];
		uint64_t id = e.id & ((1ULL << 48) - 1);

		if (a->err)
			continue;
		a->got++;
		__atomic_store_n(&a->newest_loader, e.loader, __ATOMIC_RELEASE);
		if (id <= *last) {
			a->twice++;
			continue;
		}
		a->missing += id - *last - 1;
		*last = id;
	}
}

static inline uint64_t dropped(struct ring_reader *r, unsigned int cause)
{
	struct ring_stats_at st = { .size = sizeof(st) };
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; !ring_stats_at(r, i, &st); i++)
		sum += st.dropped[cause];
	return sum;
}

#define CHECK_EVENTS(name, a, nr, number)                                         \
	do {                                                                      \
		uint64_t was = (a)->got;                                          \
		read_events(a);                                                   \
		T_EQ(name, (a)->got - was, (uint64_t)(nr));                       \
		T_EQ(name ".twice", (a)->twice, 0);                               \
		if (nr)                                                           \
			T_EQ(name ".by", (a)->newest_loader, (uint64_t)(number)); \
	} while (0)

static inline void events(unsigned int nr)
{
	static uint64_t id;

	while (nr--)
		make_event(0, ++id);
}

#endif /* TESTS_BPF_UPGRADE_H */
