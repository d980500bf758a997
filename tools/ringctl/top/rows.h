/* SPDX-License-Identifier: GPL-2.0-only */
/* The rings that ringctl top shows, and what happened in them in the last interval. */
#ifndef TOP_ROWS_H
#define TOP_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "../watch/sample.h"

enum row_state {
	ROW_OPENING, /* the process that serves the ring has not answered yet */
	ROW_LIVE,
	ROW_ENDED,  /* no more records will come */
	ROW_FAILED, /* ->why says why the ring cannot be opened */
};

/**
 * struct row - a ring
 * @id: a number that no other row has had
 * @name: a name, or a path
 * @label: @name as text that is safe to print
 * @asked: the command line has this name: the row stays while there is no such ring
 * @listed: ring_list() has named it in the last scan
 * @why: the library's sentence, safe to print
 * @retry_ns: now_ns() when a ring that failed or ended is opened again
 * @openings: times that the ring was opened: another number, another reader
 * @watched: the last sample, while the row is live or has ended
 * @change: what happened in the last interval; ->ns is 0 in the first one
 * @total: the counters since the creation, of all rings of the device
 * @fill: the part of the data area that has records, of the fullest ring of the device
 * @readers_known: @readers is valid: open files of a device, without that of this process
 */
struct row {
	uint64_t id;
	char *name;
	char *label;
	bool asked;
	bool listed;
	enum row_state state;
	char why[512];
	uint64_t retry_ns;
	unsigned int openings;
	struct watched watched;
	struct change change;
	struct change total;
	double fill;
	bool readers_known;
	uint32_t readers;
};

/**
 * struct rows - all of them
 * @patterns: of the command line: names, patterns of names and paths. None: all rings are shown
 * @last_id: of the row that came last
 * @scan_ns: now_ns() when the rings are listed again
 * @why: why the rings cannot be listed; empty: they can
 */
struct rows {
	char **patterns;
	unsigned int nr_patterns;
	struct row **all;
	unsigned int nr;
	uint64_t last_id;
	uint64_t scan_ns;
	char why[512];
};

/*
 * Begins with the names of the command line, which stay the caller's. Return: 0; EXIT_USAGE,
 * EXIT_FAIL: the message was printed.
 */
int rows_init(struct rows *t, char **patterns, unsigned int nr);
void rows_free(struct rows *t);

/* Waits until now_ns() is @until_ns for the processes that have not answered yet. */
void rows_wait(struct rows *t, uint64_t until_ns);

/* Finds rings that came, drops those that went, and samples all. Return: 0; -ENOMEM. */
int rows_update(struct rows *t);

/* The row with that number. Return: NULL: it is gone. */
struct row *rows_get(const struct rows *t, uint64_t id);

/* True if @r has counters to show. */
static inline bool row_has_sample(const struct row *r)
{
	return r->state == ROW_LIVE || r->state == ROW_ENDED;
}

#endif /* TOP_ROWS_H */
