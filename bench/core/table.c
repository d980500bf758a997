// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of contenders that move records: each row is opened, takes its turns, and is
 * closed.
 */
#include <stdlib.h>

#include "stream.h"

#define PACE_TRIES    10u
#define PACE_DELIVERS 0.95 /* of what is published has been read when the writer stops */

static bool kept_up(const struct stream_round *r)
{
	return !r->lost && r->delivered * r->writer_ns / 1e3 >= PACE_DELIVERS;
}

/*
 * Flat out, if that loses nothing. Else first at the pace that the reader could keep, then
 * more slowly until it keeps up. A disturbed round must not lose anything
 * either. If there is no such pace, nothing counts as delivered.
 */
static void run_paced(struct stream *s, struct stream_round *r)
{
	double pace_ns = 0;
	unsigned int i;

	for (i = 0; i < PACE_TRIES; i++) {
		r->gap_ns = pace_ns;
		stream_run(s, r);
		if (!r->lost && (r->disturbed || kept_up(r)))
			return;
		if (i)
			pace_ns *= 1.1;
		else
			pace_ns = r->delivered > 0 ? 1e3 / r->delivered : r->writer_ns;
	}
	r->disturbed = 1;
	if (r->lost)
		r->delivered = 0;
}

void row_report(struct row_contender *c)
{
	const struct stream_round *r = &c->round;

	contender_set(&c->c, "payload_bytes", c->s->len);
	contender_set(&c->c, "ring_bytes", (double)c->s->size);
	contender_set(&c->c, "readers", r->readers);
	contender_set(&c->c, "published", (double)r->published);
	contender_set(&c->c, "lost", (double)r->lost);
	contender_set(&c->c, "writer_ns", r->writer_ns);
	contender_set(&c->c, "published_per_us", r->rate);
	if (r->mode == STREAM_SPACED) {
		c->c.ticks = c->s->ticks;
		c->c.nr_ticks = c->s->nr_ticks;
	} else if (!r->nobody) {
		contender_set(&c->c, "delivered_per_us", r->delivered);
	}
	if (r->sleeps) {
		contender_set(&c->c, "reader_cpu_ns", r->reader_ns);
		contender_set(&c->c, "sleeps_per_1000_records", r->switches);
	}
}

void row_report_ticks(struct row_contender *c)
{
	contender_set(&c->c, "readers", 1);
	contender_set(&c->c, "published", (double)c->s->nr_ticks);
	contender_set(&c->c, "lost", 0);
	c->c.ticks = c->s->ticks;
	c->c.nr_ticks = c->s->nr_ticks;
}

static bool row_round(struct contender *contender)
{
	struct row_contender *c = (struct row_contender *)contender;

	if (c->row->own_round)
		return c->row->own_round(c);
	if (c->row->paced && c->round.mode == STREAM_FLAT_OUT)
		run_paced(c->s, &c->round);
	else
		stream_run(c->s, &c->round);
	row_report(c);
	return c->round.disturbed;
}

static void row_warm_up(struct contender *contender)
{
	struct row_contender *c = (struct row_contender *)contender;

	if (c->round.mode == STREAM_SPACED && !c->s->kind->goes_round)
		stream_run(c->s, &c->round);
	else
		stream_warm_up(c->s, &c->round);
}

static struct row_contender *row_open(const struct table *t, const struct row *row)
{
	const struct stream like = {
		.variant = row->variant,
		.size = ring_size(row->size ? row->size : RING_LARGE),
		.len = row->len ? row->len : t->len,
		.stamped = row->stamped,
		.nr_readers = row->readers,
		.sleeps = row->sleeps || t->round.sleeps,
		.nobody = row->nobody || t->round.nobody,
	};
	struct row_contender *c;
	struct stream *s;
	const char *why;

	if (row->full_only && opt.quick)
		return NULL;
	s = stream_new(row->kind, &like, &why);
	if (!s) {
		emit_note(t->section, "SKIPPED: %s: %s", row->name, why);
		return NULL;
	}
	c = alloc(sizeof(*c));
	c->c = (struct contender) {
		.name = keep("%s%s", row->name, t->suffix ? t->suffix : ""),
		.round = row_round,
		.warm_up = row_warm_up,
	};
	c->row = row;
	c->s = s;
	c->round = t->round;
	c->round.nobody |= row->nobody;
	c->round.sleeps |= row->sleeps;
	c->round.threads |= row->threads;
	c->round.chunk = row->chunk ? row->chunk : c->round.chunk;
	c->round.rest_ns = row->rest_ns ? row->rest_ns : c->round.rest_ns;
	return c;
}

/* Adds records that are known only after all rounds, as a sample without other figures. */
static void row_finish(const char *section, struct row_contender *c, unsigned int rounds)
{
	struct contender after = { .name = c->c.name };

	if (!c->s->kind->finish)
		return;
	c->s->kind->finish(c->s, &c->round);
	contender_set(&after, "readers", 1);
	contender_set(&after, "published", (double)c->round.published);
	contender_set(&after, "lost", (double)c->round.lost);
	emit_sample(section, &after, rounds, false);
}

void table_run(const struct table *t)
{
	struct row_contender **c = alloc(t->nr * sizeof(struct row_contender *));
	unsigned int i, rounds = t->rounds ? t->rounds : opt.rounds;

	for (i = 0; i < t->nr; i++)
		c[i] = row_open(t, &t->rows[i]);
	alternate(t->section, (struct contender *const *)c, t->nr, rounds);
	if (t->after)
		t->after(c);
	for (i = 0; i < t->nr; i++) {
		if (!c[i])
			continue;
		row_finish(t->section, c[i], rounds);
		stream_free(c[i]->s);
		free(c[i]);
	}
	free(c);
}
