/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl cat: its options (cat.c), and the reader that they configure (cat_read.c). */
#ifndef RINGCTL_CAT_H
#define RINGCTL_CAT_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

#include "../lib/when.h"

enum cat_format { CAT_TEXT, CAT_JSON, CAT_RAW };

/**
 * struct cat_opts - the options
 * @where: the expression that selects records; NULL: all
 * @start_given: an option that says where to start was given
 * @since: as @open says, unless it is how long ago; @until: where to end
 * @batch_ns: how long a record may wait for more records before it wakes the reader
 * @slow_ns: how long to sleep after each record
 * @follow: wait for more records
 */
struct cat_opts {
	const char *name;
	const char *where;
	struct ring_open_opts open;
	struct when since;
	struct when until;
	uint64_t count;
	uint64_t batch_ns;
	uint64_t slow_ns;
	enum cat_format format;
	bool start_given;
	bool full;
	bool quiet;
	bool follow;
	bool no_schema;
};

/* True if the reader gets some of the records only. */
static inline bool cat_is_filtered(const struct cat_opts *opts)
{
	return opts->where || opts->open.nr_types;
}

/* Prints the records of the ring. Return: the exit status. */
int cat_ring(const struct cat_opts *opts);

#endif /* RINGCTL_CAT_H */
