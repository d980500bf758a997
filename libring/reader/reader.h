/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A reader: its parts. */
#ifndef LIBRING_READER_READER_H
#define LIBRING_READER_READER_H

#include "../filter/program.h"
#include "backend.h"
#include "libring.h"
#include "mapping.h"
#include "merge.h"
#include "wakeup.h"
#include "walltime.h"

/* The process that serves the ring, if @known. */
struct ring_peer {
	bool known;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
};

/* Where a reader stands: the next record, and its seq. */
struct ring_place {
	uint64_t pos;
	uint64_t seq;
};

/*
 * What ring_peek() or ring_peek_batch() gave out last, of merge.peeked.
 *
 * @nr:    number of records; @end: where the reader stands behind each of them
 * @whole: ring_recheck() found them whole
 * @batch: ring_peek_batch() gave them
 * @snap:  head when last loaded
 * @lost, @ts_ns: of the first record
 */
struct ring_peek {
	unsigned int nr;
	bool whole;
	bool batch;
	uint64_t snap;
	uint64_t lost;
	uint64_t ts_ns;
	struct ring_place end[RING_PEEK_MAX];
};

struct ring_follow;

/* What a reader counted on rings that it has left, and how often another writer came. */
struct ring_past {
	uint64_t lost;
	uint64_t overruns;
	uint64_t misordered;
	uint64_t early;
	uint64_t restarts;
};

/*
 * @merge:   the rings that are read
 * @read:    records delivered
 * @types:   a bit for each type that may be delivered; NULL: all are. Not NULL with @filter
 * @filtered: records that were passed and not delivered
 * @peek:    what was given out in place
 * @bounce:  where ring_consume() copies a payload to; NULL before its first call
 * @consuming: ring_consume() runs, and may be calling its function
 * @closed:  by that function: ring_consume() frees the reader
 * @path:    the path that led to the ring; NULL: it was opened by descriptors
 * @state:   the backend's own
 * @ring_id: what tells the ring from another one of its backend while both are open
 * @creation: as in struct ring_info
 * @follow:  of a reader that follows a name or waits for one; else NULL
 * @filter:  what else a record has to pass; NULL: nothing. Its own copy, with @types in it
 * @open_types: what ring_open_opts.types says, as @types; NULL: all
 */
struct ring_reader {
	struct ring_merge merge;
	uint64_t read;
	const uint64_t *types;
	uint64_t filtered;
	bool consuming;
	bool closed;
	void *bounce;
	struct ring_mapping mapping;
	struct ring_wakeup wakeup;
	struct ring_walltime walltime;
	struct ring_peer peer;
	const struct ring_backend *backend;
	char *path;
	void *state;
	struct ring_peek peek;
	uint64_t ring_id;
	uint64_t creation;
	struct ring_follow *follow;
	struct ring_past past;
	struct ring_filter *filter;
	uint64_t *open_types;
};

/* A call passes so many records in a row that are not delivered: it has to end. */
#define LIBRING_SKIPS 65536

/* True if records of @type are delivered. @types: as in struct ring_reader. */
static inline bool libring_is_wanted(const uint64_t *types, uint16_t type)
{
	return seqring_likely(!types) || types[type / 64] >> type % 64 & 1;
}

/* True if the record of @v, in ring @ring, is delivered; of a torn one it says nothing. */
static inline bool libring_passes(const struct ring_reader *r, uint32_t ring,
				  const struct seqring_view *v)
{
	return libring_is_wanted(r->types, v->type) &&
	       (seqring_likely(!r->filter) || libring_filter_match(r->filter, ring, v));
}

/* end.c */
enum ring_end libring_get_end(const struct ring_reader *r);
int libring_explain(const struct ring_reader *r, int err);
void libring_skip(struct ring_reader *r, struct ring_source *s);
int libring_next(struct ring_reader *r, bool again, struct ring_source **out);
int libring_end_read(struct ring_reader *r, bool again, int err);
int libring_check_there(const struct ring_reader *r);

/* close.c */
void libring_free_reader(struct ring_reader *r);

/* seek.c */
int libring_seek(struct ring_reader *r, uint32_t whence, uint64_t value);
int libring_seek_start(struct ring_reader *r);

#endif /* LIBRING_READER_READER_H */
