// SPDX-License-Identifier: GPL-2.0-only
/*
 * Series of measurements, what they are to be, and the table of them.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

struct report report = {
	.series = { .size = sizeof(struct series_item) },
	.sections = { .size = sizeof(struct section) },
	.plots = { .size = sizeof(struct plot) },
	.outcomes = { .size = sizeof(struct outcome) },
	.remarks = { .size = sizeof(struct remark) },
};

static struct list *const lists[] = {
	&report.series, &report.sections, &report.plots, &report.outcomes, &report.remarks,
};

static unsigned int current_part;
static double margin = 1;

static unsigned int *list_part(const struct list *l, unsigned int i)
{
	return (unsigned int *)((char *)l->items + i * l->size);
}

/* A new element, zero but for its part, behind those of the same part. */
static void *list_add(struct list *l)
{
	unsigned int at = l->nr;
	char *item;

	if (l->nr == l->max) {
		l->max = l->max ? 2 * l->max : 64;
		l->items = reallocarray(l->items, l->max, l->size);
		if (!l->items)
			fail("no memory for the report");
	}
	while (at && *list_part(l, at - 1) > current_part)
		at--;
	item = (char *)list_part(l, at);
	memmove(item + l->size, item, (l->nr - at) * l->size);
	memset(item, 0, l->size);
	*(unsigned int *)item = current_part;
	l->nr++;
	return item;
}

static void list_forget(struct list *l, unsigned int part)
{
	unsigned int i, kept = 0;

	for (i = 0; i < l->nr; i++)
		if (*list_part(l, i) != part)
			memmove(list_part(l, kept++), list_part(l, i), l->size);
	l->nr = kept;
}

void report_part(unsigned int part)
{
	current_part = part;
}

void report_forget(unsigned int part)
{
	unsigned int i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		list_forget(lists[i], part);
}

void report_margin(double factor)
{
	margin = factor;
}

void section_describe(const char *section, const char *title, const char *text)
{
	struct section *s = list_add(&report.sections);

	s->name = section;
	s->title = title;
	s->text = text;
}

void plot_describe(const char *section, const char *plot, const char *title, const char *x_label,
		   const char *y_label, unsigned int flags)
{
	struct plot *p = list_add(&report.plots);

	p->section = section;
	p->name = plot;
	p->title = title;
	p->x_label = x_label;
	p->y_label = y_label;
	p->flags = flags;
}

static const char *vkeep(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		fail("no memory");
	return text;
}

const char *keep(const char *fmt, ...)
{
	const char *text;
	va_list args;

	va_start(args, fmt);
	text = vkeep(fmt, args);
	va_end(args);
	return text;
}

struct series *series_new(const char *section, const char *name, const char *unit)
{
	struct series_item *item = list_add(&report.series);
	struct series *s = calloc(1, sizeof(*s));

	if (!s)
		fail("no memory for a series");
	s->section = section;
	s->name = name;
	s->unit = unit;
	item->series = s;
	return s;
}

void series_add(struct series *s, double value, bool disturbed)
{
	if (s->n == BENCH_ROUNDS_MAX)
		fail("too many rounds");
	s->disturbed[s->n] = disturbed;
	s->nr_disturbed += disturbed;
	s->value[s->n++] = value;
}

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Between neighbours in proportion. */
double quantile(const double *sorted, unsigned int n, double q)
{
	double at;
	unsigned int i;

	if (!n)
		return NAN;
	at = q * (n - 1);
	i = (unsigned int)at;
	return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

unsigned int sorted_values(const struct series *s, double *out)
{
	bool all = s->nr_disturbed * 2 > s->n;
	unsigned int i, n = 0;

	for (i = 0; i < s->n; i++)
		if (all || !s->disturbed[i])
			out[n++] = s->value[i];
	qsort(out, n, sizeof(*out), compare_doubles);
	return n;
}

double series_median(const struct series *s)
{
	double sorted[BENCH_ROUNDS_MAX];

	return quantile(sorted, sorted_values(s, sorted), 0.5);
}

static double paired(const struct series *a, const struct series *b, bool ratio)
{
	double out[BENCH_ROUNDS_MAX];
	unsigned int i, n = 0, pass;

	for (pass = 0; pass < 2 && n * 2 < a->n; pass++) {
		n = 0;
		for (i = 0; i < a->n && i < b->n; i++) {
			if (!pass && (a->disturbed[i] || b->disturbed[i]))
				continue;
			out[n++] = ratio ? a->value[i] / b->value[i] : a->value[i] - b->value[i];
		}
	}
	qsort(out, n, sizeof(*out), compare_doubles);
	return quantile(out, n, 0.5);
}

double series_ratio(const struct series *a, const struct series *b)
{
	return paired(a, b, true);
}

double series_difference(const struct series *a, const struct series *b)
{
	return paired(a, b, false);
}

void series_compare(struct series *s, const struct series *peer)
{
	s->peer = peer;
}

void series_account(struct series *s, uint64_t published, uint64_t lost)
{
	s->published += published;
	s->lost += lost;
}

void series_point(struct series *s, const char *plot, const char *curve, double x)
{
	s->plot = plot;
	s->curve = curve;
	s->x = x;
}

void target(const char *section, const char *what, double value, const char *unit, enum bound bound,
	    double limit)
{
	struct outcome *o = list_add(&report.outcomes);

	o->section = section;
	o->what = what;
	o->unit = unit;
	o->bound = bound;
	o->value = value;
	o->limit = bound == AT_MOST ? limit / margin : limit * margin;
}

void note(const char *section, const char *fmt, ...)
{
	struct remark *r = list_add(&report.remarks);
	va_list args;

	r->section = section;
	va_start(args, fmt);
	r->text = vkeep(fmt, args);
	va_end(args);
}

/* Of no number it is not true. */
bool outcome_met(const struct outcome *o)
{
	return o->bound == AT_MOST ? o->value <= o->limit : o->value >= o->limit;
}

static int longer(int width, const char *text)
{
	int len = (int)strlen(text);

	return len > width ? len : width;
}

static void print_series(FILE *out, const struct series *s, int width)
{
	double sorted[BENCH_ROUNDS_MAX];
	unsigned int n = sorted_values(s, sorted);

	if (!n)
		return;
	fprintf(out, "  %-*s %6s %11.2f %11.2f %11.2f %6.0f%%", width, s->name, s->unit,
		quantile(sorted, n, 0.5), sorted[0], sorted[n - 1],
		100 * (quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25)) /
			quantile(sorted, n, 0.5));
	if (s->peer)
		fprintf(out, "  %.2f x %s", series_ratio(s, s->peer), s->peer->name);
	if (s->published)
		fprintf(out, "  lost %.2f%%", 100. * (double)s->lost / (double)s->published);
	if (s->nr_disturbed)
		fprintf(out, "  (%u of %u disturbed)", s->nr_disturbed, s->n);
	fputc('\n', out);
}

/* Points of a plot, one line for each curve. */
static void print_plot(FILE *out, const struct plot *p)
{
	const struct series_item *item, *point;

	fprintf(out, "  %s: %s, by %s\n", p->title, p->y_label, p->x_label);
	list_each(&report.series, item) {
		const struct series *s = item->series;
		bool first = true;

		if (!s->plot || strcmp(s->plot, p->name))
			continue;
		list_each(&report.series, point) {
			const struct series *t = point->series;

			if (!t->plot || strcmp(t->plot, p->name) || strcmp(t->curve, s->curve))
				continue;
			if (first && t != s)
				break; /* this curve has its line */
			if (first)
				fprintf(out, "    %s:", s->curve);
			fprintf(out, " %g: %.4g", t->x, series_median(t));
			first = false;
		}
		if (!first)
			fputc('\n', out);
	}
}

static const char *bound_sign(const struct outcome *o)
{
	return o->bound == AT_MOST ? "<=" : ">=";
}

void report_print(FILE *out)
{
	const struct series_item *item;
	const struct section *section;
	const struct outcome *o;
	const struct remark *r;
	const struct plot *p;
	const char *name = "";
	int width = 0;

	list_each(&report.series, item)
		if (!item->series->plot)
			width = longer(width, item->series->name);
	fprintf(out, "%*s %11s %11s %11s %7s  %s\n", width + 9, "", "median", "min", "max",
		"spread", "ratio");
	list_each(&report.series, item) {
		if (item->series->plot)
			continue;
		if (strcmp(name, item->series->section)) {
			name = item->series->section;
			fputs(name, out);
			list_each(&report.sections, section)
				if (!strcmp(section->name, name))
					fprintf(out, ": %s", section->title);
			fputc('\n', out);
		}
		print_series(out, item->series, width);
	}
	fprintf(out,
		"\nSpread is between the quartiles. Rounds in which something else had a core are left\n"
		"out, unless most were like that; a ratio is taken round by round.\n");
	if (report.plots.nr)
		fputs("\nplots\n", out);
	list_each(&report.plots, p)
		print_plot(out, p);
	if (report.remarks.nr)
		fputs("\nnotes\n", out);
	list_each(&report.remarks, r)
		fprintf(out, "  %s: %s\n", r->section, r->text);
	width = 0;
	list_each(&report.outcomes, o)
		width = longer(width, o->what);
	fprintf(out, "\n%-*s %9s %12s\n", width + 2, "targets", "measured", "wanted");
	list_each(&report.outcomes, o)
		fprintf(out, "  %-*s %9.2f %s %9.2f %-5s %s\n", width, o->what, o->value,
			bound_sign(o), o->limit, o->unit, outcome_met(o) ? "met" : "NOT MET");
}

bool report_part_empty(unsigned int part)
{
	unsigned int i, k;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (k = 0; k < lists[i]->nr; k++)
			if (*list_part(lists[i], k) == part)
				return false;
	return true;
}

bool report_part_missed(unsigned int part, FILE *out)
{
	const struct outcome *o;
	bool missed = false;

	list_each(&report.outcomes, o) {
		if (o->part != part || outcome_met(o))
			continue;
		fprintf(out, "ringbench: missed: %s: %s: %.4g %s, wanted %s %.4g\n", o->section,
			o->what, o->value, o->unit, bound_sign(o), o->limit);
		missed = true;
	}
	return missed;
}

unsigned int report_missed(FILE *out)
{
	const struct outcome *o;
	unsigned int missed = 0;

	list_each(&report.outcomes, o) {
		if (outcome_met(o))
			continue;
		fprintf(out, "ringbench: falls short: %s: %s: %.4g %s, wanted %s %.4g\n",
			o->section, o->what, o->value, o->unit, bound_sign(o), o->limit);
		missed++;
	}
	return missed;
}

unsigned int report_skipped(FILE *out)
{
	const struct remark *r;
	unsigned int skipped = 0;

	list_each(&report.remarks, r) {
		if (strncmp(r->text, "SKIPPED", 7))
			continue;
		fprintf(out, "ringbench: not measured: %s: %s\n", r->section, r->text);
		skipped++;
	}
	return skipped;
}
