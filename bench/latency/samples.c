// SPDX-License-Identifier: GPL-2.0-only
/*
 * Latencies in a histogram of GSL's, from which quantiles are taken.
 */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_histogram.h>
#include <math.h>
#include <stdlib.h>

#include "latency.h"

#define BIN_SHARE 0.01 /* of a latency: no bin need be narrower */
#define LONGEST	  10e9 /* ns; whatever takes longer counts as that */

struct samples {
	gsl_histogram *h;
	double max;
	uint64_t n;
};

/*
 * The clock may go in steps of many ticks. Differences are multiples of a step, and
 * bins no narrower than that, with the multiples in their middle, spread them evenly.
 */
static double step_ns(void)
{
	uint64_t step = 0, before, a, b;
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		before = ticks();
		for (a = ticks() - before, b = step; a; a = b % a, b = before)
			before = a;
		step = b;
	}
	return (double)(step ? step : 1) * ns_per_tick();
}

struct samples *samples_new(void)
{
	static double *edges;
	static size_t nr;
	struct samples *s = calloc(1, sizeof(*s));
	double edge, step;

	if (!nr) {
		step = step_ns();
		/* Half a step below 0: there the clock has not moved on. */
		for (edge = -step / 2; edge < LONGEST;
		     edge += step * ceil(fmax(1, edge * BIN_SHARE / step))) {
			edges = reallocarray(edges, nr + 2, sizeof(*edges));
			if (!edges)
				fail("no memory for a histogram");
			edges[nr++] = edge;
		}
		edges[nr++] = edge;
	}
	gsl_set_error_handler_off();
	if (!s)
		fail("no memory for samples");
	s->h = gsl_histogram_alloc(nr - 1);
	if (!s->h || gsl_histogram_set_ranges(s->h, edges, nr))
		fail("no histogram of %zu bins", nr - 1);
	return s;
}

void samples_free(struct samples *s)
{
	gsl_histogram_free(s->h);
	free(s);
}

void samples_clear(struct samples *s)
{
	gsl_histogram_reset(s->h);
	s->max = 0;
	s->n = 0;
}

void samples_add(struct samples *s, double ns)
{
	s->n++;
	s->max = fmax(s->max, ns);
	if (gsl_histogram_increment(s->h, fmin(ns, LONGEST)))
		wrong("latency: %g ns is no latency", ns);
}

void samples_join(struct samples *s, const struct samples *from)
{
	gsl_histogram_add(s->h, from->h);
	s->max = fmax(s->max, from->max);
	s->n += from->n;
}

uint64_t samples_count(const struct samples *s)
{
	return s->n;
}

double samples_quantile(const struct samples *s, double q)
{
	gsl_histogram_pdf *pdf;
	double value;

	if (!s->n)
		return NAN;
	if (q >= 1)
		return s->max;
	pdf = gsl_histogram_pdf_alloc(gsl_histogram_bins(s->h));
	if (!pdf || gsl_histogram_pdf_init(pdf, s->h))
		fail("no memory for quantiles");
	/* It inverts the distribution; that is what a random sample is made with. */
	value = gsl_histogram_pdf_sample(pdf, q);
	gsl_histogram_pdf_free(pdf);
	return fmin(value, s->max);
}
