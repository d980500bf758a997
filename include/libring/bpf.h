/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Set up a ring that BPF programs write. The program includes seqring/bpf.h and declares
 * the ring there. The loader opens, loads and attaches the program with libbpf, and calls
 * in between and at the end:
 *
 *	obj = bpf_object__open_file(...);		// or a skeleton's open
 *	ring_bpf_prepare(obj, "events", &opts, &b);	// sizes
 *	ring_bpf_load(obj);				// or bpf_object__load()
 *	bpf_program__attach(...);			// silent until then
 *	ring_bpf_start(b);				// header, freeze, pins: go
 *	...
 *	ring_bpf_close(b);				// ends the ring
 *
 * Another loader than libbpf (in Go or Rust, or with bpf(2) alone) takes the calls on descriptors
 * in place of the first, second and fourth call; docs/reference/bpf.md has what lies below them:
 *
 *	ring_bpf_plan(geometry, size, &opts, &b);	// the section .rodata.events
 *	ring_bpf_maps(b, &maps);			// sizes and bytes for the loader's maps
 *	...						// create maps, load and attach programs
 *	ring_bpf_start_fds(b, &parts);			// header, freeze, pins: go
 *
 * Readers need neither this header nor libbpf: ring_open() opens the ring by its name or
 * by the path of its pins, ring_open_fds() by its descriptors.
 *
 * Every function returns 0 or -errno unless it says otherwise, and explains a failure in
 * ring_strerror(). Every function may sleep, and none is safe in a signal handler. A
 * struct ring_bpf belongs to one thread at a time. Part of libring-bpf.
 */
#ifndef LIBRING_BPF_H
#define LIBRING_BPF_H

#include <stddef.h>
#include <stdint.h>

#include <libring.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct bpf_link;
struct bpf_object;
struct ring_bpf;

/* ring_bpf_parts.flags: no program that publishes to the ring may sleep */
#define RING_BPF_NO_SLEEP (1u << 0)

/* ring_bpf_opts.flags */
#define RING_BPF_ONE_RING (1u << 0) /* one ring for all CPUs, not one per CPU */
#define RING_BPF_CONTINUE (1u << 1) /* take over a ring of that name if it exists */
/*
 * Mount a BPF file system if none is mounted: at /sys/fs/bpf, or at $RINGBPFDIR if that does not
 * exist yet. Nothing is mounted over any other directory. The mount is for this user alone, and for
 * those whom ring_bpf_opts.permissions lets use the ring.
 */
#define RING_BPF_MOUNT (1u << 2)

/**
 * struct ring_bpf_opts - a ring for BPF programs
 * @size: sizeof(struct ring_bpf_opts)
 * @flags: RING_BPF_*
 * @clock_id: SEQRING_CLOCK_*
 * @permissions: mode of the pins, whatever the umask: 0444 are the users that may read, 0666
 *           those that may also sleep on the ring; 0: 0600. The ring's directory lets the same
 *           users search it; directories that were there before keep their modes.
 *           Only 0600 while the sysctl kernel.unprivileged_bpf_disabled is 0: a user who may open
 *           the ring could write it then, by a BPF program. The sysctl must not become 0 later
 * @reserved: 0
 * @data_size: bytes of each ring, a power of two, 64 KiB to 256 MiB; 0: 1 MiB
 * @name: 1 to 31 of [A-Za-z0-9_-]. Other processes open the ring by this name, through
 *           pins in /sys/fs/bpf/seqring/NAME, or in $RINGBPFDIR/NAME if that is set.
 *           NULL: the ring can be opened by descriptor only
 * @schema, @schema_size: description of the records, see docs/reference/schema.md. NULL and 0: the
 *           schema in the object's own BTF (enum seqring_schema), if there is one
 */
struct ring_bpf_opts {
	size_t size;
	uint32_t flags;
	uint32_t clock_id;
	uint32_t permissions;
	uint32_t reserved;
	uint64_t data_size;
	const char *name;
	const void *schema;
	size_t schema_size;
};

/**
 * ring_bpf_supported() - check whether this process can set up BPF rings
 *
 * Return: 0; -EPERM the process is not root and lacks CAP_BPF or CAP_PERFMON, or something else
 * refuses bpf(2), such as a seccomp filter: ring_strerror() says which; -ENOSYS the kernel has
 * no BPF or is older than 5.15; -ENOENT the kernel has no type information
 * (CONFIG_DEBUG_INFO_BTF); what bpf(2) gives.
 */
int ring_bpf_supported(void);

/**
 * ring_bpf_prepare() - set the sizes of a ring's maps
 * @obj: opened, not loaded. It stays the caller's; keep it open until ring_bpf_close()
 * @map: the name given to SEQRING_BPF()
 * @opts: NULL for the defaults. Copied, except for the schema, which must stay valid until
 *        ring_bpf_start() returns
 * @out: set on success; ring_bpf_close() frees it. Unchanged on failure
 *
 * Removes a ring of the same name that has ended, or that a process left behind when it
 * was killed.
 *
 * With RING_BPF_CONTINUE, programs continue to write a ring of that name that has not
 * ended. Its positions and seqs go on, and its readers notice nothing. If there is no
 * such ring, a new one is made. The programs that write the ring go on until ring_bpf_start().
 *
 * Chooses how the programs keep each other from a ring when they preempt each other: see
 * SEQRING_BPF_NO_PREEMPT in seqring/bpf.h.
 *
 * Return: 0; -EINVAL bad options, or the object was compiled for payloads that are too long for
 * @data_size; -ENOTSUP the object was compiled for another machine, this machine cannot have
 * such rings, or SEQRING_BPF_NO_PREEMPT does not hold on this kernel; -E2BIG options of a later
 * version, or the object's schema is too large; -ENOENT the object has no such map; -EPROTO the
 * map is no ring, its BTF is no valid schema, or the pins of that name are no ring; -EEXIST a
 * kept ring has that name, and with RING_BPF_CONTINUE: it has another shape, clock or schema, or
 * slots, which the object does not know (it was compiled with an earlier seqring/bpf.h);
 * -EBUSY a running process owns the ring of that name, or nothing tells whether it runs, another
 * process kept the lock of all names for 10 s, or @obj is loaded already; -ENOTDIR the pins
 * would not be in a BPF file system; -EPERM also: another user owns the directory of all rings,
 * or @permissions lets other users use the ring while they may load programs; -ENAMETOOLONG
 * $RINGBPFDIR; -ENOMEM; -EACCES; what bpf(2), mount(2) and mkdir(2) give.
 */
int ring_bpf_prepare(struct bpf_object *obj, const char *map, const struct ring_bpf_opts *opts,
		     struct ring_bpf **out);

/**
 * struct ring_bpf_maps - what a loader makes the maps of SEQRING_BPF(NAME) with
 * @size: sizeof(struct ring_bpf_maps), filled by the caller
 * @value_size: bytes of a value of the map NAME, an array with BPF_F_MMAPABLE
 * @nr_rings: max_entries of the maps NAME, NAME_wait and NAME_slots
 * @doorbell_size: max_entries of the map NAME_doorbell, in bytes
 * @ring, @wait, @doorbell: maps to use in place of NAME, NAME_wait and NAME_doorbell, because the
 *           ring continues; -1: the loader creates these three. They are closed when the ring is
 * @geometry, @geometry_size: contents of the map .rodata.NAME, in place of those in the object.
 *           Valid until ring_bpf_close(). The verifier takes them for constants, so this map has
 *           BPF_F_RDONLY_PROG and is frozen before the programs are loaded
 * @slots_size: bytes of a value of the map NAME_slots, an array with BPF_F_MMAPABLE
 * @nr_slots: max_entries of the map NAME_doorbells, an array of maps, which are made as
 *           NAME_doorbell is. The loader leaves it empty
 * @slots, @doorbells: maps to use in place of NAME_slots and NAME_doorbells; -1: the loader creates
 *           them, if the object declares them. Closed as @ring
 */
struct ring_bpf_maps {
	size_t size;
	uint32_t value_size;
	uint32_t nr_rings;
	uint32_t doorbell_size;
	int32_t ring;
	int32_t wait;
	int32_t doorbell;
	const void *geometry;
	size_t geometry_size;
	uint32_t slots_size;
	uint32_t nr_slots;
	int32_t slots;
	int32_t doorbells;
};

/**
 * struct ring_bpf_parts - what a loader has made of the object
 * @size: sizeof(struct ring_bpf_parts)
 * @flags: RING_BPF_NO_SLEEP or 0. With it, a ring that a program has taken and not given back is
 *           free after the next hand-over. It is wrong for iterators, uprobes, programs of type
 *           syscall, and those with a section like fentry.s
 * @ring, @wait, @doorbell, @geometry: descriptors of the maps NAME, NAME_wait, NAME_doorbell and
 *           .rodata.NAME
 * @ctl: descriptor of the program NAME_ctl, of type syscall
 * @slots, @doorbells: descriptors of the maps NAME_slots and NAME_doorbells. 0 or less for either:
 *           there are none, and all readers of a new ring share one doorbell
 */
struct ring_bpf_parts {
	size_t size;
	uint32_t flags;
	int32_t ring;
	int32_t wait;
	int32_t doorbell;
	int32_t geometry;
	int32_t ctl;
	int32_t slots;
	int32_t doorbells;
};

/**
 * ring_bpf_plan() - compute the shape of a ring that another loader than libbpf sets up
 * @geometry: the section .rodata.NAME of the object, as it was compiled. Copied
 * @geometry_size: its bytes
 * @opts, @out: as for ring_bpf_prepare(). The schema in the object's BTF is not looked for:
 *        ring_schema_from_file() gets it for ring_bpf_opts.schema
 *
 * Does with rings of the same name what ring_bpf_prepare() does. It does not know the programs:
 * with SEQRING_BPF_NO_PREEMPT they turn preemption off from Linux 7.0 on, and the loader must
 * resolve the kfuncs then. Without the macro they take the ring by an atomic instruction.
 *
 * Return: as ring_bpf_prepare(), except -ENOENT; -EPROTO also: these bytes are no geometry.
 */
int ring_bpf_plan(const void *geometry, size_t geometry_size, const struct ring_bpf_opts *opts,
		  struct ring_bpf **out);

/**
 * ring_bpf_maps() - say what the ring's maps are made with
 * @b: planned, or prepared
 * @maps: its size is filled; the rest is set
 *
 * Return: 0.
 */
int ring_bpf_maps(const struct ring_bpf *b, struct ring_bpf_maps *maps);

/**
 * ring_bpf_load() - call bpf_object__load() and explain its failure
 * @obj: the object. Not that of a skeleton: load a skeleton by its own NAME__load() and
 *       call ring_bpf_explain()
 *
 * Return: what bpf_object__load() returns.
 */
int ring_bpf_load(struct bpf_object *obj);

/**
 * ring_bpf_explain() - explain why a BPF object did not load
 * @err: 0 or the -errno of bpf_object__load() or of a skeleton's NAME__load()
 *
 * Sets ring_strerror(), unless @err is 0. Return: @err.
 */
int ring_bpf_explain(int err);

/**
 * ring_bpf_start() - make the loaded maps a ring, and let the object's programs write it
 * @b: prepared; its object is loaded, and its programs are attached
 *
 * Programs that are attached before publish nothing until this has succeeded, and get -ESTALE. They
 * may also be attached later. Attach them later if the object was compiled with a seqring/bpf.h
 * that knows no -ESTALE: its programs would publish at once.
 *
 * A new ring: writes the header and freezes the map, so that from now on only BPF programs
 * can write it. Then pins the ring, if it has a name.
 * A continued ring: becomes the owner of the ring and switches from the previous writers to the
 * programs of @b, then detaches the previous ones. No event of a tracepoint is published by both.
 * In between nobody publishes for an RCU grace period, and from Linux 6.13 on until the events that
 * were under way are over; SEQRING_DROP_HANDOVER counts what happens meanwhile. If this fails, the
 * previous writers and owner go on. A ring that a program has taken and not given back is free
 * afterwards.
 *
 * The ring ends with this process, unless ring_bpf_keep() is called. Its readers notice when the
 * process is killed, by a lock or by its PID: see RING_KILLED in libring/reader.h.
 *
 * Return: 0; -EINVAL the object is not loaded, or the ring was started already: @b is unchanged;
 * -EPERM this process inherited @b by fork(): the same; -ENOTSUP the object was compiled with
 * SEQRING_BPF_NO_PREEMPT, and a program that uses the ring may sleep or be preempted: the same.
 * After any other failure, only ring_bpf_close() may follow: -EEXIST another process took the
 * name meanwhile, or ended the ring to continue; -EBUSY a program was publishing to the ring to
 * continue for a whole second, or a task was in the middle of an event for ten; -EAGAIN the
 * coarse clock could not be set; -EACCES, -EPERM, for a ring to continue from Linux 6.13 on also
 * without CAP_SYS_ADMIN if kernel.perf_event_paranoid is above 2; what bpf(2), mmap(2) and
 * rename(2) give, also for the links that ring_bpf_keep() has noted.
 */
int ring_bpf_start(struct ring_bpf *b);

/**
 * ring_bpf_start_fds() - the same for a ring whose maps and programs another loader has made
 * @b: planned
 * @parts: the descriptors. They stay the caller's; keep them open until ring_bpf_close()
 *
 * Return: as ring_bpf_start(); -EINVAL also: a map differs from ring_bpf_maps, or the control
 * program was loaded with other maps; -E2BIG @parts of a later version; -EBADF; -EPERM; what bpf(2)
 * gives for a descriptor: @b is unchanged.
 */
int ring_bpf_start_fds(struct ring_bpf *b, const struct ring_bpf_parts *parts);

/**
 * ring_bpf_adopt() - go on with a ring that this process inherited by fork()
 * @b: started by the parent
 *
 * For a loader that goes to the background after it has started the ring. The parent must not use
 * @b from then on: it exits without ring_bpf_close(), which would end the ring. In a child that
 * does not call this, ring_bpf_end() and ring_bpf_keep() return -EPERM, and ring_bpf_close() frees
 * memory and nothing else.
 *
 * Return: 0; -EINVAL this process has not inherited @b, or has adopted it already, or @b was not
 * started; -EACCES; what bpf(2), mkdir(2) and fcntl(2) give.
 */
int ring_bpf_adopt(struct ring_bpf *b);

/**
 * ring_bpf_fds() - get the descriptors of a ring for ring_open_fds()
 * @b: started
 * @fds: set on success. The descriptors belong to the object's maps and are valid until
 *       bpf_object__close(), or are those given to ring_bpf_start_fds(). They can be passed to
 *       other processes
 *
 * Readers that open the ring by its descriptors share one doorbell. From this call on, programs
 * ring it at each wake-up, so call this also before you pass on descriptors that you have already.
 *
 * Return: 0; -EINVAL not started; what mmap(2) gives.
 */
int ring_bpf_fds(const struct ring_bpf *b, struct ring_fds *fds);

/**
 * ring_bpf_keep() - let the ring and its writers outlive this process
 * @b: has a name, and has not ended
 * @links: the links that attach the programs. Pinned beside the ring; stay the caller's
 * @nr: number of links
 *
 * Afterwards ring_bpf_close() does not end the ring. ring_bpf_end() and
 * ring_bpf_destroy() do. Further calls keep further links.
 *
 * Before ring_bpf_start(): only notes the links, and ring_bpf_start() pins them. If that fails, the
 * ring does not start: its previous writers and owner go on, and a new ring does not appear. So a
 * loader that takes over a kept ring calls this first. (An object that was compiled before there
 * were epochs starts all the same, and ring_bpf_close() ends its ring.)
 *
 * After ring_bpf_start(): if this fails, nothing has changed. The programs publish, the ring ends
 * with this process unless it was kept before, and the call may be repeated. The writers that the
 * ring had before ring_bpf_start() do not come back.
 *
 * Return: 0; -EPERM inherited, see ring_bpf_adopt(); -EINVAL no name, ended, or failed to start, or
 * a link is NULL or no link of bpf(2); -EBADF; -ENOMEM; -EMFILE; what bpf(2) gives: no link of this
 * call stays pinned.
 */
int ring_bpf_keep(struct ring_bpf *b, struct bpf_link *const *links, unsigned int nr);

/**
 * ring_bpf_keep_fds() - the same with descriptors of the links
 * @b: planned, prepared or started
 * @links: descriptors of BPF links; they stay the caller's
 * @nr: number of @links
 *
 * Return: as ring_bpf_keep().
 */
int ring_bpf_keep_fds(struct ring_bpf *b, const int *links, unsigned int nr);

/**
 * ring_bpf_end() - end the ring
 * @b: started
 *
 * From now on nothing is published. Readers read the records that are left, then get
 * -ENODEV. Programs that are still attached count each of their records as a drop. Removes
 * the name.
 *
 * Return: 0, also if the ring has ended before; -EPERM as ring_bpf_keep(); -EINVAL not started;
 * -EBUSY a program was publishing for a whole second, or has forgotten a reservation and may sleep:
 * call again; what bpf(2), unlink(2) and rmdir(2) give.
 */
int ring_bpf_end(struct ring_bpf *b);

/**
 * ring_bpf_close() - end a started ring unless it is kept, and free the handle
 * @b: from ring_bpf_prepare(), or NULL
 *
 * What ring_bpf_end() may fail with is not told. In a child of the process that made @b, frees
 * memory and nothing else.
 */
void ring_bpf_close(struct ring_bpf *b);

/**
 * ring_bpf_destroy() - detach the writers of a named ring, end it and remove its name
 * @name: its name
 *
 * Also removes what a process left of a ring that it was removing when it was killed.
 *
 * Return: 0; -ENOENT no such ring; -EBUSY a running process owns it, or nothing tells whether it
 * runs, another process kept the lock of all names for 10 s, or a program was
 * publishing for a whole second; -EINVAL bad name; -EPROTO the pins of that name are no
 * ring; -EPERM also: another user owns the directory of all rings; -EACCES; -ENAMETOOLONG
 * $RINGBPFDIR; what bpf(2), unlink(2) and rmdir(2) give.
 */
int ring_bpf_destroy(const char *name);

/**
 * ring_bpf_leftovers() - find what killed processes left among the pins of named rings
 * @flags, @fn, @arg: as in ring_leftovers(), see libring/device.h
 *
 * Finds directories in which the pins of a ring were collected, and those that lack pins because
 * their removal was interrupted. Rings that are whole are no leftovers, whether their loader lives
 * or not: ring_bpf_destroy() removes these. To remove half of a ring tells its readers, if the ring
 * can still be reached, that it has ended.
 *
 * May sleep, for 10 s while another process keeps the lock of all names. Any thread. If this
 * process may not take that lock, nothing tells whether a maker is gone. A directory that does not
 * exist, is not in a BPF file system or may not be read has no leftovers.
 *
 * Return: 0; what @fn returned, if not 0; -EINVAL bad @flags; -ENAMETOOLONG $RINGBPFDIR; -ENOMEM;
 * what opendir(3) gives. After a failure some leftovers may have been removed.
 */
int ring_bpf_leftovers(uint32_t flags, ring_leftover_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_BPF_H */
