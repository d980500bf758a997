// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../libring/base/crc32c.h"
#include "../../libring/base/fd.h"
#include "../lib/clock.h"
#include "log.h"
#include "spool_internal.h"

/* A spool has so many files when it is full. */
#define FILES 8

static int fail(const struct spool *sp, const char *what, int err)
{
	log_error("spool %s: %s: %s", sp->path, what, strerror(-err));
	return err;
}

/* Writes what a file begins with. */
static int write_header(struct spool *sp, struct spool_file *f, const void *state, size_t size)
{
	static const unsigned char zeros[8];
	struct spool_header h = {
		.magic = SPOOL_MAGIC,
		.version = SPOOL_VERSION,
		.epoch = sp->epoch,
		.first = f->first,
		.state_size = size,
		.state_crc = libring_crc32c(0, state, size),
	};
	struct iovec iov[] = {
		{ &h, sizeof(h) },
		{ (void *)state, size },
		{ (void *)zeros, -size & 7 },
	};

	h.header_crc = libring_crc32c(0, &h, offsetof(struct spool_header, header_crc));
	f->bytes = spool_messages_at(&h);
	return libring_write_all(f->fd, iov, 3, 0);
}

/* Begins a file for messages from @sp->next on. It gets its name when its header is on the disk. */
static int begin_file(struct spool *sp)
{
	static const char tmp[] = "new.tmp";
	struct spool_file f = { .first = sp->next };
	char name[SPOOL_NAME];
	void *state;
	size_t size;
	int err;

	err = state_pack(&sp->state, &state, &size);
	if (err)
		return fail(sp, "a new file", err);
	f.fd = openat(sp->dir, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f.fd < 0) {
		free(state);
		return fail(sp, "a new file", -errno);
	}
	spool_file_name(name, f.first);
	err = write_header(sp, &f, state, size);
	free(state);
	if (!err && fdatasync(f.fd))
		err = -errno;
	if (!err && renameat(sp->dir, tmp, sp->dir, name))
		err = -errno;
	if (!err) {
		pthread_mutex_lock(&sp->lock);
		err = spool_add_file(sp, &f);
		pthread_mutex_unlock(&sp->lock);
		sp->dir_synced = false;
	}
	if (!err)
		return 0;
	close(f.fd);
	unlinkat(sp->dir, tmp, 0);
	return fail(sp, name, err);
}

static uint64_t get_bytes(const struct spool *sp)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < sp->nr_files; i++)
		sum += sp->files[i].bytes;
	return sum;
}

static int open_dir(struct spool *sp)
{
	if (mkdir(sp->path, 0700) && errno != EEXIST)
		return fail(sp, "cannot create the directory", -errno);
	sp->dir = open(sp->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sp->dir < 0)
		return fail(sp, "cannot open the directory", -errno);
	if (!flock(sp->dir, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return fail(sp, "cannot lock the directory", -errno);
	log_error("spool %s: another agent has it", sp->path);
	return -EBUSY;
}

/* Gives a new spool its epoch, and its first file. */
static int begin_spool(struct spool *sp)
{
	int err;

	while (!sp->epoch)
		if (getrandom(&sp->epoch, sizeof(sp->epoch), 0) != sizeof(sp->epoch))
			return fail(sp, "getrandom", -errno);
	sp->next = 1;
	err = begin_file(sp);
	return err ? err : spool_sync(sp);
}

int spool_open(const char *dir, uint64_t size, struct spool **out)
{
	struct spool *sp = calloc(1, sizeof(*sp));
	pthread_condattr_t attr;
	int err;

	if (!sp)
		return -ENOMEM;
	sp->dir = -1;
	sp->size = size;
	sp->file_size = size / FILES;
	pthread_mutex_init(&sp->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sp->room, &attr);
	pthread_condattr_destroy(&attr);
	sp->path = strdup(dir);
	err = sp->path ? open_dir(sp) : -ENOMEM;
	if (!err)
		err = spool_scan(sp);
	if (!err && !sp->nr_files)
		err = begin_spool(sp);
	if (err) {
		spool_close(sp);
		return err;
	}
	/* All that was found is whole. It is put on the disk before it is sent. */
	err = spool_sync(sp);
	if (err) {
		spool_close(sp);
		return err;
	}
	*out = sp;
	return 0;
}

void spool_close(struct spool *sp)
{
	size_t i;

	if (!sp)
		return;
	for (i = 0; i < sp->nr_files; i++) {
		close(sp->files[i].fd);
		free(sp->files[i].offset);
	}
	free(sp->files);
	if (sp->dir >= 0)
		close(sp->dir);
	free(sp->path);
	state_free(&sp->state);
	pthread_cond_destroy(&sp->room);
	pthread_mutex_destroy(&sp->lock);
	free(sp);
}

uint64_t spool_epoch(const struct spool *sp)
{
	return sp->epoch;
}

int spool_state(const struct spool *sp, struct state *copy)
{
	return state_copy(copy, &sp->state);
}

/* Sees to it that @size bytes can be appended to the last file. */
static int make_room(struct spool *sp, uint64_t size)
{
	struct spool_file *last;
	bool full, next;

	pthread_mutex_lock(&sp->lock);
	last = &sp->files[sp->nr_files - 1];
	full = get_bytes(sp) + size > sp->size;
	next = last->nr && last->bytes + size > sp->file_size;
	pthread_mutex_unlock(&sp->lock);
	/* A full spool gets room when its oldest file goes, so there must be another one. */
	if (next) {
		int err = spool_sync(sp);

		if (!err)
			err = begin_file(sp);
		if (err)
			return err;
	}
	return full ? -ENOBUFS : 0;
}

int spool_append(struct spool *sp, struct item *item)
{
	struct fleet_message *m = &item->m;
	const uint64_t size = fleet_padded_size(m);
	struct iovec iov = { item->bytes, size };
	struct spool_file *f;
	int err;

	err = make_room(sp, size);
	if (err)
		return err;
	m->epoch = sp->epoch;
	m->number = sp->next;
	memset(item_body(item) + m->body_size, 0, size - FLEET_HEADER_SIZE - m->body_size);
	err = fleet_encode(m, item_body(item), item->bytes);
	if (err)
		return fail(sp, "a message that cannot be encoded", err);
	/* Only this thread adds files, and only from the end of the array on. */
	pthread_mutex_lock(&sp->lock);
	f = &sp->files[sp->nr_files - 1];
	const int fd = f->fd;
	const uint64_t at = f->bytes;
	pthread_mutex_unlock(&sp->lock);
	err = libring_write_all(fd, &iov, 1, at);
	if (err) {
		/* If this fails too, the next agent finds a torn message. */
		if (ftruncate(fd, (off_t)at))
			return fail(sp, "cannot be written, nor cut", err);
		return fail(sp, "cannot be written", err);
	}
	err = state_take(&sp->state, m, item_body(item));
	pthread_mutex_lock(&sp->lock);
	f = &sp->files[sp->nr_files - 1];
	if (!err)
		err = spool_add_offset(f, at);
	if (!err) {
		f->bytes += size;
		sp->next++;
	}
	pthread_mutex_unlock(&sp->lock);
	return err ? fail(sp, "a message", err) : 0;
}

int spool_sync(struct spool *sp)
{
	uint64_t last;
	int fd;

	pthread_mutex_lock(&sp->lock);
	fd = sp->files[sp->nr_files - 1].fd;
	last = sp->next - 1;
	pthread_mutex_unlock(&sp->lock);
	if (fdatasync(fd))
		return fail(sp, "cannot be synced", -errno);
	/* Some file systems cannot sync a directory, and need not. */
	if (!sp->dir_synced && fsync(sp->dir) && errno != EINVAL)
		return fail(sp, "the directory cannot be synced", -errno);
	sp->dir_synced = true;
	pthread_mutex_lock(&sp->lock);
	sp->synced = last;
	sp->syncs++;
	pthread_mutex_unlock(&sp->lock);
	return 0;
}

void spool_wait_room(struct spool *sp, uint64_t until_ns)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
					.tv_nsec = (long)(until_ns % NSEC_PER_SEC) };
	size_t files;

	pthread_mutex_lock(&sp->lock);
	files = sp->nr_files;
	while (sp->nr_files >= files && !sp->woken)
		if (pthread_cond_timedwait(&sp->room, &sp->lock, &until))
			break;
	pthread_mutex_unlock(&sp->lock);
}

void spool_wake(struct spool *sp)
{
	pthread_mutex_lock(&sp->lock);
	sp->woken = true;
	pthread_cond_signal(&sp->room);
	pthread_mutex_unlock(&sp->lock);
}

uint64_t spool_first(struct spool *sp)
{
	uint64_t first;

	pthread_mutex_lock(&sp->lock);
	first = sp->files[0].first;
	if (first > sp->synced)
		first = 0;
	pthread_mutex_unlock(&sp->lock);
	return first;
}

uint64_t spool_last(struct spool *sp)
{
	uint64_t last;

	pthread_mutex_lock(&sp->lock);
	last = sp->synced;
	pthread_mutex_unlock(&sp->lock);
	return last;
}

/* Finds where a message is. Return: 0; -ENODATA. */
static int find_message(struct spool *sp, uint64_t number, int *fd, uint64_t *offset)
{
	int err = -ENODATA;
	size_t i;

	pthread_mutex_lock(&sp->lock);
	for (i = 0; i < sp->nr_files; i++) {
		const struct spool_file *f = &sp->files[i];

		if (number < f->first || number - f->first >= f->nr)
			continue;
		*fd = f->fd;
		*offset = f->offset[number - f->first];
		err = *offset ? 0 : -ENODATA;
		break;
	}
	pthread_mutex_unlock(&sp->lock);
	return err;
}

static int read_all(int fd, void *buf, size_t size, uint64_t at)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, (char *)buf + got, size - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		got += (size_t)n;
	}
	return 0;
}

/* Makes a message whose body is wrong a loss. Return: 0; -ENODATA. */
static int make_loss(struct spool *sp, struct fleet_message *m, unsigned char *bytes)
{
	pthread_mutex_lock(&sp->lock);
	sp->damaged++;
	pthread_mutex_unlock(&sp->lock);
	if (m->kind != FLEET_BATCH)
		return -ENODATA;
	m->kind = FLEET_LOSS;
	m->cause = FLEET_LOSS_DAMAGED;
	m->first_ns = 0;
	m->last_ns = 0;
	m->wall_offset_ns = 0;
	m->body_size = 0;
	return fleet_encode(m, "", bytes) ? -ENODATA : 0;
}

int spool_read(struct spool *sp, uint64_t number, struct fleet_message *m, unsigned char **bytes)
{
	unsigned char header[FLEET_HEADER_SIZE];
	unsigned char *buf;
	const char *why;
	uint64_t at = 0;
	int fd = -1, err;

	err = find_message(sp, number, &fd, &at);
	if (err)
		return err;
	err = read_all(fd, header, sizeof(header), at);
	if (err)
		return fail(sp, "cannot be read", err);
	if (fleet_decode_header(header, m, &why) || m->number != number) {
		log_error("spool %s: message %" PRIu64 " is damaged: its header is wrong", sp->path,
			  number);
		return -ENODATA;
	}
	buf = malloc(FLEET_HEADER_SIZE + (size_t)m->body_size);
	if (!buf)
		return fail(sp, "a message", -ENOMEM);
	memcpy(buf, header, sizeof(header));
	err = read_all(fd, buf + sizeof(header), m->body_size, at + sizeof(header));
	if (err) {
		free(buf);
		return fail(sp, "cannot be read", err);
	}
	err = fleet_check_body(m, header, buf + sizeof(header), &why);
	if (err) {
		log_error("spool %s: message %" PRIu64 " is damaged: %s", sp->path, number, why);
		err = make_loss(sp, m, buf);
	}
	if (err)
		free(buf);
	else
		*bytes = buf;
	return err;
}

void spool_release(struct spool *sp, uint64_t number)
{
	char name[SPOOL_NAME];

	pthread_mutex_lock(&sp->lock);
	if (number > sp->released)
		sp->released = number;
	/* The last file stays, since it says how far the rings were spooled. */
	while (sp->nr_files > 1 && sp->files[1].first <= sp->released + 1) {
		struct spool_file *f = &sp->files[0];

		spool_file_name(name, f->first);
		if (unlinkat(sp->dir, name, 0) && errno != ENOENT) {
			fail(sp, name, -errno);
			break;
		}
		close(f->fd);
		free(f->offset);
		memmove(sp->files, sp->files + 1, --sp->nr_files * sizeof(*f));
		pthread_cond_signal(&sp->room);
	}
	pthread_mutex_unlock(&sp->lock);
}

void spool_get_stats(struct spool *sp, struct spool_stats *st)
{
	pthread_mutex_lock(&sp->lock);
	*st = (struct spool_stats) {
		.bytes = get_bytes(sp),
		.size = sp->size,
		.first = sp->files[0].first,
		.last = sp->synced,
		.damaged = sp->damaged,
		.torn_bytes = sp->torn_bytes,
		.syncs = sp->syncs,
	};
	pthread_mutex_unlock(&sp->lock);
}
