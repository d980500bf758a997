// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Feeding a reader from a recording. Each ring has memory of its own, as a live ring has, into
 * which one chunk after the other is read. All else of the library reads that memory. What is lost
 * between two chunks is told as after an overrun: the seq at the new place is another one.
 */

#include <stdlib.h>
#include <string.h>

#include "../base/crc32c.h"
#include "../base/error.h"
#include "../base/zstd.h"
#include "recording.h"

/* Makes @rec->buf have @size bytes. Return: whether there is memory for it. */
static bool grow_buf(struct ring_recording *rec, size_t size)
{
	void *buf;

	if (rec->room >= size)
		return true;
	buf = realloc(rec->buf, size);
	if (!buf)
		return false;
	rec->buf = buf;
	rec->room = size;
	return true;
}

/* Reads the bytes of @c as they are in the file. Return: whether they are as they were written. */
static bool read_bytes(struct ring_recording *rec, const struct ring_chunk *c, void *to)
{
	/* The file may be gone, or shorter than it was. */
	return !libring_recording_select(rec, c->segment) &&
	       !libring_pread_all(rec->fd, to, (size_t)c->size, c->offset) &&
	       libring_crc32c(0, to, (size_t)c->size) == c->crc;
}

/* Reads the records of @c, which take @c->raw_size bytes. Return: whether they can be read. */
static bool read_chunk(struct ring_recording *rec, struct ring_chunk *c, void *to)
{
	if (c->bad)
		return false;
	if (c->packed)
		c->bad = !grow_buf(rec, (size_t)c->size) || !read_bytes(rec, c, rec->buf) ||
			 !libring_unpack(to, (size_t)c->raw_size, rec->buf, (size_t)c->size);
	else
		c->bad = !read_bytes(rec, c, to);
	if (c->bad)
		rec->info.damaged += c->records;
	return !c->bad;
}

/* Puts @c into the memory of the ring, where @s then stands. */
static bool load(struct ring_source *s, struct ring_recorded *ring, struct ring_chunk *c)
{
	struct seqring_ring_ctl *ctl = (void *)ring->at;
	struct seqring_reader *rd = &s->rd;
	unsigned int i;
	uint64_t pos;

	if (!read_chunk(ring->rec, c, ring->at + ring->data_offset))
		return false;
	pos = ++ring->lap * (rd->mask + 1);
	for (i = 0; i < SEQRING_SEGMENTS; i++)
		seqring_write(&ctl->segment_pos[i], pos);
	seqring_write(&ctl->tail, pos);
	seqring_write(&ctl->last, pos);
	seqring_write(&ctl->head, seqring_normalize(pos + c->raw_size, rd->mask));
	rd->pos = pos;
	rd->snap = 0;
	rd->any = rd->seq != c->seq;
	return true;
}

/*
 * Loads the next chunk that can be read. Return: -ESTALE there is one: peek again; -EAGAIN the
 * recorder may add one; -ENODEV none is left.
 */
static int refill(struct ring_source *s)
{
	struct ring_recorded *ring = s->feed;
	struct ring_recording *rec = ring->rec;

	if (ring->next == ring->nr && rec->info.recorder == RING_RECORDER_RUNS)
		libring_recording_grow(rec);
	while (ring->next < ring->nr)
		if (load(s, ring, &ring->chunks[ring->next++]))
			return -ESTALE;
	if (rec->info.recorder == RING_RECORDER_RUNS)
		return -EAGAIN;
	/* Seqs at the end that no later record tells. */
	s->rd.any = 1;
	return -ENODEV;
}

/* Makes the chunk at index @next the first one to be read. */
static void go_to(struct ring_source *s, struct ring_recorded *ring, size_t next)
{
	s->rd.seq = 0;
	s->rd.lost = 0;
	s->rd.any = 1;
	ring->next = next;
	/* Nothing is left of the present chunk. */
	s->rd.pos = seqring_read(&s->rd.ctl->head);
	s->rd.snap = 0;
}

/* The first chunk that ends at or behind @value, by time or by seq. */
static size_t find(const struct ring_recorded *ring, bool by_time, uint64_t value)
{
	size_t low = 0, high = ring->nr, mid;

	while (low < high) {
		const struct ring_chunk *c = &ring->chunks[mid = low + (high - low) / 2];

		if ((by_time ? c->last_ns : c->seq + c->records - 1) < value)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Goes behind the last record. */
static void seek_head(struct ring_source *s, struct ring_recorded *ring)
{
	go_to(s, ring, ring->nr);
	s->rd.seq = seqring_read(&s->rd.ctl->seq) + 1;
	s->rd.any = 0;
}

/* Goes to the last record that can be read. */
static void seek_newest(struct ring_source *s, struct ring_recorded *ring)
{
	struct seqring_view v;
	size_t i = ring->nr;

	while (i--) {
		go_to(s, ring, i);
		if (!load(s, ring, &ring->chunks[i]))
			continue;
		ring->next = i + 1;
		while (!seqring_reader_peek_whole(&s->rd, &v) &&
		       v.next != seqring_read(&s->rd.ctl->head))
			seqring_reader_consume(&s->rd, &v);
		return;
	}
	seek_head(s, ring);
}

/* Goes to the first record of at least this seq or time. */
static enum seqring_outcome seek_value(struct ring_source *s, struct ring_recorded *ring,
				       bool by_time, uint64_t value)
{
	go_to(s, ring, find(ring, by_time, value));
	if (!by_time && ring->next == ring->nr)
		s->rd.seq = value;
	if (refill(s) == -ESTALE)
		return seqring_reader_seek(&s->rd, by_time, value);
	return SEQRING_OK;
}

/* Seeks on one ring, as ring_seek(). */
enum seqring_outcome libring_recording_seek(struct ring_reader *r, struct ring_source *s,
					    uint32_t whence, uint64_t value)
{
	struct ring_recording *rec = r->state;
	struct ring_recorded *ring = &rec->rings[s->ring];

	s->feed = ring;
	s->refill = refill;
	switch (whence) {
	case RING_SEQ:
	case RING_TIME:
		return seek_value(s, ring, whence == RING_TIME, value);
	case RING_NEWEST:
		seek_newest(s, ring);
		break;
	case RING_HEAD:
		seek_head(s, ring);
		break;
	default:
		go_to(s, ring, 0);
		refill(s);
	}
	return SEQRING_OK;
}

/* Finds the last record in the @size bytes of a chunk. Return: whether it is one. */
static bool find_last(const unsigned char *chunk, uint64_t size, uint64_t records,
		      struct seqring_view *v)
{
	struct seqring_record h;
	uint64_t at = 0, len = 0;

	for (; records; records--, at += len) {
		if (size - at < sizeof(h))
			return false;
		memcpy(&h, chunk + at, sizeof(h));
		len = seqring_record_size(h.meta.len);
		if (h.meta.len > size || len > size - at)
			return false;
		v->payload = chunk + at + sizeof(h);
		v->ts_ns = h.ts_ns;
		v->seq = h.stamp;
		v->len = h.meta.len;
		v->type = h.meta.type;
	}
	return true;
}

/* Copies the newest record of a ring out, as seqring_reader_newest(). No reader moves. */
enum seqring_outcome libring_recording_newest(struct ring_reader *r, uint32_t ring,
					      struct seqring_view *v, void *buf, uint32_t size)
{
	struct ring_recording *rec = r->state;
	struct ring_recorded *from = &rec->rings[ring];
	enum seqring_outcome outcome = SEQRING_DEAD;
	unsigned char *chunk;
	size_t i;

	for (i = from->nr; i-- && outcome;) {
		struct ring_chunk *c = &from->chunks[i];

		/* Not into the ring's memory, which has what is being read. */
		chunk = malloc((size_t)c->raw_size);
		if (chunk && read_chunk(rec, c, chunk) &&
		    find_last(chunk, c->raw_size, c->records, v)) {
			memcpy(buf, v->payload, v->len < size ? v->len : size);
			outcome = SEQRING_OK;
		}
		free(chunk);
	}
	return outcome;
}
