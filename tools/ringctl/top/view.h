/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rows are shown, in which order, and the text of their columns. */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "rows.h"

#define TOP_TEXT 32u /* bytes for the text of a column */

enum column_id {
	COLUMN_NAME,
	COLUMN_RECORDS,
	COLUMN_BYTES,
	COLUMN_FILL,
	COLUMN_DROPPED,
	COLUMN_CAUSE,
	COLUMN_READERS,
	COLUMN_OVERRUN,
	NR_COLUMNS,
};

/**
 * struct column - a column
 * @title: in the first line
 * @name: for --sort; NULL: rows are not sorted by it
 * @key: that sorts by it
 * @width: on a screen
 * @rank: on a narrow screen, columns with a greater rank are left out first
 * @compare: < 0: @a is before @b. NULL with @name
 * @format: writes at most TOP_TEXT bytes. @exact: all digits. NULL: it is the label of the row
 */
struct column {
	const char *title;
	const char *name;
	char key;
	int width;
	unsigned int rank;
	int (*compare)(const struct row *a, const struct row *b);
	void (*format)(const struct row *r, bool exact, char *buf);
};

extern const struct column columns[NR_COLUMNS];

/* Names for --sort, for messages and --help. */
#define COLUMN_NAMES "name, records, bytes, fill, dropped, readers or overrun"

/* Return: 0; -ENOENT. */
int column_find(const char *name, enum column_id *id);

/**
 * struct view - the rows that are shown
 * @sort: never COLUMN_CAUSE
 * @inverted: in the opposite order
 * @filter: text in the name, or a pattern of it; empty: all rows
 * @shown: pointers into the rows
 */
struct view {
	enum column_id sort;
	bool inverted;
	char filter[64];
	struct row **shown;
	unsigned int nr;
};

/* Chooses and sorts. Return: 0; -ENOMEM. */
int view_update(struct view *v, const struct rows *t);
void view_free(struct view *v);

/* The remark at the end of a row: its state, or its drops by cause in the interval. */
void row_remark(const struct row *r, char *buf, size_t size);

#endif /* TOP_VIEW_H */
