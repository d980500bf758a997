// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of messages in a directory, which only grow. A message has arrived when it is on the disk.
 * Nothing is removed: that is up to who reads the files.
 */
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
#include "../lib/parse.h"
#include "log.h"
#include "sink.h"

#define SUFFIX	  ".fleet"
#define NAME_SIZE 32
#define SYNC_SIZE (1u << 20) /* sync after so many bytes, also while more is to come */

/*
 * @fd: the present file, number @file of the directory, with @bytes
 * @written: the newest message in it; @synced: the newest one on the disk
 */
struct sink {
	const struct config *c;
	void (*notify)(void *arg);
	void *arg;
	int dir;
	int fd;
	uint64_t file;
	uint64_t bytes;
	uint64_t unsynced;
	uint64_t written;
	uint64_t synced;
};

static int fail(const struct sink *s, const char *what, int err)
{
	log_error("%s: %s: %s", s->c->sink_directory, what, strerror(-err));
	return err;
}

static int file_create(const struct config *c, void (*notify)(void *arg), void *arg,
		       struct sink **out)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct sink) { .c = c, .notify = notify, .arg = arg, .dir = -1, .fd = -1 };
	*out = s;
	return 0;
}

static void file_destroy(struct sink *s)
{
	free(s);
}

static void name_file(char name[NAME_SIZE], uint64_t file)
{
	snprintf(name, NAME_SIZE, "%010" PRIu64 SUFFIX, file);
}

/* Finds the highest number of a file; 0: there is none. */
static int find_newest(const struct sink *s, uint64_t *file)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char name[NAME_SIZE];
	struct dirent *e;
	const char *end;
	uint64_t v;

	*file = 0;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while ((e = readdir(d))) {
		if (!scan_digits(e->d_name, &end, &v))
			continue;
		name_file(name, v);
		if (!strcmp(name, e->d_name) && v > *file)
			*file = v;
	}
	closedir(d);
	return 0;
}

static int open_file(struct sink *s, uint64_t file)
{
	char name[NAME_SIZE];

	name_file(name, file);
	s->fd = openat(s->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->fd < 0)
		return fail(s, name, -errno);
	s->file = file;
	s->bytes = 0;
	return fsync(s->dir) && errno != EINVAL ? fail(s, "the directory", -errno) : 0;
}

/* Reads the message at @at. Return: its size, padded; 0: there is no whole one. */
static uint64_t read_message(const struct sink *s, uint64_t at, uint64_t size,
			     struct fleet_message *m)
{
	unsigned char header[FLEET_HEADER_SIZE], *body;
	const char *why;
	bool good;

	if (size - at < sizeof(header) ||
	    pread(s->fd, header, sizeof(header), (off_t)at) != sizeof(header) ||
	    fleet_decode_header(header, m, &why) || fleet_padded_size(m) > size - at)
		return 0;
	body = malloc(m->body_size ? m->body_size : 1);
	if (!body)
		return 0;
	good = pread(s->fd, body, m->body_size, (off_t)(at + sizeof(header))) ==
		       (ssize_t)m->body_size &&
	       !fleet_check_body(m, header, body, &why);
	free(body);
	return good ? fleet_padded_size(m) : 0;
}

/* Finds the last message of the present file, and cuts off what is behind it. */
static int scan_file(struct sink *s, struct sink_last *last)
{
	struct fleet_message m;
	uint64_t at = 0, n;
	struct stat st;

	if (fstat(s->fd, &st))
		return fail(s, "the newest file", -errno);
	for (; at < (uint64_t)st.st_size; at += n) {
		n = read_message(s, at, (uint64_t)st.st_size, &m);
		if (!n)
			break;
		*last = (struct sink_last) { m.epoch, m.number };
	}
	s->bytes = at;
	if (at == (uint64_t)st.st_size)
		return 0;
	log_warning("%s: cut %" PRIu64 " bytes of a message that was not whole",
		    s->c->sink_directory, (uint64_t)st.st_size - at);
	return ftruncate(s->fd, (off_t)at) ? fail(s, "the newest file", -errno) : 0;
}

static int file_open(struct sink *s, struct sink_last *last)
{
	uint64_t newest;
	int err;

	*last = (struct sink_last) { 0 };
	if (mkdir(s->c->sink_directory, 0750) && errno != EEXIST)
		return fail(s, "cannot create the directory", -errno);
	s->dir = open(s->c->sink_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return fail(s, "cannot open the directory", -errno);
	if (flock(s->dir, LOCK_EX | LOCK_NB))
		return fail(s, "another agent writes to it", -errno);
	err = find_newest(s, &newest);
	if (err)
		return fail(s, "cannot read the directory", err);
	/* An empty file, which a killed agent began, says nothing of the last message. */
	do {
		if (s->fd >= 0)
			close(s->fd);
		err = open_file(s, newest ? newest : 1);
		if (!err)
			err = scan_file(s, last);
	} while (!err && !last->number && newest && --newest);
	s->written = 0;
	s->synced = 0;
	s->unsynced = 0;
	return err;
}

static int sync_file(struct sink *s)
{
	if (s->unsynced && fdatasync(s->fd))
		return fail(s, "cannot be synced", -errno);
	s->unsynced = 0;
	s->synced = s->written;
	s->notify(s->arg);
	return 0;
}

static int next_file(struct sink *s)
{
	int err = sync_file(s);

	if (err)
		return err;
	close(s->fd);
	s->fd = -1;
	return open_file(s, s->file + 1);
}

static int file_send(struct sink *s, const struct fleet_message *m, const unsigned char *bytes,
		     const struct sink_last *after)
{
	static const unsigned char zeros[8];
	const uint64_t size = FLEET_HEADER_SIZE + m->body_size;
	const uint64_t padded = fleet_padded_size(m);
	struct iovec iov[] = { { (void *)bytes, size }, { (void *)zeros, padded - size } };
	int err = 0;

	(void)after;
	if (s->bytes && s->bytes + padded > s->c->sink_file_size)
		err = next_file(s);
	if (err)
		return err;
	err = libring_write_all(s->fd, iov, 2, s->bytes);
	if (err)
		return fail(s, "cannot write", err);
	s->bytes += padded;
	s->unsynced += padded;
	s->written = m->number;
	return s->unsynced >= SYNC_SIZE ? sync_file(s) : 0;
}

static int file_poll(struct sink *s, uint64_t *acked)
{
	int err = s->synced == s->written ? 0 : sync_file(s);

	*acked = s->synced;
	return err;
}

static void file_close(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->dir >= 0)
		close(s->dir);
	s->fd = -1;
	s->dir = -1;
}

const struct sink_ops sink_file = {
	.name = "file",
	.create = file_create,
	.destroy = file_destroy,
	.open = file_open,
	.send = file_send,
	.poll = file_poll,
	.close = file_close,
};
