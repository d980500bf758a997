/* SPDX-License-Identifier: GPL-2.0-only */
/* A set of numbers, such as the seqs of records that have arrived, as ranges. */
#ifndef FLEET_RANGES_H
#define FLEET_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct fleet_range {
	uint64_t first;
	uint64_t last;
};

/**
 * struct fleet_ranges - a set of numbers; all zero: the empty set
 * @at: disjoint ranges that do not touch each other, in order
 * @nr: how many
 */
struct fleet_ranges {
	struct fleet_range *at;
	size_t nr;
	size_t room;
};

/*
 * Adds @first to @last; @first <= @last < UINT64_MAX. Sets @added to how many of these were not in
 * the set. Return: 0; -ENOMEM: nothing was added.
 */
int fleet_ranges_add(struct fleet_ranges *r, uint64_t first, uint64_t last, uint64_t *added);

/* How many of @first to @last are in the set. */
uint64_t fleet_ranges_count(const struct fleet_ranges *r, uint64_t first, uint64_t last);

/*
 * Finds the first numbers from @from to @to that are not in the set. Return: whether there are any;
 * then they are in @gap.
 */
int fleet_ranges_gap(const struct fleet_ranges *r, uint64_t from, uint64_t to,
		     struct fleet_range *gap);

void fleet_ranges_free(struct fleet_ranges *r);

#endif /* FLEET_RANGES_H */
