/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The writer's half of the protocol, for one ring. The module, processes and BPF
 * programs all use it. docs/design.md has the steps and the reasons.
 *
 * The caller guarantees that a ring has one writer at a time. The writer works from its
 * own struct seqring_writer, which readers do not see, and loads nothing from a page
 * that another process maps.
 *
 * Any context. No function here sleeps, allocates, or loops without a bound.
 */
#ifndef SEQRING_WRITER_H
#define SEQRING_WRITER_H

#include "abi.h"
#include "barrier.h"
#include "copy.h"
#include "record.h"

/*
 * The part of the writer's state that only a record that leaves its segment needs.
 *
 * @limit: the writer may write at positions below it without moving tail
 * @payload_max: longest payload
 * @seg_shift: a position >> @seg_shift is the number of its segment
 * @first: for each segment, the first record start at or after the segment's start
 */
struct seqring_writer_cold {
	__u64 limit;
	__u32 payload_max;
	__u32 seg_shift;
	__u64 first[SEQRING_SEGMENTS];
};

/*
 * @data:     data area
 * @ctl:      control area
 * @mask:     bytes of the data area, less 1
 * @pos:      head: where the next record starts
 * @seq:      seq of the newest record
 * @seg_end:  first position after the segment that @pos is in
 * @resv_next: where the record after the reserved one starts; 0: no reservation is open
 * @resv_len: payload length of the open reservation
 * @light_wake: readers issue membarrier(), so the writer needs no full fence before it
 *            loads the wake thresholds
 * @cold:     see struct seqring_writer_cold
 *
 * A BPF program builds this struct only in its cold path, and then @cold points into
 * struct seqring_bpf_state.
 */
struct seqring_writer {
	unsigned char *data;
	struct seqring_ring_ctl *ctl;
	__u64 mask;
	__u64 pos;
	__u64 seq;
	__u64 seg_end;
	__u64 resv_next;
	__u32 resv_len;
	__u32 light_wake;
#ifdef __bpf__
	struct seqring_writer_cold *cold;
#define seqring_writer_cold(w)	((w)->cold)
#else
	struct seqring_writer_cold cold;
#define seqring_writer_cold(w)	(&(w)->cold)
#endif
};

/* One piece of a gathered payload. */
struct seqring_vec {
	const void *base;
	__u64 len;
};

#ifndef __bpf__
/**
 * seqring_writer_init() - start a writer on an empty ring
 * @w: the writer to fill
 * @ctl: control area of the ring, zeroed
 * @data: data area, zeroed, 8-byte aligned
 * @data_size: its size, a power of two within the limits of abi.h
 *
 * Return: 0, or -EINVAL when @data_size is not one that the ABI allows.
 */
seqring_inline int seqring_writer_init(struct seqring_writer *w, struct seqring_ring_ctl *ctl,
				       void *data, __u64 data_size)
{
	__u64 segment = data_size / SEQRING_SEGMENTS;

	if (!SEQRING_DATA_SIZE_OK(data_size))
		return -EINVAL;
	memset(w, 0, sizeof(*w));
	w->data = (unsigned char *)data;
	w->ctl = ctl;
	w->mask = data_size - 1;
	w->cold.limit = data_size;
	w->seg_end = segment;
	w->cold.payload_max = SEQRING_PAYLOAD_MAX(data_size);
	while (segment > 1ULL << w->cold.seg_shift)
		w->cold.seg_shift++;
	return 0;
}
#endif

/*
 * Makes every position below @end writable: moves tail past each record whose bytes will
 * be overwritten. Runs once per segment. The largest record, a PAD before it and the
 * header behind it cover fewer than ten of the sixteen segments, so there always is a
 * later record start.
 */
seqring_inline void seqring_writer_reclaim(struct seqring_writer *w, __u64 end)
{
	struct seqring_writer_cold *cold = seqring_writer_cold(w);
	__u64 segment = (end - 1) >> cold->seg_shift;

	seqring_store_release(JOIN, &w->ctl->tail,
			      cold->first[(segment + 1) & (SEQRING_SEGMENTS - 1)]);
	/* Pairs with the read fence in seqring_reader_intact(). */
	seqring_fence_write(RECLAIM);
	cold->limit = (segment + 1) << cold->seg_shift;
}

/* Notes that @pos is the first record start of every segment up to its own. */
seqring_cold void seqring_writer_enter_segment(struct seqring_writer *w, __u64 pos)
{
	__u32 shift = seqring_writer_cold(w)->seg_shift, n, i;
	__u64 segment = w->seg_end >> shift;
	__u64 last = pos >> shift;

	/* No record spans SEQRING_SEGMENTS segments; the bound is for the BPF verifier. */
	for (n = 0; n < SEQRING_SEGMENTS && segment <= last; n++, segment++) {
		i = segment & (SEQRING_SEGMENTS - 1);
		seqring_writer_cold(w)->first[i] = pos;
		/* The stamp at @pos was zeroed before, so a joiner finds no stale one. */
		seqring_store_release(JOIN, &w->ctl->segment_pos[i], pos);
	}
	w->seg_end = (last + 1) << shift;
}

seqring_inline struct seqring_record *seqring_writer_at(const struct seqring_writer *w, __u64 pos)
{
#ifdef __bpf__
	/* Every position is a multiple of 8; this shows it to the verifier. */
	pos &= ~7ULL;
#endif
	return (struct seqring_record *)(w->data + (pos & w->mask));
}

/* Reclaims the bytes that the record up to @next and the header at @next overwrite. */
seqring_inline void seqring_writer_prepare(struct seqring_writer *w, __u64 next)
{
	if (seqring_unlikely(next + sizeof(struct seqring_record) > seqring_writer_cold(w)->limit))
		seqring_writer_reclaim(w, next + sizeof(struct seqring_record));
}

/*
 * Publishes @rec; all of it except the stamp is in place. First zeroes the stamp of the
 * next record, @behind: a reader that goes on to it then takes no old bytes for a record.
 */
seqring_inline void seqring_writer_stamp(struct seqring_record *rec, struct seqring_record *behind,
					 __u64 stamp)
{
	seqring_store_word(&behind->stamp, 0);
	/* Pairs with the acquire of the stamp in seqring_reader_peek(). */
	seqring_store_release(PUBLISH, &rec->stamp, stamp);
}

/* Fills the rest of the lap with a PAD, which takes no seq and does not move head. */
seqring_cold void seqring_writer_pad(struct seqring_writer *w, __u64 room)
{
	struct seqring_record *rec = seqring_writer_at(w, w->pos);
	__u32 len = (__u32)(room - sizeof(*rec));

	seqring_writer_prepare(w, w->pos + room);
	seqring_writer_write_header(rec, seqring_meta(len, 0, SEQRING_REC_PAD), 0);
	seqring_writer_stamp(rec, seqring_writer_at(w, w->pos + room), w->seq + 1);
	w->pos += room;
	if (w->pos >= w->seg_end)
		seqring_writer_enter_segment(w, w->pos);
}

/*
 * Makes room for a record of @len payload bytes at w->pos. Sets @next to where the
 * record after it starts.
 *
 * Return: 0; -EMSGSIZE if @len is above payload_max.
 */
seqring_cold int seqring_writer_make_room(struct seqring_writer *w, __u32 len, __u64 *next)
{
	__u64 size = seqring_record_size(len);
	__u64 room = w->mask + 1 - (w->pos & w->mask);

	if (len > seqring_writer_cold(w)->payload_max)
		return -EMSGSIZE;
	if (size > room)
		seqring_writer_pad(w, room);
	*next = seqring_normalize(w->pos + size, w->mask);
	seqring_writer_prepare(w, *next);
	return 0;
}

/*
 * True if a record up to @next, and the header of the record after it, lie in the
 * segment that ends at @seg_end. This is the common case. seqring_writer_make_room() and
 * seqring_writer_enter_segment() have nothing to do then: a whole segment is below the
 * limit, no segment crosses the end of a lap, and no segment holds a record longer than
 * payload_max.
 */
seqring_inline int seqring_writer_fits_segment(__u64 next, __u64 seg_end)
{
	return seqring_likely(next + sizeof(struct seqring_record) <= seg_end);
}

/*
 * A record that is being published. Its fields are locals: the compiler must assume that
 * a store into the ring changes the writer, and would load the writer's fields again.
 */
struct seqring_writer_open {
	struct seqring_record *rec;
	struct seqring_record *behind;
	struct seqring_ring_ctl *ctl;
	__u64 pos;
	__u64 next;
	__u64 seq;
};

/* Publishes the record; all of it except the stamp is in place. */
seqring_inline void seqring_writer_close(const struct seqring_writer_open *open)
{
	seqring_writer_stamp(open->rec, open->behind, open->seq);
	seqring_store_release(JOIN, &open->ctl->last, open->pos);
	seqring_write(&open->ctl->seq, open->seq);
	/* Pairs with the acquire of head in seqring_reader_peek(). */
	seqring_store_release(JOIN, &open->ctl->head, open->next);
}

/* Advances the writer to @next; nothing of the record is published yet. */
seqring_inline struct seqring_writer_open seqring_writer_advance(struct seqring_writer *w,
								 __u64 next)
{
	struct seqring_writer_open open = {
		seqring_writer_at(w, w->pos), seqring_writer_at(w, next), w->ctl, w->pos, next,
		w->seq + 1,
	};

	w->pos = next;
	w->seq = open.seq;
	return open;
}

/**
 * seqring_writer_reserve() - open the next record
 * @w: the writer; it has no open reservation
 * @len: payload bytes, 0 to payload_max
 * @payload: set to the address of the payload: 8-byte aligned, @len bytes writable
 *
 * The payload belongs to the caller until seqring_writer_commit() or
 * seqring_writer_discard(). It holds old bytes, not zeros, and the caller overwrites all
 * @len of them. The caller uses plain stores, as on the write side of a seqcount: the
 * compiler cannot move them past the fences, and a reader that races with them rejects
 * what it read.
 *
 * Return: 0; -EMSGSIZE if @len is above payload_max (nothing changed).
 */
seqring_inline int seqring_writer_reserve(struct seqring_writer *w, __u32 len, void **payload)
{
	__u64 next = w->pos + seqring_record_size(len);
	int err;

	if (seqring_writer_fits_segment(next, w->seg_end)) {
		w->resv_next = next;
	} else {
		err = seqring_writer_make_room(w, len, &w->resv_next);
		if (err)
			return err;
	}
	w->resv_len = len;
	*payload = seqring_writer_at(w, w->pos) + 1;
	return 0;
}

/* Zeroes the bytes of the payload's last word that the payload does not fill. */
seqring_inline void seqring_writer_zero_padding(unsigned char *payload, __u32 len)
{
	seqring_word *last = (seqring_word *)(payload + (len & ~7u));
	__u32 unused = 64 - 8 * (len & 7);

	if (!(len & 7))
		return;
	/* No other context writes the word, so the writer may load it. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	seqring_store_word(last, *last & (~0ULL >> unused));
#else
	seqring_store_word(last, *last & (~0ULL << unused));
#endif
}

/**
 * seqring_writer_commit() - publish the reserved record
 * @w: the writer, with an open reservation
 * @type: the producer's type
 * @ts_ns: time of the record in the ring's clock, 0 without one
 *
 * From here on readers see the whole record. Wakes no reader: the caller calls
 * seqring_writer_wake_due() once, after one record or after a batch.
 */
seqring_inline void seqring_writer_commit(struct seqring_writer *w, __u16 type, __u64 ts_ns)
{
	struct seqring_writer_open open = seqring_writer_advance(w, w->resv_next);

	seqring_writer_zero_padding((unsigned char *)(open.rec + 1), w->resv_len);
	seqring_writer_write_header(open.rec, seqring_meta(w->resv_len, type, 0), ts_ns);
	w->resv_next = 0;
	seqring_writer_close(&open);
	if (seqring_unlikely(w->pos >= w->seg_end))
		seqring_writer_enter_segment(w, w->pos);
}

/**
 * seqring_writer_discard() - drop the open reservation
 * @w: the writer, with an open reservation
 *
 * Publishes nothing. The reservation may have reclaimed old records.
 */
seqring_inline void seqring_writer_discard(struct seqring_writer *w)
{
	w->resv_next = 0;
}

/* seqring_writer_publish() of a record that leaves its segment. */
seqring_cold int seqring_writer_publish_cold(struct seqring_writer *w, __u16 type, __u64 ts_ns,
					     const void *src, __u32 len)
{
	struct seqring_writer_open open;
	__u64 next;
	int err = seqring_writer_make_room(w, len, &next);

	if (err)
		return err;
	open = seqring_writer_advance(w, next);
	seqring_writer_write_header(open.rec, seqring_meta(len, type, 0), ts_ns);
	seqring_writer_copy_payload(open.rec + 1, src, len);
	seqring_writer_close(&open);
	if (next >= w->seg_end)
		seqring_writer_enter_segment(w, next);
	return 0;
}

/**
 * seqring_writer_publish() - publish one record from a buffer
 * @w: the writer; it has no open reservation
 * @type: the producer's type
 * @ts_ns: time of the record in the ring's clock, 0 without one
 * @src: the payload; only read
 * @len: bytes of the payload
 *
 * Wakes no reader: see seqring_writer_wake_due().
 *
 * Return: 0; -EMSGSIZE if @len is above payload_max (nothing changed).
 */
seqring_inline int seqring_writer_publish(struct seqring_writer *w, __u16 type, __u64 ts_ns,
					  const void *src, __u32 len)
{
	const __u64 size = seqring_record_size(len);
	struct seqring_writer_open open;

	if (!seqring_writer_fits_segment(w->pos + size, w->seg_end))
		return seqring_writer_publish_cold(w, type, ts_ns, src, len);
	open.rec = seqring_writer_at(w, w->pos);
	seqring_writer_write_header(open.rec, seqring_meta(len, type, 0), ts_ns);
	w->seq++;
	seqring_writer_copy_payload(open.rec + 1, src, len);
	/* Loaded behind the copy, which leaves no registers for the writer's fields. */
	open.behind = (struct seqring_record *)((unsigned char *)open.rec + size);
	open.ctl = w->ctl;
	open.pos = w->pos;
	open.next = w->pos + size;
	open.seq = w->seq;
	w->pos = open.next;
	seqring_writer_close(&open);
	return 0;
}

#ifndef __bpf__
/**
 * seqring_writer_publish_vec() - publish one record that is gathered from pieces
 * @w: the writer; it has no open reservation
 * @type: the producer's type
 * @ts_ns: time of the record in the ring's clock, 0 without one
 * @vec: the pieces, in order; only read
 * @nr: number of pieces
 *
 * Return: 0; -EMSGSIZE if the sum of the lengths is above payload_max (nothing changed).
 */
seqring_inline int seqring_writer_publish_vec(struct seqring_writer *w, __u16 type, __u64 ts_ns,
					      const struct seqring_vec *vec, unsigned int nr)
{
	__u64 len = 0, off = 0;
	void *payload;
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		if (vec[i].len > w->cold.payload_max - len)
			return -EMSGSIZE;
		len += vec[i].len;
	}
	err = seqring_writer_reserve(w, (__u32)len, &payload);
	if (err)
		return err;
	for (i = 0; i < nr; i++) {
		seqring_writer_copy((unsigned char *)payload, off, vec[i].base, vec[i].len);
		off += vec[i].len;
	}
	seqring_writer_commit(w, type, ts_ns);
	return 0;
}
#endif

/* Resets both wake thresholds: no sleeper waits. */
seqring_inline void seqring_writer_disarm(struct seqring_wait *wait)
{
	seqring_write(&wait->pos, SEQRING_WAIT_NONE);
	seqring_write(&wait->seq, SEQRING_WAIT_NONE);
}

/* True if a wake threshold is reached; resets both then. Follows a WAKE fence. */
seqring_inline int seqring_writer_wake_due_at(__u64 pos, __u64 seq, struct seqring_wait *wait)
{
	if (seqring_likely(pos <= seqring_read(&wait->pos) && seq < seqring_read(&wait->seq)))
		return 0;
	seqring_writer_disarm(wait);
	return 1;
}

/**
 * seqring_writer_wake_due() - ask whether a sleeper waits for what was published
 * @w: the writer
 * @wait: the wake thresholds of its ring
 *
 * If a wake-up is due, this resets the thresholds, and the caller must wake all sleepers
 * of the ring. Each sleeper checks the ring again and arms again.
 *
 * Return: 1 if a wake-up is due, else 0.
 */
seqring_inline int seqring_writer_wake_due(const struct seqring_writer *w,
					   struct seqring_wait *wait)
{
	/* Pairs with the full fence in seqring_reader_arm(). */
	if (w->light_wake)
		seqring_compiler_barrier(WAKE);
	else
		seqring_fence_full(WAKE);
	return seqring_writer_wake_due_at(w->pos, w->seq, wait);
}

/**
 * seqring_writer_wake_begin() - before the slots are read, after a wake-up was due
 *
 * Follows the reset of the thresholds of struct seqring_wait: the reader that lowered them before
 * has armed in its slot before that, and the writer sees it there.
 */
seqring_inline void seqring_writer_wake_begin(void)
{
	/* Pairs with the first full fence in seqring_reader_arm_slot(). */
	seqring_fence_full(WAKE);
}

/**
 * seqring_writer_slot_due() - ask whether one reader with a slot is due
 * @pos: head
 * @seq: seq of the newest record
 * @own: the reader's thresholds of this ring, in its slot
 * @lowest: lowered to them if the reader is not due
 *
 * If the reader is due, this resets its thresholds, and the caller must ring its doorbell after.
 *
 * Return: 1 if the reader is due, else 0.
 */
seqring_inline int seqring_writer_slot_due(__u64 pos, __u64 seq, struct seqring_threshold *own,
					   struct seqring_threshold *lowest)
{
	const __u64 own_pos = seqring_read(&own->pos), own_seq = seqring_read(&own->seq);

	if (pos <= own_pos && seq < own_seq) {
		lowest->pos = own_pos < lowest->pos ? own_pos : lowest->pos;
		lowest->seq = own_seq < lowest->seq ? own_seq : lowest->seq;
		return 0;
	}
	seqring_write(&own->pos, SEQRING_WAIT_NONE);
	seqring_write(&own->seq, SEQRING_WAIT_NONE);
	return 1;
}

/**
 * seqring_writer_wake_end() - arm again for the readers that are not due
 * @wait: the wake thresholds of the ring
 * @lowest: the lowest thresholds of the slots that are not due
 *
 * If another thread than the writer's calls this, it arms like a reader: with
 * SEQRING_FEAT_MEMBARRIER it calls membarrier(). Then it compares @wait with head once more.
 */
seqring_inline void seqring_writer_wake_end(struct seqring_wait *wait,
					    const struct seqring_threshold *lowest)
{
	seqring_atomic_min(&wait->pos, lowest->pos);
	seqring_atomic_min(&wait->seq, lowest->seq);
	/* Pairs with the fence in seqring_writer_wake_due(). */
	seqring_fence_full(WAKE);
}

/* seqring_writer_wake_due_announced() returns these bits. */
#define SEQRING_WAKE_DUE	1
#define SEQRING_WAKE_SLOTS	2

/**
 * seqring_writer_wake_due_announced() - the same, without a fence while no reader sleeps
 * @ctl: the ring's control area
 * @wait: the ring's wake thresholds
 * @idle_publishes: counts records that wake no reader; the writer keeps it, 0 at first
 * @idle_max: after that many such records the writer assumes that no reader sleeps
 *
 * Each publish of this writer, including this call, is one RCU read-side critical
 * section. If the section ended before the grace period of a reader's membarrier(), the
 * reader's last load of head sees the record. Otherwise the section began after the
 * reader's announcement, and the writer sees the announcement.
 *
 * Return: 0; SEQRING_WAKE_DUE a wake-up is due; SEQRING_WAKE_SLOTS the announcement is gone: each
 * reader that has armed in a slot is to be woken, due or not; both.
 */
seqring_inline int seqring_writer_wake_due_announced(const struct seqring_ring_ctl *ctl,
						     struct seqring_wait *wait,
						     __u32 *idle_publishes, __u32 idle_max)
{
	if (seqring_likely(!seqring_read(&wait->announced)))
		return 0;
	if (seqring_likely(++*idle_publishes <= idle_max)) {
		/* Pairs with the full fence in seqring_reader_arm(). */
		seqring_fence_full(WAKE);
		if (!seqring_writer_wake_due_at(seqring_read(&ctl->head), seqring_read(&ctl->seq),
						wait))
			return 0;
		*idle_publishes = 0;
		return SEQRING_WAKE_DUE;
	}
	*idle_publishes = 0;
	seqring_write(&wait->announced, 0);
	/* A reader that arms after this fence finds the announcement gone. */
	seqring_fence_full(WAKE);
	/* A program that wakes readers just now may have reset the thresholds of those in slots. */
	if (seqring_read(&wait->pos) == SEQRING_WAIT_NONE &&
	    seqring_read(&wait->seq) == SEQRING_WAIT_NONE)
		return SEQRING_WAKE_SLOTS;
	/* A reader that armed before the fence is woken, and announces itself again. */
	seqring_writer_disarm(wait);
	return SEQRING_WAKE_DUE | SEQRING_WAKE_SLOTS;
}

/**
 * seqring_writer_end() - end the ring: no record will follow
 * @w: the writer; it has no open reservation and is not used afterwards
 *
 * The caller then wakes all sleepers.
 */
seqring_inline void seqring_writer_end(struct seqring_writer *w)
{
	/* Pairs with the acquire of state in seqring_reader_peek(). */
	seqring_store_release(END, &w->ctl->state, SEQRING_STATE_DEAD);
}

#endif /* SEQRING_WRITER_H */
