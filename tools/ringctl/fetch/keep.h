/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory that messages are fetched into. Each message is there once, however often it comes:
 * an agent numbers its messages within an epoch. What is no message is set aside, in a file of its
 * own. A failure is printed; the functions return 0 or EXIT_FAIL.
 */
#ifndef RINGCTL_FETCH_KEEP_H
#define RINGCTL_FETCH_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../fleet/ranges.h"

struct fleet_writer;

/**
 * struct kept_epoch - the numbers that are there
 * @from: the first one that has to be there: some of the older files may have been moved away
 * @stream: the stream that had the epoch in this run; NULL: none had
 */
struct kept_epoch {
	uint64_t epoch;
	uint64_t from;
	struct fleet_ranges numbers;
	char *stream;
};

/**
 * struct keep - a directory
 * @written, @bytes: messages of this run, and their size
 * @again: messages that were there already
 * @aside: messages that were set aside
 */
struct keep {
	const char *dir;
	struct fleet_writer *w;
	struct kept_epoch *epochs;
	size_t nr;
	uint64_t written;
	uint64_t bytes;
	uint64_t again;
	uint64_t aside;
};

/* Locks the directory, and reads what is there. */
int keep_open(struct keep *k, const char *dir, uint64_t file_size);

/* Takes message @seq of a stream. @data is 8-byte aligned. It is on the disk after keep_sync(). */
int keep_take(struct keep *k, const char *stream, uint64_t seq, const void *data, size_t size);

int keep_sync(struct keep *k);

/*
 * Prints which messages are missing between others. @all_came: none of them is under way. Return:
 * how many.
 */
uint64_t keep_print_missing(const struct keep *k, bool all_came);

void keep_close(struct keep *k);

#endif /* RINGCTL_FETCH_KEEP_H */
