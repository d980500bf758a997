// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A recording as a ring: a directory of files, or one of them. While its recorder runs, a reader
 * waits for what it adds, see recording_live.c. Else there is nothing to wait for, and the
 * descriptor to sleep on is always readable.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/fd.h"
#include "../base/names.h"
#include "kinds.h"
#include "recording.h"

static int no_dir(unsigned int nr, char *dir, size_t size)
{
	(void)nr;
	(void)dir;
	(void)size;
	return -ENOENT;
}

/* True if the file says that it is one of a recording. */
static bool is_file(int fd)
{
	struct seqring_header h;

	return !libring_pread_all(fd, &h, sizeof(h), 0) && h.magic == SEQRING_MAGIC &&
	       h.features_required & SEQRING_REQUIRE_RECORDING;
}

static int recording_find(const char *path, const struct stat *st, struct ring_origin *origin)
{
	int fd, err;

	if ((!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode)) || libring_on_bpffs(path))
		return LIBRING_NOT_MINE;
	err = libring_open_file(path, &fd);
	if (err)
		return err;
	if (S_ISREG(st->st_mode) && !is_file(fd)) {
		close(fd);
		return LIBRING_NOT_MINE;
	}
	origin->fds.ring = fd;
	origin->backend = &libring_backend_recording;
	return 0;
}

/* A recording is opened by its path alone: to ask a descriptor that was sent may sleep. */
static bool recording_probe(int fd, mode_t type)
{
	(void)fd;
	(void)type;
	return false;
}

static void recording_close(struct ring_reader *r)
{
	struct ring_recording *rec = r->state;
	uint32_t i;

	if (!rec)
		return;
	for (i = 0; rec->rings && i < rec->hdr.nr_rings; i++)
		free(rec->rings[i].chunks);
	libring_close_fd(rec->dir);
	libring_close_fd(rec->fd);
	libring_close_fd(rec->wake_fd);
	libring_live_close(rec);
	free(rec->rings);
	free(rec->segments);
	free(rec->pairs);
	free(rec->schema);
	free(rec->buf);
	free(rec);
}

/* A recording that has ended has nothing to wait for. */
static bool recording_drain(struct ring_reader *r)
{
	struct ring_recording *rec = r->state;
	bool found = true;

	if (rec->poller.epfd >= 0)
		found = libring_live_drain(rec);
	r->merge.writer_gone = rec->info.recorder != RING_RECORDER_RUNS;
	r->walltime.nr_recorded = rec->nr_pairs;
	return found;
}

static void recording_arm(struct ring_reader *r, bool for_fd)
{
	struct ring_recording *rec = r->state;

	(void)for_fd;
	if (rec->poller.epfd >= 0)
		libring_live_arm(rec, r);
}

static void recording_kick(struct ring_reader *r)
{
	struct ring_recording *rec = r->state;

	if (rec->poller.epfd >= 0)
		libring_live_kick(rec);
}

/* Makes memory that looks like the ring that was recorded; it is used as chunks come. */
static int make_memory(struct ring_mapping *m, const struct ring_recording *rec)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct seqring_header *h = &m->hdr;
	int err;

	*h = rec->hdr;
	h->features_required = 0;
	h->header_size = sizeof(*h);
	h->page_size = (uint32_t)page;
	h->schema_offset = h->schema_size ? page : 0;
	h->ring_offset = page + ((h->schema_size + page - 1) & ~(page - 1));
	h->data_offset = page;
	h->ring_stride = page + h->data_size;
	h->total_size = h->ring_offset;
	/* If these overflow, the check rejects them. */
	h->total_size += h->nr_rings * h->ring_stride;
	err = libring_check_header(h, h->total_size);
	if (err)
		return err;
	if (h->total_size > SIZE_MAX)
		return libring_set_error(ENOMEM,
					 "the rings of the recording had %" PRIu64 " bytes, more "
					 "than this process can have",
					 (uint64_t)h->total_size);
	m->size = (size_t)h->total_size;
	m->map = mmap(NULL, m->size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return libring_set_error(errno, "no memory for %zu bytes of rings: %s", m->size,
					 strerror(errno));
	}
	if (h->schema_size)
		memcpy(m->map + h->schema_offset, rec->schema, (size_t)h->schema_size);
	return 0;
}

/* Gives each ring its memory. */
static void init_rings(const struct ring_mapping *m, struct ring_recording *rec)
{
	uint32_t i;

	for (i = 0; i < m->hdr.nr_rings; i++) {
		rec->rings[i].at = m->map + m->hdr.ring_offset + i * m->hdr.ring_stride;
		rec->rings[i].data_offset = m->hdr.data_offset;
	}
	libring_recording_tell(rec);
}

/* Opens what wakes the reader: always, or when the recorder adds something. */
static int open_wake(struct ring_reader *r, struct ring_recording *rec)
{
	int err;

	if (rec->info.recorder == RING_RECORDER_RUNS) {
		err = libring_live_open(rec);
		if (err)
			return err;
		r->wakeup.poll_fd = rec->poller.epfd;
		r->wakeup.app_fd = rec->poller.epfd;
		return 0;
	}
	rec->wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rec->wake_fd < 0)
		return libring_set_error(errno, "eventfd: %s", strerror(errno));
	r->wakeup.poll_fd = rec->wake_fd;
	r->wakeup.app_fd = rec->wake_fd;
	/* No writer wakes anybody, and nothing is held back for a later record. */
	r->merge.writer_gone = true;
	return 0;
}

static int recording_open(struct ring_reader *r, const struct ring_origin *origin)
{
	struct ring_recording *rec = calloc(1, sizeof(*rec));
	struct stat st;
	int fd, err;

	r->state = rec;
	if (!rec)
		return libring_set_error(ENOMEM, "no memory for a reader");
	rec->dir = -1;
	rec->fd = -1;
	rec->wake_fd = -1;
	rec->poller = LIBRING_NO_POLLER;
	rec->inotify = -1;
	rec->path = r->path;
	fd = fcntl(origin->fds.ring, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || fstat(fd, &st)) {
		err = errno;
		libring_close_fd(fd);
		return libring_set_error(err, "%s: %s", r->path, strerror(err));
	}
	if (S_ISDIR(st.st_mode))
		rec->dir = fd;
	else
		rec->fd = fd;
	r->ring_id = st.st_ino;
	/* Before the files are listed: what was written until the lock is free is found. */
	rec->info.recorder = libring_live_ask(rec);
	err = libring_recording_list(rec);
	if (!err && rec->info.complete && rec->info.recorder == RING_RECORDER_RUNS)
		rec->info.recorder = RING_RECORDER_GONE;
	if (!err)
		err = make_memory(&r->mapping, rec);
	if (err)
		return err;
	init_rings(&r->mapping, rec);
	err = open_wake(r, rec);
	if (err)
		return err;
	r->walltime.recorded = rec->pairs;
	r->walltime.nr_recorded = rec->nr_pairs;
	return 0;
}

static struct ring_recording_info *recording_info(const struct ring_reader *r)
{
	struct ring_recording *rec = r->state;

	return &rec->info;
}

static void recording_dropped_before(const struct ring_reader *r, uint32_t ring, uint64_t *dropped)
{
	const struct ring_recording *rec = r->state;

	memcpy(dropped, rec->rings[ring].before.dropped, sizeof(rec->rings[ring].before.dropped));
}

static const struct ring_recording_ops ops = {
	.seek = libring_recording_seek,
	.newest = libring_recording_newest,
	.info = recording_info,
	.dropped_before = recording_dropped_before,
};

const struct ring_backend libring_backend_recording = {
	.dir = no_dir,
	.find = recording_find,
	.probe = recording_probe,
	.open = recording_open,
	.close = recording_close,
	.drain = recording_drain,
	.arm = recording_arm,
	.kick = recording_kick,
	.recording = &ops,
};
