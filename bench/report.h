/* SPDX-License-Identifier: GPL-2.0-only */
/* What the report consists of: shared by what prints it and what writes its JSON file. */
#ifndef RINGBENCH_REPORT_H
#define RINGBENCH_REPORT_H

#include "bench.h"

struct json_object;

/*
 * Elements stand in the order of their parts, and within a part in the order in which
 * they came, also when a part was measured again. Each begins with its part.
 */
struct list {
	size_t size; /* of an element */
	unsigned int nr;
	unsigned int max;
	void *items;
};

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

struct series_item {
	unsigned int part;
	struct series *series;
};

struct section {
	unsigned int part;
	const char *name;
	const char *title;
	const char *text;
};

struct plot {
	unsigned int part;
	const char *section;
	const char *name;
	const char *title;
	const char *x_label;
	const char *y_label;
	unsigned int flags;
};

struct outcome {
	unsigned int part;
	const char *section;
	const char *what;
	const char *unit;
	enum bound bound;
	double value;
	double limit;
};

struct remark {
	unsigned int part;
	const char *section;
	const char *text;
};

struct report {
	struct list series;
	struct list sections;
	struct list plots;
	struct list outcomes;
	struct list remarks;
};

extern struct report report;

#define list_each(list, item)                                                                     \
	for ((item) = (list)->items; (item) && (item) < (typeof(item))(list)->items + (list)->nr; \
	     (item)++)

/* The q-quantile of @n sorted values; NAN of none. */
double quantile(const double *sorted, unsigned int n, double q);
/* Sorts the undisturbed values into @out; all of them when those are too few. */
unsigned int sorted_values(const struct series *s, double *out);
bool outcome_met(const struct outcome *o);

/* What was measured, on what, and with what. */
struct json_object *machine_json(void);

#endif
