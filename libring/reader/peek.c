// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Reading in place. */

#include "../base/error.h"
#include "take.h"

/*
 * Looks at records of a single ring, from number @n of @recs on, as copy_run() does, and notes
 * where each one ends. ring_recheck() does the recheck, and ring_advance() moves on. @filter: the
 * reader's; a constant NULL leaves the question out.
 *
 * Return: the number of records in @recs.
 */
static inline unsigned int peek_run(struct ring_reader *r, struct seqring_reader *rd,
				    struct ring_record *recs, unsigned int n, unsigned int max,
				    const struct ring_filter *filter)
{
	const uint32_t ring = r->merge.src->ring;
	const uint64_t *types = r->types;
	struct ring_peek *p = &r->peek;
	unsigned int skipped = 0;
	struct seqring_view v;

	while (n < max && rd->pos < rd->snap && seqring_reader_peek_run(rd, &v)) {
		rd->pos = v.next;
		rd->seq++;
		if (libring_is_wanted(types, v.type) &&
		    (!filter || libring_filter_match(filter, ring, &v))) {
			fill_record(&recs[n], ring, v.payload, &v);
			p->end[n++] = (struct ring_place) { .pos = rd->pos, .seq = rd->seq };
		} else if (++skipped == LIBRING_SKIPS) {
			break;
		}
	}
	p->snap = rd->snap;
	return n;
}

/* Peeks where no run can begin: at one record at least. Return: as libring_find_next(). */
static HOT NOINLINE int peek_any(struct ring_reader *r, struct ring_record *recs, unsigned int max)
{
	struct seqring_reader rd;
	struct ring_source *s;
	int err;

	err = libring_find_next(r, false, &s);
	if (err)
		return err;
	fill_record(recs, s->ring, s->view.payload, &s->view);
	r->peek.end[0] = (struct ring_place) { s->view.next, s->view.seq + 1 };
	r->peek.snap = s->rd.snap;
	r->peek.nr = 1;
	r->merge.peeked = s;
	if (!is_plain(r))
		return 0;
	/* More may follow a record that tells a loss. */
	rd = s->rd;
	seqring_reader_consume(&rd, &s->view);
	r->peek.nr = peek_run(r, &rd, recs, 1, max, r->filter);
	return 0;
}

static inline int peek_records(struct ring_reader *r, struct ring_record *recs, unsigned int max,
			       bool batch, const struct ring_filter *filter)
{
	struct seqring_reader rd;
	int err;

	libring_forget_error();
	libring_merge_forget_place(&r->merge);
	r->peek.whole = false;
	r->peek.batch = batch;
	r->peek.nr = begin_run(r, &rd) ? peek_run(r, &rd, recs, 0, max, filter) : 0;
	if (seqring_likely(r->peek.nr)) {
		r->merge.peeked = r->merge.src;
	} else {
		err = peek_any(r, recs, max);
		if (err)
			return err;
	}
	r->peek.lost = recs->lost;
	r->peek.ts_ns = recs->ts_ns;
	return 0;
}

/* ring_recheck() speaks for what a filter leaves out, too: it asks for the start of the run. */
static HOT NOINLINE int peek_filtered(struct ring_reader *r, struct ring_record *recs,
				      unsigned int max, bool batch)
{
	return peek_records(r, recs, max, batch, r->filter);
}

HOT int ring_peek(struct ring_reader *r, struct ring_record *rec)
{
	if (seqring_unlikely(r->filter))
		return peek_filtered(r, rec, 1, false);
	return peek_records(r, rec, 1, false, NULL);
}

HOT __attribute__((aligned(64))) int ring_peek_batch(struct ring_reader *r,
						     struct ring_record *recs, unsigned int max,
						     unsigned int *nr)
{
	int err;

	*nr = 0;
	if (!max)
		return libring_set_error(EINVAL,
					 "max is 0: a batch has room for one record or more");
	if (max > RING_PEEK_MAX)
		max = RING_PEEK_MAX;
	if (seqring_unlikely(r->filter))
		err = peek_filtered(r, recs, max, true);
	else
		err = peek_records(r, recs, max, true, NULL);
	if (!err)
		*nr = r->peek.nr;
	return err;
}

static __attribute__((cold)) int refuse_peeked(const struct ring_reader *r)
{
	return libring_set_error(EINVAL, "%s",
				 r->merge.peeked ?
					 "the records were not found whole: "
					 "ring_recheck() comes first" :
					 "nothing was peeked at: ring_peek() comes first");
}

static __attribute__((noinline, cold)) int drop_peeked(struct ring_reader *r)
{
	struct ring_source *s = r->merge.peeked;

	r->merge.peeked = NULL;
	libring_skip_torn(r, s);
	return libring_set_error_text(ESTALE, "the writer has overwritten what was peeked at");
}

int ring_recheck(struct ring_reader *r)
{
	const struct ring_source *s = r->merge.peeked;

	libring_forget_error();
	if (seqring_unlikely(!s))
		return refuse_peeked(r);
	/* The first position speaks for all: tail passes the others later. */
	r->peek.whole = seqring_reader_intact(&s->rd, s->rd.pos);
	return seqring_likely(r->peek.whole) ? 0 : drop_peeked(r);
}

/* Consumes the first @nr records, at least 1, of those that were peeked at and found whole. */
static inline void advance(struct ring_reader *r, struct ring_source *s, unsigned int nr)
{
	const struct ring_peek *p = &r->peek;

	/* Between the first record and the last one, none is lost. */
	r->filtered += p->end[nr - 1].seq - s->rd.seq - nr;
	s->rd.pos = p->end[nr - 1].pos;
	s->rd.seq = p->end[nr - 1].seq;
	s->rd.snap = p->snap;
	s->rd.any = 0;
	s->rd.lost = 0;
	s->rd.lost_total += p->lost;
	s->overruns = 0;
	r->read += nr;
	r->merge.peeked = NULL;
	if (seqring_unlikely(r->merge.nr_src > 1))
		libring_merge_consumed(&r->merge, s, p->ts_ns);
	if (seqring_likely(!r->wakeup.fd_given))
		return;
	/* As ring_read_batch(), or as ring_read(). */
	if (p->batch)
		libring_settle(r);
	else
		libring_settle_empty(r);
}

int ring_advance(struct ring_reader *r)
{
	struct ring_source *s = r->merge.peeked;

	libring_forget_error();
	if (seqring_unlikely(!s || !r->peek.whole))
		return refuse_peeked(r);
	advance(r, s, r->peek.nr);
	return 0;
}

int ring_advance_some(struct ring_reader *r, unsigned int nr)
{
	struct ring_source *s = r->merge.peeked;

	libring_forget_error();
	if (!s || !r->peek.whole)
		return refuse_peeked(r);
	if (nr > r->peek.nr)
		return libring_set_error(EINVAL, "%u records cannot be consumed: %u were peeked at",
					 nr, r->peek.nr);
	if (nr)
		advance(r, s, nr);
	else
		r->merge.peeked = NULL;
	return 0;
}
