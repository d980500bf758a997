/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What all ways to read share: read.c copies records out, peek.c shows them in place. */
#ifndef LIBRING_READER_TAKE_H
#define LIBRING_READER_TAKE_H

#include <string.h>

#include "reader.h"

/* The compiler inlines the protocol's functions: where it does not, views live in memory. */
#define HOT	 __attribute__((flatten))
#define NOINLINE __attribute__((noinline))

/* True if the reader reads one ring, which follows the protocol: no merge, no lasting error. */
static inline bool is_plain(const struct ring_reader *r)
{
	return seqring_likely(r->merge.nr_src == 1 && !r->merge.src->corrupt);
}

/* One store instead of four. */
typedef uint64_t __attribute__((__may_alias__)) type_and_reserved;

static inline void fill_record(struct ring_record *rec, uint32_t ring, const void *payload,
			       const struct seqring_view *v)
{
	rec->seq = v->seq;
	rec->ts_ns = v->ts_ns;
	rec->lost = v->lost;
	rec->payload = payload;
	rec->len = v->len;
	rec->ring = ring;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	*(type_and_reserved *)&rec->type = v->type;
#else
	rec->type = v->type;
	memset(rec->reserved, 0, sizeof(rec->reserved));
#endif
}

/* True if seqring_reader_peek_run() may be called. */
static inline bool is_running(const struct seqring_reader *rd)
{
	return seqring_likely(rd->pos < rd->snap && !rd->any && !rd->lost);
}

/*
 * Prepares a copy of the single ring's reader for a run: a loop over records below one snapshot of
 * head. The compiler keeps the copy in registers, which it cannot do with what a pointer leads to.
 * An eager reader has no use for head. Return: whether there may be a run.
 */
static inline bool begin_run(const struct ring_reader *r, struct seqring_reader *rd)
{
	if (!is_plain(r) || r->merge.src->rd.eager)
		return false;
	*rd = r->merge.src->rd;
	if (seqring_unlikely(rd->pos >= rd->snap))
		seqring_reader_snapshot(rd);
	return is_running(rd);
}

/* read.c */
int libring_find_next(struct ring_reader *r, bool again, struct ring_source **out);
int libring_skip_torn(struct ring_reader *r, struct ring_source *s);

#endif /* LIBRING_READER_TAKE_H */
