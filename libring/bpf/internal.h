/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the parts of libring-bpf that set up rings share. Nothing of it is exported. */
#ifndef LIBRING_BPF_INTERNAL_H
#define LIBRING_BPF_INTERNAL_H

#include <limits.h>
#include <seqring/bpf.h>

#include "../internal.h"
#include "libring/bpf.h"

struct bpf_map;
struct bpf_program;

/*
 * Where a named ring's pins are, and what is pinned there.
 *
 * @dir: .../NAME; @base: what it is in
 */
struct ring_pins {
	char base[PATH_MAX];
	char dir[PATH_MAX];
	int ring;
	int wait;
	int doorbell;
	int ctl;
};

/*
 * @map, @wait, @doorbell, @geometry, @ctl: of @obj
 * @pins: of a named ring; with @go_on, those of the ring that is gone on with
 * @schema: as it is to be stored; @own_schema: freed with this
 */
struct ring_bpf {
	struct bpf_object *obj;
	struct bpf_map *map;
	struct bpf_map *wait;
	struct bpf_map *doorbell;
	struct bpf_map *geometry;
	struct bpf_program *ctl;
	struct ring_bpf_opts opts;
	char name[SEQRING_NAME_SIZE];
	struct ring_pins pins;
	struct seqring_header hdr;
	struct seqring_bpf_geometry geo;
	const void *schema;
	void *own_schema;
	bool go_on;
	uint64_t clock_base_ns;
	bool started;
	bool kept;
	bool ended;
};

/* pins.c */
int libring_pins_find(const char *name, struct ring_pins *p);
int libring_pins_make_base(const char *base, bool mount_it);
int libring_pins_lock(const struct ring_pins *p, int *fd);
int libring_pins_open(struct ring_pins *p);
bool libring_pins_same(const struct ring_pins *p, int ring);
void libring_pins_close(struct ring_pins *p);
int libring_pins_make(const struct ring_bpf *b);
int libring_pins_remove(const struct ring_pins *p);
int libring_pins_unlink_links(const struct ring_pins *p);

/* end.c */
int libring_bpf_header(int ring, struct seqring_header *h);
int libring_bpf_run(int ctl, struct seqring_bpf_ctl *c);

/* clock.c */
uint64_t libring_bpf_tick_ns(void);
int libring_bpf_clock_base(int ctl, uint64_t tick_ns, uint64_t *base_ns);
int libring_bpf_end_rings(int ctl, uint32_t nr_rings);
int libring_bpf_wake_all(int ctl);

#endif /* LIBRING_BPF_INTERNAL_H */
