// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Which record comes next, and why a ring has no more records. */

#include "../base/error.h"
#include "take.h"

static enum ring_end get_end_of_recording(const struct ring_recording_info *info)
{
	if (info->complete)
		return RING_ENDED;
	return info->recorder == RING_RECORDER_RUNS ? RING_RUNS : RING_KILLED;
}

/* Why nothing is left of a recording. */
static const char *explain_recording(const struct ring_recording_info *info)
{
	if (info->complete)
		return "nothing is left to read: the recording ends here";
	if (info->recorder == RING_RECORDER_GONE)
		return "nothing is left to read: the recording has no end: its recorder was killed";
	return "nothing is left to read: the recording has no end: its recorder was killed, or is "
	       "still running";
}

/* How the rings that are read have ended, if all of them have. */
enum ring_end libring_get_end(const struct ring_reader *r)
{
	uint32_t all = ~0u, any = 0, state, i;

	if (!r->merge.nr_src)
		return RING_RUNS;
	for (i = 0; i < r->merge.nr_src; i++) {
		/* Pairs with seqring_writer_end(). */
		state = seqring_load_acquire(END, &r->merge.src[i].rd.ctl->state);
		all &= state;
		any |= state;
	}
	if (all & SEQRING_STATE_DEAD)
		return any & SEQRING_STATE_REPLACED ? RING_REPLACED : RING_ENDED;
	if (r->backend->recording)
		return get_end_of_recording(r->backend->recording->info(r));
	if (!r->merge.writer_gone)
		return RING_RUNS;
	/* A device does not end with a process. */
	return r->mapping.hdr.writer_kind == SEQRING_WRITER_MODULE ? RING_ENDED : RING_KILLED;
}

/* Sets the sentence for a negative outcome of reading. Return: @err. */
int libring_explain(const struct ring_reader *r, int err)
{
	if (err != -ENODEV)
		return libring_explain_outcome(err);
	if (r->backend->recording)
		return libring_set_error_text(ENODEV,
					      explain_recording(r->backend->recording->info(r)));
	switch (libring_get_end(r)) {
	case RING_KILLED:
		return libring_set_error_text(ENODEV,
					      "nothing is left to read: the writer's process "
					      "is gone, and did not end the ring");
	case RING_REPLACED:
		return libring_set_error_text(ENODEV,
					      "nothing is left to read: the writer's process "
					      "is gone, and another one took the name for "
					      "a new ring: open it again");
	default:
		return libring_set_error_text(ENODEV,
					      "nothing is left to read: the ring was ended");
	}
}

/* True if the writer's process was gone, and another one writes the ring now. */
static bool writer_is_back(struct ring_reader *r)
{
	return r->merge.writer_gone && r->backend->revive && r->backend->revive(r);
}

/* Before it says -ENODEV, it asks for a later writer. */
static int next_of_any_type(struct ring_reader *r, bool again, struct ring_source **out)
{
	int err = libring_merge_next(&r->merge, again, out);

	if (err == -ENODEV && writer_is_back(r))
		err = libring_merge_next(&r->merge, again, out);
	return err;
}

/*
 * Passes the record of @s, which is whole and is not delivered. What was lost before it stays to be
 * told by the next one that is.
 */
void libring_skip(struct ring_reader *r, struct ring_source *s)
{
	s->rd.pos = s->view.next;
	s->rd.seq = s->view.seq + 1;
	s->overruns = 0;
	s->pending = false;
	r->filtered++;
	r->merge.stale = r->merge.nr_src > 1;
}

/*
 * Passes at most @max records that follow in a single ring and that the filter leaves out. It
 * judges before the recheck, which speaks for all records of the run: if it fails, none was passed.
 *
 * Return: how many were passed.
 */
static HOT unsigned int skip_run(struct ring_reader *r, unsigned int max)
{
	struct ring_source *s = r->merge.src;
	struct seqring_reader rd;
	struct seqring_view v;
	unsigned int n = 0;

	if (!begin_run(r, &rd))
		return 0;
	while (n < max && rd.pos < rd.snap && seqring_reader_peek_run(&rd, &v) &&
	       !libring_passes(r, s->ring, &v)) {
		rd.pos = v.next;
		rd.seq++;
		n++;
	}
	if (!n || !seqring_reader_intact(&rd, s->rd.pos))
		return 0;
	s->rd.pos = rd.pos;
	s->rd.seq = rd.seq;
	s->rd.snap = rd.snap;
	s->overruns = 0;
	s->pending = false;
	r->filtered += n;
	return n;
}

/*
 * Decides on the record of @s by type and filter, and passes it if it is left out. What the filter
 * saw counts only if it was whole: else it is lost, as when its copy is torn.
 *
 * Return: 0 it is delivered; -ESTALE it is not; -EPIPE; -EBADMSG.
 */
static int judge_record(struct ring_reader *r, struct ring_source *s)
{
	if (libring_passes(r, s->ring, &s->view))
		return 0;
	if (r->filter && !seqring_reader_intact(&s->rd, s->view.pos)) {
		r->merge.stale = r->merge.nr_src > 1;
		return libring_source_resync(s);
	}
	libring_skip(r, s);
	return -ESTALE;
}

/*
 * As libring_merge_next(), of the records that are delivered.
 *
 * Return: also -ESTALE: so many others came in a row that the caller has to return. It may not
 * sleep; -EREMCHG there is a next ring of the name; another -errno with a sentence.
 */
int libring_next(struct ring_reader *r, bool again, struct ring_source **out)
{
	const bool batch = again;
	unsigned int i;
	int err;

	for (i = 0; i < LIBRING_SKIPS; i++) {
		err = next_of_any_type(r, again, out);
		/* A batch ends with its ring. */
		if (err == -ENODEV && !batch && r->backend->find_next)
			return r->backend->find_next(r);
		if (!err)
			err = judge_record(r, *out);
		if (err != -ESTALE)
			return err;
		again = true;
		/* One that the filter leaves out is seldom alone. */
		if (seqring_unlikely(r->filter))
			i += skip_run(r, LIBRING_SKIPS - 1 - i);
	}
	return -ESTALE;
}

/*
 * Ends a read that found no record, with @err of libring_next(): the reader moves to the next ring
 * if there is one. Return: what the read returns, with a sentence.
 */
int libring_end_read(struct ring_reader *r, bool again, int err)
{
	if (err != -EREMCHG || again)
		return libring_explain(r, err);
	/* The function that ring_consume() calls may have a payload of the present ring. */
	if (r->consuming)
		return libring_set_error_text(EBUSY,
					      "the reader goes on to the next ring of its name "
					      "when ring_consume() has returned");
	return r->backend->move(r);
}

/* Return: 0 the reader has a ring; -EAGAIN not yet. */
int libring_check_there(const struct ring_reader *r)
{
	if (r->mapping.map)
		return 0;
	return libring_set_error_text(EAGAIN, "the ring is not there yet: wait for it");
}
