// SPDX-License-Identifier: GPL-2.0-only
/* Finds out what is in a spool that an earlier agent left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libring/base/crc32c.h"
#include "../lib/parse.h"
#include "log.h"
#include "spool_internal.h"

static int fail_file(const struct spool *sp, const char *name, const char *why, int err)
{
	log_error("spool %s: %s: %s", sp->path, name, why);
	return err;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Lists the numbers in the names of files, in order. */
static int list_files(struct spool *sp, uint64_t **firsts, size_t *nr)
{
	int fd = openat(sp->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t *list = NULL, *grown;
	char name[SPOOL_NAME];
	struct dirent *e;
	const char *end;
	size_t n = 0;
	uint64_t v;
	DIR *d;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return fail_file(sp, ".", strerror(errno), -errno);
	}
	while ((e = readdir(d))) {
		if (!scan_digits(e->d_name, &end, &v))
			continue;
		spool_file_name(name, v);
		if (strcmp(name, e->d_name))
			continue;
		grown = realloc(list, (n + 1) * sizeof(*list));
		if (!grown) {
			free(list);
			closedir(d);
			return -ENOMEM;
		}
		list = grown;
		list[n++] = v;
	}
	closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), compare);
	*firsts = list;
	*nr = n;
	return 0;
}

static bool read_at(int fd, void *buf, size_t size, uint64_t at)
{
	return pread(fd, buf, size, (off_t)at) == (ssize_t)size;
}

/* Checks the header of a file. @is_last: also takes its state. */
static int read_header(struct spool *sp, const struct spool_file *f, const char *name, bool is_last,
		       struct spool_header *h)
{
	void *state;
	int err;

	if (!read_at(f->fd, h, sizeof(*h), 0) || h->magic != SPOOL_MAGIC ||
	    h->header_crc != libring_crc32c(0, h, offsetof(struct spool_header, header_crc)))
		return fail_file(sp, name, "its header is wrong", -EBADMSG);
	if (h->version != SPOOL_VERSION)
		return fail_file(sp, name, "its version is unknown", -ENOTSUP);
	if (h->first != f->first || (sp->nr_files && h->epoch != sp->epoch) ||
	    spool_messages_at(h) > f->bytes)
		return fail_file(sp, name, "it belongs to another spool", -EBADMSG);
	sp->epoch = h->epoch;
	if (!is_last)
		return 0;
	state = malloc(h->state_size ? h->state_size : 1);
	if (!state)
		return -ENOMEM;
	if (!read_at(f->fd, state, h->state_size, sizeof(*h)) ||
	    h->state_crc != libring_crc32c(0, state, h->state_size))
		err = -EBADMSG;
	else
		err = state_unpack(&sp->state, state, h->state_size);
	free(state);
	return err ? fail_file(sp, name, "what it says of the rings is wrong", err) : 0;
}

/* Reads the header of the message at @at. Return: whether there is one that is whole. */
static bool read_message(const struct spool *sp, const struct spool_file *f, uint64_t at,
			 struct fleet_message *m, unsigned char header[FLEET_HEADER_SIZE])
{
	const char *why;

	return at <= f->bytes && f->bytes - at >= FLEET_HEADER_SIZE &&
	       read_at(f->fd, header, FLEET_HEADER_SIZE, at) &&
	       !fleet_decode_header(header, m, &why) && m->epoch == sp->epoch &&
	       m->number >= f->first && fleet_padded_size(m) <= f->bytes - at;
}

/* Takes the message into account. Return: 0; -EBADMSG its body is wrong; -ENOMEM. */
static int take_message(struct spool *sp, const struct spool_file *f, uint64_t at,
			const struct fleet_message *m, const unsigned char *header)
{
	unsigned char *body = malloc(m->body_size ? m->body_size : 1);
	const char *why;
	int err;

	if (!body)
		return -ENOMEM;
	if (!read_at(f->fd, body, m->body_size, at + FLEET_HEADER_SIZE))
		err = -EBADMSG;
	else
		err = fleet_check_body(m, header, body, &why) ? -EBADMSG : 0;
	if (!err)
		err = state_take(&sp->state, m, body);
	free(body);
	return err;
}

/* The next place from @at on that has a message of this file; the end of the file: none has. */
static uint64_t find_message(const struct spool *sp, const struct spool_file *f, uint64_t at,
			     uint64_t number, struct fleet_message *m)
{
	unsigned char header[FLEET_HEADER_SIZE];

	for (; at < f->bytes; at += 8)
		if (read_message(sp, f, at, m, header) && m->number >= number)
			return at;
	return f->bytes;
}

/*
 * Notes where the messages of a file are. Messages that are lost have no place. In the last file,
 * what follows the last whole message was torn, and is cut off.
 */
static int scan_messages(struct spool *sp, struct spool_file *f, uint64_t at, bool is_last)
{
	unsigned char header[FLEET_HEADER_SIZE];
	struct fleet_message m;
	int err = 0;

	while (!err && at < f->bytes) {
		uint64_t found = at;

		if (!read_message(sp, f, at, &m, header) || m.number != f->first + f->nr) {
			found = find_message(sp, f, at + 8, f->first + f->nr, &m);
			if (found == f->bytes)
				break;
			sp->damaged++;
			if (!read_message(sp, f, found, &m, header))
				break;
		}
		if (is_last) {
			err = take_message(sp, f, found, &m, header);
			/* Of the very last message, the body may be torn. */
			if (err == -EBADMSG && found + fleet_padded_size(&m) == f->bytes)
				break;
			if (err == -EBADMSG)
				err = state_take(&sp->state, &m, NULL);
		}
		while (!err && f->nr < m.number - f->first)
			err = spool_add_offset(f, 0);
		if (!err)
			err = spool_add_offset(f, found);
		at = found + fleet_padded_size(&m);
	}
	if (err == -ENOMEM || at == f->bytes)
		return err;
	if (is_last) {
		sp->torn_bytes = f->bytes - at;
		log_warning("spool %s: cut %" PRIu64 " bytes of a message that was not whole",
			    sp->path, sp->torn_bytes);
		if (ftruncate(f->fd, (off_t)at))
			return -errno;
		f->bytes = at;
	}
	return 0;
}

static int scan_file(struct spool *sp, uint64_t first, bool is_last)
{
	struct spool_file f = { .first = first };
	struct spool_header h;
	char name[SPOOL_NAME];
	struct stat st;
	int err;

	spool_file_name(name, first);
	f.fd = openat(sp->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (f.fd < 0 || fstat(f.fd, &st)) {
		err = fail_file(sp, name, strerror(errno), -errno);
	} else {
		f.bytes = (uint64_t)st.st_size;
		err = read_header(sp, &f, name, is_last, &h);
		if (!err)
			err = scan_messages(sp, &f, spool_messages_at(&h), is_last);
		if (!err)
			err = spool_add_file(sp, &f);
	}
	if (!err) {
		sp->next = f.first + f.nr;
		return 0;
	}
	free(f.offset);
	if (f.fd >= 0)
		close(f.fd);
	return err;
}

int spool_scan(struct spool *sp)
{
	uint64_t *firsts = NULL;
	size_t nr = 0, i;
	int err;

	err = list_files(sp, &firsts, &nr);
	for (i = 0; i < nr && !err; i++)
		err = scan_file(sp, firsts[i], i + 1 == nr);
	free(firsts);
	return err;
}
