// SPDX-License-Identifier: GPL-2.0-only
/* ringctl top without a screen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/out.h"
#include "top.h"

#define LINE "%-12s %-24s %12s %14s %5s %10s %7s %9s"

static void print_header(struct out *o)
{
	out_printf(o, LINE "\n", "TIME", columns[COLUMN_NAME].title, columns[COLUMN_RECORDS].title,
		   columns[COLUMN_BYTES].title, columns[COLUMN_FILL].title,
		   columns[COLUMN_DROPPED].title, columns[COLUMN_READERS].title,
		   columns[COLUMN_OVERRUN].title);
}

/* out_printf() takes 255 bytes: a path may be longer. */
static void print_row(struct out *o, const char *at, const struct row *r)
{
	char text[NR_COLUMNS][TOP_TEXT], remark[512];
	unsigned int i;

	for (i = 0; i < NR_COLUMNS; i++)
		if (columns[i].format)
			columns[i].format(r, true, text[i]);
	row_remark(r, remark, sizeof(remark));
	out_printf(o, "%-12s ", at);
	out_append(o, r->label, strlen(r->label));
	out_printf(o, "%*s %12s %14s %5s %10s %7s %9s",
		   strlen(r->label) < 24 ? 24 - (int)strlen(r->label) : 0, "", text[COLUMN_RECORDS],
		   text[COLUMN_BYTES], text[COLUMN_FILL], text[COLUMN_DROPPED],
		   text[COLUMN_READERS], text[COLUMN_OVERRUN]);
	if (*remark)
		out_append(o, " ", 1);
	out_append(o, remark, strlen(remark));
	out_append(o, "\n", 1);
}

static void print_rows(struct out *o, const struct top *t)
{
	struct timespec now;
	char day[16], at[32];
	struct tm tm;
	unsigned int i;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(day, sizeof(day), "%H:%M:%S", &tm);
	snprintf(at, sizeof(at), "%s.%03ld", day, now.tv_nsec / 1000000);
	for (i = 0; i < t->view.nr; i++)
		print_row(o, at, t->view.shown[i]);
	if (*t->rows.why)
		out_printf(o, "%-12s rings cannot be listed: %.200s\n", at, t->rows.why);
}

int plain_run(struct top *t)
{
	uint64_t next = now_ns();
	struct out o;
	int err = 0;

	out_init(&o);
	print_header(&o);
	while (!err && !top_is_over(t) && !o.signal && !o.err) {
		next = next_turn(next, t->interval_ns);
		while (ns_until(next) && !out_check_signal(&o) && !o.err)
			out_wait(&o, ns_until(next), -1, -1);
		if (o.signal || o.err)
			break;
		err = top_sample(t);
		if (!err)
			print_rows(&o, t);
		out_flush(&o);
	}
	out_free(&o);
	if (err)
		return fail("top", "%s", strerror(-err));
	if (o.err && o.err != -EPIPE)
		return fail("top", "standard output: %s", strerror(-o.err));
	return EXIT_OK;
}
