// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.h"

#define ROOM 8

/* The first range that ends at @number or behind it. */
static size_t find(const struct fleet_ranges *r, uint64_t number)
{
	size_t low = 0, high = r->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->at[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct fleet_ranges *r)
{
	size_t room = r->room ? 2 * r->room : ROOM;
	struct fleet_range *at;

	if (r->nr < r->room)
		return 0;
	at = realloc(r->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	r->at = at;
	r->room = room;
	return 0;
}

uint64_t fleet_ranges_count(const struct fleet_ranges *r, uint64_t first, uint64_t last)
{
	uint64_t n = 0;
	size_t i;

	for (i = find(r, first); i < r->nr && r->at[i].first <= last; i++) {
		const struct fleet_range *at = &r->at[i];

		n += (at->last < last ? at->last : last) - (at->first > first ? at->first : first) +
		     1;
	}
	return n;
}

int fleet_ranges_add(struct fleet_ranges *r, uint64_t first, uint64_t last, uint64_t *added)
{
	const uint64_t known = fleet_ranges_count(r, first, last);
	size_t from, to;

	/* Before anything is changed. */
	if (make_room(r))
		return -ENOMEM;
	*added = last - first + 1 - known;
	/* Those that overlap the new one or touch it become part of it. */
	from = find(r, first ? first - 1 : 0);
	for (to = from; to < r->nr && r->at[to].first <= last + 1; to++) {
		if (r->at[to].first < first)
			first = r->at[to].first;
		if (r->at[to].last > last)
			last = r->at[to].last;
	}
	memmove(&r->at[from + 1], &r->at[to], (r->nr - to) * sizeof(*r->at));
	r->at[from] = (struct fleet_range) { first, last };
	r->nr = r->nr + 1 - (to - from);
	return 0;
}

int fleet_ranges_gap(const struct fleet_ranges *r, uint64_t from, uint64_t to,
		     struct fleet_range *gap)
{
	size_t i = find(r, from);

	if (i < r->nr && r->at[i].first <= from)
		from = r->at[i++].last + 1;
	if (from > to)
		return 0;
	*gap = (struct fleet_range) { from, to };
	if (i < r->nr && r->at[i].first <= to)
		gap->last = r->at[i].first - 1;
	return 1;
}

void fleet_ranges_free(struct fleet_ranges *r)
{
	free(r->at);
	*r = (struct fleet_ranges) { 0 };
}
