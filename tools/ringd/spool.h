/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages on the disk, from when they are cut until they are released. A directory of files that
 * only grow; the oldest one is removed when all its messages are released. One thread appends, and
 * another one reads and releases.
 *
 * Functions return 0 or -errno; a failure that is not said to be silent has been logged.
 */
#ifndef RINGD_SPOOL_H
#define RINGD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"
#include "state.h"

struct spool;

/**
 * spool_open() - open a spool, and find out what is in it
 * @dir: created if it is not there; its parents are not
 * @size: bytes that it may have on the disk
 * @out: set on success; spool_close() frees it
 *
 * Cuts off a message that is not whole at the end, as a killed agent leaves it.
 *
 * Return: 0; -EBUSY another agent has the directory; -EBADMSG a file is no spool's; -ENOMEM; what
 * open(2), read(2) and the like give.
 */
int spool_open(const char *dir, uint64_t size, struct spool **out);
void spool_close(struct spool *sp);

/* Random, from the creation of the directory on. */
uint64_t spool_epoch(const struct spool *sp);

/* How far rings have been spooled, also by earlier agents: a copy. Return: 0; -ENOMEM. */
int spool_state(const struct spool *sp, struct state *copy);

/*
 * The appending thread: gives the item its number and appends it. Return: 0; -ENOBUFS, silent: the
 * spool is full; what write(2) gives: nothing was appended.
 */
int spool_append(struct spool *sp, struct item *item);

/* What was appended is on the disk afterwards, and may be read by spool_read(). */
int spool_sync(struct spool *sp);

/* Sleeps until the spool has more room than it had, until @until_ns, or until spool_wake(). */
void spool_wait_room(struct spool *sp, uint64_t until_ns);
void spool_wake(struct spool *sp);

/* Numbers of messages: the oldest one in the spool, and the newest one on the disk; 0: none. */
uint64_t spool_first(struct spool *sp);
uint64_t spool_last(struct spool *sp);

/**
 * spool_read() - read a message
 * @sp: the spool
 * @number: from spool_first() to spool_last()
 * @m: filled on success
 * @bytes: set to header and body, 8-byte aligned; the caller frees it
 *
 * If the contents on the disk are wrong, the message becomes a loss of its records: a batch, by
 * FLEET_LOSS_DAMAGED. Then @m says so.
 *
 * Return: 0; -ENODATA the message was lost with its header, or is a damaged one without records: go
 * on with the next number; -ENOMEM; -EIO and what read(2) gives.
 */
int spool_read(struct spool *sp, uint64_t number, struct fleet_message *m, unsigned char **bytes);

/* The messages up to @number are no longer needed. */
void spool_release(struct spool *sp, uint64_t number);

struct spool_stats {
	uint64_t bytes;
	uint64_t size;
	uint64_t first;
	uint64_t last;
	uint64_t damaged;
	uint64_t torn_bytes;
	uint64_t syncs;
};

void spool_get_stats(struct spool *sp, struct spool_stats *st);

#endif /* RINGD_SPOOL_H */
