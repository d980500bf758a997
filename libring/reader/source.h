/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* One ring, as this reader stands on it. */
#ifndef LIBRING_READER_SOURCE_H
#define LIBRING_READER_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <seqring/reader.h>

#define LIBRING_OVERRUNS 64 /* tries in a row before -EPIPE */

/*
 * @view:    the next record, while @pending
 * @key:     what the merge sorts by
 * @seen:    tick at which the snapshot was taken that @view is below
 * @ring:    its number in the device
 * @overruns: in a row
 * @corrupt: not read before the next seek
 * @refill: NULL, or gets more where the ring's memory has been read: -ESTALE peek again; -ENODEV
 * @feed:   for @refill
 * @announced: as in struct seqring_wait, when membarrier() was called for it
 */
struct ring_source {
	struct seqring_reader rd;
	struct seqring_view view;
	uint64_t key;
	uint64_t seen;
	uint32_t ring;
	uint8_t overruns;
	bool pending;
	bool corrupt;
	int (*refill)(struct ring_source *s);
	void *feed;
	__u64 announced;
} __attribute__((aligned(64)));

int libring_outcome_to_errno(enum seqring_outcome outcome);
int libring_source_resync(struct ring_source *s);
int libring_source_peek(struct ring_source *s);
void libring_source_account(const struct ring_source *s, __u64 *records, __u64 *bytes, __u64 *lost);
uint64_t libring_source_next_seq(const struct ring_source *s);

#endif /* LIBRING_READER_SOURCE_H */
