// SPDX-License-Identifier: GPL-2.0-only
/*
 * Series of measurements, the table of them and the JSON file.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "bench.h"

#define SERIES_MAX   4096
#define TARGETS_MAX  256
#define NOTES_MAX    256
#define SECTIONS_MAX 64
#define PLOTS_MAX    64

struct series {
	const char *section;
	const char *name;
	const char *unit;
	const struct series *peer;
	const char *plot;
	const char *curve;
	double x;
	uint64_t published;
	uint64_t lost;
	unsigned int n;
	unsigned int nr_disturbed;
	double value[BENCH_ROUNDS_MAX];
	bool disturbed[BENCH_ROUNDS_MAX];
};

struct section {
	const char *name;
	const char *title;
	const char *text;
};

struct plot {
	const char *section;
	const char *name;
	const char *title;
	const char *x_label;
	const char *y_label;
	unsigned int flags;
};

struct outcome {
	const char *section;
	const char *what;
	const char *unit;
	enum bound bound;
	double value;
	double limit;
};

struct remark {
	const char *section;
	char text[200];
};

static struct series *all_series[SERIES_MAX];
static struct outcome outcomes[TARGETS_MAX];
static struct remark remarks[NOTES_MAX];
static struct section sections[SECTIONS_MAX];
static struct plot plots[PLOTS_MAX];
static unsigned int nr_series, nr_outcomes, nr_remarks, nr_sections, nr_plots;

void section_describe(const char *section, const char *title, const char *text)
{
	if (nr_sections == SECTIONS_MAX)
		fail("too many sections");
	sections[nr_sections++] = (struct section) { section, title, text };
}

void plot_describe(const char *section, const char *plot, const char *title, const char *x_label,
		   const char *y_label, unsigned int flags)
{
	if (nr_plots == PLOTS_MAX)
		fail("too many plots");
	plots[nr_plots++] = (struct plot) { section, plot, title, x_label, y_label, flags };
}

const char *keep(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		fail("no memory");
	va_end(args);
	return text;
}

struct series *series_new(const char *section, const char *name, const char *unit)
{
	struct series *s = calloc(1, sizeof(*s));

	if (!s || nr_series == SERIES_MAX)
		fail("no memory for a series");
	s->section = section;
	s->name = name;
	s->unit = unit;
	all_series[nr_series++] = s;
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

/* Of sorted values, between neighbours in proportion. */
static double quantile(const double *sorted, unsigned int n, double q)
{
	double at;
	unsigned int i;

	if (!n)
		return NAN;
	at = q * (n - 1);
	i = (unsigned int)at;
	return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* Sorts the undisturbed values into @out; all of them when those are too few. */
static unsigned int sorted_values(const struct series *s, double *out)
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
	if (nr_outcomes == TARGETS_MAX)
		fail("too many targets");
	outcomes[nr_outcomes++] = (struct outcome) { section, what, unit, bound, value, limit };
}

void note(const char *section, const char *fmt, ...)
{
	va_list args;

	if (nr_remarks == NOTES_MAX)
		fail("too many notes");
	remarks[nr_remarks].section = section;
	va_start(args, fmt);
	vsnprintf(remarks[nr_remarks].text, sizeof(remarks[0].text), fmt, args);
	va_end(args);
	nr_remarks++;
}

static bool met(const struct outcome *o)
{
	return o->bound == AT_MOST ? o->value <= o->limit : o->value >= o->limit;
}

void report_print(FILE *out)
{
	double sorted[BENCH_ROUNDS_MAX];
	const char *section = "";
	unsigned int i, n;

	fprintf(out, "%-46s %9s %9s %9s %7s  %s\n", "", "median", "min", "max", "spread", "ratio");
	for (i = 0; i < nr_series; i++) {
		const struct series *s = all_series[i];

		if (strcmp(section, s->section)) {
			section = s->section;
			fprintf(out, "%s\n", section);
		}
		n = sorted_values(s, sorted);
		if (!n)
			continue;
		fprintf(out, "  %-37s %6s %9.2f %9.2f %9.2f %6.0f%%", s->name, s->unit,
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
	fprintf(out,
		"\nSpread is between the quartiles. Rounds in which something else had a core are left\n"
		"out, unless most were like that; a ratio is taken round by round.\n");
	for (i = 0; i < nr_remarks; i++)
		fprintf(out, "%s: %s\n", remarks[i].section, remarks[i].text);
	fprintf(out, "\n%-59s %9s %12s\n", "targets", "measured", "wanted");
	for (i = 0; i < nr_outcomes; i++) {
		const struct outcome *o = &outcomes[i];

		fprintf(out, "  %-57s %9.2f %s %9.2f %-5s %s\n", o->what, o->value,
			o->bound == AT_MOST ? "<=" : ">=", o->limit, o->unit,
			met(o) ? "met" : "NOT MET");
	}
}

unsigned int report_missed(FILE *out)
{
	unsigned int i, missed = 0;

	for (i = 0; i < nr_outcomes; i++) {
		if (met(&outcomes[i]))
			continue;
		fprintf(out, "ringbench: falls short: %s: %.2f %s, wanted %s %.2f\n",
			outcomes[i].what, outcomes[i].value, outcomes[i].unit,
			outcomes[i].bound == AT_MOST ? "at most" : "at least", outcomes[i].limit);
		missed++;
	}
	return missed;
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_double(struct json_object *o, const char *key, double value)
{
	json_object_object_add(o, key, isfinite(value) ? json_object_new_double(value) : NULL);
}

static struct json_object *json_machine(void)
{
	struct json_object *o = json_object_new_object();
	char line[256], model[256] = "unknown", date[64];
	FILE *info = fopen("/proc/cpuinfo", "re");
	time_t now = time(NULL);
	struct utsname name;
	struct tm tm;

	while (info && fgets(line, sizeof(line), info)) {
		if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
			snprintf(model, sizeof(model), "%s", strchr(line, ':') + 2);
			model[strcspn(model, "\n")] = 0;
			break;
		}
	}
	if (info)
		fclose(info);
	add_string(o, "cpu", model);
	if (!uname(&name)) {
		snprintf(line, sizeof(line), "%s %s %s", name.sysname, name.release, name.machine);
		add_string(o, "kernel", line);
	}
#ifdef __clang__
	add_string(o, "compiler", "clang " __clang_version__);
#else
	add_string(o, "compiler", "gcc " __VERSION__);
#endif
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	add_string(o, "date", date);
	json_object_object_add(o, "writer_cpu", json_object_new_int(opt.cpu[0]));
	json_object_object_add(o, "reader_cpu", json_object_new_int(opt.cpu[1]));
	return o;
}

static struct json_object *json_series(const struct series *s)
{
	struct json_object *o = json_object_new_object();
	struct json_object *values = json_object_new_array();
	double sorted[BENCH_ROUNDS_MAX];
	unsigned int i, n = sorted_values(s, sorted);

	add_string(o, "section", s->section);
	add_string(o, "name", s->name);
	add_string(o, "unit", s->unit);
	add_double(o, "median", quantile(sorted, n, 0.5));
	add_double(o, "q1", quantile(sorted, n, 0.25));
	add_double(o, "q3", quantile(sorted, n, 0.75));
	add_double(o, "min", quantile(sorted, n, 0));
	add_double(o, "max", quantile(sorted, n, 1));
	if (s->peer) {
		add_string(o, "peer", s->peer->name);
		add_double(o, "ratio", series_ratio(s, s->peer));
	}
	if (s->published) {
		json_object_object_add(o, "published", json_object_new_int64((int64_t)s->published));
		json_object_object_add(o, "lost", json_object_new_int64((int64_t)s->lost));
	}
	if (s->plot) {
		add_string(o, "plot", s->plot);
		add_string(o, "curve", s->curve);
		add_double(o, "x", s->x);
	}
	json_object_object_add(o, "disturbed", json_object_new_int((int)s->nr_disturbed));
	for (i = 0; i < s->n; i++)
		json_object_array_add(values, json_object_new_double(s->value[i]));
	json_object_object_add(o, "rounds", values);
	return o;
}

static struct json_object *json_sections(void)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < nr_sections; i++) {
		struct json_object *o = json_object_new_object();

		add_string(o, "name", sections[i].name);
		add_string(o, "title", sections[i].title);
		add_string(o, "text", sections[i].text);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *json_plots(void)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < nr_plots; i++) {
		struct json_object *o = json_object_new_object();

		add_string(o, "section", plots[i].section);
		add_string(o, "name", plots[i].name);
		add_string(o, "title", plots[i].title);
		add_string(o, "x_label", plots[i].x_label);
		add_string(o, "y_label", plots[i].y_label);
		json_object_object_add(o, "log_x",
				       json_object_new_boolean(plots[i].flags & PLOT_LOG_X));
		json_object_object_add(o, "log_y",
				       json_object_new_boolean(plots[i].flags & PLOT_LOG_Y));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *json_notes(void)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < nr_remarks; i++) {
		struct json_object *o = json_object_new_object();

		add_string(o, "section", remarks[i].section);
		add_string(o, "text", remarks[i].text);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *json_targets(void)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < nr_outcomes; i++) {
		struct json_object *o = json_object_new_object();

		add_string(o, "section", outcomes[i].section);
		add_string(o, "what", outcomes[i].what);
		add_double(o, "value", outcomes[i].value);
		add_string(o, "unit", outcomes[i].unit);
		add_string(o, "bound", outcomes[i].bound == AT_MOST ? "at_most" : "at_least");
		add_double(o, "limit", outcomes[i].limit);
		json_object_object_add(o, "met", json_object_new_boolean(met(&outcomes[i])));
		json_object_array_add(list, o);
	}
	return list;
}

int report_json(const char *path)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	unsigned int i;
	int err;

	json_object_object_add(root, "machine", json_machine());
	json_object_object_add(root, "round_ms", json_object_new_int((int)opt.round_ms));
	json_object_object_add(root, "rounds", json_object_new_int((int)opt.rounds));
	json_object_object_add(root, "quick", json_object_new_boolean(opt.quick));
	json_object_object_add(root, "sections", json_sections());
	json_object_object_add(root, "plots", json_plots());
	for (i = 0; i < nr_series; i++)
		json_object_array_add(list, json_series(all_series[i]));
	json_object_object_add(root, "series", list);
	json_object_object_add(root, "notes", json_notes());
	json_object_object_add(root, "targets", json_targets());
	err = json_object_to_file_ext(path, root, JSON_C_TO_STRING_PRETTY);
	json_object_put(root);
	return err;
}
