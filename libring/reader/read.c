// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Reading by copies: one record, a batch, or by callback. peek.c reads in place. */

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "take.h"

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
NOINLINE int libring_find_next(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err = next_or_arm(r, again, out);

	if (seqring_likely(!err))
		return 0;
	if (err == -ESTALE)
		return libring_set_error_text(EAGAIN, "only records of other types were found: "
						      "there may be more");
	return libring_end_read(r, again, err);
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
__attribute__((cold)) int libring_skip_torn(struct ring_reader *r, struct ring_source *s)
{
	r->merge.stale = r->merge.nr_src > 1;
	return libring_explain_outcome(libring_source_resync(s));
}

/* Copies the record of @s out and consumes it. Return: 0; as libring_skip_torn(). */
static NOINLINE int copy_out(struct ring_reader *r, struct ring_source *s, struct ring_record *rec,
			     void *buf, size_t size)
{
	const struct seqring_view *v = &s->view;

	seqring_reader_copy(buf, v->payload, v->len < size ? v->len : (uint32_t)size);
	if (seqring_unlikely(seqring_reader_recheck(&s->rd, v)))
		return libring_skip_torn(r, s);
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

/*
 * The same as read_plain(), of a short record that follows another one. Position and seq are
 * loaded again behind the copy: so this path needs no registers that have to be saved.
 */
static inline bool read_short(struct ring_reader *r, struct ring_record *rec, void *buf,
			      size_t size)
{
	const uint64_t end = r->merge.short_end;
	struct ring_source *s = r->merge.src;
	struct seqring_view v;
	uint64_t pos, seq;

	if (seqring_unlikely(!end || s->rd.pos >= end) ||
	    !seqring_reader_peek_short(&s->rd, end, &v) || v.len > size)
		return false;
	seqring_reader_copy_short(buf, v.payload, v.len);
	pos = s->rd.pos;
	if (seqring_unlikely(!seqring_reader_intact(&s->rd, pos)))
		return false;
	seq = s->rd.seq;
	v.seq = seq;
	s->rd.pos = pos + seqring_record_size(v.len);
	s->rd.seq = seq + 1;
	r->read++;
	fill_record(rec, s->ring, buf, &v);
	return true;
}

/* The same, of a record up to where a copy calls a function, and with a filter. */
static inline bool read_middle(struct ring_reader *r, struct ring_record *rec, void *buf,
			       size_t size)
{
	const uint64_t end = r->merge.run_end;
	struct ring_source *s = r->merge.src;
	struct seqring_view v;
	uint64_t pos, seq;

	if (seqring_unlikely(!end || s->rd.pos >= end) || !seqring_reader_peek_run(&s->rd, &v) ||
	    v.len > size || v.len >= SEQRING_LONG_LEN || !libring_is_wanted(r->types, v.type))
		return false;
	seqring_reader_copy(buf, v.payload, v.len);
	pos = s->rd.pos;
	if (seqring_unlikely(!seqring_reader_intact(&s->rd, pos)))
		return false;
	seq = s->rd.seq;
	v.seq = seq;
	s->rd.pos = v.next;
	s->rd.seq = seq + 1;
	r->read++;
	fill_record(rec, s->ring, buf, &v);
	return true;
}

/*
 * Copies out and consumes whatever record comes next. If nothing of what the hot path leaves out
 * holds behind it, such as a loss to be told, the hot path reads on. @again: as in libring_next()
 */
static HOT NOINLINE int read_any(struct ring_reader *r, struct ring_record *rec, void *buf,
				 size_t size, bool again)
{
	struct ring_source *s;
	int err = 0;

	libring_merge_forget_place(&r->merge);
	if (seqring_unlikely(r->filter) || !read_plain(r, rec, buf, size)) {
		do {
			err = libring_find_next(r, again, &s);
			if (err)
				return err;
			err = copy_out(r, s, rec, buf, size);
		} while (seqring_unlikely(err == -ESTALE));
	}
	if (!err && is_plain(r) && seqring_likely(!r->filter)) {
		r->merge.run_end = seqring_reader_run_end(&r->merge.src->rd);
		if (!r->types && !r->wakeup.fd_given)
			r->merge.short_end = r->merge.run_end;
	}
	return err;
}

/* Ends ring_read() of a reader whose descriptor was given out. Return: 0. */
static NOINLINE int settle_read(struct ring_reader *r)
{
	/* Below the end of a run there is another record. Without a filter it is delivered. */
	if (r->types || !r->merge.run_end || r->merge.src->rd.pos >= r->merge.run_end)
		libring_settle_empty(r);
	return 0;
}

static NOINLINE int read_and_settle(struct ring_reader *r, struct ring_record *rec, void *buf,
				    size_t size)
{
	int err = read_any(r, rec, buf, size, false);

	return seqring_unlikely(r->wakeup.fd_given) && !err ? settle_read(r) : err;
}

/* ring_read() of what is not a short record: what it calls, it calls as its last step, too. */
static HOT NOINLINE int read_other(struct ring_reader *r, struct ring_record *rec, void *buf,
				   size_t size)
{
	if (!read_middle(r, rec, buf, size))
		return read_and_settle(r, rec, buf, size);
	return seqring_unlikely(r->wakeup.fd_given) ? settle_read(r) : 0;
}

/* The hot path is that of a short record. It calls nothing, and saves no registers. */
HOT int ring_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size)
{
	libring_forget_error();
	return read_short(r, rec, buf, size) ? 0 : read_other(r, rec, buf, size);
}

/*
 * Consumes what was copied out while @rd, a copy of the single ring's reader, moved on. What tail
 * has not passed at the end was whole all the time, and so was all that lies behind it: so one
 * recheck, of the first position, is enough for all. If it fails, nothing has changed.
 *
 * Return: the number of records, which is @nr or 0.
 */
static inline unsigned int end_run(struct ring_reader *r, const struct seqring_reader *rd,
				   unsigned int nr)
{
	struct ring_source *s = r->merge.src;

	if (rd->pos == s->rd.pos || seqring_unlikely(!seqring_reader_intact(rd, s->rd.pos)))
		return 0;
	r->filtered += rd->seq - s->rd.seq - nr;
	s->rd.pos = rd->pos;
	s->rd.seq = rd->seq;
	s->rd.snap = rd->snap;
	s->overruns = 0;
	r->read += nr;
	return nr;
}

/*
 * Copies short records of a single ring out, as many as follow one another within the lap.
 *
 * @used: the bytes that the payloads take are added to it
 * Return: the number of records.
 */
static HOT NOINLINE __attribute__((aligned(64))) unsigned int copy_short_run(
	struct ring_reader *r, struct ring_record *recs, unsigned int max, unsigned char *to,
	size_t size, size_t *used)
{
	const struct ring_record *last = recs + max;
	const unsigned char *start = to, *stop = to + size;
	struct ring_record *rec = recs;
	struct seqring_reader rd;
	struct seqring_view v;
	unsigned int nr;
	uint32_t ring;
	uint64_t end;

	if (r->types || !begin_run(r, &rd))
		return 0;
	ring = r->merge.src->ring;
	end = seqring_reader_run_end(&rd);
	while (rec != last && rd.pos < end && seqring_reader_peek_short(&rd, end, &v)) {
		/* @to may be up to seven bytes behind @stop. */
		if (seqring_unlikely((ptrdiff_t)v.len > stop - to))
			break;
		seqring_reader_copy_short(to, v.payload, v.len);
		fill_record(rec++, ring, to, &v);
		to += (v.len + 7) & ~7u;
		rd.pos = v.next;
		rd.seq++;
	}
	nr = end_run(r, &rd, (unsigned int)(rec - recs));
	*used += nr ? (size_t)(to - start) : 0;
	return nr;
}

/*
 * The same of records of any length and type, up to reader's snapshot of head. @filter: the
 * reader's; a constant NULL leaves the question out.
 */
static inline unsigned int copy_run(struct ring_reader *r, struct ring_record *recs,
				    unsigned int max, unsigned char *to, size_t size, size_t *used,
				    const struct ring_filter *filter)
{
	const struct ring_record *last = recs + max;
	const unsigned char *start = to, *stop = to + size;
	const uint64_t *types = r->types;
	struct ring_record *rec = recs;
	unsigned int skipped = 0, nr;
	struct seqring_reader rd;
	struct seqring_view v;
	uint32_t ring;

	if (!begin_run(r, &rd))
		return 0;
	ring = r->merge.src->ring;
	while (rec != last && rd.pos < rd.snap && seqring_reader_peek_run(&rd, &v)) {
		if (!libring_is_wanted(types, v.type) ||
		    (filter && !libring_filter_match(filter, ring, &v))) {
			if (++skipped == LIBRING_SKIPS)
				break;
			goto next;
		}
		if (seqring_unlikely((ptrdiff_t)v.len > stop - to))
			break;
		seqring_reader_copy(to, v.payload, v.len);
		fill_record(rec++, ring, to, &v);
		to += ((size_t)v.len + 7) & ~(size_t)7;
next:
		rd.pos = v.next;
		rd.seq++;
	}
	nr = end_run(r, &rd, (unsigned int)(rec - recs));
	*used += nr ? (size_t)(to - start) : 0;
	return nr;
}

static HOT NOINLINE unsigned int copy_any_run(struct ring_reader *r, struct ring_record *recs,
					      unsigned int max, unsigned char *to, size_t size,
					      size_t *used)
{
	return copy_run(r, recs, max, to, size, used, NULL);
}

static HOT NOINLINE unsigned int copy_filtered_run(struct ring_reader *r, struct ring_record *recs,
						   unsigned int max, unsigned char *to, size_t size,
						   size_t *used)
{
	return copy_run(r, recs, max, to, size, used, r->filter);
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
	libring_merge_forget_place(&r->merge);
	n = copy_short_run(r, recs, max, to, size, &used);
	/* All that is left in the ring, if it is that of a long run; else one record. */
	while (n < max && used <= size) {
		if (run) {
			n += seqring_likely(!r->filter) ?
				     copy_any_run(r, &recs[n], max - n, to + used, size - used,
						  &used) :
				     copy_filtered_run(r, &recs[n], max - n, to + used, size - used,
						       &used);
			run = false;
			continue;
		}
		if (seqring_likely(!r->filter) && read_plain(r, &recs[n], to + used, size - used)) {
			used += ((size_t)recs[n].len + 7) & ~(size_t)7;
			n++;
			run = true;
			continue;
		}
		/* Several rings, no record, or one that is cut or was overrun. */
		err = libring_find_next(r, n, &s);
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
	unsigned int n = 0;
	uint64_t passed;
	int err = 0;

	while (left) {
		passed = r->filtered;
		if (!read_short(r, &rec, r->bounce, r->mapping.hdr.payload_max) &&
		    !read_middle(r, &rec, r->bounce, r->mapping.hdr.payload_max)) {
			err = read_any(r, &rec, r->bounce, r->mapping.hdr.payload_max, n);
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
