/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages of ringctl top on a terminal. */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "readers.h"
#include "top.h"
#include "types.h"

enum page {
	PAGE_LIST,
	PAGE_RING,
	PAGE_HELP,
};

/**
 * struct screen - what is shown
 * @chosen: id of the row that is chosen; 0: the first one, whichever that is
 * @first: position of the first row that is shown
 * @is_typing: keys go to the filter
 * @note: shown in the last line until the next key
 * @ring: id of the row of PAGE_RING
 * @readers: of the same ring
 * @types: of its records, while @types_of is not 0: the row's number of openings
 */
struct screen {
	struct top *top;
	enum page page;
	uint64_t chosen;
	unsigned int first;
	bool is_typing;
	char note[80];
	uint64_t ring;
	struct types types;
	unsigned int types_of;
	struct readers readers;
};

/* screen_parts.c */

/* Writes the first line: @left, and the interval and the time on the right. */
void screen_title(const struct screen *s, const char *left);

/* Writes a line in reverse, over the whole width. */
void screen_bar(int line, const char *text);

/* screen_list.c */
void list_draw(struct screen *s);
/* Return: true: the program ends. */
bool list_key(struct screen *s, int key);

/* screen_ring.c */
void ring_draw(const struct screen *s);
/* Counts the types of the records that came; the first call begins. Return: 0; -ENOMEM. */
int ring_count(struct screen *s);
/* When to count again, so that the ring does not overrun meanwhile. */
uint64_t ring_count_ns(const struct screen *s);
void ring_leave(struct screen *s);

#endif /* TOP_SCREEN_H */
