/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tries a way to wait on a source of records. In each round the source publishes what a reader
 * waits for. The waiter must report it, must go on reporting it if it is level-triggered, and must
 * report nothing once the records are read.
 */
#ifndef TESTS_LIB_WAITS_H
#define TESTS_LIB_WAITS_H

#include "wait_source.h"
#include "wait_way.h"

/* What comes later than this is lost. */
static unsigned int wait_lost_ms = 30000;

/*
 * @lost: rounds that reported nothing; the run ends with the first
 * @early: reports before the mark was reached
 * @silent: reports that were missing while the records were not read
 * @repeated: reports of what had been reported, by an edge
 * @empty: reports without a record
 * @wrong: rounds with another number of records than were published
 */
struct wait_account {
	unsigned int lost;
	unsigned int early;
	unsigned int silent;
	unsigned int repeated;
	unsigned int empty;
	unsigned int wrong;
};

struct wait_run {
	struct wait_source *src;
	const struct wait_mark *mark;
	const struct wait_way *way;
	unsigned int nr_readers;
	unsigned int nr_waiting;
	struct wait_reader r[2];
	struct waiting w[2];
	struct wait_account a;
};

static inline struct wait_reader *wait_reader_of(struct wait_run *run, unsigned int i)
{
	return &run->r[i < run->nr_readers ? i : 0];
}

/* One of two exclusive waiters on one open file is enough. */
static inline bool wait_one_is_enough(const struct wait_run *run)
{
	return run->way->leaf & EPOLLEXCLUSIVE && run->nr_readers < run->nr_waiting;
}

/* Waits for the reports of this round. */
static inline void wait_for_reports(struct wait_run *run, uint64_t began)
{
	unsigned int i, reported = 0;

	for (i = 0; i < run->nr_waiting; i++)
		reported += waiting_wait(&run->w[i],
					 reported && wait_one_is_enough(run) ? 0 : wait_lost_ms);
	run->a.lost += reported < (wait_one_is_enough(run) ? 1 : run->nr_waiting);
	if (run->mark->timeout_ns && !run->src->kind->early)
		run->a.early += now_ns() - began < run->mark->timeout_ns;
}

static inline void wait_check_repeated(struct wait_run *run)
{
	unsigned int i;
	bool again;

	if (run->way->flags & (WAY_LATE | WAY_MODIFY | WAY_REMOVE) || run->nr_waiting > 1)
		return;
	/* Each of two descriptors is told, and the waiter may wake between the two. */
	if (run->way->flags & WAY_BOTH && run->w[0].dup >= 0)
		return;
	for (i = 0; i < run->nr_waiting; i++) {
		again = waiting_wait(&run->w[i], 0);
		if (wait_is_level(run->way))
			run->a.silent += !again;
		else
			run->a.repeated += again && !wait_may_be_stale(run->way);
	}
}

/* Reads all; afterwards nothing is reported. */
static inline void wait_check_drained(struct wait_run *run, unsigned int nr)
{
	unsigned int i, n;

	for (i = 0; i < run->nr_readers; i++) {
		n = run->src->kind->drain(&run->r[i]);
		/* A timeout that passed before the record came is told, too. */
		while (!n && run->src->kind->early && run->mark->timeout_ns) {
			run->a.lost += !waiting_wait(&run->w[i], wait_lost_ms);
			n = run->src->kind->drain(&run->r[i]);
			if (run->a.lost)
				return;
		}
		run->a.wrong += n != nr;
	}
	if (run->src->kind->early && run->mark->timeout_ns)
		return;
	for (i = 0; i < run->nr_waiting; i++)
		run->a.empty += waiting_wait(&run->w[i], 0) && !wait_may_be_stale(run->way);
}

static inline void wait_open_all(struct wait_run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_waiting; i++)
		waiting_open(&run->w[i], run->way, wait_reader_of(run, i)->fd);
}

static inline void wait_rearm_all(struct wait_run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_waiting; i++)
		waiting_rearm(&run->w[i]);
}

/* With @sleep the records come when the waiter has gone to sleep, else before. */
static inline void wait_round(struct wait_run *run, bool first, bool sleep)
{
	unsigned int i, nr = run->mark->timeout_ns ? 1 : run->mark->records;
	bool late = first && run->way->flags & WAY_LATE;
	uint64_t began = now_ns();

	if (sleep) {
		wait_rearm_all(run);
		wait_publish_later(run->src, nr);
	} else if (late) {
		wait_publish(run->src, nr);
		wait_open_all(run);
	} else {
		wait_publish(run->src, nr - 1);
		for (i = 0; nr > 1 && i < run->nr_waiting; i++)
			run->a.early += waiting_wait(&run->w[i], 0);
		began = now_ns();
		wait_publish(run->src, 1);
		wait_rearm_all(run);
	}
	wait_for_reports(run, began);
	wait_published(run->src);
	if (run->a.lost)
		return;
	wait_check_repeated(run);
	wait_check_drained(run, nr);
}

static inline void wait_try_mark(struct wait_run *run, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < run->nr_readers; i++) {
		wait_reader_open(&run->r[i], run->src, run->mark);
		run->r[i].one_call = run->way->flags & WAY_ONE_CALL;
	}
	for (i = 0; i < run->nr_readers; i++)
		run->src->kind->drain(&run->r[i]);
	if (!(run->way->flags & WAY_LATE))
		wait_open_all(run);
	for (i = 0; i < rounds && !run->a.lost; i++) {
		if (i == rounds / 2 && run->way->flags & WAY_BOTH) {
			close(run->w[0].dup);
			run->w[0].dup = -1;
		}
		wait_round(run, !i, i % 2);
	}
	for (i = 0; i < run->nr_waiting; i++)
		waiting_close(&run->w[i]);
	for (i = 0; i < run->nr_readers; i++) {
		run->a.wrong += run->r[i].bad;
		wait_reader_close(&run->r[i]);
	}
}

/* True if the kernel lets this source and this way go together. */
static inline bool wait_fits(const struct wait_backend *kind, const struct wait_way *way)
{
	return !(kind->nested && way->leaf & EPOLLEXCLUSIVE) &&
	       !(kind->one_reader && way->flags & WAY_TWO_READERS) &&
	       !(way->flags & WAY_ONE_CALL && !kind->by_call);
}

static inline void wait_run_init(struct wait_run *run, struct wait_source *s,
				 const struct wait_mark *mark, const struct wait_way *way)
{
	memset(run, 0, sizeof(*run));
	run->mark = mark;
	run->way = way;
	run->src = s;
	run->nr_readers = way->flags & WAY_TWO_READERS ? 2 : 1;
	run->nr_waiting = way->flags & (WAY_TWO_READERS | WAY_TWICE) ? 2 : 1;
}

/* True if this kernel has what the way needs; else skips the check @name. */
static inline bool wait_has_way(const struct wait_way *way, const char *name)
{
	struct uring uring;
	int err;

	if (!wait_uses_uring(way))
		return true;
	err = uring_open(&uring, 8, way->setup);
	if (err)
		t_skip(name, "io_uring_setup: %s", strerror(-err));
	else
		uring_close(&uring);
	return !err;
}

/* Tries a way on a source, with each mark: one check. */
static inline void wait_try(struct wait_source *s, const struct wait_way *way, unsigned int rounds)
{
	const struct wait_backend *kind = s->kind;
	struct wait_run run;
	struct wait_account *a = &run.a;
	unsigned int i;
	char name[128];
	bool good = true;

	if (!wait_fits(kind, way))
		return;
	snprintf(name, sizeof(name), "waits, %s: %s", kind->name, way->name);
	if (!wait_has_way(way, name))
		return;
	for (i = 0; i < sizeof(wait_marks) / sizeof(*wait_marks) && good; i++) {
		if (!(kind->marks >> i & 1))
			continue;
		wait_run_init(&run, s, &wait_marks[i], way);
		/* A reader that is gone leaves its threshold behind, which wakes once. */
		if (kind->early) {
			wait_source_close(s);
			wait_source_open(s, kind);
		}
		wait_try_mark(&run, rounds);
		good = !(a->lost | a->early | a->silent | a->repeated | a->empty | a->wrong);
	}
	t_check(good, name,
		"%s: %u lost, %u early, %u silent, %u repeated, %u empty, %u wrong in %u rounds",
		run.mark->name, a->lost, a->early, a->silent, a->repeated, a->empty, a->wrong,
		rounds);
}

#endif /* TESTS_LIB_WAITS_H */
