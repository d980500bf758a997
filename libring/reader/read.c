// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Reading: one record, a batch, by callback, or in place. */

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"

/* Finds the next record. A single ring with a record takes one peek and nothing else. */
static inline int find_next(struct ring_reader *r, bool again, struct ring_source **out)
{
	struct ring_merge *m = &r->merge;
	int err;

	if (seqring_likely(m->nr_src == 1 && !m->src->corrupt) &&
	    seqring_likely(!seqring_reader_peek(&m->src->rd, &m->src->view))) {
		*out = m->src;
		return 0;
	}
	err = libring_next(r, again, out);
	if (!again && err && r->wakeup.fd_given)
		err = libring_rearm(r, out);
	return seqring_likely(!err) ? 0 : libring_explain(r, err);
}

static inline void fill_record(struct ring_record *rec, const struct ring_source *s,
			       const struct seqring_view *v)
{
	rec->seq = v->seq;
	rec->ts_ns = v->ts_ns;
	rec->lost = v->lost;
	rec->payload = v->payload;
	rec->len = v->len;
	rec->ring = s->ring;
	rec->type = v->type;
	memset(rec->reserved, 0, sizeof(rec->reserved));
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
static inline int copy_out(struct ring_reader *r, struct ring_source *s, struct ring_record *rec,
			   void *buf, size_t size)
{
	const struct seqring_view *v = &s->view;

	seqring_reader_copy(buf, v->payload, v->len < size ? v->len : (uint32_t)size);
	if (seqring_unlikely(seqring_reader_recheck(&s->rd, v)))
		return skip_torn(r, s);
	fill_record(rec, s, v);
	rec->payload = buf;
	consume(r, s, v);
	return 0;
}

int ring_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size)
{
	struct ring_source *s;
	int err;

	r->merge.peeked = NULL;
	do {
		err = find_next(r, false, &s);
		if (err)
			return err;
		err = copy_out(r, s, rec, buf, size);
	} while (seqring_unlikely(err == -ESTALE));
	if (seqring_unlikely(r->wakeup.fd_given) && !err)
		libring_settle_empty(r);
	return err;
}

int ring_read_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max, void *buf,
		    size_t size, unsigned int *nr)
{
	unsigned char *to = buf;
	size_t used = 0, room;
	struct ring_source *s;
	unsigned int n = 0;
	int err = 0;

	*nr = 0;
	if (!max)
		return libring_set_error(EINVAL,
					 "max is 0: a batch has room for one record or more");
	if ((uintptr_t)buf & 7)
		return libring_set_error(EINVAL, "the batch's buffer is not aligned to 8 bytes");
	r->merge.peeked = NULL;
	while (n < max && used <= size) {
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
	}
	*nr = n;
	if (seqring_unlikely(r->wakeup.fd_given) && n)
		libring_settle(r);
	return n ? 0 : err;
}

/* Counts the records to read now, of all sources; at least 1. */
static uint64_t count_unread(const struct ring_reader *r)
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
static inline int consume_each(struct ring_reader *r, ring_fn fn, void *arg, unsigned int max,
			       unsigned int *nr)
{
	uint64_t left = max ? max : count_unread(r);
	struct ring_record rec = { 0 };
	struct ring_source *s;
	unsigned int n = 0;
	int err = 0;

	r->merge.peeked = NULL;
	while (left) {
		err = find_next(r, n, &s);
		if (err)
			break;
		err = copy_out(r, s, &rec, r->bounce, r->mapping.hdr.payload_max);
		if (err == -ESTALE)
			continue;
		if (err)
			break;
		n++;
		left--;
		/* Without a limit, records that are lost by now were counted as unread. */
		if (!max)
			left -= rec.lost < left ? rec.lost : left;
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
	if (!r->bounce)
		r->bounce = malloc(r->mapping.hdr.payload_max);
	if (!r->bounce)
		return libring_set_error(ENOMEM, "no memory for a payload of %u bytes",
					 r->mapping.hdr.payload_max);
	r->consuming = true;
	err = consume_each(r, fn, arg, max, &n);
	r->consuming = false;
	if (nr)
		*nr = n;
	if (seqring_unlikely(r->closed))
		libring_free_reader(r);
	else if (seqring_unlikely(r->wakeup.fd_given) && n)
		libring_settle(r);
	return err;
}

int ring_peek(struct ring_reader *r, struct ring_record *rec)
{
	struct ring_source *s;
	int err;

	r->merge.peeked = NULL;
	err = find_next(r, false, &s);
	if (err)
		return err;
	fill_record(rec, s, &s->view);
	r->merge.peeked = s;
	r->peek_view = s->view;
	r->whole = false;
	return 0;
}

int ring_recheck(struct ring_reader *r)
{
	struct ring_source *s = r->merge.peeked;

	if (!s)
		return libring_set_error(EINVAL, "nothing was peeked at: ring_peek() comes first");
	r->whole = !seqring_reader_recheck(&s->rd, &r->peek_view);
	if (r->whole)
		return 0;
	r->merge.peeked = NULL;
	skip_torn(r, s);
	return libring_set_error_text(ESTALE,
				      "the writer has overwritten the record that was peeked at");
}

int ring_advance(struct ring_reader *r)
{
	struct ring_source *s = r->merge.peeked;

	if (!s || !r->whole)
		return libring_set_error(EINVAL, "%s",
					 s ? "the record was not found whole: "
					     "ring_recheck() comes first" :
					     "nothing was peeked at: ring_peek() comes first");
	r->merge.peeked = NULL;
	consume(r, s, &r->peek_view);
	if (seqring_unlikely(r->wakeup.fd_given))
		libring_settle_empty(r);
	return 0;
}
