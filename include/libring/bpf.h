/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Setting up a ring that a BPF program writes. The program includes seqring/bpf.h and
 * declares the ring there; libbpf opens, loads and attaches it. In between:
 *
 *	obj = bpf_object__open_file(...);		// or a skeleton's open
 *	ring_bpf_prepare(obj, "events", &opts, &b);	// sizes
 *	ring_bpf_load(obj);				// or bpf_object__load()
 *	ring_bpf_start(b);				// header, freeze, pins
 *	bpf_program__attach(...);
 *	...
 *	ring_bpf_close(b);				// ends the ring
 *
 * Readers need none of this, nor libbpf: libring opens the ring by its name, the path
 * of its pins, or its descriptors.
 *
 * Every function returns 0 or -errno and leaves a sentence for ring_strerror(). One
 * thread at a time works with a ring_bpf.
 */
#ifndef LIBRING_BPF_H
#define LIBRING_BPF_H

#include <libring.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct bpf_link;
struct bpf_object;
struct ring_bpf;

/* ring_bpf_opts.flags */
#define RING_BPF_ONE_RING (1u << 0) /* one ring for all CPUs, not one for each */
#define RING_BPF_CONTINUE (1u << 1) /* go on with the ring that has the name */
#define RING_BPF_MOUNT	  (1u << 2) /* mount a BPF file system when there is none */

/**
 * struct ring_bpf_opts - a ring for BPF programs
 * @size: sizeof(struct ring_bpf_opts)
 * @flags: RING_BPF_*
 * @clock_id: SEQRING_CLOCK_NONE, _MONOTONIC or _COARSE
 * @permissions: of a ring with a name: who may read (0444) and also sleep on it (0666);
 *           0: 0600
 * @data_size: of each ring, a power of two, 64 KiB to 256 MiB; 0: 1 MiB
 * @name: 1 to 31 of [A-Za-z0-9_-]: other processes open the ring by it, through pins
 *           in /sys/fs/bpf/seqring/NAME ($RINGBPFDIR/NAME, when that is set). NULL: by
 *           descriptor only
 * @schema, @schema_size: description of the records; NULL and 0: what the object's own
 *           BTF says (enum seqring_schema, see docs/schema.md), if anything
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
 * ring_bpf_supported() - ask whether this process can set up BPF rings here
 *
 * Return: 0; -EPERM neither root nor CAP_BPF and CAP_PERFMON; -ENOSYS no BPF, or a
 * kernel before 5.15; -ENOENT the kernel has no BTF (CONFIG_DEBUG_INFO_BTF).
 */
int ring_bpf_supported(void);

/**
 * ring_bpf_prepare() - give a ring its shape
 * @obj: opened and not loaded; stays the caller's, and open until ring_bpf_close()
 * @map: the name given to SEQRING_BPF()
 * @opts: copied, but for the schema, which is used until ring_bpf_start()
 * @out: ring_bpf_close() it
 *
 * With RING_BPF_CONTINUE and a ring of that name which has not ended, programs go on
 * writing that one: its positions and seqs continue, and its readers notice nothing.
 *
 * Return: 0; -EINVAL bad options, or the object was compiled for longer payloads than
 * @data_size allows; -ENOENT the object has no such ring; -EPROTO what has that name
 * in the object is not one; -EEXIST a ring has that name (also with RING_BPF_CONTINUE
 * when it has another shape); -EBUSY a running process owns it; -ENOTDIR no BPF file
 * system is mounted where the pins go; -ENOMEM; -E2BIG; -EACCES; what bpf(2) gives.
 */
int ring_bpf_prepare(struct bpf_object *obj, const char *map, const struct ring_bpf_opts *opts,
		     struct ring_bpf **out);

/**
 * ring_bpf_load() - bpf_object__load(), and say why it failed
 * @obj: as it is for bpf_object__load(); not that of a skeleton, which has a function
 *       of its own to load it, NAME__load()
 *
 * Return: 0; what bpf_object__load() gives.
 */
int ring_bpf_load(struct bpf_object *obj);

/* Says for ring_strerror() what @err of bpf_object__load() or the like means. Return: @err. */
int ring_bpf_explain(int err);

/**
 * ring_bpf_start() - make it a ring, before any program is attached
 * @b: its object is loaded
 *
 * Writes the header, then freezes the map: from here on only BPF programs write it.
 * Then pins it, when it has a name; what a process that was killed left behind under
 * that name is ended first. The ring ends with this process unless ring_bpf_keep() is
 * called.
 *
 * Return: 0; -EEXIST somebody took the name meanwhile; -EINVAL not loaded, or started
 * already; -EACCES, -EPERM; what bpf(2) and mmap(2) give.
 */
int ring_bpf_start(struct ring_bpf *b);

/* For ring_open_fds(), also elsewhere; stay the ring_bpf's. Return: 0; -EINVAL: not started. */
int ring_bpf_fds(const struct ring_bpf *b, struct ring_fds *fds);

/**
 * ring_bpf_keep() - let the ring and its writers outlive this process
 * @b: started, with a name
 * @links: what attaches the programs; pinned beside the ring, in place of those that
 *         were pinned there before; stay the caller's
 * @nr: how many
 *
 * From then on ring_bpf_close() ends nothing; ring_bpf_destroy() does.
 *
 * Return: 0; -EINVAL not started, or no name; what bpf_link__pin() gives.
 */
int ring_bpf_keep(struct ring_bpf *b, struct bpf_link *const *links, unsigned int nr);

/**
 * ring_bpf_end() - publish nothing from now on
 * @b: started
 *
 * Readers drain what is there, then see -ENODEV. Programs that are attached still
 * count a drop each time. Removes the name.
 *
 * Return: 0; -EINVAL not started; -EBUSY a program was publishing for a second on end.
 */
int ring_bpf_end(struct ring_bpf *b);

/* Ends the ring, unless it is to be kept, and frees @b; NULL is allowed. */
void ring_bpf_close(struct ring_bpf *b);

/**
 * ring_bpf_destroy() - detach the writers of a named ring, end it, remove its name
 * @name: its name
 *
 * Return: 0; -ENOENT no such ring; -EBUSY a running process owns it; -EINVAL bad name;
 * -EPERM, -EACCES.
 */
int ring_bpf_destroy(const char *name);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_BPF_H */
