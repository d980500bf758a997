// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Opening what a name, a path or descriptors lead to. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../backend/connect.h"
#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/kind.h"
#include "../base/names.h"
#include "../base/resident.h"
#include "../base/timens.h"
#include "../reader/reader.h"
#include "backends.h"
#include "lookup.h"

#define NR_TYPES (UINT16_MAX + 1u)

/* When an opening that begins now must be done. */
uint64_t libring_open_until(const struct ring_open_opts *opts)
{
	const uint64_t ms = opts->open_timeout_ms ? opts->open_timeout_ms : LIBRING_OPEN_TIMEOUT_MS;

	return libring_now_ns() + ms * LIBRING_MSEC_NS;
}

struct ring_origin libring_no_origin(uint64_t until_ns)
{
	return (struct ring_origin) {
		.fds = LIBRING_NO_FDS,
		.conn = -1,
		.owner = -1,
		.dir = -1,
		.until_ns = until_ns,
	};
}

static int add_sources(struct ring_reader *r, const struct ring_open_opts *opts)
{
	const struct seqring_header *h = &r->mapping.hdr;
	uint32_t i, first = opts->one_ring ? opts->ring : 0;
	clockid_t clock = libring_user_clock(h->clock_id);
	int err;

	if (opts->one_ring && opts->ring >= h->nr_rings)
		return libring_set_error(EINVAL,
					 "ring_open_opts.ring is %u: the device has %u, from 0",
					 opts->ring, h->nr_rings);
	if (opts->merge_window_ns && h->clock_id != SEQRING_CLOCK_MONOTONIC)
		return libring_set_error(EINVAL, "ring_open_opts.merge_window_ns needs a ring with "
						 "CLOCK_MONOTONIC");
	err = libring_merge_alloc(&r->merge, opts->one_ring ? 1 : h->nr_rings);
	if (err)
		return err;
	/* Of a recording, the chunk that is read is in the mapping. */
	if (!opts->one_ring && !r->backend->recording)
		r->merge.nr_newest = h->nr_rings;
	r->merge.by_time = h->clock_id != SEQRING_CLOCK_NONE;
	if (clock != SEQRING_NO_CLOCKID)
		r->merge.clock_shift_ns = (int64_t)((uint64_t)h->clock_offset_ns -
						    (uint64_t)libring_clock_offset_ns(clock));
	for (i = 0; i < r->merge.nr_src; i++) {
		struct ring_source *s = &r->merge.src[i];

		s->ring = first + i;
		libring_init_reader(&r->mapping, s->ring, &s->rd);
		/* Behind the records of a chunk, the memory has old ones. */
		s->rd.eager = opts->flags & RING_EAGER && !r->backend->recording;
	}
	return 0;
}

/* Notes the types of records to deliver. */
static int add_types(struct ring_reader *r, const struct ring_open_opts *opts)
{
	uint32_t i;

	if (!opts->nr_types)
		return 0;
	r->open_types = calloc(NR_TYPES / 64, sizeof(*r->open_types));
	if (!r->open_types)
		return libring_set_error(ENOMEM, "no memory for %u types", opts->nr_types);
	for (i = 0; i < opts->nr_types; i++)
		r->open_types[opts->types[i] / 64] |= 1ULL << opts->types[i] % 64;
	r->types = r->open_types;
	return 0;
}

/* Gets the memory of the rings that are read, as @flags say. */
static int make_resident(const struct ring_reader *r, uint32_t flags)
{
	const struct ring_merge *m = &r->merge;
	unsigned char *at = r->mapping.map;
	size_t size = r->mapping.size;
	int err = 0;

	if (m->nr_src < r->mapping.hdr.nr_rings) {
		at += r->mapping.hdr.ring_offset + m->src->ring * r->mapping.hdr.ring_stride;
		size = (size_t)(r->mapping.hdr.data_offset + r->mapping.hdr.data_size);
	}
	/* In this order: what is locked on its first use is prefaulted once. */
	if (flags & RING_LOCK)
		err = libring_lock(at, size);
	if (!err && flags & RING_PREFAULT)
		err = libring_prefault(at, size, false);
	return err;
}

/* Opens a ring of kind @b. @origin stays the caller's. */
static int open_origin(const struct ring_backend *b, const struct ring_origin *origin,
		       const struct ring_open_opts *opts, struct ring_reader **out)
{
	struct ring_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return libring_set_error(ENOMEM, "no memory for a reader");
	r->backend = b;
	libring_merge_set_window(&r->merge, opts->merge_window_ns);
	r->wakeup = (struct ring_wakeup) {
		.records = opts->wake_records,
		.bytes = opts->wake_bytes,
		.timeout_ns = opts->wake_timeout_ns,
		.poll_fd = -1,
		.app_fd = -1,
		.wake_fd = -1,
	};
	if (origin->path) {
		r->path = strdup(origin->path);
		if (!r->path) {
			free(r);
			return libring_set_error(ENOMEM, "no memory for a reader");
		}
	}
	err = b->open(r, origin);
	if (!err)
		err = libring_open_wake(&r->wakeup);
	if (!err)
		err = add_sources(r, opts);
	libring_walltime_open(&r->walltime, r->mapping.hdr.clock_id);
	if (!err && !b->recording)
		err = make_resident(r, opts->flags);
	if (!err)
		err = add_types(r, opts);
	if (!err)
		err = libring_seek(r, opts->whence, opts->value);
	if (err) {
		ring_close(r);
		return err == -EBADMSG ? -EPROTO : err;
	}
	*out = r;
	return 0;
}

static void drop_origin(const struct ring_origin *origin)
{
	libring_close_fds(&origin->fds);
	libring_close_fd(origin->conn);
	libring_close_fd(origin->owner);
	libring_close_fd(origin->dir);
}

/* Opens a ring of the kind that its descriptor tells. @origin stays the caller's. */
int libring_open_probed(const struct ring_origin *origin, const struct ring_open_opts *opts,
			struct ring_reader **out)
{
	const int fd = origin->fds.ring;
	mode_t type;
	unsigned int i;
	int err;

	if (origin->backend)
		return open_origin(origin->backend, origin, opts, out);
	err = libring_get_type(fd, &type);
	if (err)
		return err;
	for (i = 0; i < LIBRING_NR_BACKENDS; i++)
		if (libring_backends[i]->probe(fd, type))
			return open_origin(libring_backends[i], origin, opts, out);
	if (origin->fds.wait >= 0)
		return libring_set_error(EPROTO,
					 "not a ring: descriptor %d is no memfd and no BPF map",
					 fd);
	return libring_set_error(EPROTO, "not a ring: neither a device, nor a memfd, nor a BPF "
					 "map, nor a socket");
}

/**
 * libring_open_connected() - open the ring that the process behind a connection serves
 * @conn: the connection; stays the caller's
 * @until_ns: when that process must have answered
 * @opts, @out: as in ring_open()
 *
 * Return: as ring_open(); -ETIMEDOUT it has not answered yet.
 */
int libring_open_connected(int conn, uint64_t until_ns, const struct ring_open_opts *opts,
			   struct ring_reader **out)
{
	struct ring_origin origin = libring_no_origin(until_ns);
	int err;

	origin.conn = conn;
	err = libring_receive_fds(conn, until_ns, &origin.fds, &origin.slot_offset);
	if (!err)
		err = libring_open_probed(&origin, opts, out);
	libring_close_fds(&origin.fds);
	return err;
}

/* Return: as ring_open(); -ENOENT without a sentence. */
static int open_path(const char *path, const struct ring_open_opts *opts, uint64_t until_ns,
		     int *conn, struct ring_reader **out)
{
	struct ring_origin origin = libring_no_origin(until_ns);
	int err = LIBRING_NOT_MINE;
	struct stat st;
	unsigned int i;

	origin.path = path;
	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -ENOENT;
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	}
	origin.no_wait = conn;
	for (i = 0; i < LIBRING_NR_BACKENDS && err == LIBRING_NOT_MINE; i++)
		err = libring_backends[i]->find(path, &st, &origin);
	/* Nothing else is opened: to open it may sleep for long, or have an effect. */
	if (err == LIBRING_NOT_MINE)
		return libring_set_error(EPROTO,
					 "%s: neither a device, nor a memfd, nor a socket, nor in "
					 "a BPF file system, nor a recording",
					 path);
	if (!err)
		err = libring_open_probed(&origin, opts, out);
	if (err == -EINPROGRESS) {
		*conn = origin.conn;
		origin.conn = -1;
	}
	drop_origin(&origin);
	return err;
}

static int set_not_found(const char *name)
{
	return libring_set_error(ENOENT, "%s: there is no such ring", name);
}

/* True if this process may not search the directory of @path. */
static bool is_barred(const char *path)
{
	return access(path, F_OK) && errno == EACCES;
}

static int open_name(const char *name, const struct ring_open_opts *opts, uint64_t until_ns,
		     int *conn, struct ring_reader **out)
{
	char dir[PATH_MAX], barred[PATH_MAX] = "", closed[PATH_MAX] = "";
	char path[PATH_MAX + SEQRING_NAME_SIZE];
	const struct ring_backend *b;
	unsigned int i, nr;
	int err;

	for (i = 0; i < LIBRING_NR_BACKENDS; i++) {
		b = libring_backends[i];
		for (nr = 0; !(b->no_dots && strchr(name, '.')); nr++) {
			err = b->dir(nr, dir, sizeof(dir));
			if (err == -ENOENT)
				break;
			if (err)
				return err;
			snprintf(path, sizeof(path), "%s/%s", dir, name);
			/* The name may be in a directory that is searched later. */
			if (is_barred(path)) {
				memcpy(b->dir_is_private ? barred : closed, dir, sizeof(dir));
				continue;
			}
			err = open_path(path, opts, until_ns, conn, out);
			if (err != -ENOENT)
				return err;
		}
	}
	if (*closed)
		return libring_set_error(EACCES, "%s: this process may not look into %s", name,
					 closed);
	if (*barred)
		return libring_set_error(ENOENT,
					 "%s: there is no such ring, unless a BPF program's: "
					 "this process may not look into %s",
					 name, barred);
	return set_not_found(name);
}

/**
 * libring_open_where() - open the ring that a name or a path leads to
 * @where, @opts, @out: as in ring_open()
 * @until_ns: when the process that serves the ring must have answered
 * @conn: NULL, or do not wait for its greeting
 *
 * Return: as ring_open(); -EINPROGRESS the greeting is to come from @conn, which is the caller's.
 */
int libring_open_where(const char *where, const struct ring_open_opts *opts, uint64_t until_ns,
		       int *conn, struct ring_reader **out)
{
	int err;

	if (where && strchr(where, '/')) {
		err = open_path(where, opts, until_ns, conn, out);
		return err == -ENOENT ? set_not_found(where) : err;
	}
	err = libring_check_name(where);
	return err ? err : open_name(where, opts, until_ns, conn, out);
}
