/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shared by the files that set up BPF rings; nothing is exported. Calls go one way:
 *
 *	prepare.c -> plan.c -> options.c, target.c, guard.c, cpus.c, existing.c, clock.c, end.c
 *	object.c -> guard.c, start.c, keep.c
 *	start.c -> parts.c, keep.c, existing.c, clock.c, slots.c
 *	plan.c, start.c, existing.c -> handover.c
 *	start.c, existing.c, end.c, handover.c, leftovers.c -> pins.c -> base.c
 *	existing.c, handover.c, keep.c -> detach.c
 *	start.c, existing.c, end.c, handover.c, leftovers.c, keep.c, clock.c -> control.c
 *	handover.c, existing.c, end.c, leftovers.c -> epoch.c -> control.c
 *	handover.c, detach.c, epoch.c, control.c -> grace.c
 *	handover.c -> events.c -> guard.c
 */
#ifndef LIBRING_BPF_INTERNAL_H
#define LIBRING_BPF_INTERNAL_H

#include <limits.h>
#include <seqring/bpf.h>
#include <sys/types.h>

#include "../shared.h"
#include "libring/bpf.h"

struct bpf_link;
struct bpf_map;
struct bpf_program;

/*
 * Pins of a named ring.
 *
 * @base: directory of all named rings
 * @dir: @base/NAME
 * @ring, @wait, @doorbell, @ctl: descriptors of what is pinned there; -1: not open
 * @slots, @doorbells: the same; -1 also: the ring has no slots
 */
struct ring_pins {
	char base[PATH_MAX];
	char dir[PATH_MAX];
	int ring;
	int wait;
	int doorbell;
	int ctl;
	int slots;
	int doorbells;
};

#define LIBRING_NO_PINS       \
	((struct ring_pins) { \
		.ring = -1, .wait = -1, .doorbell = -1, .ctl = -1, .slots = -1, .doorbells = -1 })

/*
 * What the choice of a guard depends on.
 *
 * @release, @major, @minor: of uname(2)
 * @has_kfunc: programs can turn preemption off
 */
struct ring_bpf_kernel {
	char release[65];
	unsigned int major;
	unsigned int minor;
	bool has_kfunc;
};

/*
 * Between which programs of one event the kernel lets a task be preempted, or sleep: none; those on
 * system calls; those on any tracepoint.
 */
enum libring_bpf_gap {
	GAP_NONE,
	GAP_SYSCALLS,
	GAP_ANY_EVENT,
};

/* A hand-over waits so long for a task in an event: a grace period can take seconds. */
#define LIBRING_BPF_EVENT_MS 10000

/* What SEQRING_BPF() declares in an object of libbpf. @slots, @doorbells: NULL: no slots yet */
struct ring_object {
	struct bpf_object *obj;
	struct bpf_map *map;
	struct bpf_map *wait;
	struct bpf_map *doorbell;
	struct bpf_map *slots;
	struct bpf_map *doorbells;
	struct bpf_map *geometry;
	struct bpf_program *ctl;
};

/*
 * @object: libbpf's view of the ring; its obj is NULL if another loader has the object
 * @parts: their descriptors, once the ring is started; the caller's
 * @pins: of a named ring; open only while @continued
 * @schema: the schema to store; @own_schema: a copy to free, or NULL
 * @continued: this object takes over a ring that exists already
 * @has_epoch: the object's programs compare epochs
 * @can: SEQRING_BPF_CAN_*
 * @promises: the object was compiled with SEQRING_BPF_NO_PREEMPT
 * @tried: a call to start it was made
 * @started, @kept, @ended: that call succeeded
 * @keeps: it is to be kept when it starts
 * @links: copies of descriptors to pin when the ring starts, @nr_links of them
 * @nr_pinned: links that are pinned, and the number of the next one
 * @own: it belongs to this process; a child of fork() has it to adopt or to free
 * @owner_dir: holds the owner's lock while it is open; -1: none
 * @slot_doorbells: the doorbells of a new ring's slots until they are pinned; else 0
 */
struct ring_bpf {
	struct ring_object object;
	struct ring_bpf_parts parts;
	struct ring_bpf_opts opts;
	char name[SEQRING_NAME_SIZE];
	struct ring_pins pins;
	struct seqring_header hdr;
	struct seqring_bpf_geometry geo;
	const void *schema;
	void *own_schema;
	bool continued;
	bool has_epoch;
	bool promises;
	uint32_t can;
	uint64_t clock_base_ns;
	bool tried;
	bool started;
	bool kept;
	bool ended;
	bool keeps;
	int *links;
	unsigned int nr_links;
	unsigned int nr_pinned;
	struct libring_own own;
	int owner_dir;
	int slot_doorbells[SEQRING_SLOTS];
};

/* Return: 0; -EPERM in a child that has not adopted the ring. */
static inline int libring_bpf_check_own(const struct ring_bpf *b)
{
	return libring_own_check(&b->own, "ring_bpf_adopt");
}

/* options.c */
int libring_bpf_read_opts(const struct ring_bpf_opts *user, struct ring_bpf_opts *o);

/* cpus.c */
int libring_bpf_count_rings(const char *possible);

/* target.c */
uint32_t libring_bpf_get_machine(void);
int libring_bpf_check_target(uint32_t target, uint32_t machine);

/* guard.c */
bool libring_bpf_is_sleepable(const struct bpf_program *prog);
void libring_bpf_look_at_kernel(struct ring_bpf_kernel *k);
void libring_bpf_look_for_kfunc(struct ring_bpf_kernel *k);
int libring_bpf_choose_guard(uint32_t can, bool unpreempted, const struct ring_bpf_kernel *k,
			     uint32_t *guard);
int libring_bpf_set_guard(struct ring_bpf *b, const struct ring_object *o);
int libring_bpf_check_writers(const struct ring_bpf *b);

/* plan.c */
int libring_bpf_plan(const void *geometry, size_t geometry_size, const struct ring_bpf_opts *user,
		     const struct ring_object *o, struct ring_bpf **out);

/* parts.c */
int libring_bpf_check_parts(const struct ring_bpf *b, const struct ring_bpf_parts *parts);

/* keep.c */
int libring_bpf_disown(struct ring_bpf *b);

/* existing.c */
int libring_bpf_claim_name(struct ring_bpf *b);
int libring_bpf_take_over(struct ring_bpf *b);

/* epoch.c */
int libring_bpf_set_epoch(int ctl, uint32_t nr_rings, const struct seqring_bpf_state *to);
int libring_bpf_close_epoch(int ctl, uint32_t nr_rings, uint32_t next);
int libring_bpf_free_rings(int ctl, uint32_t nr_rings, uint32_t next, bool forgotten);
int libring_bpf_end(int ctl, int doorbell, int ring, const struct seqring_header *h, bool replaced);

/* handover.c */
uint32_t libring_bpf_choose_epoch(uint32_t last);
int libring_bpf_own(struct ring_bpf *b);
int libring_bpf_open_epoch(const struct ring_bpf *b);
int libring_bpf_hand_over(struct ring_bpf *b, const struct seqring_header *h);

/* base.c */
mode_t libring_pins_dir_mode(mode_t mode);
int libring_pins_make_base(const char *base, bool mount_it, mode_t permissions);
int libring_pins_lock(const struct ring_pins *p, int *fd);

/* pins.c */
int libring_pins_locate(const char *name, struct ring_pins *p);
void libring_pins_open_rest(struct ring_pins *p);
enum libring_owner_state libring_pins_look_at_owner(const struct ring_pins *p,
						    const struct seqring_header *h);
enum libring_owner_state libring_pins_look_at_maker(const struct ring_pins *p);
int libring_pins_lock_owner(const struct ring_pins *p, int *dir);
void libring_pins_unlock_owner(int *dir);
bool libring_pins_are_partial(const struct ring_pins *p);
int libring_pins_open(struct ring_pins *p);
bool libring_pins_match(const struct ring_pins *p, int ring);
void libring_pins_close(struct ring_pins *p);
int libring_pins_create(struct ring_bpf *b);
int libring_pins_remove(const struct ring_pins *p);

/* detach.c */
int libring_pins_add_writers(struct ring_bpf *b, const char *dir, const int *links,
			     unsigned int nr);
void libring_pins_remove_writers(struct ring_bpf *b, const char *dir, unsigned int first);
bool libring_pins_writers_have_epochs(const struct ring_pins *p);
int libring_pins_detach_others(const struct ring_pins *p, uint32_t except);
int libring_pins_detach_writers(const struct ring_pins *p);

/* grace.c */
int libring_bpf_wait_programs(void);

/* events.c */
enum libring_bpf_gap libring_bpf_get_gap(const struct ring_bpf_kernel *k);
int libring_bpf_wait_events(void);

/* clock.c */
uint64_t libring_bpf_get_tick_ns(void);
int libring_bpf_measure_clock_base(int ctl, uint32_t clock_id, uint64_t tick_ns, uint64_t *base_ns);

/* slots.c */
bool libring_bpf_has_slots(const struct ring_bpf_parts *parts);
int libring_bpf_fill_slots(struct ring_bpf *b);
int libring_bpf_share_doorbell(const struct ring_bpf *b);
void libring_bpf_close_slots(struct ring_bpf *b);

/* control.c */
int libring_bpf_read_header(int ring, struct seqring_header *h);
int libring_bpf_read_state(int ring, const struct seqring_header *h,
			   struct seqring_bpf_state *state);
bool libring_bpf_has_ended(int ring, const struct seqring_header *h);
int libring_bpf_run_control(int ctl, struct seqring_bpf_ctl *c);
int libring_bpf_end_rings(int ctl, int doorbell, uint32_t nr_rings, bool replaced);
int libring_bpf_set_owner(int ctl, int doorbell, uint64_t owner, uint64_t owner_pidns);
void libring_bpf_wake_all(int ctl, int doorbell);

#endif /* LIBRING_BPF_INTERNAL_H */
