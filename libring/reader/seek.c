// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Seeking, and a copy of the newest record. */

#include <inttypes.h>

#include "../base/error.h"
#include "take.h"

static int check_target(const struct ring_reader *r, uint32_t whence, uint64_t value)
{
	uint64_t newest;
	int err = libring_check_there(r);

	if (err)
		return err;
	if (whence > RING_REALTIME)
		return libring_set_error(EINVAL, "whence is %u: 0 (oldest) to %u (wall clock)",
					 whence, RING_REALTIME);
	if (whence >= RING_TIME && r->mapping.hdr.clock_id == SEQRING_CLOCK_NONE)
		return libring_set_error(EOPNOTSUPP, "the ring has no clock: its records cannot be "
						     "found by time");
	if (whence != RING_SEQ)
		return 0;
	if (r->merge.nr_src > 1)
		return libring_set_error(EOPNOTSUPP,
					 "%u rings are read, and each counts its own seq: "
					 "a seek by seq needs one_ring",
					 r->merge.nr_src);
	newest = seqring_read(&r->merge.src->rd.ctl->seq);
	if (value && value - 1 > newest)
		return libring_set_error(ERANGE,
					 "seq %" PRIu64 " lies in the future: the next one is "
					 "%" PRIu64,
					 value, newest + 1);
	return 0;
}

/*
 * Goes to the oldest or the newest record, or behind the newest, and finds out which seq
 * comes next: records that are lost from here on count, also before the first one is
 * read. If there is an error at that place, ring_read() returns it.
 */
static enum seqring_outcome seek_end(struct seqring_reader *rd, uint32_t whence)
{
	enum seqring_outcome outcome, found = SEQRING_OVERRUN;
	bool eager = rd->eager;
	struct seqring_view v;
	int tries;

	/* By the stamp: head may not cover the newest record yet. */
	rd->eager = true;
	for (tries = 0; found == SEQRING_OVERRUN && tries < LIBRING_OVERRUNS; tries++) {
		outcome = whence == RING_OLDEST ? seqring_reader_seek_oldest(rd) :
						  seqring_reader_seek_newest(rd);
		if (outcome)
			break;
		found = seqring_reader_peek_whole(rd, &v);
	}
	rd->eager = eager;
	if (whence == RING_HEAD && found)
		return seqring_reader_seek_head(rd);
	if (whence == RING_HEAD)
		seqring_reader_consume(rd, &v);
	return outcome;
}

static enum seqring_outcome seek_ring(struct seqring_reader *rd, uint32_t whence, uint64_t value)
{
	enum seqring_outcome outcome;

	if (whence == RING_SEQ || whence == RING_TIME)
		outcome = seqring_reader_seek(rd, whence == RING_TIME, value);
	else
		outcome = seek_end(rd, whence);
	/* The ring's first record has seq 1. */
	if (!rd->pos && rd->any && !rd->seq)
		rd->seq = 1;
	return outcome;
}

static enum seqring_outcome seek_source(struct ring_reader *r, struct ring_source *s,
					uint32_t whence, uint64_t value)
{
	if (r->backend->recording)
		return r->backend->recording->seek(r, s, whence, value);
	return seek_ring(&s->rd, whence, value);
}

static int seek_all(struct ring_reader *r, uint32_t whence, uint64_t value)
{
	uint32_t i;
	int err = 0;

	libring_merge_reset(&r->merge);
	for (i = 0; i < r->merge.nr_src && !err; i++) {
		r->merge.src[i].pending = false;
		r->merge.src[i].corrupt = false;
		r->merge.src[i].overruns = 0;
		err = libring_outcome_to_errno(seek_source(r, &r->merge.src[i], whence, value));
	}
	return libring_explain(r, err);
}

/* Seeks on all sources. Return: as ring_seek(). */
int libring_seek(struct ring_reader *r, uint32_t whence, uint64_t value)
{
	int err = check_target(r, whence, value);

	if (!err && whence == RING_REALTIME) {
		whence = RING_TIME;
		err = libring_from_wall_time(r, value, &value);
	}
	return err ? err : seek_all(r, whence, value);
}

/* Goes to the first record of each ring: those that are overwritten already count as lost. */
int libring_seek_start(struct ring_reader *r)
{
	return seek_all(r, RING_SEQ, 1);
}

int ring_seek(struct ring_reader *r, enum ring_whence whence, uint64_t value)
{
	int err;

	libring_forget_error();
	err = libring_seek(r, whence, value);
	if (!err)
		libring_update_wakeup(r);
	return err;
}

/* The reader of ring @ring: that of the source, if the ring is read; else @own, initialized. */
static const struct seqring_reader *find_reader(const struct ring_reader *r, unsigned int ring,
						struct seqring_reader *own)
{
	const struct ring_merge *m = &r->merge;

	if (seqring_likely(m->nr_src == r->mapping.hdr.nr_rings))
		return &m->src[ring].rd;
	if (m->src->ring == ring)
		return &m->src->rd;
	libring_init_reader(&r->mapping, ring, own);
	return own;
}

/* ring_newest() when the writer overwrites, or nothing was published yet. */
seqring_cold int newest_again(const struct ring_reader *r, const struct seqring_reader *rd,
			      enum seqring_outcome outcome, struct seqring_view *v, void *buf,
			      uint32_t room)
{
	int tries, err;

	for (tries = 1; outcome == SEQRING_OVERRUN && tries < LIBRING_OVERRUNS; tries++)
		outcome = seqring_reader_newest(rd, v, buf, room);
	err = libring_outcome_to_errno(outcome);
	return libring_explain(r, err == -EAGAIN && r->merge.writer_gone ? -ENODEV : err);
}

/* ring_newest() of whatever its hot path leaves out. */
static NOINLINE int newest_any(struct ring_reader *r, unsigned int ring, struct ring_record *rec,
			       void *buf, size_t size)
{
	const uint32_t room = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
	const struct seqring_reader *rd;
	enum seqring_outcome outcome;
	struct seqring_view v = { 0 };
	struct seqring_reader own;
	int err;

	err = libring_check_there(r);
	if (err)
		return err;
	if (seqring_unlikely(ring >= r->mapping.hdr.nr_rings))
		return libring_set_error(ENOENT, "there is no ring %u: the device has %u, from 0",
					 ring, r->mapping.hdr.nr_rings);
	rd = find_reader(r, ring, &own);
	outcome = r->backend->recording ? r->backend->recording->newest(r, ring, &v, buf, room) :
					  seqring_reader_newest(rd, &v, buf, room);
	if (seqring_unlikely(outcome)) {
		err = newest_again(r, rd, outcome, &v, buf, room);
		if (err)
			return err;
	}
	fill_record(rec, ring, buf, &v);
	return 0;
}

/* The hot path is that of a short record while all rings are read. It saves no registers. */
HOT int ring_newest(struct ring_reader *r, unsigned int ring, struct ring_record *rec, void *buf,
		    size_t size)
{
	const struct ring_merge *m = &r->merge;
	const struct seqring_reader *rd;
	struct seqring_view v;

	libring_forget_error();
	if (seqring_unlikely(ring >= m->nr_newest))
		return newest_any(r, ring, rec, buf, size);
	rd = &m->src[ring].rd;
	if (!seqring_reader_peek_newest(rd, 1, &v) || v.len > size)
		return newest_any(r, ring, rec, buf, size);
	seqring_reader_copy_short(buf, v.payload, v.len);
	if (seqring_unlikely(seqring_reader_recheck(rd, &v)))
		return newest_any(r, ring, rec, buf, size);
	fill_record(rec, ring, buf, &v);
	return 0;
}
