// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of messages in a directory, which only grow. A message has arrived when it is on the disk.
 * Nothing is removed: that is up to who reads the files.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../fleet/writer.h"
#include "log.h"
#include "sink.h"

#define SYNC_SIZE (1u << 20) /* sync after so many bytes, also while more is to come */

/* @written: the newest message of the session; @synced: the newest one on the disk */
struct sink {
	const struct config *c;
	void (*notify)(void *arg);
	void *arg;
	struct fleet_writer *w;
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
	*s = (struct sink) { .c = c, .notify = notify, .arg = arg };
	*out = s;
	return 0;
}

static void file_destroy(struct sink *s)
{
	free(s);
}

static int file_open(struct sink *s, struct sink_last *last)
{
	struct fleet_written found;
	const char *what;
	int err;

	*last = (struct sink_last) { 0 };
	err = fleet_writer_open(s->c->sink_directory, s->c->sink_file_size, &found, &s->w, &what);
	if (err)
		return fail(s, what, err);
	if (found.cut)
		log_warning("%s: cut %" PRIu64 " bytes of a message that was not whole",
			    s->c->sink_directory, found.cut);
	if (found.kept)
		log_warning("%s: %" PRIu64 " bytes of the newest file are damaged, or behind "
			    "damage: another file begins",
			    s->c->sink_directory, found.kept);
	*last = (struct sink_last) { found.last.epoch, found.last.number };
	s->written = 0;
	s->synced = 0;
	return 0;
}

static int sync_file(struct sink *s)
{
	const char *what;
	int err = fleet_writer_sync(s->w, &what);

	if (err)
		return fail(s, what, err);
	s->synced = s->written;
	s->notify(s->arg);
	return 0;
}

static int file_send(struct sink *s, const struct fleet_message *m, const unsigned char *bytes,
		     const struct sink_last *after)
{
	const char *what;
	int err = fleet_writer_append(s->w, m, bytes, &what);

	(void)after;
	if (err)
		return fail(s, what, err);
	s->written = m->number;
	return fleet_writer_unsynced(s->w) >= SYNC_SIZE ? sync_file(s) : 0;
}

static int file_poll(struct sink *s, uint64_t *acked)
{
	int err = s->synced == s->written ? 0 : sync_file(s);

	*acked = s->synced;
	return err;
}

static void file_close(struct sink *s)
{
	fleet_writer_close(s->w);
	s->w = NULL;
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
