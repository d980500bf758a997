// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libring/base/fd.h"
#include "archive.h"
#include "writer.h"

#define NAME_SIZE 32

/*
 * @fd: the present file, number @file of the directory, with @bytes
 * @unsynced: bytes that may not be on the disk
 */
struct fleet_writer {
	uint64_t file_size;
	int dir;
	int fd;
	uint64_t file;
	uint64_t bytes;
	uint64_t unsynced;
};

static int failed(const char **what, const char *sentence, int err)
{
	*what = sentence;
	return err;
}

static void name_file(char name[NAME_SIZE], uint64_t file)
{
	snprintf(name, NAME_SIZE, "%010" PRIu64 FLEET_ARCHIVE_SUFFIX, file);
}

/* Finds the highest number of a file; 0: there is none. */
static int find_newest(const struct fleet_writer *w, uint64_t *file)
{
	int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char name[NAME_SIZE];
	struct dirent *e;
	int err = -errno;
	uint64_t v;

	*file = 0;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	while ((e = readdir(d))) {
		v = strtoull(e->d_name, NULL, 10);
		name_file(name, v);
		if (!strcmp(name, e->d_name) && v > *file)
			*file = v;
	}
	closedir(d);
	return 0;
}

static int open_file(struct fleet_writer *w, uint64_t file, const char **what)
{
	char name[NAME_SIZE];

	name_file(name, file);
	w->fd = openat(w->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (w->fd < 0)
		return failed(what, "cannot open a file there", -errno);
	w->file = file;
	w->bytes = 0;
	if (fsync(w->dir) && errno != EINVAL)
		return failed(what, "cannot sync the directory", -errno);
	return 0;
}

static int sync_file(struct fleet_writer *w, const char **what)
{
	return fdatasync(w->fd) ? failed(what, "cannot sync a file", -errno) : 0;
}

/* Reads the message at @at. Return: its size, padded; 0: there is no whole one. */
static uint64_t read_message(const struct fleet_writer *w, uint64_t at, uint64_t size,
			     struct fleet_message *m)
{
	unsigned char header[FLEET_HEADER_SIZE], *body;
	const char *why;
	bool good;

	if (size - at < sizeof(header) ||
	    pread(w->fd, header, sizeof(header), (off_t)at) != sizeof(header) ||
	    fleet_decode_header(header, m, &why) || fleet_padded_size(m) > size - at)
		return 0;
	body = malloc(m->body_size ? m->body_size : 1);
	if (!body)
		return 0;
	good = pread(w->fd, body, m->body_size, (off_t)(at + sizeof(header))) ==
		       (ssize_t)m->body_size &&
	       !fleet_check_body(m, header, body, &why);
	free(body);
	return good ? fleet_padded_size(m) : 0;
}

/* Whether a whole message begins somewhere behind @at. */
static bool has_message_behind(const struct fleet_writer *w, uint64_t at, uint64_t size)
{
	struct fleet_message m;

	for (at += 8; at < size; at += 8)
		if (read_message(w, at, size, &m))
			return true;
	return false;
}

/*
 * Finds the last message of the present file. What is behind it was never on the disk for sure,
 * and is cut off. But if whole messages are behind it, the disk changed bytes of a message that
 * was: the file stays as it is, and another one begins.
 */
static int scan_file(struct fleet_writer *w, struct fleet_written *found, const char **what)
{
	struct fleet_message m;
	uint64_t at = 0, n, size;
	struct stat st;
	int err;

	if (fstat(w->fd, &st))
		return failed(what, "cannot read the newest file", -errno);
	size = (uint64_t)st.st_size;
	for (; at < size; at += n) {
		n = read_message(w, at, size, &m);
		if (!n)
			break;
		found->last = m;
	}
	w->bytes = at;
	/* A writer that was killed may not have synced what is there. */
	if (at == size)
		return size ? sync_file(w, what) : 0;
	if (has_message_behind(w, at, size)) {
		found->kept += size - at;
		err = sync_file(w, what);
		close(w->fd);
		w->fd = -1;
		return err ? err : open_file(w, w->file + 1, what);
	}
	found->cut += size - at;
	if (ftruncate(w->fd, (off_t)at))
		return failed(what, "cannot cut off a message that is not whole", -errno);
	return sync_file(w, what);
}

/* Finds the newest file with a message: an empty one, which a killed writer began, says nothing. */
static int find_place(struct fleet_writer *w, struct fleet_written *found, const char **what)
{
	uint64_t newest;
	int err = find_newest(w, &newest);

	if (err)
		return failed(what, "cannot read the directory", err);
	do {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = -1;
		err = open_file(w, newest ? newest : 1, what);
		if (!err)
			err = scan_file(w, found, what);
	} while (!err && !found->last.number && !found->kept && newest && --newest);
	return err;
}

int fleet_writer_open(const char *dir, uint64_t file_size, struct fleet_written *found,
		      struct fleet_writer **out, const char **what)
{
	struct fleet_writer *w = calloc(1, sizeof(*w));
	int err = 0;

	*found = (struct fleet_written) { 0 };
	if (!w)
		return failed(what, "cannot open the directory", -ENOMEM);
	*w = (struct fleet_writer) { .file_size = file_size, .dir = -1, .fd = -1 };
	if (mkdir(dir, 0750) && errno != EEXIST)
		err = failed(what, "cannot create the directory", -errno);
	if (!err) {
		w->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (w->dir < 0)
			err = failed(what, "cannot open the directory", -errno);
	}
	if (!err && flock(w->dir, LOCK_EX | LOCK_NB))
		err = failed(what, "another program writes to it", -errno);
	if (!err)
		err = find_place(w, found, what);
	if (err)
		fleet_writer_close(w);
	else
		*out = w;
	return err;
}

int fleet_writer_sync(struct fleet_writer *w, const char **what)
{
	int err = w->unsynced ? sync_file(w, what) : 0;

	if (!err)
		w->unsynced = 0;
	return err;
}

static int next_file(struct fleet_writer *w, const char **what)
{
	int err = fleet_writer_sync(w, what);

	if (err)
		return err;
	close(w->fd);
	w->fd = -1;
	return open_file(w, w->file + 1, what);
}

int fleet_writer_append(struct fleet_writer *w, const struct fleet_message *m, const void *bytes,
			const char **what)
{
	static const unsigned char zeros[8];
	const uint64_t size = FLEET_HEADER_SIZE + m->body_size;
	const uint64_t padded = fleet_padded_size(m);
	struct iovec iov[] = { { (void *)bytes, size }, { (void *)zeros, padded - size } };
	int err = 0;

	if (w->bytes && w->bytes + padded > w->file_size)
		err = next_file(w, what);
	if (err)
		return err;
	err = libring_write_all(w->fd, iov, 2, w->bytes);
	if (err) {
		/* If even this fails, the next open cuts it off. */
		if (ftruncate(w->fd, (off_t)w->bytes))
			w->unsynced++;
		return failed(what, "cannot write", err);
	}
	w->bytes += padded;
	w->unsynced += padded;
	return 0;
}

uint64_t fleet_writer_unsynced(const struct fleet_writer *w)
{
	return w->unsynced;
}

void fleet_writer_close(struct fleet_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	if (w->dir >= 0)
		close(w->dir);
	free(w);
}
