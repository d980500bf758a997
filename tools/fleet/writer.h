/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a directory of messages, which fleet/archive.h reads: files that only grow, whose names
 * are numbers. ringd's sink `file` and ringctl fetch write such directories. One process at a time
 * writes to a directory; one thread at a time uses a writer.
 *
 * Functions return 0 or -errno, and set @what on failure to what could not be done, without a final
 * period.
 */
#ifndef FLEET_WRITER_H
#define FLEET_WRITER_H

#include <stdint.h>

#include "message.h"

struct fleet_writer;

/**
 * struct fleet_written - what a directory had when it was opened
 * @last: the last whole message of the newest file that has any; number is 0: there is none
 * @cut: bytes that were cut off behind it: a message that was not whole
 * @kept: bytes behind it that stay in an old file, since whole messages follow the damage
 */
struct fleet_written {
	struct fleet_message last;
	uint64_t cut;
	uint64_t kept;
};

/**
 * fleet_writer_open() - lock a directory, and find the place to go on
 * @dir: its path; it is created if its parent is there
 * @file_size: begin another file before one has more than so many bytes
 * @found: filled on success
 * @out: set on success; fleet_writer_close() frees it
 *
 * Return: 0; -EWOULDBLOCK another process writes to it; -ENOMEM; what mkdir(2), open(2), read(2)
 * and ftruncate(2) give.
 */
int fleet_writer_open(const char *dir, uint64_t file_size, struct fleet_written *found,
		      struct fleet_writer **out, const char **what);

/**
 * fleet_writer_append() - write a message behind the last one
 * @m: from fleet_decode()
 * @bytes: header and body
 *
 * After a failure nothing of the message is in the file. It is on the disk after
 * fleet_writer_sync().
 *
 * Return: 0; what write(2), open(2) and fdatasync(2) give.
 */
int fleet_writer_append(struct fleet_writer *w, const struct fleet_message *m, const void *bytes,
			const char **what);

/* How many bytes may not be on the disk. */
uint64_t fleet_writer_unsynced(const struct fleet_writer *w);

/*
 * Gets all messages onto the disk. After a failure it is unknown which are there: close the writer,
 * and open another one. Return: 0; what fdatasync(2) gives.
 */
int fleet_writer_sync(struct fleet_writer *w, const char **what);

/* @w may be NULL. */
void fleet_writer_close(struct fleet_writer *w);

#endif /* FLEET_WRITER_H */
