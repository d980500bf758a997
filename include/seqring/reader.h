/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The reader's half of the protocol, for one ring. A reader writes only its own struct
 * seqring_reader, so any number of readers read one ring.
 *
 * A reader does not trust the ring. With any bytes in the ring, and with any change of
 * them, no function here reads outside the control and the data area, or loops without
 * a bound.
 *
 * Any context. No function here sleeps or allocates.
 */
#ifndef SEQRING_READER_H
#define SEQRING_READER_H

#include "abi.h"
#include "barrier.h"
#include "copy.h"
#include "record.h"

/**
 * enum seqring_outcome - what a reader found at its position
 * @SEQRING_OK: a record
 * @SEQRING_EMPTY: no record yet
 * @SEQRING_OVERRUN: the writer has overwritten the position; call seqring_reader_resync()
 * @SEQRING_CORRUPT: bytes that no writer of this protocol stores
 * @SEQRING_DEAD: no record, and the ring has ended
 */
enum seqring_outcome {
	SEQRING_OK = 0,
	SEQRING_EMPTY,
	SEQRING_OVERRUN,
	SEQRING_CORRUPT,
	SEQRING_DEAD,
};

/*
 * @data, @ctl: data area and control area
 * @mask:     bytes of the data area, less 1
 * @pos:      position of the next record
 * @seq:      seq of the next record; 0: not known, so no record counts as lost
 * @snap:     head when last loaded: every record below it is published
 * @lost:     records lost since the last consumed record
 * @payload_max: longest payload that a record may claim
 * @any:      the seq at @pos is not known: accept any later stamp
 * @eager:    poll the stamp at @pos instead of head. The reader then shares one cache line
 *            less with the writer, and the writer pays for it
 * @lost_total: records lost since seqring_reader_init(), without @lost
 * @overruns: overruns since seqring_reader_init()
 * @resync_pos: where the last seqring_reader_resync() led
 * @resync_shift: the margin that it left: the data area >> @resync_shift
 */
struct seqring_reader {
	const unsigned char *data;
	const struct seqring_ring_ctl *ctl;
	__u64 mask;
	__u64 pos;
	__u64 seq;
	__u64 snap;
	__u64 lost;
	__u32 payload_max;
	__u8 any;
	__u8 eager;
	__u16 resync_shift;
	__u64 resync_pos;
	__u64 lost_total;
	__u64 overruns;
};

/*
 * A record as seqring_reader_peek() saw it. Its contents count only after
 * seqring_reader_recheck() has returned SEQRING_OK.
 *
 * @pos:  where the record starts
 * @next: where the record after it starts
 * @lost: records lost between the previous record and this one
 */
struct seqring_view {
	__u64 pos;
	__u64 next;
	__u64 seq;
	__u64 ts_ns;
	__u64 lost;
	const void *payload;
	__u32 len;
	__u16 type;
	__u16 flags;
};

/* How many bytes ahead the reader prefetches, as far as records are published. */
#ifndef SEQRING_PREFETCH_BYTES
#define SEQRING_PREFETCH_BYTES	512
#endif

/* Moves to @pos; the seq of the record there is not known. */
static inline enum seqring_outcome seqring_reader_goto(struct seqring_reader *r, __u64 pos)
{
	if ((pos & 7) || seqring_normalize(pos, r->mask) != pos)
		return SEQRING_CORRUPT;
	r->pos = pos;
	r->any = 1;
	return SEQRING_OK;
}

/**
 * seqring_reader_init() - start a reader at the oldest record
 * @r: the reader to fill
 * @ctl: control area of the ring; mapped read-only is enough
 * @data: data area
 * @data_size: bytes of the data area, from a source that later changes of the ring's
 *	bytes cannot reach
 *
 * Return: 0; -EINVAL if SEQRING_DATA_SIZE_OK(@data_size) does not hold, or no record can
 * start at tail.
 */
static inline int seqring_reader_init(struct seqring_reader *r, const struct seqring_ring_ctl *ctl,
				      const void *data, __u64 data_size)
{
	if (!SEQRING_DATA_SIZE_OK(data_size))
		return -EINVAL;
	memset(r, 0, sizeof(*r));
	r->data = (const unsigned char *)data;
	r->ctl = ctl;
	r->mask = data_size - 1;
	r->payload_max = SEQRING_PAYLOAD_MAX(data_size);
	return seqring_reader_goto(r, seqring_load_acquire(JOIN, &ctl->tail)) ? -EINVAL : 0;
}

/**
 * seqring_reader_limit() - accept only payloads that the ring's header allows
 * @r: the reader, after seqring_reader_init()
 * @payload_max: that of the header, from the same copy as @data_size
 *
 * After seqring_reader_init() a payload may have SEQRING_PAYLOAD_MAX(@data_size) bytes, which
 * is more than a header with a smaller payload_max promises. A caller that sizes its buffer
 * by the header calls this function first. A longer record is then SEQRING_CORRUPT.
 *
 * Return: 0; -EINVAL @payload_max is 0 or more than the data area allows: nothing changes.
 */
static inline int seqring_reader_limit(struct seqring_reader *r, __u32 payload_max)
{
	if (!payload_max || payload_max > SEQRING_PAYLOAD_MAX(r->mask + 1))
		return -EINVAL;
	r->payload_max = payload_max;
	return 0;
}

static inline const struct seqring_record *seqring_reader_at(const struct seqring_reader *r,
							     __u64 pos)
{
	return (const struct seqring_record *)(r->data + (size_t)(pos & r->mask));
}

/* True if the bytes at @pos and later that were loaded before are as published. */
static inline int seqring_reader_intact(const struct seqring_reader *r, __u64 pos)
{
	/* Pairs with the write fence in seqring_writer_reclaim(). */
	seqring_fence_read(RECLAIM);
	return seqring_read(&r->ctl->tail) <= pos;
}

/* Loads head again. Return: SEQRING_OK if a record is at r->pos; SEQRING_EMPTY or _DEAD. */
static inline enum seqring_outcome seqring_reader_snapshot(struct seqring_reader *r)
{
	/* Pairs with the release of head in seqring_writer_close(). */
	r->snap = seqring_load_acquire(JOIN, &r->ctl->head);
	if (r->pos < r->snap)
		return SEQRING_OK;
	/* Pairs with the release in seqring_writer_end(): after it, head does not move. */
	if (seqring_likely(!(seqring_load_acquire(END, &r->ctl->state) & SEQRING_STATE_DEAD)))
		return SEQRING_EMPTY;
	r->snap = seqring_load_acquire(JOIN, &r->ctl->head);
	return r->pos < r->snap ? SEQRING_OK : SEQRING_DEAD;
}

/* Classifies an unexpected stamp. SEQRING_OK: the record is there, r->seq is its seq now. */
static inline enum seqring_outcome seqring_reader_classify_stamp(struct seqring_reader *r,
								 __u64 stamp)
{
	if (!seqring_reader_intact(r, r->pos))
		return SEQRING_OVERRUN;
	if (!stamp) {
		/* A writer stores the stamp before it moves head past the record. */
		if (r->pos < r->snap)
			return SEQRING_CORRUPT;
		if (seqring_load_acquire(END, &r->ctl->state) & SEQRING_STATE_DEAD)
			return seqring_reader_snapshot(r) == SEQRING_OK ? SEQRING_EMPTY :
									  SEQRING_DEAD;
		return SEQRING_EMPTY;
	}
	if (!r->any || stamp < r->seq)
		return SEQRING_CORRUPT;
	if (r->seq)
		r->lost += stamp - r->seq;
	r->seq = stamp;
	r->any = 0;
	return SEQRING_OK;
}

/* Classifies an impossible header: overwritten while it was read, or never valid. */
static inline enum seqring_outcome seqring_reader_classify_header(const struct seqring_reader *r)
{
	return seqring_reader_intact(r, r->pos) ? SEQRING_CORRUPT : SEQRING_OVERRUN;
}

/**
 * seqring_reader_peek() - find the next record without copying it
 * @r: the reader; does not move on
 * @v: filled if there is a record
 *
 * @v->payload points into the ring, at @v->len bytes within the data area. The writer may
 * overwrite them at any time. The bytes that the caller reads there count only if
 * seqring_reader_recheck() returns SEQRING_OK afterwards.
 *
 * Return: SEQRING_OK with @v filled; any other outcome with @v undefined.
 */
static inline enum seqring_outcome seqring_reader_peek(struct seqring_reader *r,
						       struct seqring_view *v)
{
	const struct seqring_record *rec;
	enum seqring_outcome outcome;
	union seqring_meta meta;
	__u64 stamp, room;

again:
	if (seqring_unlikely(r->pos >= r->snap) && !r->eager) {
		outcome = seqring_reader_snapshot(r);
		if (outcome)
			return outcome;
	}
	rec = seqring_reader_at(r, r->pos);
	/* Pairs with the release of the stamp in seqring_writer_close(). */
	stamp = seqring_load_acquire(PUBLISH, &rec->stamp);
	if (seqring_unlikely(stamp != r->seq || r->any)) {
		outcome = seqring_reader_classify_stamp(r, stamp);
		if (outcome)
			return outcome;
	}
	meta.word = seqring_load_word(&rec->meta.word);
	v->ts_ns = seqring_load_word(&rec->ts_ns);
	room = r->mask + 1 - (r->pos & r->mask);
	if (seqring_unlikely(meta.flags & SEQRING_REC_PAD)) {
		/* A PAD ends a lap. A PAD of a whole lap would make this loop endless. */
		if (room > r->mask || !seqring_reader_intact(r, r->pos))
			return seqring_reader_classify_header(r);
		r->pos += room;
		goto again;
	}
	if (seqring_unlikely(meta.len > r->payload_max || seqring_record_size(meta.len) > room))
		return seqring_reader_classify_header(r);
	v->pos = r->pos;
	v->next = seqring_normalize(r->pos + seqring_record_size(meta.len), r->mask);
	v->seq = r->seq;
	v->lost = r->lost;
	v->payload = rec + 1;
	v->len = meta.len;
	v->type = meta.type;
	v->flags = meta.flags;
	if (v->pos + SEQRING_PREFETCH_BYTES < r->snap)
		seqring_prefetch(r->data + (size_t)((v->pos + SEQRING_PREFETCH_BYTES) & r->mask));
	return SEQRING_OK;
}

/**
 * seqring_reader_peek_run() - seqring_reader_peek() of a record that follows another one
 * @r: a reader with @r->pos below @r->snap, @r->any and @r->lost 0; does not move on
 * @v: filled if there is a record
 *
 * For a loop over many records, in which the cases that are left out cost registers.
 *
 * Return: 1 with @v filled; 0 with @v undefined: seqring_reader_peek() has the outcome.
 */
seqring_inline int seqring_reader_peek_run(const struct seqring_reader *r, struct seqring_view *v)
{
	const struct seqring_record *rec = seqring_reader_at(r, r->pos);
	const __u64 room = r->mask + 1 - (r->pos & r->mask);
	union seqring_meta meta;
	__u64 size;

	/* Pairs with the release of the stamp in seqring_writer_close(). */
	if (seqring_unlikely(seqring_load_acquire(PUBLISH, &rec->stamp) != r->seq))
		return 0;
	meta.word = seqring_load_word(&rec->meta.word);
	size = seqring_record_size(meta.len);
	if (seqring_unlikely(meta.flags & SEQRING_REC_PAD || meta.len > r->payload_max ||
			     size > room))
		return 0;
	v->pos = r->pos;
	/* What seqring_normalize() returns. */
	v->next = r->pos + size + (room - size < sizeof(*rec) ? room - size : 0);
	v->seq = r->seq;
	v->ts_ns = seqring_load_word(&rec->ts_ns);
	v->lost = 0;
	v->payload = rec + 1;
	v->len = meta.len;
	v->type = meta.type;
	v->flags = meta.flags;
	if (v->pos + SEQRING_PREFETCH_BYTES < r->snap)
		seqring_prefetch(r->data + (size_t)((v->pos + SEQRING_PREFETCH_BYTES) & r->mask));
	return 1;
}

/* A record with at most so many bytes of payload is short: one less than a power of two. */
#define SEQRING_SHORT_LEN	127u

/* The bits of seqring_meta.word that a short record has not. */
#define SEQRING_NOT_SHORT	(seqring_meta(~SEQRING_SHORT_LEN, 0, SEQRING_REC_PAD).word)

/* The bytes that a short record takes at most, and the header behind it. */
#define SEQRING_SHORT_ROOM	(2 * sizeof(struct seqring_record) + SEQRING_SHORT_LEN + 1)

/**
 * seqring_reader_run_end() - find out how far seqring_reader_peek_short() may be called
 * @r: the reader; moves on only by records that follow one another, while the result is used
 *
 * Return: a position: below it a record that follows another one is there, and a short one cannot
 * reach the end of the lap. 0: there is no such record now.
 */
static inline __u64 seqring_reader_run_end(const struct seqring_reader *r)
{
	const __u64 room = r->mask + 1 - (r->pos & r->mask);
	__u64 end;

	if (r->any || r->lost || r->payload_max < SEQRING_SHORT_LEN || room <= SEQRING_SHORT_ROOM)
		return 0;
	/* Behind the last lap of all, which only a hostile ring has, positions begin anew. */
	end = r->pos + room;
	if (seqring_unlikely(!end))
		return 0;
	end -= SEQRING_SHORT_ROOM;
	return end < r->snap ? end : r->snap;
}

/**
 * seqring_reader_peek_short() - seqring_reader_peek() of a short record, and nothing else
 * @r: the reader, with @r->pos below @end; does not move on
 * @end: what seqring_reader_run_end() returned
 * @v: filled if there is a short record
 *
 * What is known of the lap, and the short length, leave only the stamp and one word to be checked.
 *
 * Return: 1 with @v filled; 0 with @v undefined: seqring_reader_peek() has the outcome.
 */
seqring_inline int seqring_reader_peek_short(const struct seqring_reader *r, __u64 end,
					     struct seqring_view *v)
{
	const __u64 pos = r->pos;
	const struct seqring_record *rec = seqring_reader_at(r, pos);
	union seqring_meta meta;

	/* Pairs with the release of the stamp in seqring_writer_close(). */
	v->seq = seqring_load_acquire(PUBLISH, &rec->stamp);
	if (seqring_unlikely(v->seq != r->seq))
		return 0;
	meta.word = seqring_load_word(&rec->meta.word);
	if (seqring_unlikely(meta.word & SEQRING_NOT_SHORT))
		return 0;
	v->pos = pos;
	v->len = meta.len;
	v->next = pos + seqring_record_size(meta.len);
	v->ts_ns = seqring_load_word(&rec->ts_ns);
	v->lost = 0;
	v->payload = rec + 1;
	v->type = meta.type;
	v->flags = meta.flags;
	/* Not beyond @end: what follows the data area may be another writer's. */
	if (pos + SEQRING_PREFETCH_BYTES < end)
		seqring_prefetch((const unsigned char *)rec + SEQRING_PREFETCH_BYTES);
	return 1;
}

/**
 * seqring_reader_recheck() - check that what was read of a record is whole
 * @r: the reader
 * @v: what seqring_reader_peek() gave, not consumed yet
 *
 * Return: SEQRING_OK: header and payload were as published when they were read;
 * SEQRING_OVERRUN: the caller drops what it read and calls seqring_reader_resync().
 */
static inline enum seqring_outcome seqring_reader_recheck(const struct seqring_reader *r,
							  const struct seqring_view *v)
{
	return seqring_likely(seqring_reader_intact(r, v->pos)) ? SEQRING_OK : SEQRING_OVERRUN;
}

/**
 * seqring_reader_peek_whole() - find the next record whose header is whole
 * @r, @v: as in seqring_reader_peek()
 *
 * A record that tail has passed may look whole until it is overwritten. If the writer publishes no
 * more, it is never overwritten: who peeks without a recheck finds it each time.
 *
 * Return: as seqring_reader_peek().
 */
static inline enum seqring_outcome seqring_reader_peek_whole(struct seqring_reader *r,
							     struct seqring_view *v)
{
	enum seqring_outcome outcome = seqring_reader_peek(r, v);

	return outcome ? outcome : seqring_reader_recheck(r, v);
}

/* Moves on to the record after @v, which was rechecked. */
static inline void seqring_reader_consume(struct seqring_reader *r, const struct seqring_view *v)
{
	r->pos = v->next;
	r->seq = v->seq + 1;
	if (seqring_unlikely(r->lost)) {
		r->lost_total += r->lost;
		r->lost = 0;
	}
}

/**
 * seqring_reader_read() - copy the next record out and move on
 * @r: the reader
 * @v: filled if there is a record; @v->payload is @buf
 * @buf: where the payload goes
 * @size: bytes of @buf. A longer payload is cut to @size bytes, and @v->len is its full
 *        length
 *
 * Return: SEQRING_OK with @v and @buf valid; any other outcome with both undefined and
 * the reader at the same position.
 */
static inline enum seqring_outcome seqring_reader_read(struct seqring_reader *r,
						       struct seqring_view *v, void *buf,
						       __u32 size)
{
	enum seqring_outcome outcome = seqring_reader_peek(r, v);

	if (outcome)
		return outcome;
	seqring_reader_copy(buf, v->payload, v->len < size ? v->len : size);
	outcome = seqring_reader_recheck(r, v);
	if (seqring_unlikely(outcome))
		return outcome;
	v->payload = buf;
	seqring_reader_consume(r, v);
	return SEQRING_OK;
}

/**
 * seqring_reader_read_batch() - copy out as many whole records as fit
 * @r: the reader
 * @v: array of views to fill; each payload points into @buf, 8-byte aligned
 * @max: entries of @v, at least 1
 * @buf: where the payloads go, 8-byte aligned
 * @size: bytes of @buf. A longer first record is cut, as in seqring_reader_read()
 * @nr: set to the number of views filled
 *
 * A record that is overrun or does not fit ends the batch before it.
 *
 * Return: SEQRING_OK with @nr > 0; otherwise the outcome of the first record, with @nr 0.
 */
static inline enum seqring_outcome seqring_reader_read_batch(struct seqring_reader *r,
							     struct seqring_view *v,
							     unsigned int max, void *buf,
							     size_t size, unsigned int *nr)
{
	enum seqring_outcome outcome = SEQRING_OK;
	unsigned char *to = (unsigned char *)buf;
	size_t used = 0, room;
	unsigned int n = 0;

	while (n < max) {
		outcome = seqring_reader_peek(r, &v[n]);
		if (outcome)
			break;
		room = size - used;
		if (n && v[n].len > room)
			break;
		seqring_reader_copy(to + used, v[n].payload,
				    v[n].len < room ? v[n].len : (__u32)room);
		outcome = seqring_reader_recheck(r, &v[n]);
		if (outcome)
			break;
		v[n].payload = to + used;
		seqring_reader_consume(r, &v[n]);
		used += (v[n].len + 7) & ~(size_t)7;
		n++;
		if (used > size)
			break;
	}
	*nr = n;
	return n ? SEQRING_OK : outcome;
}

/**
 * seqring_reader_resync() - go on after SEQRING_OVERRUN
 * @r: the reader
 *
 * Moves to a later record start, with a margin between tail and that record: an eighth of
 * the data area, or more if the writer used up the last margin at once. @lost of the next
 * record says how many records were lost.
 *
 * Return: SEQRING_OK; SEQRING_CORRUPT if no writer of this protocol wrote the control
 * area.
 */
static inline enum seqring_outcome seqring_reader_resync(struct seqring_reader *r)
{
	__u64 tail = seqring_load_acquire(JOIN, &r->ctl->tail);
	__u64 best = 0, pos, want;
	unsigned int i;

	r->overruns++;
	if (r->pos - r->resync_pos < (r->mask + 1) / SEQRING_SEGMENTS && r->resync_shift > 1)
		r->resync_shift--;
	else
		r->resync_shift = 3;
	want = tail + ((r->mask + 1) >> r->resync_shift);
	for (i = 0; i < SEQRING_SEGMENTS; i++) {
		pos = seqring_load_acquire(JOIN, &r->ctl->segment_pos[i]);
		if (pos >= want && (!best || pos < best))
			best = pos;
	}
	/* No record may ever come at head, so the newest record has to tell the loss. */
	if (!best || best >= seqring_load_acquire(JOIN, &r->ctl->head))
		best = seqring_load_acquire(JOIN, &r->ctl->last);
	if (best <= r->pos)
		return SEQRING_CORRUPT;
	r->resync_pos = best;
	return seqring_reader_goto(r, best);
}

/*
 * Seeks. Each forgets the expected seq, so no record counts as lost between the old and
 * the new position. Return: SEQRING_OK; SEQRING_CORRUPT if no record can start there.
 */
static inline enum seqring_outcome seqring_reader_seek_pos(struct seqring_reader *r, __u64 pos)
{
	r->seq = 0;
	r->lost = 0;
	return seqring_reader_goto(r, pos);
}

/* Moves to the oldest intact record. */
static inline enum seqring_outcome seqring_reader_seek_oldest(struct seqring_reader *r)
{
	return seqring_reader_seek_pos(r, seqring_load_acquire(JOIN, &r->ctl->tail));
}

/* Moves to the newest record; on an empty ring, to where the first one will be. */
static inline enum seqring_outcome seqring_reader_seek_newest(struct seqring_reader *r)
{
	return seqring_reader_seek_pos(r, seqring_load_acquire(JOIN, &r->ctl->last));
}

/* Moves to head: the reader gets only records that are published from now on. */
static inline enum seqring_outcome seqring_reader_seek_head(struct seqring_reader *r)
{
	return seqring_reader_seek_pos(r, seqring_load_acquire(JOIN, &r->ctl->head));
}

/* Moves to the latest known record start with a seq (or time) below @value. */
static inline enum seqring_outcome seqring_reader_seek_near(struct seqring_reader *r, int by_time,
							    __u64 value)
{
	__u64 best = seqring_load_acquire(JOIN, &r->ctl->tail);
	unsigned int i;

	for (i = 0; i < SEQRING_SEGMENTS; i++) {
		__u64 pos = seqring_load_acquire(JOIN, &r->ctl->segment_pos[i]);
		const struct seqring_record *rec = seqring_reader_at(r, pos);
		__u64 stamp, key;

		if (pos <= best || seqring_reader_goto(r, pos))
			continue;
		stamp = seqring_load_acquire(PUBLISH, &rec->stamp);
		key = by_time ? seqring_load_word(&rec->ts_ns) : stamp;
		/* A PAD has a stamp but no time. */
		if (stamp && key && key < value && seqring_reader_intact(r, pos))
			best = pos;
	}
	return seqring_reader_seek_pos(r, best);
}

/*
 * A seek in pieces, by a caller that must not run for long at once.
 *
 * @value, @by_time: what is searched, as for seqring_reader_seek()
 * @end: the search ends here at the latest
 * @tries: how often it began
 * @begin: it is to begin, anew if the writer has overrun it
 * @eager: the reader's setting, which is off meanwhile
 */
struct seqring_search {
	__u64 value;
	__u64 end;
	int by_time;
	__u16 tries;
	__u8 begin;
	__u8 eager;
};

/* Begins a search; seqring_reader_search() does it. */
static inline void seqring_reader_search_begin(struct seqring_reader *r, struct seqring_search *s,
					       int by_time, __u64 value)
{
	s->value = value;
	s->end = 0;
	s->by_time = by_time;
	s->tries = 0;
	s->begin = 1;
	s->eager = r->eager;
	r->eager = 0;
}

static inline enum seqring_outcome seqring_reader_search_end(struct seqring_reader *r,
							     const struct seqring_search *s,
							     enum seqring_outcome outcome)
{
	r->eager = s->eager;
	if (outcome == SEQRING_EMPTY || outcome == SEQRING_DEAD)
		outcome = SEQRING_OK;
	if (!outcome && !s->by_time && s->value && r->seq > s->value) {
		r->lost = r->seq - s->value;
	} else if (!outcome && !s->by_time && s->value && r->any) {
		/* There is no record yet: compare the first one with @value when it comes. */
		r->seq = s->value;
	}
	return outcome;
}

/**
 * seqring_reader_search() - do a part of a seek
 * @r: the reader
 * @s: the search, begun by seqring_reader_search_begin()
 * @max: records to pass at most
 * @outcome: set when the search ends, to what seqring_reader_seek() returns
 *
 * Return: nonzero when the search has ended; 0: call again.
 */
static inline int seqring_reader_search(struct seqring_reader *r, struct seqring_search *s,
					__u32 max, enum seqring_outcome *outcome)
{
	enum seqring_outcome found;
	struct seqring_view v;

	while (max--) {
		found = SEQRING_OK;
		if (s->begin) {
			found = seqring_reader_seek_near(r, s->by_time, s->value);
			s->end = r->pos + r->mask + 1;
			s->begin = 0;
			s->tries++;
		}
		if (!found)
			found = seqring_reader_peek_whole(r, &v);
		if (found == SEQRING_OVERRUN && s->tries < 16) {
			s->begin = 1;
			continue;
		}
		if (!found && (s->by_time ? v.ts_ns : v.seq) < s->value) {
			seqring_reader_consume(r, &v);
			if (r->pos < s->end)
				continue;
		}
		*outcome = seqring_reader_search_end(r, s, found);
		return 1;
	}
	return 0;
}

/**
 * seqring_reader_seek() - move to the first record of at least this seq or time
 * @r: the reader
 * @by_time: @value is a ts_ns, not a seq
 * @value: seq or time to find; a seq is at most that of the newest record plus one
 *
 * Starts at a segment's first record near the target and reads at most one data area. If
 * the record of seq @value is overwritten already, the next record's @lost counts the
 * records from @value on. If no record is that late yet, the reader stands at head.
 *
 * Return: SEQRING_OK; SEQRING_OVERRUN if the writer overran the reader in 16 tries;
 * SEQRING_CORRUPT.
 */
static inline enum seqring_outcome seqring_reader_seek(struct seqring_reader *r, int by_time,
						       __u64 value)
{
	enum seqring_outcome outcome;
	struct seqring_search search;

	seqring_reader_search_begin(r, &search, by_time, value);
	while (!seqring_reader_search(r, &search, ~0u, &outcome))
		;
	return outcome;
}

/* seqring_reader_newest() on an empty ring, while the newest record changes, of bad bytes. */
seqring_cold enum seqring_outcome seqring_reader_newest_slow(const struct seqring_reader *r,
							     struct seqring_view *v, void *buf,
							     __u32 size)
{
	struct seqring_reader t = *r;

	/* Poll the stamp instead of head: the writer stores head after last. */
	t.eager = 1;
	t.snap = 0;
	if (seqring_reader_seek_newest(&t))
		return SEQRING_CORRUPT;
	return seqring_reader_read(&t, v, buf, size);
}

/**
 * seqring_reader_peek_newest() - find the newest record without copying it
 * @r: the reader; its position does not matter and does not change
 * @only_short: nonzero: see only a short record that ends no lap, by fewer checks; a constant
 * @v: filled if there is a record; @v->lost is 0
 *
 * As with seqring_reader_peek(), what is read counts after seqring_reader_recheck().
 *
 * Return: 1 with @v filled; 0 with @v undefined: seqring_reader_newest() has the outcome.
 */
seqring_inline int seqring_reader_peek_newest(const struct seqring_reader *r, const int only_short,
					      struct seqring_view *v)
{
	const __u64 pos = seqring_load_acquire(JOIN, &r->ctl->last);
	const __u64 room = r->mask + 1 - (pos & r->mask);
	const struct seqring_record *rec;
	union seqring_meta meta;

	if (seqring_unlikely((pos & 7) || room < (only_short ? SEQRING_SHORT_ROOM : sizeof(*rec))))
		return 0;
	rec = seqring_reader_at(r, pos);
	/* Pairs with the release of the stamp in seqring_writer_close(). */
	v->seq = seqring_load_acquire(PUBLISH, &rec->stamp);
	meta.word = seqring_load_word(&rec->meta.word);
	if (seqring_unlikely(!v->seq || meta.len > r->payload_max))
		return 0;
	if (seqring_unlikely(only_short ? !!(meta.word & SEQRING_NOT_SHORT) :
					  meta.flags & SEQRING_REC_PAD ||
						  seqring_record_size(meta.len) > room))
		return 0;
	v->ts_ns = seqring_load_word(&rec->ts_ns);
	v->pos = pos;
	v->next = seqring_normalize(pos + seqring_record_size(meta.len), r->mask);
	v->lost = 0;
	v->payload = rec + 1;
	v->len = meta.len;
	v->type = meta.type;
	v->flags = meta.flags;
	return 1;
}

/**
 * seqring_reader_newest() - copy the newest record out
 * @r: the reader; its position does not matter and does not change
 * @v: filled if there is a record; @v->lost is 0
 * @buf: where the payload goes
 * @size: bytes of @buf, as in seqring_reader_read()
 *
 * Return: SEQRING_OK with a consistent record; SEQRING_EMPTY or SEQRING_DEAD: no record
 * was ever published; SEQRING_OVERRUN: the writer overwrote the record during the copy,
 * try again; SEQRING_CORRUPT.
 */
static inline enum seqring_outcome seqring_reader_newest(const struct seqring_reader *r,
							 struct seqring_view *v, void *buf,
							 __u32 size)
{
	enum seqring_outcome outcome;
	struct seqring_view slow;
	__u32 len;

	if (seqring_unlikely(!seqring_reader_peek_newest(r, 0, v))) {
		/* Not @v: the compiler would have to fill all of it, whatever the caller uses. */
		outcome = seqring_reader_newest_slow(r, &slow, buf, size);
		if (!outcome)
			*v = slow;
		return outcome;
	}
	len = v->len < size ? v->len : size;
	if (len <= SEQRING_SHORT_LEN)
		seqring_reader_copy_short(buf, v->payload, len);
	else
		seqring_reader_copy(buf, v->payload, len);
	v->payload = buf;
	return seqring_reader_recheck(r, v);
}

/* Records and bytes that are published and not read yet: a snapshot. */
static inline void seqring_reader_lag(const struct seqring_reader *r, __u64 *records, __u64 *bytes)
{
	__u64 seq = seqring_read(&r->ctl->seq), head = seqring_read(&r->ctl->head);

	*records = r->seq && seq >= r->seq ? seq - r->seq + 1 : 0;
	*bytes = head > r->pos ? head - r->pos : 0;
}

/**
 * seqring_reader_arm() - ask the writer for a wake-up
 * @wait: the wake thresholds of the ring
 * @pos: wake when head is above this position; SEQRING_WAIT_NONE: at no position
 * @seq: wake when this seq is published; SEQRING_WAIT_NONE: at no seq
 *
 * A wake-up by the writer already reaches the caller, before this call. After the call,
 * the caller checks the ring once more, and sleeps only if what it waits for is not
 * there. With SEQRING_FEAT_MEMBARRIER it calls membarrier() before that check.
 */
static inline void seqring_reader_arm(struct seqring_wait *wait, __u64 pos, __u64 seq)
{
	seqring_atomic_min(&wait->pos, pos);
	seqring_atomic_min(&wait->seq, seq);
	/* Pairs with the fence in seqring_writer_wake_due(). */
	seqring_fence_full(WAKE);
}

/**
 * seqring_reader_arm_slot() - ask the writer for a wake-up of this reader alone
 * @wait: the wake thresholds of the ring
 * @own: this reader's thresholds of the ring, in its slot
 * @pos, @seq: as in seqring_reader_arm()
 *
 * As seqring_reader_arm(). The thresholds replace those that the slot had.
 */
static inline void seqring_reader_arm_slot(struct seqring_wait *wait,
					   struct seqring_threshold *own, __u64 pos, __u64 seq)
{
	seqring_write(&own->pos, pos);
	seqring_write(&own->seq, seq);
	/* Pairs with the fence in seqring_writer_wake_begin(). */
	seqring_fence_full(WAKE);
	seqring_reader_arm(wait, pos, seq);
}

#ifdef seqring_cmpxchg
/**
 * seqring_reader_announce() - announce a sleeper on a ring with SEQRING_FEAT_ANNOUNCE
 * @wait: the wake thresholds of the ring, after seqring_reader_arm()
 * @mine: a number, not 0, that no reader gives twice, such as the time in ns
 * @known: kept between the calls of one reader for one ring; 0 at first
 *
 * Return: 1 if membarrier(MEMBARRIER_CMD_GLOBAL) is due before the last check of the
 * ring, else 0.
 */
static inline int seqring_reader_announce(struct seqring_wait *wait, __u64 mine, __u64 *known)
{
	__u64 found = seqring_read(&wait->announced), old;

	if (!found) {
		found = mine;
		old = 0;
		if (!seqring_cmpxchg(&wait->announced, &old, mine))
			found = old;
	}
	/* Another reader's number: its membarrier() may not have returned yet. */
	if (found == *known)
		return 0;
	*known = found;
	return 1;
}
#endif

#endif /* SEQRING_READER_H */
