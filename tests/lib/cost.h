/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comparing what two things cost on a machine that other programs use as well. Both are
 * measured in turn, so that a busy moment meets both sides. The verdict is the median of
 * the pairs' ratios. A comparison that exceeds its bound is made again, COST_TRIES times
 * at most: a real cost exceeds the bound each time.
 */
#ifndef TESTS_LIB_COST_H
#define TESTS_LIB_COST_H

#include <stdlib.h>

#include "tap.h"

#define COST_TRIES  3
#define COST_ROUNDS 128 /* at most */

static inline int cost_order(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @v. */
static inline double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), cost_order);
	return v[n / 2];
}

/*
 * @control, @subject: measure one round and return nanoseconds for each record
 * @rounds: pairs of them
 * @bound: how many times the control's cost the subject's may be
 */
struct cost_pair {
	const char *name;
	double (*control)(void *arg);
	double (*subject)(void *arg);
	void *arg;
	unsigned int rounds;
	double bound;
};

static inline double cost_ratio(const struct cost_pair *c)
{
	double control[COST_ROUNDS], subject[COST_ROUNDS], ratio[COST_ROUNDS], r;
	unsigned int i, n = c->rounds < COST_ROUNDS ? c->rounds : COST_ROUNDS;

	for (i = 0; i < n; i++) {
		control[i] = c->control(c->arg);
		subject[i] = c->subject(c->arg);
		ratio[i] = subject[i] / control[i];
	}
	r = median(ratio, n);
	t_note("%s: %.1f ns a record, the control %.1f: %.2f times", c->name, median(subject, n),
	       median(control, n), r);
	return r;
}

static inline int cost_check(const struct cost_pair *c)
{
	double ratio = 0;
	int i;

	for (i = 0; i < COST_TRIES; i++) {
		ratio = cost_ratio(c);
		if (ratio <= c->bound)
			break;
	}
	return t_check(i < COST_TRIES, c->name, "%.2f times the control, %.1f allowed, %d times",
		       ratio, c->bound, COST_TRIES);
}

#endif /* TESTS_LIB_COST_H */
