// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds of one sender and one reader, and what is reported of them.
 */
#include <stdlib.h>
#include <string.h>

#include "latency.h"

/* So many samples above it, and a percentile is no accident. */
#define SAMPLES_ABOVE 10u
#define LEAD_NS	      200000u /* from the start of a round to its first record */
#define IDLE_MAX      3u      /* looks in vain, when all was sent */

const double percentiles[NR_PERCENTILES] = { 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100 };

void arrived(struct contender *c, uint64_t due)
{
	uint64_t now = ticks(), n = c->arrived - c->first;

	if (n >= c->records || due != schedule_due(&c->schedule, n))
		wrong("latency: %s: record %llu is not what was sent", c->kind->name,
		      (unsigned long long)c->arrived);
	if (now < due)
		fail("the clocks of cores %d and %d disagree", opt.cpu[0], opt.cpu[1]);
	c->ticks[n] = now - due;
	c->arrived++;
}

void arrived_up_to(struct contender *c, uint64_t end)
{
	if (end <= c->arrived)
		wrong("latency: %s: %llu records, and there were %llu", c->kind->name,
		      (unsigned long long)end, (unsigned long long)c->arrived);
	while (c->arrived < end)
		arrived(c, next_due(c));
}

static void read_round(void *arg)
{
	struct contender *c = arg;
	uint64_t end = c->first + c->records, before;
	unsigned int idle = 0;
	struct watch w;
	bool sent;

	watch_start(&w);
	__atomic_store_n(&c->ready, 1, __ATOMIC_RELEASE);
	while (c->arrived < end) {
		before = c->arrived;
		/* Not each time: the line is the sender's. */
		sent = idle && __atomic_load_n(&c->sent, __ATOMIC_ACQUIRE) == end;
		c->kind->receive(c);
		if (c->arrived != before)
			idle = 0;
		else if (!idle || sent)
			idle++;
		if (idle > IDLE_MAX)
			wrong("latency: %s: %llu of %llu records came", c->kind->name,
			      (unsigned long long)(c->arrived - c->first),
			      (unsigned long long)c->records);
	}
	c->disturbed = !c->sleeps && watch_disturbed(&w);
}

static bool scheduled_round(void *arg)
{
	struct contender *c = arg;
	uint64_t i, due;
	struct watch w;
	bool disturbed;

	c->first = c->sent;
	c->schedule.start = ticks() + (uint64_t)(LEAD_NS / ns_per_tick());
	c->ready = 0;
	other_start(read_round, c);
	while (!__atomic_load_n(&c->ready, __ATOMIC_ACQUIRE))
		cpu_relax();
	watch_start(&w);
	for (i = 0; i < c->records; i++) {
		due = schedule_due(&c->schedule, i);
		while (ticks() < due)
			;
		c->kind->send(c, due);
		__atomic_store_n(&c->sent, c->sent + 1, __ATOMIC_RELEASE);
	}
	disturbed = watch_disturbed(&w);
	other_wait();
	return disturbed || c->disturbed;
}

/* Return: whether nothing disturbed it. */
static bool one_round(struct contender *c)
{
	bool clean = undisturbed(c->kind->round ? c->kind->round : scheduled_round, c);
	uint64_t i;

	samples_clear(c->round);
	for (i = 0; i < c->records; i++)
		samples_add(c->round, (double)c->ticks[i] * ns_per_tick());
	return clean;
}

static struct contender *contender_new(const struct trial *trial, const struct entry *entry)
{
	struct contender *c = aligned_alloc(128, (sizeof(*c) + 127) & ~127ull);

	if (!c)
		fail("no memory");
	memset(c, 0, sizeof(*c));
	c->kind = entry->kind;
	c->variant = entry->variant;
	c->schedule.gap = (uint64_t)((double)trial->gap_ns / ns_per_tick());
	c->schedule.spread = (uint64_t)((double)trial->spread_ns / ns_per_tick());
	c->records = trial->records;
	c->sleeps = trial->sleeps;
	c->round = samples_new();
	c->total = samples_new();
	c->ticks = calloc(c->records, sizeof(*c->ticks));
	if (!c->ticks)
		fail("no memory for %llu samples", (unsigned long long)c->records);
	c->kind->open(c);
	return c;
}

/* Of all rounds together: the rare ones need them all. */
static void report_tail(const struct trial *trial, const struct entry *entry,
			const struct contender *c)
{
	struct series *s;
	unsigned int i;

	for (i = 0; i < NR_PERCENTILES; i++) {
		double p = percentiles[i];

		if (p < 100 && (double)samples_count(c->total) * (1 - p / 100) < SAMPLES_ABOVE)
			continue;
		s = series_new(trial->section, keep("%s, p%g of all rounds", entry->name, p), "ns");
		series_add(s, samples_quantile(c->total, p / 100), false);
		series_point(s, trial->section, entry->name, p);
	}
}

void run_trial(const struct trial *trial, const struct entry *entries, unsigned int nr)
{
	struct contender *c[16];
	unsigned int i, k;
	bool clean;

	if (nr > sizeof(c) / sizeof(c[0]))
		fail("too many contenders");
	for (k = 0; k < nr; k++) {
		c[k] = contender_new(trial, &entries[k]);
		trial->p50[k] = series_new(trial->section, keep("%s, p50", entries[k].name), "ns");
		trial->p99[k] = series_new(trial->section, keep("%s, p99", entries[k].name), "ns");
		/* The first round of each only touches the pages. */
		one_round(c[k]);
	}
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < nr; k++) {
			clean = one_round(c[k]);
			series_add(trial->p50[k], samples_quantile(c[k]->round, 0.5), !clean);
			series_add(trial->p99[k], samples_quantile(c[k]->round, 0.99), !clean);
			series_account(trial->p50[k], c[k]->records, 0);
			samples_join(c[k]->total, c[k]->round);
		}
	}
	for (k = 0; k < nr; k++) {
		if (k) {
			series_compare(trial->p50[k], trial->p50[0]);
			series_compare(trial->p99[k], trial->p99[0]);
		}
		report_tail(trial, &entries[k], c[k]);
		c[k]->kind->close(c[k]);
		samples_free(c[k]->round);
		samples_free(c[k]->total);
		free(c[k]->ticks);
		free(c[k]);
	}
	note(trial->section,
	     "%u rounds of %llu records, one each %g us on the average, %g us more or less; every "
	     "record is checked, none may be lost",
	     opt.rounds, (unsigned long long)trial->records, (double)trial->gap_ns / 1e3,
	     (double)trial->spread_ns / 1e3);
}
