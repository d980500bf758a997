/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of recordings: a directory, a ring that is recorded, and what is read. */
#ifndef RECORDING_H
#define RECORDING_H

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "unit.h"

#define RECORDER_OPTS(...) \
	(&(struct ring_recorder_opts) { .size = sizeof(struct ring_recorder_opts), __VA_ARGS__ })

/*
 * @dir: the recording's; it is not there yet
 * @w, @r: the ring and the recorder's reader
 */
struct recorded {
	char base[64];
	char dir[80];
	struct ring_writer *w;
	struct ring_reader *r;
	struct ring_recorder *rec;
};

static inline void recorded_dir(struct recorded *t)
{
	/* In memory if possible: a disk takes long to sync. */
	strcpy(t->base, access("/dev/shm", W_OK) ? "/tmp/seqring-unit-XXXXXX" :
						   "/dev/shm/seqring-unit-XXXXXX");
	assert_non_null(mkdtemp(t->base));
	snprintf(t->dir, sizeof(t->dir), "%s/rec", t->base);
}

static inline void recorded_begin(struct recorded *t, uint32_t nr_rings, uint32_t clock_id,
				  const struct ring_recorder_opts *opts)
{
	*t = (struct recorded) { 0 };
	recorded_dir(t);
	t->w = make_writer(nr_rings, clock_id, 0);
	t->r = open_reader(t->w, NULL);
	assert_int_equal(ring_recorder_create(t->dir, t->r, opts, &t->rec), 0);
}

/* Copies what is there. Return: the number of records. */
static inline uint64_t recorded_copy(struct recorded *t)
{
	uint64_t nr, sum = 0;
	int err;

	do {
		err = ring_recorder_copy(t->rec, &nr);
		sum += nr;
	} while (!err);
	assert_true(err == -EAGAIN || err == -ENODEV);
	return sum;
}

/* Publishes and copies in turn, so that nothing is overrun. */
static inline void recorded_publish(struct recorded *t, uint64_t nr)
{
	uint64_t part;

	for (; nr; nr -= part) {
		part = nr < 1000 ? nr : 1000;
		publish_numbers(t->w, 0, part);
		assert_int_equal(recorded_copy(t), part);
	}
}

static inline void recorded_close(struct recorded *t)
{
	assert_int_equal(ring_recorder_close(t->rec), 0);
	t->rec = NULL;
}

static inline void remove_recording(const char *path)
{
	struct dirent *e;
	char file[400];
	DIR *dir;

	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		unlink(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static inline void recorded_end(struct recorded *t)
{
	ring_recorder_close(t->rec);
	ring_close(t->r);
	ring_writer_close(t->w);
	remove_recording(t->dir);
	assert_int_equal(rmdir(t->base), 0);
}

/* Drops the recorder's lock, as the kernel does when its process is killed. */
static inline void recorded_orphan(const struct recorded *t)
{
	char link[32], path[128] = "";
	ssize_t len;
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, path, sizeof(path) - 1);
		path[len < 0 ? 0 : len] = 0;
		if (!strcmp(path, t->dir))
			flock(fd, LOCK_UN);
	}
}

/* Opens what a recorder has left that is killed, unless it has ended. */
static inline struct ring_reader *recorded_open(const struct recorded *t,
						const struct ring_open_opts *opts)
{
	struct ring_reader *r = NULL;

	recorded_orphan(t);
	assert_int_equal(ring_open(t->dir, opts, &r), 0);
	assert_non_null(r);
	return r;
}

static inline struct ring_recording_info recorded_info(struct ring_reader *r)
{
	struct ring_recording_info info = { .size = sizeof(info) };

	assert_int_equal(ring_recording_info(r, &info), 0);
	return info;
}

/* Path of file number @nr of the recording. */
static inline const char *recorded_file(const struct recorded *t, unsigned int nr)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%010u.seg", t->dir, nr);
	return path;
}

/* Reads all. The payload of publish_numbers() is checked elsewhere. Return: records read. */
static inline uint64_t read_all(struct ring_reader *r, uint64_t *lost)
{
	struct ring_record rec, before = { 0 };
	unsigned char buf[DATA_SIZE];
	uint64_t n = 0;
	int err;

	*lost = 0;
	while (!(err = ring_read(r, &rec, buf, sizeof(buf)))) {
		if (n && rec.ring == before.ring)
			assert_int_equal(rec.seq, before.seq + 1 + rec.lost);
		*lost += rec.lost;
		before = rec;
		n++;
	}
	assert_int_equal(err, -ENODEV);
	assert_true(strlen(ring_strerror()) > 10);
	return n;
}

#endif /* RECORDING_H */
