/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The reader's half of the protocol, for one ring. A reader writes nothing but
 * its own struct seqring_reader, so any number of them read one ring.
 *
 * Nothing that stands in the ring is trusted: whatever bytes are there, and
 * however they change, no function here reads outside the control and the data
 * area or loops without a bound.
 *
 * Any context. Nothing here sleeps or allocates.
 */
#ifndef SEQRING_READER_H
#define SEQRING_READER_H

#include "abi.h"
#include "barrier.h"
#include "copy.h"
#include "record.h"

/**
 * enum seqring_outcome - what a look at the ring found
 * @SEQRING_OK: a record
 * @SEQRING_EMPTY: no record yet
 * @SEQRING_OVERRUN: the writer has overwritten this position; seqring_reader_resync()
 * @SEQRING_CORRUPT: what stands here was not written by this protocol
 * @SEQRING_DEAD: no record, and there never will be one
 */
enum seqring_outcome {
	SEQRING_OK = 0,
	SEQRING_EMPTY,
	SEQRING_OVERRUN,
	SEQRING_CORRUPT,
	SEQRING_DEAD,
};

/*
 * @pos, @seq: the next record; @seq 0: not known yet, nothing counts as lost
 * @snap:     head as last loaded: everything below is published
 * @lost:     records lost since the last one that was consumed
 * @lost_total, @overruns: since seqring_reader_init(); @lost_total is without @lost
 * @any:      the seq at @pos is not known: take what stands there
 * @eager:    look at the stamp at head instead of at head: one cache line less
 *            between the writer and a reader that spins, at the writer's cost
 * @lap_pos, @lap_shift: where the last lap led, and the margin left then
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
	__u16 lap_shift;
	__u64 lap_pos;
	__u64 lost_total;
	__u64 overruns;
};

/*
 * A record as seqring_reader_peek() saw it. Nothing of it may be relied on before
 * seqring_reader_recheck() said OK.
 *
 * @lost: records lost between this one and the one before
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

/* How far ahead, below the snapshot of head, the reader touches records. */
#ifndef SEQRING_PREFETCH_BYTES
#define SEQRING_PREFETCH_BYTES	512
#endif

/* Goes to @pos without knowing which seq stands there. */
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
 * @data_size: its size, from a source that the ring's bytes cannot change later
 *
 * Return: 0, or -EINVAL when @data_size is not one that the ABI allows, or tail not
 * a place where a record can start.
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

static inline const struct seqring_record *seqring_reader_at(const struct seqring_reader *r, __u64 pos)
{
	return (const struct seqring_record *)(r->data + (size_t)(pos & r->mask));
}

/* Whether all bytes from @pos on that were loaded before are as published. */
static inline int seqring_reader_intact(const struct seqring_reader *r, __u64 pos)
{
	/* Pairs with the write fence in seqring_writer_reclaim(). */
	seqring_fence_read(RECLAIM);
	return seqring_read(&r->ctl->tail) <= pos;
}

/* Loads head anew. OK: there is more below it now. */
static inline enum seqring_outcome seqring_reader_snapshot(struct seqring_reader *r)
{
	/* Pairs with the release of head in seqring_writer_close(). */
	r->snap = seqring_load_acquire(JOIN, &r->ctl->head);
	if (r->pos < r->snap)
		return SEQRING_OK;
	/* Pairs with seqring_writer_end(): after it, head is the last one. */
	if (seqring_likely(!(seqring_load_acquire(END, &r->ctl->state) & SEQRING_STATE_DEAD)))
		return SEQRING_EMPTY;
	r->snap = seqring_load_acquire(JOIN, &r->ctl->head);
	return r->pos < r->snap ? SEQRING_OK : SEQRING_DEAD;
}

/* What a stamp means that is not the one expected; OK: go on, it is now. */
static inline enum seqring_outcome seqring_reader_mismatch(struct seqring_reader *r, __u64 stamp)
{
	if (!seqring_reader_intact(r, r->pos))
		return SEQRING_OVERRUN;
	if (!stamp) {
		/* Below head every stamp is there: this is no ring of ours. */
		if (r->pos < r->snap)
			return SEQRING_CORRUPT;
		if (seqring_load_acquire(END, &r->ctl->state) & SEQRING_STATE_DEAD)
			return seqring_reader_snapshot(r) == SEQRING_OK ? SEQRING_EMPTY : SEQRING_DEAD;
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

/* A header that cannot be: overwritten while it was read, or never valid. */
static inline enum seqring_outcome seqring_reader_bad(const struct seqring_reader *r)
{
	return seqring_reader_intact(r, r->pos) ? SEQRING_CORRUPT : SEQRING_OVERRUN;
}

/**
 * seqring_reader_peek() - look at the next record without copying it
 * @r: the reader
 * @v: filled when there is one
 *
 * The view's payload points into the ring, at @v->len bytes that lie within the
 * data area. The writer may overwrite them at any time: what was read there
 * counts only once seqring_reader_recheck() says OK afterwards. Does not advance.
 *
 * Return: SEQRING_OK with @v valid as said; any other outcome with @v undefined.
 */
static inline enum seqring_outcome seqring_reader_peek(struct seqring_reader *r, struct seqring_view *v)
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
		outcome = seqring_reader_mismatch(r, stamp);
		if (outcome)
			return outcome;
	}
	meta.word = seqring_load_word(&rec->meta.word);
	v->ts_ns = seqring_load_word(&rec->ts_ns);
	room = r->mask + 1 - (r->pos & r->mask);
	if (seqring_unlikely(meta.flags & SEQRING_REC_PAD)) {
		/* A PAD ends a lap; one that is a whole lap would never end. */
		if (room > r->mask || !seqring_reader_intact(r, r->pos))
			return seqring_reader_bad(r);
		r->pos += room;
		goto again;
	}
	if (seqring_unlikely(meta.len > r->payload_max || seqring_record_size(meta.len) > room))
		return seqring_reader_bad(r);
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
 * seqring_reader_recheck() - say whether what was read of a view is whole
 * @r: the reader
 * @v: what seqring_reader_peek() gave, not consumed yet
 *
 * Return: SEQRING_OK: header and payload were as published when they were read;
 * SEQRING_OVERRUN: throw away what was read, and seqring_reader_resync().
 */
static inline enum seqring_outcome seqring_reader_recheck(const struct seqring_reader *r,
						     const struct seqring_view *v)
{
	return seqring_likely(seqring_reader_intact(r, v->pos)) ? SEQRING_OK : SEQRING_OVERRUN;
}

/* Moves on behind a view that was rechecked. */
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
 * @v: filled when there is one; its payload is @buf
 * @buf: where the payload goes
 * @size: bytes there; of a longer payload the first @size bytes are copied and
 *        @v->len still says how long it was
 *
 * Return: SEQRING_OK with @v and @buf whole; any other outcome with both
 * undefined and the reader where it was.
 */
static inline enum seqring_outcome seqring_reader_read(struct seqring_reader *r, struct seqring_view *v,
						  void *buf, __u32 size)
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
 * @max: its length, at least 1
 * @buf: where the payloads go, 8-byte aligned
 * @size: bytes there; a first record that is longer is cut, as in seqring_reader_read()
 * @nr: set to the number of views filled
 *
 * Return: SEQRING_OK with @nr > 0; any other outcome, with @nr 0, is that of the
 * first record. A record that does not come out whole ends the batch before it.
 */
static inline enum seqring_outcome seqring_reader_read_batch(struct seqring_reader *r,
							struct seqring_view *v, unsigned int max,
							void *buf, size_t size, unsigned int *nr)
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
		seqring_reader_copy(to + used, v[n].payload, v[n].len < room ? v[n].len : (__u32)room);
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
 * Goes to a record start with a margin of intact data behind it, at least an
 * eighth of the data area, more when the last margin was used up at once. The
 * next record says how many were lost.
 *
 * Return: SEQRING_OK, or SEQRING_CORRUPT when the control area is not a ring's.
 */
static inline enum seqring_outcome seqring_reader_resync(struct seqring_reader *r)
{
	__u64 tail = seqring_load_acquire(JOIN, &r->ctl->tail);
	__u64 best = 0, pos, want;
	unsigned int i;

	r->overruns++;
	if (r->pos - r->lap_pos < (r->mask + 1) / SEQRING_SEGMENTS && r->lap_shift > 1)
		r->lap_shift--;
	else
		r->lap_shift = 3;
	want = tail + ((r->mask + 1) >> r->lap_shift);
	for (i = 0; i < SEQRING_SEGMENTS; i++) {
		pos = seqring_load_acquire(JOIN, &r->ctl->segment_pos[i]);
		if (pos >= want && (!best || pos < best))
			best = pos;
	}
	/* At head no record may ever come that tells what was lost: the newest one does. */
	if (!best || best >= seqring_load_acquire(JOIN, &r->ctl->head))
		best = seqring_load_acquire(JOIN, &r->ctl->last);
	if (best <= r->pos)
		return SEQRING_CORRUPT;
	r->lap_pos = best;
	return seqring_reader_goto(r, best);
}

/*
 * Seeks. Each forgets what was expected before, so nothing counts as lost
 * between the old and the new place. Return: SEQRING_OK, or SEQRING_CORRUPT.
 */
static inline enum seqring_outcome seqring_reader_seek_pos(struct seqring_reader *r, __u64 pos)
{
	r->seq = 0;
	r->lost = 0;
	return seqring_reader_goto(r, pos);
}

/* The oldest record that is intact. */
static inline enum seqring_outcome seqring_reader_seek_oldest(struct seqring_reader *r)
{
	return seqring_reader_seek_pos(r, seqring_load_acquire(JOIN, &r->ctl->tail));
}

/* The newest record is the next one; on an empty ring the first one is. */
static inline enum seqring_outcome seqring_reader_seek_newest(struct seqring_reader *r)
{
	return seqring_reader_seek_pos(r, seqring_load_acquire(JOIN, &r->ctl->last));
}

/* Only what is published from now on. */
static inline enum seqring_outcome seqring_reader_seek_head(struct seqring_reader *r)
{
	return seqring_reader_seek_pos(r, seqring_load_acquire(JOIN, &r->ctl->head));
}

/* Goes to the latest known record start whose @key is below @value. */
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
		/* A PAD has a stamp, but no time. */
		if (stamp && key && key < value && seqring_reader_intact(r, pos))
			best = pos;
	}
	return seqring_reader_seek_pos(r, best);
}

/**
 * seqring_reader_seek() - go to the first record of at least this seq or time
 * @r: the reader
 * @by_time: @value is a ts_ns, not a seq
 * @value: what to look for; a seq is at most that of the newest record plus one
 *
 * Walks over at most the data area, from a segment's start near the record.
 * When the record of seq @value is gone already, the next one read says how
 * many of those from @value on were lost. When nothing is that late yet, the
 * reader stands at head.
 *
 * Return: SEQRING_OK; SEQRING_OVERRUN when the writer was faster, several times
 * over; SEQRING_CORRUPT.
 */
static inline enum seqring_outcome seqring_reader_seek(struct seqring_reader *r, int by_time,
						  __u64 value)
{
	__u8 eager = r->eager;
	enum seqring_outcome outcome;
	struct seqring_view v;
	__u64 end;
	int tries;

	r->eager = 0;
	for (tries = 0; tries < 16; tries++) {
		outcome = seqring_reader_seek_near(r, by_time, value);
		end = r->pos + r->mask + 1;
		while (!outcome && r->pos < end) {
			outcome = seqring_reader_peek(r, &v);
			if (!outcome)
				outcome = seqring_reader_recheck(r, &v);
			if (outcome || (by_time ? v.ts_ns : v.seq) >= value)
				break;
			seqring_reader_consume(r, &v);
		}
		if (outcome != SEQRING_OVERRUN)
			break;
	}
	r->eager = eager;
	if (outcome == SEQRING_EMPTY || outcome == SEQRING_DEAD)
		outcome = SEQRING_OK;
	if (!outcome && !by_time && value && r->seq > value) {
		r->lost = r->seq - value;
	} else if (!outcome && !by_time && value && r->any) {
		/* Nothing stands here yet: the first record that comes is judged. */
		r->seq = value;
	}
	return outcome;
}

/* The case of seqring_reader_newest() that finds no record where it should be. */
seqring_cold enum seqring_outcome seqring_reader_no_newest(const struct seqring_reader *r,
						      struct seqring_view *v, void *buf, __u32 size)
{
	struct seqring_reader t = *r;

	/* Not by head: it is stored after last. */
	t.eager = 1;
	t.snap = 0;
	if (seqring_reader_seek_newest(&t))
		return SEQRING_CORRUPT;
	return seqring_reader_read(&t, v, buf, size);
}

/**
 * seqring_reader_newest() - copy the newest record, wherever the reader stands
 * @r: the reader; stays where it is
 * @v: filled when there is one; @v->lost is 0
 * @buf: where the payload goes
 * @size: bytes there, as in seqring_reader_read()
 *
 * Return: SEQRING_OK with a consistent record; SEQRING_EMPTY or SEQRING_DEAD:
 * nothing was ever published; SEQRING_OVERRUN: the writer went round the whole
 * ring during the copy, try again; SEQRING_CORRUPT.
 */
static inline enum seqring_outcome seqring_reader_newest(const struct seqring_reader *r,
						    struct seqring_view *v, void *buf, __u32 size)
{
	const __u64 pos = seqring_load_acquire(JOIN, &r->ctl->last);
	const __u64 room = r->mask + 1 - (pos & r->mask);
	const struct seqring_record *rec;
	union seqring_meta meta;
	__u64 stamp;

	if (seqring_unlikely((pos & 7) || room < sizeof(*rec)))
		return SEQRING_CORRUPT;
	rec = seqring_reader_at(r, pos);
	/* Pairs with the release of the stamp in seqring_writer_close(). */
	stamp = seqring_load_acquire(PUBLISH, &rec->stamp);
	meta.word = seqring_load_word(&rec->meta.word);
	if (seqring_unlikely(!stamp || meta.flags & SEQRING_REC_PAD || meta.len > r->payload_max ||
			     seqring_record_size(meta.len) > room))
		return seqring_reader_no_newest(r, v, buf, size);
	v->ts_ns = seqring_load_word(&rec->ts_ns);
	seqring_reader_copy(buf, rec + 1, meta.len < size ? meta.len : size);
	if (seqring_unlikely(!seqring_reader_intact(r, pos)))
		return SEQRING_OVERRUN;
	v->pos = pos;
	v->next = seqring_normalize(pos + seqring_record_size(meta.len), r->mask);
	v->seq = stamp;
	v->lost = 0;
	v->payload = buf;
	v->len = meta.len;
	v->type = meta.type;
	v->flags = meta.flags;
	return SEQRING_OK;
}

/* Records and bytes that are published and not read yet; a snapshot. */
static inline void seqring_reader_lag(const struct seqring_reader *r, __u64 *records, __u64 *bytes)
{
	__u64 seq = seqring_read(&r->ctl->seq), head = seqring_read(&r->ctl->head);

	*records = r->seq && seq >= r->seq ? seq - r->seq + 1 : 0;
	*bytes = head > r->pos ? head - r->pos : 0;
}

/**
 * seqring_reader_arm() - ask to be woken
 * @wait: the armed words of the ring
 * @pos: wake when head is past this position
 * @seq: or when this seq was published
 *
 * The caller is among those whom the writer wakes already. It looks at the ring
 * once more afterwards, and sleeps only when what it waits for is not there.
 * With SEQRING_FEAT_MEMBARRIER it calls membarrier() before that look.
 */
static inline void seqring_reader_arm(struct seqring_wait *wait, __u64 pos, __u64 seq)
{
	seqring_atomic_min(&wait->pos, pos);
	seqring_atomic_min(&wait->seq, seq);
	/* Pairs with the fence in seqring_writer_wake_due(). */
	seqring_fence_full(WAKE);
}

#ifdef seqring_cmpxchg
/**
 * seqring_reader_announce() - say that somebody sleeps, where SEQRING_FEAT_ANNOUNCE is set
 * @wait: the armed words of the ring, after seqring_reader_arm()
 * @mine: a number, not 0, that nobody gives twice: the time in ns will do
 * @known: 0 at first; kept between the calls of one reader for one ring
 *
 * Return: 1: membarrier(MEMBARRIER_CMD_GLOBAL) is due before the last look; else 0.
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
