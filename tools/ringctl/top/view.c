// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../info.h"
#include "view.h"

static int by_number(double a, double b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int by_name(const struct row *a, const struct row *b)
{
	return strcmp(a->name, b->name);
}

static double records_of(const struct row *r)
{
	return change_rate(r->change.published, r->change.ns);
}

static double bytes_of(const struct row *r)
{
	return change_rate(r->change.bytes, r->change.ns);
}

static int by_records(const struct row *a, const struct row *b)
{
	return by_number(records_of(a), records_of(b));
}

static int by_bytes(const struct row *a, const struct row *b)
{
	return by_number(bytes_of(a), bytes_of(b));
}

static int by_fill(const struct row *a, const struct row *b)
{
	return by_number(a->fill, b->fill);
}

/* What is dropped now is before what was dropped once. */
static int by_dropped(const struct row *a, const struct row *b)
{
	const double now_a = change_rate(change_dropped(&a->change), a->change.ns);
	const double now_b = change_rate(change_dropped(&b->change), b->change.ns);

	if (now_a < now_b || now_a > now_b)
		return by_number(now_a, now_b);
	return by_number((double)change_dropped(&a->total), (double)change_dropped(&b->total));
}

static int by_readers(const struct row *a, const struct row *b)
{
	return by_number(a->readers_known ? (double)a->readers : -1,
			 b->readers_known ? (double)b->readers : -1);
}

/* The soonest first. */
static int by_overrun(const struct row *a, const struct row *b)
{
	return by_number((double)b->change.overrun_ns, (double)a->change.overrun_ns);
}

/* Four digits at most, as 1234, 12.3k or 1.23M. */
static void format_short(double v, char *buf)
{
	static const char units[] = " kMGTPEZY";
	unsigned int i = 0;

	while (v >= 999.5 && (i || v >= 9999.5) && units[i + 1]) {
		v /= 1000;
		i++;
	}
	if (!i)
		snprintf(buf, TOP_TEXT, "%.0f", v);
	else
		snprintf(buf, TOP_TEXT, "%.*f%c", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, units[i]);
}

static void format_rate(const struct row *r, double rate, bool exact, char *buf)
{
	if (!row_has_sample(r) || !r->change.ns)
		snprintf(buf, TOP_TEXT, "-");
	else if (exact)
		snprintf(buf, TOP_TEXT, "%.0f", rate);
	else
		format_short(rate, buf);
}

static void format_records(const struct row *r, bool exact, char *buf)
{
	format_rate(r, records_of(r), exact, buf);
}

static void format_bytes(const struct row *r, bool exact, char *buf)
{
	format_rate(r, bytes_of(r), exact, buf);
}

static void format_fill(const struct row *r, bool exact, char *buf)
{
	(void)exact;
	if (row_has_sample(r))
		snprintf(buf, TOP_TEXT, "%.0f%%", 100 * r->fill);
	else
		snprintf(buf, TOP_TEXT, "-");
}

static void format_dropped(const struct row *r, bool exact, char *buf)
{
	const uint64_t dropped = change_dropped(&r->total);

	if (!row_has_sample(r))
		snprintf(buf, TOP_TEXT, "-");
	else if (exact || dropped < 100000000)
		snprintf(buf, TOP_TEXT, "%" PRIu64, dropped);
	else
		format_short((double)dropped, buf);
}

/* The cause of most drops of the interval; if there are none, of most drops of all. */
static void format_cause(const struct row *r, bool exact, char *buf)
{
	const struct change *c = change_dropped(&r->change) ? &r->change : &r->total;
	unsigned int cause, most = 0;

	(void)exact;
	for (cause = 1; cause < SEQRING_DROP_CAUSES; cause++)
		if (c->dropped[cause] > c->dropped[most])
			most = cause;
	snprintf(buf, TOP_TEXT, "%s",
		 row_has_sample(r) && c->dropped[most] ? info_drop_cause(most) : "-");
}

static void format_readers(const struct row *r, bool exact, char *buf)
{
	(void)exact;
	if (row_has_sample(r) && r->readers_known)
		snprintf(buf, TOP_TEXT, "%" PRIu32, r->readers);
	else
		snprintf(buf, TOP_TEXT, "-");
}

static void format_overrun(const struct row *r, bool exact, char *buf)
{
	(void)exact;
	if (row_has_sample(r))
		change_overrun(&r->change, buf, TOP_TEXT);
	else
		snprintf(buf, TOP_TEXT, "-");
	/* Three digits behind the point say nothing about hours. */
	if (r->change.overrun_ns != UINT64_MAX && strlen(buf) > 9)
		snprintf(buf, TOP_TEXT, "> 1 day");
}

const struct column columns[NR_COLUMNS] = {
	[COLUMN_NAME] = { "NAME", "name", 'n', 0, 0, by_name, NULL },
	[COLUMN_RECORDS] = { "RECORDS/s", "records", 'r', 9, 2, by_records, format_records },
	[COLUMN_BYTES] = { "BYTES/s", "bytes", 'b', 8, 4, by_bytes, format_bytes },
	[COLUMN_FILL] = { "FILL", "fill", 'f', 4, 5, by_fill, format_fill },
	[COLUMN_DROPPED] = { "DROPPED", "dropped", 'd', 8, 3, by_dropped, format_dropped },
	[COLUMN_CAUSE] = { "CAUSE", NULL, 0, 10, 7, NULL, format_cause },
	[COLUMN_READERS] = { "READERS", "readers", 'e', 7, 6, by_readers, format_readers },
	[COLUMN_OVERRUN] = { "OVERRUN", "overrun", 'o', 9, 1, by_overrun, format_overrun },
};

int column_find(const char *name, enum column_id *id)
{
	unsigned int i;

	for (i = 0; i < NR_COLUMNS; i++) {
		if (!columns[i].name || strcmp(columns[i].name, name))
			continue;
		*id = (enum column_id)i;
		return 0;
	}
	return -ENOENT;
}

static bool is_shown(const struct view *v, const struct row *r)
{
	if (strpbrk(v->filter, "*?["))
		return !fnmatch(v->filter, r->name, FNM_CASEFOLD);
	return strcasestr(r->name, v->filter);
}

/* For qsort_r(). Rows without counters are last in either order. */
static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct row *const *ra = a, *const *rb = b;
	const struct view *v = arg;
	int diff = row_has_sample(*rb) - row_has_sample(*ra);

	if (!diff)
		diff = columns[v->sort].compare(*ra, *rb) * (v->inverted ? -1 : 1);
	return diff ? diff : by_name(*ra, *rb);
}

int view_update(struct view *v, const struct rows *t)
{
	struct row **shown = realloc(v->shown, (t->nr + 1) * sizeof(*shown));
	unsigned int i;

	if (!shown)
		return -ENOMEM;
	v->shown = shown;
	v->nr = 0;
	for (i = 0; i < t->nr; i++)
		if (is_shown(v, t->all[i]))
			shown[v->nr++] = t->all[i];
	qsort_r(shown, v->nr, sizeof(*shown), compare_rows, v);
	return 0;
}

void view_free(struct view *v)
{
	free(v->shown);
	v->shown = NULL;
}

void row_remark(const struct row *r, char *buf, size_t size)
{
	unsigned int cause;
	size_t n = 0;

	*buf = '\0';
	if (r->state == ROW_OPENING)
		snprintf(buf, size, "its process does not answer");
	else if (r->state == ROW_FAILED)
		snprintf(buf, size, "%s", r->why);
	if (!row_has_sample(r))
		return;
	for (cause = 0; cause < SEQRING_DROP_CAUSES; cause++)
		if (r->change.dropped[cause] && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s=%" PRIu64, n ? " " : "",
					      info_drop_cause(cause), r->change.dropped[cause]);
	if (r->state == ROW_ENDED && n < size)
		snprintf(buf + n, size - n, "%sended", n ? " " : "");
}
