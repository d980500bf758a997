// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON file. bench/report.py draws from it, and says what must be in it.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

/* As many digits as a measurement has; JSON knows neither NaN nor infinity. */
static struct json_object *new_double(double value)
{
	char text[32];

	if (!isfinite(value))
		return NULL;
	snprintf(text, sizeof(text), "%.7g", value);
	return json_object_new_double_s(value, text);
}

static void add_double(struct json_object *o, const char *key, double value)
{
	json_object_object_add(o, key, new_double(value));
}

static void add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

/* On one line: pretty-printed, one number a line would be most of the file. */
static struct json_object *json_rounds(const struct series *s)
{
	struct json_object *values = json_object_new_array();
	char *text = NULL;
	unsigned int i;

	for (i = 0; i < s->n; i++)
		json_object_array_add(values, new_double(s->value[i]));
	text = strdup(json_object_to_json_string_ext(values, JSON_C_TO_STRING_PLAIN));
	if (!text)
		fail("no memory for the report");
	json_object_set_serializer(values, json_object_userdata_to_json_string, text,
				   json_object_free_userdata);
	return values;
}

static struct json_object *json_series(const struct series *s)
{
	struct json_object *o = json_object_new_object();
	double sorted[BENCH_ROUNDS_MAX];
	unsigned int n = sorted_values(s, sorted);

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
		add_int(o, "published", s->published);
		add_int(o, "lost", s->lost);
	}
	if (s->plot) {
		add_string(o, "plot", s->plot);
		add_string(o, "curve", s->curve);
		add_double(o, "x", s->x);
	}
	add_int(o, "disturbed", s->nr_disturbed);
	json_object_object_add(o, "rounds", json_rounds(s));
	return o;
}

static struct json_object *json_all_series(void)
{
	struct json_object *list = json_object_new_array();
	const struct series_item *item;

	list_each(&report.series, item)
		if (item->series->n)
			json_object_array_add(list, json_series(item->series));
	return list;
}

static struct json_object *json_sections(void)
{
	struct json_object *list = json_object_new_array();
	const struct section *s;

	list_each(&report.sections, s) {
		struct json_object *o = json_object_new_object();

		add_string(o, "name", s->name);
		add_string(o, "title", s->title);
		add_string(o, "text", s->text);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *json_plots(void)
{
	struct json_object *list = json_object_new_array();
	const struct plot *p;

	list_each(&report.plots, p) {
		struct json_object *o = json_object_new_object();

		add_string(o, "section", p->section);
		add_string(o, "name", p->name);
		add_string(o, "title", p->title);
		add_string(o, "x_label", p->x_label);
		add_string(o, "y_label", p->y_label);
		add_bool(o, "log_x", p->flags & PLOT_LOG_X);
		add_bool(o, "log_y", p->flags & PLOT_LOG_Y);
		add_bool(o, "percentile_x", p->flags & PLOT_PERCENTILE_X);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *json_notes(void)
{
	struct json_object *list = json_object_new_array();
	const struct remark *r;

	list_each(&report.remarks, r) {
		struct json_object *o = json_object_new_object();

		add_string(o, "section", r->section);
		add_string(o, "text", r->text);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *json_targets(void)
{
	struct json_object *list = json_object_new_array();
	const struct outcome *t;

	list_each(&report.outcomes, t) {
		struct json_object *o = json_object_new_object();

		add_string(o, "section", t->section);
		add_string(o, "what", t->what);
		add_double(o, "value", t->value);
		add_string(o, "unit", t->unit);
		add_string(o, "bound", t->bound == AT_MOST ? "at_most" : "at_least");
		add_double(o, "limit", t->limit);
		add_bool(o, "met", outcome_met(t));
		json_object_array_add(list, o);
	}
	return list;
}

int report_json(const char *path)
{
	struct json_object *root = json_object_new_object();
	int err;

	json_object_object_add(root, "machine", machine_json());
	add_int(root, "round_ms", opt.round_ms);
	add_int(root, "rounds", opt.rounds);
	add_bool(root, "quick", opt.quick);
	json_object_object_add(root, "sections", json_sections());
	json_object_object_add(root, "plots", json_plots());
	json_object_object_add(root, "series", json_all_series());
	json_object_object_add(root, "notes", json_notes());
	json_object_object_add(root, "targets", json_targets());
	err = json_object_to_file_ext(path, root,
				      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	json_object_put(root);
	return err;
}
