/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Devices of the kernel module, and a list of all rings. Rules for all functions: libring.h. */
#ifndef LIBRING_DEVICE_H
#define LIBRING_DEVICE_H

#include <libring/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/**
 * struct ring_create_opts - a device to create
 * @size: sizeof(struct ring_create_opts)
 * @clock_id: SEQRING_CLOCK_* of seqring/abi.h
 * @permissions: of the device node, bits of 0666; 0: 0600
 * @data_size: bytes of the data area: a power of two, 64 KiB to 1 GiB
 * @schema: description of its records; NULL: none
 * @schema_size: bytes of @schema; 0: none
 * @flags: SEQRING_CREATE_UID, SEQRING_CREATE_GID of seqring/abi.h: @uid, @gid is set
 * @uid: owner of the device node, who may destroy the device; if not set, the caller's file
 *	system UID
 * @gid: group of the device node; if not set, the caller's file system GID
 * @wake_interval_ns: shortest time from one wake-up of the ring's sleepers to the next, up to
 *	SEQRING_WAKE_INTERVAL_MAX; 0: SEQRING_WAKE_INTERVAL_NS; SEQRING_WAKE_UNLIMITED: no
 *	limit. The longer it is, the less can sleepers cost the writer, and the later may a
 *	sleeper learn of a record that comes soon after its last wake-up
 */
struct ring_create_opts {
	size_t size;
	uint32_t clock_id;
	uint32_t permissions;
	uint64_t data_size;
	const void *schema;
	size_t schema_size;
	uint32_t flags;
	uint32_t uid;
	uint32_t gid;
	uint32_t wake_interval_ns;
};

/**
 * ring_create() - create a device that processes write by write(2)
 * @name: 1 to 31 of A-Z a-z 0-9 . _ -, no dot at the start; makes /dev/seqring/@name
 * @opts: its shape; there are no defaults. Used during the call only
 *
 * May sleep. Any thread. The device stays until ring_destroy() or until the module is
 * unloaded.
 *
 * Return: 0; -EINVAL bad name or options, or @opts is NULL; -E2BIG @opts has unknown
 * fields; -EEXIST a device of that name exists; -ENOSPC the module's limit on memory or
 * devices is reached; -ENOMEM; -EINTR a signal came; -ENOENT the module is not loaded;
 * -EACCES or -EPERM this process may not: only CAP_CHOWN gives a device to another user or to a
 * foreign group; what open(2) gives.
 */
int ring_create(const char *name, const struct ring_create_opts *opts);

/**
 * ring_destroy() - destroy a device that ring_create() made
 * @name: as in ring_create()
 *
 * May sleep. Any thread. Readers that have the device open drain it, then get -ENODEV.
 *
 * Return: 0; -EINVAL bad name; -ENOENT no such device, or the module is not loaded;
 * -EPERM a kernel module owns the device, or another user does and this process has no
 * CAP_SYS_ADMIN; -EACCES; what open(2) gives.
 */
int ring_destroy(const char *name);

/*
 * Called with a name that ring_open() takes, valid until it returns, and with the ring's
 * SEQRING_WRITER_* of seqring/abi.h. Return: 0 to continue; anything else stops.
 */
typedef int (*ring_list_fn)(const char *name, unsigned int writer, void *arg);

/**
 * ring_list() - call a function for each ring that has a name
 * @fn: called for devices of the module first, then for rings that processes serve, then
 *      for rings of BPF programs. A ring is left out if ring_open() of its name opens
 *      another one
 * @arg: for @fn
 *
 * May sleep. Any thread. A directory that does not exist has no rings, and neither has a
 * BPF file system that this process may not read. A name may be stale: its writer may be
 * gone, or the ring may be another one when @fn opens it.
 *
 * Return: 0; what @fn returned, if not 0; -ENAMETOOLONG $RINGDIR, $XDG_RUNTIME_DIR or
 * $RINGBPFDIR is too long; what opendir(3) gives. After a failure @fn may have been called.
 */
int ring_list(ring_list_fn fn, void *arg);

/* What a leftover is. */
enum ring_leftover_kind {
	RING_LEFTOVER_SOCKET = 0,	/* a ring's socket at which nobody listens */
	RING_LEFTOVER_HALF_MADE = 1,	/* pins of a BPF ring that never got its name */
	RING_LEFTOVER_HALF_REMOVED = 2, /* pins of a BPF ring whose removal was interrupted */
};

/* Flags of ring_leftovers() and ring_bpf_leftovers() */
#define RING_LEFTOVERS_REMOVE  (1u << 0) /* remove those whose maker is known to be gone */
#define RING_LEFTOVERS_UNKNOWN (1u << 1) /* and those where nothing tells */

/**
 * struct ring_leftover - what a process left when it was killed
 * @kind: an enum ring_leftover_kind
 * @maker_gone: 1: the process that made it, or was removing it, is gone; 0: nothing that this
 *              process may look at tells. What belongs to a process that lives is no leftover
 * @removed: 1: it was removed; 0: that was not asked for; -errno: it could not be removed
 * @name: of the ring
 * @path: of the leftover
 */
struct ring_leftover {
	uint32_t kind;
	uint32_t maker_gone;
	int removed;
	const char *name;
	const char *path;
};

/* Called with a leftover, valid until it returns. Return: 0 to continue; anything else stops. */
typedef int (*ring_leftover_fn)(const struct ring_leftover *leftover, void *arg);

/**
 * ring_leftovers() - find the sockets that killed processes left
 * @flags: 0: find them only; RING_LEFTOVERS_REMOVE: remove those whose maker is gone;
 *         RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN: remove the others, too
 * @fn: called for each leftover, after its removal; may call any function
 * @arg: for @fn
 *
 * Looks into the directories where ring_open() looks for sockets. A socket that refuses a
 * connection while its directory is locked is served by nobody: a process that begins to serve
 * holds that lock. ring_bpf_leftovers() finds what is left of BPF rings. A device leaves nothing.
 *
 * May sleep, for a second while another process locks a directory. Any thread.
 *
 * Return: 0; what @fn returned, if not 0; -EINVAL bad @flags; -ENAMETOOLONG $RINGDIR or
 * $XDG_RUNTIME_DIR is too long; what opendir(3) gives. After a failure some leftovers may have been
 * removed.
 */
int ring_leftovers(uint32_t flags, ring_leftover_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_DEVICE_H */
