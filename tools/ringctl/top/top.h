/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl top: its options, and the two forms of its output. */
#ifndef TOP_TOP_H
#define TOP_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include "view.h"

/**
 * struct top - a run of ringctl top
 * @interval_ns: time from one sample to the next
 * @count: end after so many intervals; 0: no limit
 * @done: intervals that are over
 */
struct top {
	uint64_t interval_ns;
	uint64_t count;
	uint64_t done;
	struct rows rows;
	struct view view;
};

/* interval.c: samples all rings, and counts the interval. Return: 0; -ENOMEM. */
int top_sample(struct top *t);

static inline bool top_is_over(const struct top *t)
{
	return t->count && t->done >= t->count;
}

/* plain.c: a line for each ring and interval. Return: the exit status. */
int plain_run(struct top *t);

/* screen.c: on the terminal. without.c: fails. Return: the exit status. */
int screen_run(struct top *t);

#endif /* TOP_TOP_H */
