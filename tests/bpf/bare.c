// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring whose object is loaded by bpf(2) alone. Its loader sets the ring up by the calls on
 * descriptors, or by docs/reference/bpf.md without any library.
 */
#include "bare_ring.h"
#include "upgrade.h"

#define OBJECT "bare"

static const char *bpffs;

/* A loader that uses the calls on descriptors. */
struct by_fds {
	struct bare_object obj;
	struct ring_bpf *ring;
	struct ring_bpf_maps maps;
	struct ring_bpf_parts parts;
	int prog;
	int link;
};

/* Makes the maps and loads the programs of @l->ring. Return: 0; -errno. */
static int load_planned(struct by_fds *l, const void *geometry)
{
	struct ring_bpf_maps *m = &l->maps;
	struct ring_bpf_parts *p = &l->parts;

	*p = (struct ring_bpf_parts) { .size = sizeof(*p), .flags = RING_BPF_NO_SLEEP };
	p->ring = m->ring >= 0 ? m->ring :
				 bare_create(BPF_MAP_TYPE_ARRAY, m->value_size, m->nr_rings,
					     BPF_F_MMAPABLE);
	p->wait = m->wait >= 0 ? m->wait :
				 bare_create(BPF_MAP_TYPE_ARRAY, sizeof(struct seqring_wait),
					     m->nr_rings, BPF_F_MMAPABLE);
	p->doorbell = m->doorbell >= 0 ? m->doorbell :
					 bare_create(BPF_MAP_TYPE_RINGBUF, 0, m->doorbell_size, 0);
	p->slots = m->slots >= 0 ? m->slots :
				   bare_create(BPF_MAP_TYPE_ARRAY, m->slots_size, m->nr_rings,
					       BPF_F_MMAPABLE);
	p->doorbells = m->doorbells >= 0 ? m->doorbells :
					   bare_create_outer(p->doorbell, m->nr_slots);
	bare_add_map(&l->obj, "ring_slots", p->slots);
	bare_add_map(&l->obj, "ring_doorbells", p->doorbells);
	bare_add_map(&l->obj, "ring", p->ring);
	bare_add_map(&l->obj, "ring_wait", p->wait);
	bare_add_map(&l->obj, "ring_doorbell", p->doorbell);
	p->geometry = bare_constants(&l->obj, ".rodata.ring", geometry, m->geometry_size);
	p->ctl = bare_load(&l->obj, "syscall", BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE);
	l->prog = bare_load(&l->obj, "raw_tp/sys_enter", BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
	if (p->ring < 0 || p->wait < 0 || p->doorbell < 0 || p->geometry < 0 || p->ctl < 0)
		return -EPROTO;
	return l->prog < 0 ? l->prog : 0;
}

static const void *constants(struct bare_object *obj, uint64_t number)
{
	const struct constants values = {
		.trigger = (uint64_t)trigger_nr(),
		.loader = number,
		.forgets = 1,
	};
	const void *geometry;
	size_t size;

	if (bare_open(obj, object_path(OBJECT)))
		die(OBJECT);
	if (bare_constants(obj, ".rodata", &values, sizeof(values)) < 0)
		die("constants");
	geometry = bare_bytes(obj, ".rodata.ring", &size);
	if (size != sizeof(struct seqring_bpf_geometry))
		die("geometry");
	return geometry;
}

/* Return: 0; of the first call that fails. The programs are loaded, and not attached. */
static int load_by_fds(struct by_fds *l, const struct ring_bpf_opts *opts, uint64_t number)
{
	const void *geometry;
	int err;

	memset(l, 0, sizeof(*l));
	l->link = -1;
	geometry = constants(&l->obj, number);
	err = ring_bpf_plan(geometry, sizeof(struct seqring_bpf_geometry), opts, &l->ring);
	if (err)
		return err;
	l->maps.size = sizeof(l->maps);
	err = ring_bpf_maps(l->ring, &l->maps);
	return err ? err : load_planned(l, l->maps.geometry);
}

static void unload_by_fds(struct by_fds *l)
{
	const struct ring_bpf_parts *p = &l->parts;
	const int fds[] = { p->ring, p->wait, p->doorbell };
	unsigned int i;

	close(l->link);
	for (i = 0; i < 3; i++)
		if (l->maps.ring < 0 && p->size)
			close(fds[i]);
	if (p->size) {
		close(p->geometry);
		close(p->ctl);
		close(l->prog);
	}
	close(bare_map_fd(&l->obj, ".rodata"));
	munmap((void *)(uintptr_t)l->obj.elf, l->obj.size);
}

static struct ring_bpf_opts options(void)
{
	return (struct ring_bpf_opts) { .size = sizeof(struct ring_bpf_opts),
					.flags = RING_BPF_CONTINUE,
					.clock_id = SEQRING_CLOCK_MONOTONIC,
					.data_size = ring_data_size,
					.name = NAME };
}

/* --- the calls on descriptors ----------------------------------------------------- */

static int start_by_fds(struct by_fds *l, uint64_t number, bool kept)
{
	const struct ring_bpf_opts opts = options();
	int err = load_by_fds(l, &opts, number);

	if (err)
		return err;
	l->link = bare_attach(l->prog, "sys_enter");
	if (l->link < 0)
		return l->link;
	err = kept ? ring_bpf_keep_fds(l->ring, &l->link, 1) : 0;
	return err ? err : ring_bpf_start_fds(l->ring, &l->parts);
}

/* A ring that is made, kept, taken over by libbpf's loader and back, and ended. */
static void by_fds(void)
{
	struct account a = { 0 };
	struct by_fds l;
	struct ring_fds fds;

	T_EQ("by_fds.start", start_by_fds(&l, 1, true), 0);
	T_EQ("by_fds.fds", ring_bpf_fds(l.ring, &fds), 0);
	T_EQ("by_fds.fds.ring", fds.ring, l.parts.ring);
	ring_bpf_close(l.ring);
	unload_by_fds(&l);
	a.r = open_ring(RING_OLDEST);
	events(3);
	CHECK_EVENTS("by_fds.kept", &a, 3, 1);
	T_EQ("by_fds.sleeps", ring_wait(a.r, 50), -ETIMEDOUT);
	T_EQ("by_fds.again", start_by_fds(&l, 2, true), 0);
	events(4);
	CHECK_EVENTS("by_fds.again.writes", &a, 4, 2);
	T_EQ("by_fds.again.alone", dropped(a.r, SEQRING_DROP_SUPERSEDED), 0);
	ring_bpf_close(l.ring);
	unload_by_fds(&l);
	T_EQ("by_fds.destroy", ring_bpf_destroy(NAME), 0);
	read_events(&a);
	T_EQ("by_fds.told", a.err, -ENODEV);
	ring_close(a.r);
}

/* A ring without a name, which ends with its loader. */
static void nameless(void)
{
	struct ring_bpf_opts opts = options();
	struct account a = { 0 };
	struct ring_fds fds;
	struct by_fds l;

	opts.name = NULL;
	opts.flags = RING_BPF_ONE_RING;
	T_EQ("nameless.load", load_by_fds(&l, &opts, 1), 0);
	T_EQ("nameless.one", l.maps.nr_rings, 1u);
	T_EQ("nameless.start", ring_bpf_start_fds(l.ring, &l.parts), 0);
	l.link = bare_attach(l.prog, "sys_enter");
	if (ring_bpf_fds(l.ring, &fds) || ring_open_fds(&fds, NULL, &a.r))
		die("open");
	events(3);
	CHECK_EVENTS("nameless.writes", &a, 3, 1);
	T_EQ("nameless.end", ring_bpf_end(l.ring), 0);
	read_events(&a);
	T_EQ("nameless.told", a.err, -ENODEV);
	ring_bpf_close(l.ring);
	unload_by_fds(&l);
	ring_close(a.r);
}

/* --- what is refused -------------------------------------------------------------- */

#define REFUSED(name, call, err, words)                                                       \
	do {                                                                                  \
		int ref_got = call;                                                           \
		t_check(ref_got == -(err) && strstr(ring_strerror(), words), name,            \
			"line %d: %d, expected %d; \"%s\" without \"%s\"", __LINE__, ref_got, \
			-(err), ring_strerror(), words);                                      \
	} while (0)

static int try_plan(const void *geometry, size_t size)
{
	struct ring_bpf *ring;
	int err = ring_bpf_plan(geometry, size, NULL, &ring);

	if (!err)
		ring_bpf_close(ring);
	return err;
}

/* Starts with the part of @offset replaced by @fd. */
static int try_part(struct by_fds *l, size_t offset, int fd)
{
	struct ring_bpf_parts parts = l->parts;

	*(int32_t *)((char *)&parts + offset) = fd;
	return ring_bpf_start_fds(l->ring, &parts);
}

#define PART(name) offsetof(struct ring_bpf_parts, name)

static void refused(void)
{
	struct seqring_bpf_geometry geo = { 0 };
	struct ring_bpf_opts opts = options();
	struct by_fds l, other;
	int fd;

	REFUSED("refused.geometry.size", try_plan(&geo, sizeof(geo) - 8), EPROTO, "120 bytes");
	REFUSED("refused.geometry.empty", try_plan(&geo, sizeof(geo)), EPROTO, ".rodata.NAME");
	geo.payload_limit = 1 << 20;
	REFUSED("refused.geometry.payload", try_plan(&geo, sizeof(geo)), EINVAL, "1048576");

	opts.name = NULL;
	opts.flags = 0;
	T_EQ("refused.load", load_by_fds(&l, &opts, 1), 0);
	T_EQ("refused.other", load_by_fds(&other, &opts, 1), 0);
	REFUSED("refused.object", ring_bpf_start(l.ring), EINVAL, "ring_bpf_start_fds()");
	l.parts.size = sizeof(l.parts) - 4;
	REFUSED("refused.size", ring_bpf_start_fds(l.ring, &l.parts), EINVAL,
		"ring_bpf_parts.size");
	l.parts.size = sizeof(l.parts);
	REFUSED("refused.flags", try_part(&l, PART(flags), 2), EINVAL, "flags is 0x2");
	REFUSED("refused.ring.none", try_part(&l, PART(ring), -1), EBADF, "ring is -1");
	REFUSED("refused.ring.kind", try_part(&l, PART(ring), l.parts.wait), EINVAL,
		"ring_bpf_parts.ring has type 2");
	fd = bare_create(BPF_MAP_TYPE_ARRAY, l.maps.value_size, l.maps.nr_rings, 0);
	REFUSED("refused.ring.flags", try_part(&l, PART(ring), fd), EINVAL, "map_flags 0x0");
	close(fd);
	REFUSED("refused.wait", try_part(&l, PART(wait), l.parts.ring), EINVAL, "wait has type");
	REFUSED("refused.doorbell", try_part(&l, PART(doorbell), l.parts.wait), EINVAL,
		"RINGBUF 27");
	REFUSED("refused.geometry.map", try_part(&l, PART(geometry), l.parts.wait), EINVAL,
		"geometry has type");
	REFUSED("refused.ctl.none", try_part(&l, PART(ctl), -1), EBADF, "ctl is -1");
	REFUSED("refused.ctl.kind", try_part(&l, PART(ctl), l.prog), EINVAL, "SYSCALL 31");
	REFUSED("refused.ctl.maps", try_part(&l, PART(ctl), other.parts.ctl), EINVAL,
		"not loaded with the maps");
	REFUSED("refused.ring.other", try_part(&l, PART(ring), other.parts.ring), EINVAL,
		"not loaded with the maps");
	/* None of this has changed the ring. */
	T_EQ("refused.start", ring_bpf_start_fds(l.ring, &l.parts), 0);
	REFUSED("refused.twice", ring_bpf_start_fds(l.ring, &l.parts), EINVAL, "already");
	ring_bpf_close(l.ring);
	ring_bpf_close(other.ring);
	unload_by_fds(&l);
	unload_by_fds(&other);
}

/* A ring with a name has slots for readers; one without refuses no maps for them. */
static void refused_slots(void)
{
	const struct ring_bpf_opts opts = options();
	struct by_fds l;
	int fd;

	T_EQ("refused_slots.load", load_by_fds(&l, &opts, 1), 0);
	REFUSED("refused_slots.slots.kind", try_part(&l, PART(slots), l.parts.doorbells), EINVAL,
		"ring_bpf_parts.slots has type 12");
	REFUSED("refused_slots.slots.size", try_part(&l, PART(slots), l.parts.wait), EINVAL,
		"ring_bpf_parts.slots has");
	fd = bare_create(BPF_MAP_TYPE_ARRAY, l.maps.slots_size, l.maps.nr_rings, 0);
	REFUSED("refused_slots.slots.flags", try_part(&l, PART(slots), fd), EINVAL,
		"map_flags 0x0");
	close(fd);
	REFUSED("refused_slots.doorbells.kind", try_part(&l, PART(doorbells), l.parts.doorbell),
		EINVAL, "ring_bpf_parts.doorbells has type 27");
	fd = bare_create_outer(l.parts.doorbell, l.maps.nr_slots - 1);
	REFUSED("refused_slots.doorbells.fewer", try_part(&l, PART(doorbells), fd), EINVAL,
		"ring_bpf_parts.doorbells has");
	close(fd);
	T_EQ("refused_slots.start", ring_bpf_start_fds(l.ring, &l.parts), 0);
	ring_bpf_close(l.ring);
	unload_by_fds(&l);
}

/* Programs that were loaded with the geometry as compiled would publish nothing. */
static void unplanned(void)
{
	struct ring_bpf_opts opts = options();
	const void *geometry;
	struct by_fds l = { .link = -1 };
	size_t size;

	opts.name = NULL;
	opts.flags = 0;
	geometry = constants(&l.obj, 1);
	T_EQ("unplanned.plan",
	     ring_bpf_plan(geometry, sizeof(struct seqring_bpf_geometry), &opts, &l.ring), 0);
	l.maps.size = sizeof(l.maps);
	ring_bpf_maps(l.ring, &l.maps);
	T_EQ("unplanned.load", load_planned(&l, bare_bytes(&l.obj, ".rodata.ring", &size)), 0);
	REFUSED("unplanned.start", ring_bpf_start_fds(l.ring, &l.parts), EINVAL,
		"ring_bpf_maps.geometry");
	ring_bpf_close(l.ring);
	unload_by_fds(&l);
}

/* Plans to go on with a ring, whose maps are then in @l->maps. */
static void plan_to_continue(struct by_fds *l)
{
	const struct ring_bpf_opts opts = options();
	const void *geometry;

	memset(l, 0, sizeof(*l));
	l->link = -1;
	geometry = constants(&l->obj, 2);
	T_EQ("other_maps.plan",
	     ring_bpf_plan(geometry, sizeof(struct seqring_bpf_geometry), &opts, &l->ring), 0);
	l->maps.size = sizeof(l->maps);
	ring_bpf_maps(l->ring, &l->maps);
	T_TRUE("other_maps.given", l->maps.ring >= 0 && l->maps.wait >= 0 &&
					   l->maps.doorbell >= 0 && l->maps.slots >= 0 &&
					   l->maps.doorbells >= 0);
}

/* Loads programs with the maps of @l->maps, which the ring refuses. */
static void refuse_maps(struct by_fds *l, const char *words)
{
	T_EQ("other_maps.load", load_planned(l, l->maps.geometry), 0);
	REFUSED("other_maps.start", ring_bpf_start_fds(l->ring, &l->parts), EINVAL, words);
	ring_bpf_close(l->ring);
	unload_by_fds(l);
}

/* A ring that continues keeps its maps. */
static void other_maps(void)
{
	struct account a = { 0 };
	struct by_fds l;

	T_EQ("other_maps.first", start_by_fds(&l, 1, true), 0);
	ring_bpf_close(l.ring);
	unload_by_fds(&l);
	a.r = open_ring(RING_OLDEST);
	plan_to_continue(&l);
	l.maps.ring = -1;
	l.maps.wait = -1;
	l.maps.doorbell = -1;
	refuse_maps(&l, "the ring continues, but");
	/* Its readers wait at their slots, and would sleep on. */
	plan_to_continue(&l);
	l.maps.slots = -1;
	refuse_maps(&l, "the ring continues and has slots, but");
	plan_to_continue(&l);
	l.maps.doorbells = -1;
	refuse_maps(&l, "the ring continues and has slots, but");
	events(2);
	CHECK_EVENTS("other_maps.writes", &a, 2, 1);
	T_EQ("other_maps.destroy", ring_bpf_destroy(NAME), 0);
	ring_close(a.r);
}

/* --- without a library ------------------------------------------------------------ */

/* docs/reference/bpf.md is enough: readers and other loaders take the ring for one of their own. */
static void alone(void)
{
	const struct bare_shape shape = { .name = NAME,
					  .base = getenv("RINGBPFDIR"),
					  .clock_id = SEQRING_CLOCK_MONOTONIC,
					  .data_size = ring_data_size,
					  .nr_rings = (uint32_t)libbpf_num_possible_cpus() };
	struct account a = { 0 };
	struct bare_ring b = { 0 };
	struct ring_reader *late = NULL;
	pid_t pid;
	int fds[2];
	char c = 0;

	if (pipe(fds))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		constants(&b.obj, 1);
		b.err = bare_ring_make(&b, &shape);
		if (!b.err)
			b.err = bare_ring_open(&b, "sys_enter");
		c = (char)b.err;
		if (write(fds[1], &c, 1) != 1)
			_exit(1);
		while (1)
			pause();
	}
	T_EQ("alone.read", read(fds[0], &c, 1), 1);
	T_EQ("alone.start", c, 0);
	a.r = open_ring(RING_OLDEST);
	events(3);
	CHECK_EVENTS("alone.writes", &a, 3, 1);
	T_EQ("alone.lives", ring_wait(a.r, 50), -ETIMEDOUT);
	/* It lives, so nobody takes its name or its ring. */
	T_EQ("alone.destroy", ring_bpf_destroy(NAME), -EBUSY);
	T_EQ("alone.taken", restart(2), -EBUSY);
	kill_and_reap(pid);
	wait_for_programs();
	T_EQ("alone.told", ring_wait(a.r, 30000), -ENODEV);
	/* The next loader is one of libbpf, with an object of the same shape. */
	T_EQ("alone.next", restart(2), 0);
	events(4);
	CHECK_EVENTS("alone.next.writes", &a, 4, 2);
	T_EQ("alone.next.destroy", ring_bpf_destroy(NAME), 0);
	read_events(&a);
	T_EQ("alone.next.told", a.err, -ENODEV);
	ring_close(a.r);

	/* A whole life in one process. */
	memset(&b, 0, sizeof(b));
	constants(&b.obj, 3);
	T_EQ("alone.make", bare_ring_make(&b, &shape), 0);
	T_EQ("alone.open", bare_ring_open(&b, "sys_enter"), 0);
	memset(&a, 0, sizeof(a));
	a.r = open_ring(RING_OLDEST);
	events(3);
	CHECK_EVENTS("alone.again.writes", &a, 3, 3);
	T_EQ("alone.end", bare_ring_end(&b), 0);
	read_events(&a);
	T_EQ("alone.ended", a.err, -ENODEV);
	T_EQ("alone.no_name", ring_open(NAME, NULL, &late), -ENOENT);
	ring_close(a.r);
	close(fds[0]);
	close(fds[1]);
}

static const struct t_test tests[] = {
	{ "by_fds", by_fds },	    { "nameless", nameless },
	{ "refused", refused },	    { "refused_slots", refused_slots },
	{ "unplanned", unplanned }, { "other_maps", other_maps },
	{ "alone", alone },
};

int main(int argc, char **argv)
{
	need_bpf("bare");
	bpffs = own_bpffs();
	trigger_nr();
	pin_to(0);
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	umount(bpffs);
	return t_done();
}
