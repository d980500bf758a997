// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Reading: one record, a batch, with a callback, or where it lies. */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

int libring_outcome(enum seqring_outcome outcome)
{
	static const int errs[] = {
		[SEQRING_OK] = 0,	    [SEQRING_EMPTY] = -EAGAIN,
		[SEQRING_OVERRUN] = -EPIPE, [SEQRING_CORRUPT] = -EBADMSG,
		[SEQRING_DEAD] = -ENODEV,
	};

	return errs[outcome];
}

/* Return: -ESTALE: @s goes on elsewhere, look again; -EPIPE; -EBADMSG. */
static int overrun(struct ring_source *s)
{
	if (seqring_reader_resync(&s->rd)) {
		s->corrupt = true;
		return -EBADMSG;
	}
	if (++s->overruns < LIBRING_OVERRUNS)
		return -ESTALE;
	s->overruns = 0;
	return -EPIPE;
}

/*
 * Looks at the next record of @s, whose header is whole then.
 *
 * Return: 0; -EAGAIN; -ENODEV; -EPIPE; -EBADMSG. Says no sentence.
 */
int libring_source_peek(struct ring_source *s)
{
	enum seqring_outcome outcome;
	int err = -ESTALE;

	while (err == -ESTALE && !s->corrupt) {
		outcome = seqring_reader_peek(&s->rd, &s->view);
		if (!outcome)
			outcome = seqring_reader_recheck(&s->rd, &s->view);
		err = outcome == SEQRING_OVERRUN ? overrun(s) : libring_outcome(outcome);
		s->corrupt = err == -EBADMSG;
	}
	s->pending = !err;
	return s->corrupt ? -EBADMSG : err;
}

/**
 * libring_select() - find the record that comes next
 * @r: the reader
 * @again: not the first time in this call of the library: what was found empty
 *         in it is not looked at once more
 * @out: the ring that it is on, with its view
 *
 * Return: 0; -EAGAIN (with r->due_ns, when something is held back); -ENODEV,
 * -EPIPE, -EBADMSG. Says no sentence.
 */
int libring_select(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err;

	r->peeked = NULL;
	if (r->nr_src > 1)
		return libring_merge_select(r, again, out);
	err = libring_source_peek(r->src);
	if (err == -EAGAIN && r->hup)
		return -ENODEV;
	*out = r->src;
	return err;
}

/* The way of a single ring: a peek, and nothing else while there is something. */
static inline int next(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err;

	if (seqring_likely(r->nr_src == 1 && !r->src->corrupt) &&
	    seqring_likely(!seqring_reader_peek(&r->src->rd, &r->src->view))) {
		*out = r->src;
		return 0;
	}
	err = libring_select(r, again, out);
	if (!again && err && r->fd_given)
		err = libring_rearm(r, out);
	return seqring_likely(!err) ? 0 : libring_status(err);
}

static inline void fill(struct ring_record *rec, const struct ring_source *s,
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
	if (seqring_unlikely(r->nr_src > 1))
		libring_merge_taken(r, s, v->ts_ns);
}

/* The record of @s is not whole. Return: as overrun(), with its sentence. */
static __attribute__((cold)) int torn(struct ring_reader *r, struct ring_source *s)
{
	r->stale = r->nr_src > 1;
	return libring_status(overrun(s));
}

/* Copies the record of @s out. Return: 0; as torn(). */
static inline int take(struct ring_reader *r, struct ring_source *s, struct ring_record *rec,
		       void *buf, size_t size)
{
	const struct seqring_view *v = &s->view;

	seqring_reader_copy(buf, v->payload, v->len < size ? v->len : (uint32_t)size);
	if (seqring_unlikely(seqring_reader_recheck(&s->rd, v)))
		return torn(r, s);
	fill(rec, s, v);
	rec->payload = buf;
	consume(r, s, v);
	return 0;
}

int ring_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size)
{
	struct ring_source *s;
	int err;

	r->peeked = NULL;
	do {
		err = next(r, false, &s);
		if (err)
			return err;
		err = take(r, s, rec, buf, size);
	} while (seqring_unlikely(err == -ESTALE));
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
		return libring_fail(EINVAL, "max is 0: a batch has room for one record or more");
	if ((uintptr_t)buf & 7)
		return libring_fail(EINVAL, "the batch's buffer is not aligned to 8 bytes");
	r->peeked = NULL;
	while (n < max && used <= size) {
		err = next(r, n, &s);
		if (err)
			break;
		room = size - used;
		if (n && s->view.len > room)
			break;
		err = take(r, s, &recs[n], to + used, room);
		if (err == -ESTALE)
			continue;
		if (err)
			break;
		used += ((size_t)recs[n].len + 7) & ~(size_t)7;
		n++;
	}
	*nr = n;
	return n ? 0 : err;
}

/* How many records there are to read now, on all rings; at least 1. */
static uint64_t unread(const struct ring_reader *r)
{
	__u64 records, bytes, lost;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < r->nr_src; i++) {
		libring_account(&r->src[i], &records, &bytes, &lost);
		sum = libring_add(sum, libring_add(records, lost));
	}
	return sum ? sum : 1;
}

int ring_consume(struct ring_reader *r, ring_fn fn, void *arg, unsigned int max, unsigned int *nr)
{
	struct ring_record rec;
	struct ring_source *s;
	uint64_t left = max;
	unsigned int n = 0;
	int err = 0;

	if (nr)
		*nr = 0;
	if (!r->bounce)
		r->bounce = malloc(r->hdr.payload_max);
	if (!r->bounce)
		return libring_fail(ENOMEM, "no memory for a payload of %u bytes",
				    r->hdr.payload_max);
	if (!max)
		left = unread(r);
	r->peeked = NULL;
	while (left) {
		err = next(r, n, &s);
		if (err)
			break;
		err = take(r, s, &rec, r->bounce, r->hdr.payload_max);
		if (err == -ESTALE)
			continue;
		if (err)
			break;
		n++;
		if (nr)
			*nr = n;
		left--;
		/* Without a limit, what is lost was among those there at the start. */
		if (!max)
			left -= rec.lost < left ? rec.lost : left;
		err = fn(&rec, arg);
		if (err)
			return err;
	}
	return n ? 0 : err;
}

int ring_peek(struct ring_reader *r, struct ring_record *rec)
{
	struct ring_source *s;
	int err;

	r->peeked = NULL;
	err = next(r, false, &s);
	if (err)
		return err;
	fill(rec, s, &s->view);
	r->peeked = s;
	r->peek_view = s->view;
	r->whole = false;
	return 0;
}

int ring_recheck(struct ring_reader *r)
{
	struct ring_source *s = r->peeked;

	if (!s)
		return libring_fail(EINVAL, "nothing was peeked at: ring_peek() comes first");
	r->whole = !seqring_reader_recheck(&s->rd, &r->peek_view);
	if (r->whole)
		return 0;
	r->peeked = NULL;
	torn(r, s);
	return libring_say(ESTALE, "the writer has overwritten the record that was peeked at");
}

int ring_advance(struct ring_reader *r)
{
	struct ring_source *s = r->peeked;

	if (!s || !r->whole)
		return libring_fail(EINVAL, "%s",
				    s ? "the record was not found whole: "
					"ring_recheck() comes first" :
					"nothing was peeked at: ring_peek() comes first");
	r->peeked = NULL;
	consume(r, s, &r->peek_view);
	return 0;
}
