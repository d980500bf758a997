// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The files of a recording, as they are written. A file gets its name when its header is whole,
 * and then only grows. A chunk counts when all its bytes are in the file: what a reader finds
 * behind the last whole one was torn, and libring_segment_append() cuts it off if it can.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/crc32c.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/grow.h"
#include "../base/segments.h"
#include "segment.h"

/* For libring_grow(). */
#define INDEX "the index of a recording"

static uint64_t boot_ns(void)
{
	return libring_clock_ns(CLOCK_BOOTTIME);
}

static int fail_write(const struct ring_segments *s, const char *what)
{
	const int err = errno;

	return libring_set_error(err, "%s: cannot write %s: %s", s->path, what, strerror(err));
}

static int refuse_file(uint64_t number, void *arg)
{
	const struct ring_segments *s = arg;

	(void)number;
	return libring_set_error(EEXIST,
				 "%s has a recording already, which is never overwritten: name "
				 "another directory",
				 s->path);
}

/* Opens and locks the directory, which the call creates. After a failure, too, close @s. */
int libring_segments_open(struct ring_segments *s, const char *path)
{
	s->fd = -1;
	s->dir = -1;
	s->path = strdup(path);
	if (!s->path)
		return libring_set_error(ENOMEM, "no memory for a recorder");
	if (mkdir(path, 0777) && errno != EEXIST)
		return libring_set_error(errno, "cannot create the directory %s: %s", path,
					 strerror(errno));
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return libring_set_error(errno, "%s: a recording needs a directory: %s", path,
					 strerror(errno));
	if (flock(s->dir, LOCK_EX | LOCK_NB))
		return libring_set_error(errno == EWOULDBLOCK ? EBUSY : errno,
					 "%s: another process records into it", path);
	return libring_each_segment(s->dir, s->path, refuse_file, s);
}

void libring_segments_close(struct ring_segments *s)
{
	libring_close_fd(s->fd);
	libring_close_fd(s->dir);
	free(s->path);
	free(s->index);
	free(s->closed);
}

uint64_t libring_segments_bytes(const struct ring_segments *s)
{
	uint64_t sum = s->fd < 0 ? 0 : s->bytes;
	size_t i;

	for (i = 0; i < s->nr_closed; i++)
		sum += s->closed[i].bytes;
	return sum;
}

/* Removes the oldest file. */
static int remove_oldest(struct ring_segments *s)
{
	char name[LIBRING_SEGMENT_NAME];

	libring_name_segment(name, s->closed->number);
	if (unlinkat(s->dir, name, 0) && errno != ENOENT)
		return libring_set_error(errno, "%s: cannot remove the oldest file %s: %s", s->path,
					 name, strerror(errno));
	s->removed_segments++;
	s->removed_records += s->closed->records;
	memmove(s->closed, s->closed + 1, --s->nr_closed * sizeof(*s->closed));
	return 0;
}

/* Removes files so that @more bytes fit below the limit, and those that are too old. */
static int enforce_limits(struct ring_segments *s, uint64_t more)
{
	const uint64_t now = boot_ns();
	int err = 0;

	while (!err && s->nr_closed &&
	       ((s->size_max && libring_segments_bytes(s) + more > s->size_max) ||
		(s->keep_ns && s->closed->ended_ns + s->keep_ns <= now)))
		err = remove_oldest(s);
	return err;
}

static uint64_t index_size(size_t nr)
{
	return nr * sizeof(struct seqring_chunk) + sizeof(struct seqring_index_trailer);
}

/* True if a chunk of @size bytes, or time, calls for another file. */
bool libring_segment_is_full(const struct ring_segments *s, uint64_t size)
{
	/* The chunk, counters of its rings behind it, and the index with both. */
	const uint64_t end = s->bytes + size + 4 * sizeof(struct seqring_chunk) +
			     index_size(s->nr_index + 2);

	if (s->fd < 0)
		return true;
	if (!s->records)
		return false;
	return end > s->segment_bytes || (s->keep_ns && boot_ns() - s->began_ns >= s->keep_ns / 4);
}

/* Writes what each file begins with. */
static int write_header(struct ring_segments *s, int fd)
{
	static const unsigned char zeros[8];
	struct iovec iov[] = {
		{ &s->hdr, sizeof(s->hdr) },
		{ &s->rec, sizeof(s->rec) },
		{ (void *)s->schema, s->hdr.schema_size },
		{ (void *)zeros, -s->hdr.schema_size & 7 },
	};
	uint32_t crc = 0;
	int i, err;

	s->rec.crc = 0;
	for (i = 0; i < 4; i++)
		crc = libring_crc32c(crc, iov[i].iov_base, iov[i].iov_len);
	s->rec.crc = crc;
	err = libring_write_all(fd, iov, 4, 0);
	if (!err)
		return 0;
	errno = -err;
	return fail_write(s, "a new file");
}

/* Begins the next file. Removes others to keep the limits. */
int libring_segment_begin(struct ring_segments *s)
{
	static const char new[] = "new.tmp";
	char name[LIBRING_SEGMENT_NAME];
	int fd, err;

	err = enforce_limits(s, s->segment_bytes);
	if (err)
		return err;
	fd = openat(s->dir, new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return libring_set_error(errno, "%s: cannot create a file for the recording: %s",
					 s->path, strerror(errno));
	s->rec.segment++;
	s->rec.realtime_ns = libring_clock_ns(CLOCK_REALTIME);
	s->rec.boottime_ns = boot_ns();
	libring_name_segment(name, s->rec.segment);
	err = write_header(s, fd);
	if (!err && renameat(s->dir, new, s->dir, name))
		err = libring_set_error(errno, "%s: cannot name the file %s: %s", s->path, name,
					strerror(errno));
	if (err) {
		close(fd);
		unlinkat(s->dir, new, 0);
		s->rec.segment--;
		return err;
	}
	s->fd = fd;
	s->dir_synced = false;
	s->bytes = s->rec.chunk_offset;
	s->nr_index = 0;
	s->records = 0;
	s->began_ns = boot_ns();
	return 0;
}

/* Return: 0; -ENOENT nobody can open the present file any more. */
static int check_there(const struct ring_segments *s)
{
	struct stat st;

	if (fstat(s->fd, &st))
		return libring_set_error(errno, "%s: %s", s->path, strerror(errno));
	if (st.st_nlink)
		return 0;
	return libring_set_error(ENOENT,
				 "%s: file number %" PRIu64 " was removed while it was written: "
				 "its records are lost",
				 s->path, (uint64_t)s->rec.segment);
}

/* Writes a chunk of @c->size bytes at the end of the file, which may still fail. */
static int write_chunk(struct ring_segments *s, struct seqring_chunk *c, const void *payload)
{
	static const unsigned char zeros[8];
	struct iovec iov[] = {
		{ c, sizeof(*c) },
		{ (void *)payload, c->size },
		{ (void *)zeros, -c->size & 7 },
	};
	int err;

	c->magic = SEQRING_CHUNK_MAGIC;
	c->offset = s->bytes;
	c->crc = libring_crc32c(0, payload, c->size);
	c->header_crc = libring_crc32c(0, c, offsetof(struct seqring_chunk, header_crc));
	err = check_there(s);
	if (err)
		return err;
	err = libring_write_all(s->fd, iov, 3, s->bytes);
	if (!err)
		return 0;
	errno = -err;
	err = fail_write(s, "to the recording");
	/* If this fails too, readers find a torn chunk, and say so. */
	if (ftruncate(s->fd, (off_t)s->bytes))
		return err;
	return err;
}

/**
 * libring_segment_append() - append a chunk to the present file
 * @s: the files; there is a present one
 * @c: its type, ring, sizes and what is known of the records; the rest is filled
 * @payload: @c->size bytes
 *
 * Return: 0; -errno, and the file is as it was before, or has a torn chunk at its end.
 */
int libring_segment_append(struct ring_segments *s, struct seqring_chunk *c, const void *payload)
{
	int err = libring_grow(&s->index, s->nr_index, &s->room_index, sizeof(*s->index), INDEX);

	if (!err)
		err = write_chunk(s, c, payload);
	if (err)
		return err;
	s->bytes += sizeof(*c) + ((c->size + 7) & ~7ULL);
	s->index[s->nr_index++] = *c;
	if (c->type == SEQRING_CHUNK_RECORDS)
		s->records += c->records;
	return 0;
}

/* Writes the index, and closes the present file. */
int libring_segment_finish(struct ring_segments *s)
{
	const size_t size = index_size(s->nr_index);
	struct seqring_chunk c = { .type = SEQRING_CHUNK_INDEX, .size = size, .raw_size = size };
	const struct seqring_index_trailer trailer = { s->bytes, SEQRING_INDEX_MAGIC };
	unsigned char *payload;
	int err;

	err = libring_grow(&s->closed, s->nr_closed, &s->room_closed, sizeof(*s->closed), INDEX);
	if (err)
		return err;
	payload = malloc(size);
	if (!payload)
		return libring_set_error(ENOMEM, "no memory for the index of a recording");
	memcpy(payload, s->index, size - sizeof(trailer));
	memcpy(payload + size - sizeof(trailer), &trailer, sizeof(trailer));
	err = write_chunk(s, &c, payload);
	free(payload);
	if (err)
		return err;
	/* Begins to write; libring_segments_sync() waits for it. */
	sync_file_range(s->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	close(s->fd);
	s->fd = -1;
	s->closed[s->nr_closed++] = (struct ring_closed) {
		.number = s->rec.segment,
		.bytes = s->bytes + sizeof(c) + size,
		.records = s->records,
		.ended_ns = boot_ns(),
	};
	s->rec.records_before += s->records;
	return 0;
}

static int sync_fd(const struct ring_segments *s, int fd)
{
	return fdatasync(fd) ? fail_write(s, "the recording to the disk") : 0;
}

static int sync_closed(const struct ring_segments *s, struct ring_closed *c)
{
	char name[LIBRING_SEGMENT_NAME];
	int fd, err;

	libring_name_segment(name, c->number);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return libring_set_error(errno, "%s/%s: %s", s->path, name, strerror(errno));
	err = sync_fd(s, fd);
	close(fd);
	c->synced = !err;
	return err;
}

/* Gets everything onto the disk, and removes what is too old. */
int libring_segments_sync(struct ring_segments *s)
{
	int err = enforce_limits(s, 0);
	size_t i;

	for (i = 0; i < s->nr_closed && !err; i++)
		if (!s->closed[i].synced)
			err = sync_closed(s, &s->closed[i]);
	if (!err && s->fd >= 0) {
		err = check_there(s);
		if (!err)
			err = sync_fd(s, s->fd);
	}
	if (!err && !s->dir_synced) {
		/* Some file systems cannot sync a directory, and need not. */
		if (fsync(s->dir) && errno != EINVAL)
			err = fail_write(s, "the directory to the disk");
		s->dir_synced = !err;
	}
	return err;
}
