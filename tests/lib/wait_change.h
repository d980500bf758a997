/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes what a reader waits for, while it waits: its mark, and its place. Each change makes the
 * reader ready, at once or with the next record, and every way to wait must notice.
 */
#ifndef TESTS_LIB_WAIT_CHANGE_H
#define TESTS_LIB_WAIT_CHANGE_H

#include "wait_table.h"

/* Never so many. */
static const struct wait_mark wait_never = { "1000 records", 1000, 0 };

/*
 * A change.
 *
 * @before: what the reader waits for at first
 * @published: records before the change
 * @seek: it is a seek: to the oldest record, or behind the newest
 * @after: or this mark
 * @left: records after the change, of which the last one makes the reader ready; 0: the change
 *	does
 */
struct wait_change {
	const char *name;
	const struct wait_mark *before;
	unsigned int published;
	enum { WAIT_MARK, WAIT_OLDEST, WAIT_HEAD } kind;
	const struct wait_mark *after;
	unsigned int left;
};

static const struct wait_change wait_changes[] = {
	{ "a lower mark, then a record", &wait_never, 0, WAIT_MARK, &wait_marks[0], 1 },
	{ "a lower mark than what is there", &wait_never, 5, WAIT_MARK, &wait_marks[0], 0 },
	{ "a lower mark, met later", &wait_never, 2, WAIT_MARK, &wait_marks[1], 3 },
	{ "a higher mark", &wait_marks[0], 0, WAIT_MARK, &wait_marks[1], 5 },
	{ "a timeout", &wait_never, 1, WAIT_MARK, &wait_marks[2], 0 },
	{ "a timeout, then a record", &wait_never, 0, WAIT_MARK, &wait_marks[2], 1 },
	{ "a seek to the oldest record", &wait_marks[0], 0, WAIT_OLDEST, NULL, 0 },
	{ "a seek behind the newest record", &wait_marks[0], 5, WAIT_HEAD, NULL, 1 },
};

/* @got: records that each reader has read */
struct wait_changing {
	struct wait_run run;
	const struct wait_change *c;
	unsigned int got[2];
};

/* For wait_act_later(). */
static inline void wait_change_now(void *arg)
{
	struct wait_changing *a = arg;
	const struct wait_backend *kind = a->run.src->kind;
	unsigned int i;

	for (i = 0; i < a->run.nr_readers; i++) {
		if (a->c->kind == WAIT_MARK) {
			kind->set_mark(&a->run.r[i], a->c->after);
			continue;
		}
		kind->seek(&a->run.r[i], a->c->kind == WAIT_OLDEST);
		a->run.r[i].seq = 0;
	}
}

static inline bool wait_change_drain(struct wait_changing *a, unsigned int nr)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < a->run.nr_readers; i++) {
		a->got[i] += a->run.src->kind->drain(&a->run.r[i]);
		all &= a->got[i] >= nr;
	}
	return all;
}

/* True if a report without a reason is no fault. */
static inline bool wait_wakes_early(const struct wait_run *run)
{
	return run->src->kind->early || wait_may_be_stale(run->way);
}

/* Nothing is to be reported now, unless @allowed. Whoever is told reads all that is there. */
static inline void wait_check_quiet(struct wait_changing *a, bool allowed)
{
	bool told = false;
	unsigned int i;

	for (i = 0; i < a->run.nr_waiting; i++)
		told |= waiting_wait(&a->run.w[i], 0);
	if (!told)
		return;
	a->run.a.early += !allowed && !wait_wakes_early(&a->run);
	wait_change_drain(a, 0);
	wait_rearm_all(&a->run);
}

/* Waits and reads like an event loop until each reader has @nr records. */
static inline void wait_for_records(struct wait_changing *a, unsigned int nr)
{
	struct wait_run *run = &a->run;
	unsigned int i;
	bool all;

	do {
		wait_for_reports(run, 0);
		wait_published(run->src);
		all = wait_change_drain(a, nr);
		run->a.empty += !all && !wait_wakes_early(run);
		if (!all)
			wait_rearm_all(run);
	} while (!all && !run->a.lost && !run->a.empty);
	for (i = 0; i < run->nr_readers; i++)
		run->a.wrong += a->got[i] != nr;
}

/* Return: how many records each reader reads after the change. */
static inline unsigned int wait_change_open(struct wait_changing *a)
{
	const struct wait_backend *kind = a->run.src->kind;
	unsigned int i, nr = a->c->published + a->c->left;

	wait_publish(a->run.src, 1);
	for (i = 0; i < a->run.nr_readers; i++) {
		wait_reader_open(&a->run.r[i], a->run.src, a->c->before);
		a->run.r[i].one_call = a->run.way->flags & WAY_ONE_CALL;
		kind->drain(&a->run.r[i]);
		if (a->c->kind == WAIT_MARK)
			continue;
		/* What the ring has is read again after the seek to its oldest record. */
		kind->seek(&a->run.r[i], true);
		a->run.r[i].seq = 0;
		nr = a->c->kind == WAIT_OLDEST ? kind->drain(&a->run.r[i]) : a->c->left;
		kind->drain(&a->run.r[i]);
	}
	wait_open_all(&a->run);
	return nr;
}

/* With @sleep, the change comes from another thread when the waiter has gone to sleep. */
static inline void wait_change_round(struct wait_changing *a, bool sleep)
{
	const struct wait_change *c = a->c;
	struct wait_source *s = a->run.src;
	unsigned int i, nr = wait_change_open(a), last = c->left ? 1 : 0;

	wait_check_quiet(a, false);
	wait_publish(s, c->published);
	if (c->kind == WAIT_MARK)
		wait_check_quiet(a, false);
	if (sleep && !c->left) {
		wait_act_later(s, 0, wait_change_now, a);
	} else {
		wait_change_now(a);
		if (c->left)
			wait_check_quiet(a, c->kind == WAIT_HEAD);
		if (c->left > 1) {
			wait_publish(s, c->left - 1);
			wait_check_quiet(a, false);
		}
		/* A reader that was woken early, and has read, waits for as many again. */
		if (c->kind == WAIT_MARK && c->left && (a->got[0] || a->got[1]))
			last = c->after->records;
		nr += last - (c->left ? 1 : 0);
		if (sleep)
			wait_publish_later(s, last);
		else
			wait_publish(s, last);
	}
	wait_for_records(a, nr);
	for (i = 0; i < a->run.nr_waiting; i++)
		waiting_close(&a->run.w[i]);
	for (i = 0; i < a->run.nr_readers; i++) {
		a->run.a.wrong += a->run.r[i].bad;
		wait_reader_close(&a->run.r[i]);
	}
}

/* Tries all changes on a source, by one way: one check. */
static inline void wait_change_try(struct wait_source *s, const struct wait_way *way)
{
	const struct wait_backend *kind = s->kind;
	struct wait_changing a;
	const struct wait_account *t = &a.run.a;
	const char *how = "";
	unsigned int i;
	char name[128];
	bool good = true;

	if (!wait_fits(kind, way))
		return;
	snprintf(name, sizeof(name), "waits, changes, %s: %s", kind->name, way->name);
	if (!wait_has_way(way, name))
		return;
	for (i = 0; i < 2 * sizeof(wait_changes) / sizeof(*wait_changes) && good; i++) {
		memset(&a, 0, sizeof(a));
		a.c = &wait_changes[i / 2];
		if (a.c->kind == WAIT_MARK ? !kind->set_mark : !kind->seek)
			continue;
		how = i % 2 ? ", from another thread" : "";
		wait_run_init(&a.run, s, &wait_marks[0], way);
		/* A reader that is gone leaves its threshold behind, which wakes once. */
		if (kind->early) {
			wait_source_close(s);
			wait_source_open(s, kind);
		}
		wait_change_round(&a, i % 2);
		good = !(t->lost | t->early | t->empty | t->wrong);
	}
	t_check(good, name, "%s%s: %u lost, %u early, %u empty, %u wrong", a.c->name, how, t->lost,
		t->early, t->empty, t->wrong);
}

static inline void wait_change_all(const struct wait_backend *kind)
{
	struct wait_source s;
	size_t i;

	wait_source_open(&s, kind);
	for (i = 0; i < sizeof(wait_ways) / sizeof(*wait_ways); i++)
		if (!wait_only || strstr(wait_ways[i].name, wait_only))
			wait_change_try(&s, &wait_ways[i]);
	wait_source_close(&s);
}

#endif /* TESTS_LIB_WAIT_CHANGE_H */
