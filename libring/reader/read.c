// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Reading: one record, a batch, by callback, or in place. */

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"

/* The lengths of up to seven words. Copies of other lengths need more registers, or a call. */
#define SHORT (7u << 3)

/* The compiler inlines the protocol's functions: where it does not, views live in memory. */
#define HOT	 __attribute__((flatten))
#define NOINLINE __attribute__((noinline))

/* True if the reader reads one ring, which follows the protocol: no merge, no lasting error. */
static inline bool is_plain(const struct ring_reader *r)
{
	return seqring_likely(r->merge.nr_src == 1 && !r->merge.src->corrupt);
}

/* As libring_next(). After -EAGAIN the descriptor that was given out sleeps. */
static int next_or_arm(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err, tries;

	for (tries = 0; tries < LIBRING_OVERRUNS; tries++) {
		err = libring_next(r, again, out);
		if (!err || again || !r->wakeup.fd_given)
			return err;
		if (err == -ESTALE) {
			r->backend->kick(r);
			return err;
		}
		err = libring_rearm(r, out);
		if (err || libring_is_wanted(r->types, (*out)->view.type))
			return err;
		/* It came meanwhile. The descriptor is readable until it is armed again. */
		libring_skip(r, *out);
	}
	return -ESTALE;
}

/* Finds the next record. */
static NOINLINE int find_next(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err = next_or_arm(r, again, out);

	if (seqring_likely(!err))
		return 0;
	if (err == -ESTALE)
		return libring_set_error_text(EAGAIN, "only records of other types were found: "
						      "there may be more");
	return libring_end_read(r, again, err);
}

static inline void fill_record(struct ring_record *rec, uint32_t ring, const void *payload,
			       const struct seqring_view *v)
{
	rec->seq = v->seq;
	rec->ts_ns = v->ts_ns;
	rec->lost = v->lost;
	rec->payload = payload;
	rec->len = v->len;
	rec->ring = ring;
	rec->type = v->type;
	rec->reserved[0] = 0;
	rec->reserved[1] = 0;
	rec->reserved[2] = 0;
}

static inline void consume(struct ring_reader *r, struct ring_source *s,
			   const struct seqring_view *v)
{
	seqring_reader_consume(&s->rd, v);
	s->overruns = 0;
	r->read++;
	if (seqring_unlikely(r->merge.nr_src > 1))
		libring_merge_consumed(&r->merge, s, v->ts_ns);
}

/* Moves @s on: its record is not whole. Return: as libring_source_resync(), with a sentence. */
static __attribute__((cold)) int skip_torn(struct ring_reader *r, struct ring_source *s)
{
	r->merge.stale = r->merge.nr_src > 1;
	return libring_explain_outcome(libring_source_resync(s));
}

/* Copies the record of @s out and consumes it. Return: 0; as skip_torn(). */
static NOINLINE int copy_out(struct ring_reader *r, struct ring_source *s, struct ring_record *rec,
			     void *buf, size_t size)
{
	const struct seqring_view *v = &s->view;

	seqring_reader_copy(buf, v->payload, v->len < size ? v->len : (uint32_t)size);
	if (seqring_unlikely(seqring_reader_recheck(&s->rd, v)))
		return skip_torn(r, s);
	fill_record(rec, s->ring, buf, v);
	consume(r, s, v);
	return 0;
}

/*
 * Copies out and consumes the next record of a single ring, with nothing but the protocol's own
 * code inline. Return: whether it did. If not, nothing has changed, and whoever takes the other way
 * finds out why.
 */
static inline bool read_plain(struct ring_reader *r, struct ring_record *rec, void *buf,
			      size_t size)
{
	struct ring_source *s = r->merge.src;
	struct seqring_view v;

	if (!is_plain(r) || seqring_unlikely(seqring_reader_peek(&s->rd, &v)) || v.len > size ||
	    !libring_is_wanted(r->types, v.type))
		return false;
	seqring_reader_copy(buf, v.payload, v.len);
	if (seqring_unlikely(seqring_reader_recheck(&s->rd, &v)))
		return false;
	fill_record(rec, s->ring, buf, &v);
	seqring_reader_consume(&s->rd, &v);
	s->overruns = 0;
	r->read++;
	return true;
}

/* True if seqring_reader_peek_run() may be called. */
static inline bool is_running(const struct seqring_reader *rd)
{
	return seqring_likely(rd->pos < rd->snap && !rd->any && !rd->lost);
}

/* The same as read_plain(), of a record of up to seven words that follows another one. */
static inline bool read_short(struct ring_reader *r, struct ring_record *rec, void *buf,
			      size_t size)
{
	struct ring_source *s = r->merge.src;
	struct seqring_view v;
	uint32_t len;

	if (!is_plain(r) || !is_running(&s->rd) || !seqring_reader_peek_run(&s->rd, &v))
		return false;
	/* The same number, by which the compiler knows that no bytes follow the last word. */
	len = v.len & SHORT;
	if (len != v.len || len > size || !libring_is_wanted(r->types, v.type))
		return false;
	seqring_reader_copy(buf, v.payload, len);
	if (seqring_unlikely(seqring_reader_recheck(&s->rd, &v)))
		return false;
	fill_record(rec, s->ring, buf, &v);
	s->rd.pos = v.next;
	s->rd.seq = v.seq + 1;
	s->overruns = 0;
	r->read++;
	return true;
}

/* ring_read() of whatever its hot path leaves out. */
static HOT NOINLINE int read_any(struct ring_reader *r, struct ring_record *rec, void *buf,
				 size_t size)
{
	struct ring_source *s;
	int err;

	if (read_plain(r, rec, buf, size))
		return 0;
	do {
		err = find_next(r, false, &s);
		if (err)
			return err;
		err = copy_out(r, s, rec, buf, size);
	} while (seqring_unlikely(err == -ESTALE));
	return err;
}

HOT int ring_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size)
{
	int err;

	libring_forget_error();
	r->merge.peeked = NULL;
	err = read_short(r, rec, buf, size) ? 0 : read_any(r, rec, buf, size);
	if (seqring_unlikely(r->wakeup.fd_given) && !err)
		libring_settle_empty(r);
	return err;
}

/*
 * Prepares a copy of the single ring's reader for a run: a loop over records below one snapshot of
 * head. The compiler keeps the copy in registers, which it cannot do with what a pointer leads to.
 * An eager reader has no use for head. Return: whether there may be a run.
 */
static inline bool begin_run(const struct ring_reader *r, struct seqring_reader *rd)
{
	if (!is_plain(r) || r->merge.src->rd.eager)
		return false;
	*rd = r->merge.src->rd;
	if (seqring_unlikely(rd->pos >= rd->snap))
		seqring_reader_snapshot(rd);
	return is_running(rd);
}

/*
 * Copies records of a single ring out, as many as are there, and consumes them. What tail has not
 * passed at the end was whole all the time, and so was all that lies behind it: so one recheck, of
 * the first position, is enough for all. If it fails, nothing has changed.
 *
 * @any_len: false: stop at a payload that is not up to seven words; its copy costs registers
 * @used: the bytes that the payloads take are added to it
 * Return: the number of records.
 */
static inline unsigned int copy_run(struct ring_reader *r, bool any_len, struct ring_record *recs,
				    unsigned int max, unsigned char *to, size_t size, size_t *used)
{
	const struct ring_record *end = recs + max;
	const unsigned char *start = to, *stop = to + size;
	const uint64_t *types = r->types;
	struct ring_source *s = r->merge.src;
	struct ring_record *rec = recs;
	struct seqring_reader rd;
	unsigned int skipped = 0;
	struct seqring_view v;
	uint32_t ring, len;

	if (!begin_run(r, &rd))
		return 0;
	ring = s->ring;
	while (rec != end && rd.pos < rd.snap && (!any_len || to <= stop) &&
	       seqring_reader_peek_run(&rd, &v)) {
		if (!libring_is_wanted(types, v.type)) {
			if (++skipped == LIBRING_SKIPS)
				break;
			goto next;
		}
		len = any_len ? v.len : v.len & SHORT;
		if (seqring_unlikely(len != v.len || len > (size_t)(stop - to)))
			break;
		seqring_reader_copy(to, v.payload, len);
		fill_record(rec++, ring, to, &v);
		to += any_len ? ((size_t)len + 7) & ~(size_t)7 : len;
next:
		rd.pos = v.next;
		rd.seq++;
	}
	if (rd.pos == s->rd.pos || seqring_unlikely(!seqring_reader_intact(&rd, s->rd.pos)))
		return 0;
	r->filtered += rd.seq - s->rd.seq - (uint64_t)(rec - recs);
	s->rd.pos = rd.pos;
	s->rd.seq = rd.seq;
	s->rd.snap = rd.snap;
	s->overruns = 0;
	r->read += (uint64_t)(rec - recs);
	*used += (size_t)(to - start);
	return (unsigned int)(rec - recs);
}

static HOT NOINLINE unsigned int copy_short_run(struct ring_reader *r, struct ring_record *recs,
						unsigned int max, unsigned char *to, size_t size,
						size_t *used)
{
	return copy_run(r, false, recs, max, to, size, used);
}

static HOT NOINLINE unsigned int copy_any_run(struct ring_reader *r, struct ring_record *recs,
					      unsigned int max, unsigned char *to, size_t size,
					      size_t *used)
{
	return copy_run(r, true, recs, max, to, size, used);
}

int ring_read_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max, void *buf,
		    size_t size, unsigned int *nr)
{
	unsigned char *to = buf;
	struct ring_source *s;
	size_t used = 0, room;
	unsigned int n = 0;
	bool run = true;
	int err = 0;

	*nr = 0;
	if (!max)
		return libring_set_error(EINVAL,
					 "max is 0: a batch has room for one record or more");
	if ((uintptr_t)buf & 7)
		return libring_set_error(EINVAL, "the batch's buffer is not aligned to 8 bytes");
	r->merge.peeked = NULL;
	n = copy_short_run(r, recs, max, to, size, &used);
	/* All that is left in the ring, if it is that of a long run; else one record. */
	while (n < max && used <= size) {
		if (run) {
			n += copy_any_run(r, &recs[n], max - n, to + used, size - used, &used);
			run = false;
			continue;
		}
		if (read_plain(r, &recs[n], to + used, size - used)) {
			used += ((size_t)recs[n].len + 7) & ~(size_t)7;
			n++;
			run = true;
			continue;
		}
		/* Several rings, no record, or one that is cut or was overrun. */
		err = find_next(r, n, &s);
		if (err)
			break;
		room = size - used;
		if (n && s->view.len > room)
			break;
		err = copy_out(r, s, &recs[n], to + used, room);
		if (err == -ESTALE)
			continue;
		if (err)
			break;
		used += ((size_t)recs[n].len + 7) & ~(size_t)7;
		n++;
		run = true;
	}
	*nr = n;
	if (seqring_unlikely(r->wakeup.fd_given) && n)
		libring_settle(r);
	return n ? libring_forget_if_good(0) : err;
}

/* Counts the records to read now, of all sources; at least 1. */
static NOINLINE uint64_t count_unread(const struct ring_reader *r)
{
	__u64 records, bytes, lost;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < r->merge.nr_src; i++) {
		libring_source_account(&r->merge.src[i], &records, &bytes, &lost);
		sum = libring_add_saturating(sum, libring_add_saturating(records, lost));
	}
	return sum ? sum : 1;
}

/*
 * Calls @fn as ring_consume() does, with a bounce buffer. After each call @fn may have closed the
 * reader, which ring_consume() then frees.
 */
static HOT NOINLINE int consume_each(struct ring_reader *r, ring_fn fn, void *arg, unsigned int max,
				     unsigned int *nr)
{
	uint64_t left = max ? max : count_unread(r);
	struct ring_record rec = { 0 };
	struct ring_source *s;
	unsigned int n = 0;
	uint64_t passed;
	int err = 0;

	r->merge.peeked = NULL;
	while (left) {
		passed = r->filtered;
		if (!read_short(r, &rec, r->bounce, r->mapping.hdr.payload_max) &&
		    !read_plain(r, &rec, r->bounce, r->mapping.hdr.payload_max)) {
			err = find_next(r, n, &s);
			if (err)
				break;
			err = copy_out(r, s, &rec, r->bounce, r->mapping.hdr.payload_max);
			if (err == -ESTALE)
				continue;
			if (err)
				break;
		}
		n++;
		left--;
		/* Without a limit, records that are lost or filtered were counted as unread. */
		passed = r->filtered - passed + rec.lost;
		if (!max)
			left -= passed < left ? passed : left;
		if (fn(&rec, arg)) {
			*nr = n;
			return RING_STOPPED;
		}
		if (seqring_unlikely(r->closed))
			break;
	}
	*nr = n;
	return n ? 0 : err;
}

int ring_consume(struct ring_reader *r, ring_fn fn, void *arg, unsigned int max, unsigned int *nr)
{
	unsigned int n;
	int err;

	if (nr)
		*nr = 0;
	if (seqring_unlikely(r->consuming))
		return libring_set_error_text(EBUSY,
					      "ring_consume() was called by the function that it "
					      "calls: its payload would be overwritten");
	/* A reader that waits for its ring copies nothing yet. */
	if (seqring_unlikely(!r->bounce && r->mapping.map)) {
		r->bounce = malloc(r->mapping.hdr.payload_max);
		if (!r->bounce)
			return libring_set_error(ENOMEM, "no memory for a payload of %u bytes",
						 r->mapping.hdr.payload_max);
	}
	r->consuming = true;
	err = consume_each(r, fn, arg, max, &n);
	r->consuming = false;
	/* Nothing was called: no payload of the present ring is out. */
	if (seqring_unlikely(err == -EBUSY))
		err = libring_end_read(r, false, -EREMCHG);
	if (nr)
		*nr = n;
	if (seqring_unlikely(r->closed))
		libring_free_reader(r);
	else if (seqring_unlikely(r->wakeup.fd_given) && n)
		libring_settle(r);
	return libring_forget_if_good(err);
}

/*
 * Looks at records of a single ring, from number @n of @recs on, as copy_run() does, and notes
 * where each one ends. ring_recheck() does the recheck, and ring_advance() moves on.
 *
 * Return: the number of records in @recs.
 */
static inline unsigned int peek_run(struct ring_reader *r, struct seqring_reader *rd,
				    struct ring_record *recs, unsigned int n, unsigned int max)
{
	const uint32_t ring = r->merge.src->ring;
	const uint64_t *types = r->types;
	struct ring_peek *p = &r->peek;
	unsigned int skipped = 0;
	struct seqring_view v;

	while (n < max && rd->pos < rd->snap && seqring_reader_peek_run(rd, &v)) {
		rd->pos = v.next;
		rd->seq++;
		if (libring_is_wanted(types, v.type)) {
			fill_record(&recs[n], ring, v.payload, &v);
			p->end[n++] = (struct ring_place) { .pos = rd->pos, .seq = rd->seq };
		} else if (++skipped == LIBRING_SKIPS) {
			break;
		}
	}
	p->snap = rd->snap;
	return n;
}

/* Peeks where no run can begin: at one record at least. Return: as find_next(). */
static HOT NOINLINE int peek_any(struct ring_reader *r, struct ring_record *recs, unsigned int max)
{
	struct seqring_reader rd;
	struct ring_source *s;
	int err;

	err = find_next(r, false, &s);
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
	r->peek.nr = peek_run(r, &rd, recs, 1, max);
	return 0;
}

static inline int peek_records(struct ring_reader *r, struct ring_record *recs, unsigned int max,
			       bool batch)
{
	struct seqring_reader rd;
	int err;

	libring_forget_error();
	r->merge.peeked = NULL;
	r->peek.whole = false;
	r->peek.batch = batch;
	r->peek.nr = begin_run(r, &rd) ? peek_run(r, &rd, recs, 0, max) : 0;
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

HOT int ring_peek(struct ring_reader *r, struct ring_record *rec)
{
	return peek_records(r, rec, 1, false);
}

HOT int ring_peek_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max,
			unsigned int *nr)
{
	int err;

	*nr = 0;
	if (!max)
		return libring_set_error(EINVAL,
					 "max is 0: a batch has room for one record or more");
	err = peek_records(r, recs, max < RING_PEEK_MAX ? max : RING_PEEK_MAX, true);
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
	skip_torn(r, s);
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
