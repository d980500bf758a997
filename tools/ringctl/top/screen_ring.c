// SPDX-License-Identifier: GPL-2.0-only
/* The page of one ring. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/clock.h"
#include "../../lib/parse.h"
#include "../info.h"
#include "screen.h"
#include "terminal.h"

/* Types are counted several times in a lap, and not too often. One time takes a quarter at most. */
#define LAP_COUNTS   4
#define COUNT_NS_MIN (NSEC_PER_SEC / 50)

void ring_leave(struct screen *s)
{
	struct row *r = rows_get(&s->top->rows, s->ring);

	if (r)
		r->watched.is_read = false;
	types_end(&s->types);
	readers_end(&s->readers);
	s->types_of = 0;
}

uint64_t ring_count_ns(const struct screen *s)
{
	const struct row *r = rows_get(&s->top->rows, s->ring);
	uint64_t ns = r->change.overrun_ns / LAP_COUNTS;

	if (ns > s->top->interval_ns)
		ns = s->top->interval_ns;
	return now_ns() + (ns < COUNT_NS_MIN ? COUNT_NS_MIN : ns);
}

int ring_count(struct screen *s)
{
	struct row *r = rows_get(&s->top->rows, s->ring);

	/* A reader that was opened again is another one, and its ring may be. */
	if (s->types_of && (!row_has_sample(r) || r->openings != s->types_of))
		ring_leave(s);
	if (!row_has_sample(r))
		return 0;
	readers_step(&s->readers, &r->watched.info);
	if (s->types_of)
		return types_count(&s->types, &r->watched, COUNT_NS_MIN / 4);
	s->types_of = r->openings;
	return types_begin(&s->types, &r->watched);
}

struct lines {
	int at;
};

/* A line with a word in front. */
static void put(struct lines *l, enum terminal_style style, const char *key, const char *value)
{
	if (l->at >= terminal_lines() - 1)
		return;
	terminal_text(l->at, 0, 12, STYLE_PLAIN, key);
	terminal_text(l->at, 12, terminal_width() - 12, style, value);
	l->at++;
}

static void put_ring(struct lines *l, const struct row *r)
{
	const struct ring_info *info = &r->watched.info;
	char text[256], clock[32];
	int n;

	n = snprintf(text, sizeof(text), "%s", info_kind(info->writer));
	if (info->peer_known && n > 0)
		snprintf(text + n, sizeof(text) - (size_t)n,
			 ", served by process %" PRIu32 " of user %" PRIu32, info->peer_pid,
			 info->peer_uid);
	put(l, STYLE_PLAIN, "kind", text);
	snprintf(text, sizeof(text), "%" PRIu32 " x %" PRIu64 " bytes, %.1f%% full, clock %s",
		 info->nr_rings, info->data_size, 100 * r->fill,
		 clock_name(info->clock_id, clock, sizeof(clock)));
	put(l, STYLE_PLAIN, info->nr_rings == 1 ? "ring" : "rings", text);
}

static void put_dropped(struct lines *l, const struct row *r)
{
	const uint64_t now = change_dropped(&r->change);
	char text[256];
	unsigned int cause;
	int n;

	n = snprintf(text, sizeof(text), "%" PRIu64, change_dropped(&r->total));
	for (cause = 0; cause < SEQRING_DROP_CAUSES && n > 0 && (size_t)n < sizeof(text); cause++)
		if (r->total.dropped[cause])
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      "  %s %" PRIu64 " (+%" PRIu64 ")", info_drop_cause(cause),
				      r->total.dropped[cause], r->change.dropped[cause]);
	put(l, now ? STYLE_BAD : STYLE_PLAIN, "dropped", text);
}

static void put_counters(struct lines *l, const struct row *r)
{
	const struct change *c = &r->change;
	char text[256], overrun[TOP_TEXT];

	snprintf(text, sizeof(text), "%" PRIu64 " records, %" PRIu64 " bytes", r->total.published,
		 r->total.bytes);
	put(l, STYLE_PLAIN, "published", text);
	if (c->ns)
		snprintf(text, sizeof(text), "%.0f records/s, %.0f bytes/s",
			 change_rate(c->published, c->ns), change_rate(c->bytes, c->ns));
	else
		snprintf(text, sizeof(text), "-");
	put(l, STYLE_PLAIN, "rate", text);
	put_dropped(l, r);
	snprintf(text, sizeof(text), "%" PRIu64 " (+%" PRIu64 ")", r->total.wakeups, c->wakeups);
	put(l, STYLE_PLAIN, "wake-ups", text);
	change_overrun(c, overrun, sizeof(overrun));
	if (r->state == ROW_ENDED)
		snprintf(text, sizeof(text), "never: the ring has ended");
	else if (c->overrun_ns == UINT64_MAX)
		snprintf(text, sizeof(text), "never, while nothing is published");
	else
		snprintf(text, sizeof(text), "%s s: a reader that stops now loses records then",
			 overrun);
	put(l, c->overrun_ns < NSEC_PER_SEC ? STYLE_BAD : STYLE_PLAIN, "overrun", text);
}

/* Who reads is known in part, and of nobody how far behind it is. */
static void put_readers(struct lines *l, const struct row *r, const struct readers *found)
{
	char text[320] = "not known";
	int n = 0;

	if (r->readers_known)
		n = snprintf(text, sizeof(text), "%" PRIu32 " open files; ", r->readers);
	if (found->is_known)
		snprintf(text + n, sizeof(text) - (size_t)n, "%s", found->text);
	put(l, STYLE_PLAIN, "readers", text);
	put(l, STYLE_PLAIN, "", "each alone knows its lag and its loss");
}

static void put_type(struct lines *l, const struct types *t, const struct type_count *c)
{
	/* What was passed is taken to have the same types as what was counted. */
	const double part = t->counted ? (double)(t->counted + t->passed) / (double)t->counted : 1;
	const char *about = t->passed ? "~" : "";
	char text[64];

	snprintf(text, sizeof(text), "%u", c->type);
	terminal_text(l->at, 0, -5, STYLE_PLAIN, text);
	terminal_text(l->at, 6, 24, STYLE_PLAIN, *c->label ? c->label : "-");
	snprintf(text, sizeof(text), "%s%.0f", about, change_rate(c->records, t->ns) * part);
	terminal_text(l->at, 31, -11, STYLE_PLAIN, text);
	snprintf(text, sizeof(text), "%s%.0f", about, change_rate(c->bytes, t->ns) * part);
	terminal_text(l->at, 43, -13, STYLE_PLAIN, text);
	snprintf(text, sizeof(text), "%" PRIu64, c->total);
	terminal_text(l->at, 57, -14, STYLE_PLAIN, text);
	l->at++;
}

static void put_types(struct lines *l, const struct types *t)
{
	char text[200];
	unsigned int i;

	l->at++;
	if (l->at >= terminal_lines() - 1)
		return;
	screen_bar(l->at, "");
	snprintf(text, sizeof(text), "%5s %-24s %11s %13s %14s", "TYPE", "NAME", "RECORDS/s",
		 "PAYLOAD/s", "SINCE OPENED");
	screen_bar(l->at++, text);
	for (i = 0; i < t->nr && l->at < terminal_lines() - 2; i++)
		put_type(l, t, &t->all[i]);
	if (*t->why)
		snprintf(text, sizeof(text), "%.199s", t->why);
	else
		snprintf(text, sizeof(text),
			 "counted %" PRIu64 " records since this page was opened, passed %" PRIu64,
			 t->total, t->total_passed);
	terminal_text(terminal_lines() - 2, 0, terminal_width(), STYLE_PLAIN, text);
}

void ring_draw(const struct screen *s)
{
	const struct row *r = rows_get(&s->top->rows, s->ring);
	struct lines l = { .at = 1 };
	char title[128], why[512];

	snprintf(title, sizeof(title), "ringctl top: %.100s", r->label);
	screen_title(s, title);
	if (row_has_sample(r)) {
		put_ring(&l, r);
		put_counters(&l, r);
		put_readers(&l, r, &s->readers);
		put_types(&l, &s->types);
	} else {
		row_remark(r, why, sizeof(why));
		put(&l, STYLE_WARN, "state", why);
	}
	screen_bar(terminal_lines() - 1, "Enter, q or Escape leads back");
}
