// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* One ring, as this reader stands on it: its next record, and what is unread and lost. */

#include <errno.h>

#include "source.h"

int libring_outcome_to_errno(enum seqring_outcome outcome)
{
	static const int errs[] = {
		[SEQRING_OK] = 0,	    [SEQRING_EMPTY] = -EAGAIN,
		[SEQRING_OVERRUN] = -EPIPE, [SEQRING_CORRUPT] = -EBADMSG,
		[SEQRING_DEAD] = -ENODEV,
	};

	return errs[outcome];
}

/*
 * Moves @s on after an overrun.
 *
 * Return: -ESTALE: @s has a new place, peek again; -EPIPE; -EBADMSG.
 */
int libring_source_resync(struct ring_source *s)
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
 * Peeks at the next record of @s. On success its header is whole.
 *
 * Return: 0; -EAGAIN; -ENODEV; -EPIPE; -EBADMSG. Sets no sentence.
 */
int libring_source_peek(struct ring_source *s)
{
	enum seqring_outcome outcome;
	int err = -ESTALE;

	while (err == -ESTALE && !s->corrupt) {
		outcome = seqring_reader_peek_whole(&s->rd, &s->view);
		err = outcome == SEQRING_OVERRUN ? libring_source_resync(s) :
						   libring_outcome_to_errno(outcome);
		s->corrupt = err == -EBADMSG;
		if (seqring_unlikely(s->refill) && err == -EAGAIN)
			err = s->refill(s);
	}
	s->pending = !err;
	return s->corrupt ? -EBADMSG : err;
}

/*
 * Counts unread @records and @bytes of @s, and what @s lost that no record has told yet.
 * @s itself does not move.
 */
void libring_source_account(const struct ring_source *s, __u64 *records, __u64 *bytes, __u64 *lost)
{
	struct ring_source t = *s;
	/* Before the peek: if it finds the ring empty, nothing up to here is unread. */
	uint64_t seq = seqring_read(&t.rd.ctl->seq);

	t.refill = NULL;
	libring_source_peek(&t);
	*records = 0;
	*bytes = 0;
	*lost = t.rd.lost;
	if (t.pending)
		seqring_reader_lag(&t.rd, records, bytes);
	else if (s->refill && !t.rd.any && seq >= t.rd.seq)
		*records = seq - t.rd.seq + 1; /* it is not in the memory yet */
	else if (t.rd.any && t.rd.seq && seq >= t.rd.seq)
		*lost += seq - t.rd.seq + 1;
}

/* The seq that the next record of @s has. */
uint64_t libring_source_next_seq(const struct ring_source *s)
{
	/* After an overrun that led to an empty place, rd.seq is that of a lost record. */
	if (s->rd.any && !s->pending)
		return seqring_read(&s->rd.ctl->seq) + 1;
	return s->rd.seq;
}
