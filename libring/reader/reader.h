/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A reader: its parts. */
#ifndef LIBRING_READER_READER_H
#define LIBRING_READER_READER_H

#include "backend.h"
#include "libring.h"
#include "mapping.h"
#include "merge.h"
#include "wakeup.h"

/* The process that serves the ring, if @known. */
struct ring_peer {
	bool known;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
};

/*
 * @merge:   the rings that are read
 * @read:    records delivered
 * @peek_view: the record that ring_peek() gave out; @whole: ring_recheck() found it whole
 * @bounce:  where ring_consume() copies a payload to; NULL before its first call
 * @consuming: ring_consume() runs, and may be calling its function
 * @closed:  by that function: ring_consume() frees the reader
 * @state:   the backend's own
 */
struct ring_reader {
	struct ring_merge merge;
	uint64_t read;
	struct seqring_view peek_view;
	bool whole;
	bool consuming;
	bool closed;
	void *bounce;
	struct ring_mapping mapping;
	struct ring_wakeup wakeup;
	struct ring_peer peer;
	const struct ring_backend *backend;
	void *state;
};

/* end.c */
enum ring_end libring_get_end(const struct ring_reader *r);
int libring_explain(const struct ring_reader *r, int err);
int libring_next(struct ring_reader *r, bool again, struct ring_source **out);

/* close.c */
void libring_free_reader(struct ring_reader *r);

/* seek.c */
int libring_seek(struct ring_reader *r, uint32_t whence, uint64_t value);

#endif /* LIBRING_READER_READER_H */
