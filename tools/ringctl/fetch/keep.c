// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../libring/base/crc32c.h"
#include "../../../libring/base/fd.h"
#include "../../fleet/archive.h"
#include "../../fleet/writer.h"
#include "../../lib/message.h"
#include "keep.h"

#define ASIDE "set-aside"

static int fail_memory(void)
{
	return fail("fetch", "%s", strerror(ENOMEM));
}

static struct kept_epoch *get_epoch(struct keep *k, uint64_t epoch)
{
	struct kept_epoch *e;
	size_t i;

	for (i = k->nr; i--;)
		if (k->epochs[i].epoch == epoch)
			return &k->epochs[i];
	e = realloc(k->epochs, (k->nr + 1) * sizeof(*e));
	if (!e)
		return NULL;
	k->epochs = e;
	e += k->nr++;
	*e = (struct kept_epoch) { .epoch = epoch, .from = 1 };
	return e;
}

/* Notes a message that an earlier run has written. */
static int note(const struct fleet_message *m, const void *body, void *arg)
{
	struct kept_epoch *e = get_epoch(arg, m->epoch);
	uint64_t added;

	(void)body;
	return e && m->number < UINT64_MAX ?
		       fleet_ranges_add(&e->numbers, m->number, m->number, &added) :
		       -ENOMEM;
}

/* A message that is damaged here is not known: if it comes again, it is written again. */
static int note_damage(const char *file, uint64_t at, const char *why, void *arg)
{
	(void)arg;
	fail("fetch", "%s: at byte %" PRIu64 ": %s", file, at, why);
	return 0;
}

int keep_open(struct keep *k, const char *dir, uint64_t file_size)
{
	struct fleet_written found;
	const char *what;
	size_t i;
	int err;

	*k = (struct keep) { .dir = dir };
	err = fleet_writer_open(dir, file_size, &found, &k->w, &what);
	if (err == -EWOULDBLOCK)
		return fail("fetch", "%s: another program writes to it (ringctl fetch or ringd)",
			    dir);
	if (err)
		return fail("fetch", "%s: %s: %s", dir, what, strerror(-err));
	if (found.cut)
		fprintf(stderr,
			PROGRAM_NAME ": fetch: %s: cut %" PRIu64
				     " bytes of a message that was not whole\n",
			dir, found.cut);
	err = fleet_archive_read(dir, note, note_damage, k);
	if (err && err != -ENOENT) {
		fleet_writer_close(k->w);
		return fail("fetch", "%s: %s", dir, strerror(-err));
	}
	for (i = 0; i < k->nr; i++) {
		const struct fleet_ranges *r = &k->epochs[i].numbers;

		k->epochs[i].from = r->at[r->nr - 1].last;
	}
	return 0;
}

/* Writes a file that is whole on the disk, or not there. Return: 0 or -errno. */
static int write_whole(int dir, const char *name, const void *data, size_t size)
{
	struct iovec iov = { (void *)data, size };
	int fd, err;

	fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	err = libring_write_all(fd, &iov, size ? 1 : 0, 0);
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	if (!err && (renameat(dir, "new", dir, name) || fsync(dir)))
		err = -errno;
	if (err)
		unlinkat(dir, "new", 0);
	return err;
}

/* The name says which bytes they are: what comes again is known. */
static int set_aside(struct keep *k, const char *stream, uint64_t seq, const void *data,
		     size_t size, const char *why)
{
	char path[PATH_MAX], name[160];
	int dir, err = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/" ASIDE, k->dir) >= sizeof(path))
		return fail("fetch", "%s: %s", k->dir, strerror(ENAMETOOLONG));
	snprintf(name, sizeof(name), "%s-%" PRIu64 "-%08" PRIx32, stream, seq,
		 libring_crc32c(0, data, size));
	if (mkdir(path, 0750) && errno != EEXIST)
		return fail("fetch", "%s: %s", path, strerror(errno));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail("fetch", "%s: %s", path, strerror(errno));
	if (!faccessat(dir, name, F_OK, 0)) {
		k->again++;
	} else {
		err = write_whole(dir, name, data, size);
		if (!err) {
			k->aside++;
			fail("fetch", "%s: message %" PRIu64 " is set aside: %s: %s/%s", stream,
			     seq, why, path, name);
		}
	}
	close(dir);
	return err ? fail("fetch", "%s/%s: %s", path, name, strerror(-err)) : 0;
}

int keep_take(struct keep *k, const char *stream, uint64_t seq, const void *data, size_t size)
{
	struct fleet_message m;
	struct kept_epoch *e;
	const char *why;
	const void *body;
	uint64_t added;
	int err;

	if (fleet_decode(data, size, &m, &body, &why))
		return set_aside(k, stream, seq, data, size, why);
	if (m.number == UINT64_MAX)
		return set_aside(k, stream, seq, data, size, "its number is too large");
	e = get_epoch(k, m.epoch);
	if (!e)
		return fail_memory();
	if (!e->stream)
		e->stream = strdup(stream);
	if (!e->stream)
		return fail_memory();
	if (fleet_ranges_count(&e->numbers, m.number, m.number)) {
		k->again++;
		return 0;
	}
	err = fleet_writer_append(k->w, &m, data, &why);
	if (err)
		return fail("fetch", "%s: %s: %s", k->dir, why, strerror(-err));
	if (fleet_ranges_add(&e->numbers, m.number, m.number, &added))
		return fail_memory();
	k->written++;
	k->bytes += size;
	return 0;
}

int keep_sync(struct keep *k)
{
	const char *what;
	int err = fleet_writer_sync(k->w, &what);

	return err ? fail("fetch", "%s: %s: %s", k->dir, what, strerror(-err)) : 0;
}

uint64_t keep_print_missing(const struct keep *k, bool all_came)
{
	struct fleet_range gap;
	uint64_t missing = 0, from;
	size_t i;

	for (i = 0; i < k->nr; i++) {
		const struct kept_epoch *e = &k->epochs[i];
		const uint64_t last = e->numbers.nr ? e->numbers.at[e->numbers.nr - 1].last : 0;

		for (from = e->from; e->stream && fleet_ranges_gap(&e->numbers, from, last, &gap);
		     from = gap.last + 1) {
			fail("fetch",
			     "%s: messages %" PRIu64 " to %" PRIu64 " of epoch %016" PRIx64
			     " are missing: %s",
			     e->stream, gap.first, gap.last, e->epoch,
			     all_came ? "the stream no longer has them, or another reader of the "
					"consumer took them" :
					"they come again, unless the stream no longer has them");
			missing += gap.last - gap.first + 1;
		}
	}
	return missing;
}

void keep_close(struct keep *k)
{
	fleet_writer_close(k->w);
	while (k->nr) {
		k->nr--;
		fleet_ranges_free(&k->epochs[k->nr].numbers);
		free(k->epochs[k->nr].stream);
	}
	free(k->epochs);
}
