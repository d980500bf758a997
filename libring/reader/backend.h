/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The operations that each kind of ring implements. open/backends.c lists the kinds; all calls of a
 * backend go through this table.
 */
#ifndef LIBRING_READER_BACKEND_H
#define LIBRING_READER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <seqring/reader.h>

#include "libring.h"

struct ring_reader;
struct ring_source;
struct ring_backend;

/* ring_backend.find(): the path leads to nothing of this kind. */
#define LIBRING_NOT_MINE 1

/*
 * The descriptors that a reader is opened from.
 *
 * @fds: the ring's descriptors. A device, and a ring that is opened without the means to
 *       sleep, have fds.ring alone; the others are -1
 * @slot_offset: where the reader's slot is in fds.wait; 0: it has none
 * @conn: connection to the process that serves the ring, or -1
 * @owner: the directory with the lock of the process that the ring ends with, or -1
 * @dir: the directory of the ring's pins, with O_PATH, or -1
 * @path: the path that led to them, for ring_info.path; NULL: the caller gave descriptors
 * @until_ns: when the process that serves the ring must have answered
 * @no_wait: do not wait for its greeting
 * @backend: the kind that the path tells; NULL: the descriptors tell it
 */
struct ring_origin {
	struct ring_fds fds;
	uint64_t slot_offset;
	int conn;
	int owner;
	int dir;
	const char *path;
	uint64_t until_ns;
	bool no_wait;
	const struct ring_backend *backend;
};

/*
 * What is different where a reader reads a recording.
 *
 * @seek: moves @s, as ring_seek(). First of all, it makes @s one that is refilled
 * @newest: copies the newest record out, as seqring_reader_newest(). No source moves
 * @info: gives the properties, except for the size
 * @dropped_before: gives what ring @ring had dropped when the first file was begun, by cause
 */
struct ring_recording_ops {
	enum seqring_outcome (*seek)(struct ring_reader *r, struct ring_source *s, uint32_t whence,
				     uint64_t value);
	enum seqring_outcome (*newest)(struct ring_reader *r, uint32_t ring, struct seqring_view *v,
				       void *buf, uint32_t size);
	struct ring_recording_info *(*info)(const struct ring_reader *r);
	void (*dropped_before)(const struct ring_reader *r, uint32_t ring, uint64_t *dropped);
};

/*
 * @writer: SEQRING_WRITER_*
 * @node_type: S_IF* of the node that bears the name of a ring of this kind
 * @no_dots: the name of such a ring has no dot
 * @dir_is_private: most processes may not search the directory: then it counts as empty
 * @dir: gives the directory number @nr, from 0, that has the names.
 *       0; -ENOENT there are no more; -ENAMETOOLONG
 * @find: gets the descriptors that @path leads to, without a check that they are a ring.
 *       0; LIBRING_NOT_MINE; -ENOENT without a sentence; -EINPROGRESS with no_wait: the greeting
 *       is to come from @origin->conn; -errno. What is in @origin is the caller's in any case
 * @probe: whether descriptor @fd, whose S_IF* is @type, can be a ring of this kind. Another
 *         process may have sent @fd: asks no file system, see base/kind.c
 *
 * @open: allocates r->state, maps the ring, sets r->ring_id, and r->wakeup.poll_fd and app_fd if
 *       it gets the means to sleep. @origin stays the caller's. After a failure, too, @close is
 *       called
 * @close: releases r->state, NULL included
 *
 * The others are called only for a reader with the means to sleep.
 *
 * @drain: empties the descriptor: only what happens from now on makes it readable. Returns
 *         whether something had happened
 * @arm: asks for a wake-up, from the present place of every source. @for_fd: the
 *       application polls, so this function also sees to deadlines
 * @woken: poll() returned @revents. Returns whether the kernel vouches for the watermark.
 *       NULL: it never does
 * @kick: makes the descriptor readable until the next drain, unless it is readable by
 *       itself as long as a record is unread
 * @revive: the writer's process is gone: whether another one writes the ring now. NULL: none can
 * @look: after @arm with another watermark or place, or with unread records: makes who waits
 *       for the descriptor look again. NULL: @arm and @kick do
 *
 * @recording: the kind is a recording; NULL: it is a ring
 *
 * Only a reader that follows a name has these two (open/follow.c):
 *
 * @find_next: nothing is left of the present ring: whether the name leads to another one, which
 *       then is open. -EREMCHG it does; -EAGAIN not yet; -ENODEV it never will; -errno with a
 *       sentence
 * @move: after -EREMCHG: makes that ring the present one. -EREMCHG with a sentence
 */
struct ring_backend {
	unsigned int writer;
	mode_t node_type;
	bool no_dots;
	bool dir_is_private;
	int (*dir)(unsigned int nr, char *dir, size_t size);
	int (*find)(const char *path, const struct stat *st, struct ring_origin *origin);
	bool (*probe)(int fd, mode_t type);

	int (*open)(struct ring_reader *r, const struct ring_origin *origin);
	void (*close)(struct ring_reader *r);

	bool (*drain)(struct ring_reader *r);
	void (*arm)(struct ring_reader *r, bool for_fd);
	bool (*woken)(struct ring_reader *r, short revents);
	void (*kick)(struct ring_reader *r);
	bool (*revive)(struct ring_reader *r);
	void (*look)(struct ring_reader *r);

	int (*find_next)(struct ring_reader *r);
	int (*move)(struct ring_reader *r);

	const struct ring_recording_ops *recording;
};

#endif /* LIBRING_READER_BACKEND_H */
