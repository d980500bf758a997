/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring and libring as contenders, and what several cases need of libring. */
#ifndef RINGBENCH_KINDS_H
#define RINGBENCH_KINDS_H

#include <seqring/reader.h>

#include "../core/stream.h"

extern const struct stream_kind kind_ring;	 /* writer.h and reader.h inline */
extern const struct stream_kind kind_ring_eager; /* its reader looks at the stamp, not at head */
extern const struct stream_kind kind_library;	 /* the same through libring */

/*
 * Reads, checks and counts at most so many records below a snapshot of head, as the collect()
 * of a kind does.
 */
static inline unsigned int ring_take(struct seqring_reader *r, struct reader *rd, unsigned int max,
				     uint32_t len, const char *name)
{
	uint64_t payload[PAYLOAD_MAX / 8];
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int n = 0;

	while (n < max && (r->pos < r->snap || !n)) {
		outcome = seqring_reader_read(r, &v, payload, len);
		if (outcome == SEQRING_OK) {
			if (v.len != len || v.type != TYPE)
				wrong("%s: header of record %llu is torn", name,
				      (unsigned long long)v.seq);
			payload_check(payload, len, v.seq, name);
			reader_took(rd, v.seq, v.lost);
			n++;
		} else if (outcome != SEQRING_OVERRUN) {
			break;
		} else if (seqring_reader_resync(r)) {
			wrong("%s: resync failed", name);
		}
	}
	return n;
}

/* How a reader of libring reads: several records a call, one, or in place. */
enum library_reads { LIBRARY_BATCH, LIBRARY_ONE, LIBRARY_IN_PLACE };

/*
 * @batch: the writer collects 64 records before it publishes any
 * @epoll: the reader sleeps in epoll_wait(), not in ring_wait()
 */
struct library_variant {
	uint32_t writer_flags;
	uint32_t reader_flags;
	uint32_t wake_records;
	uint32_t wake_bytes;
	enum library_reads reads;
	bool batch;
	bool epoll;
};

extern const struct library_variant library_eager;
extern const struct library_variant library_full_fence; /* its readers need no membarrier() */
extern const struct library_variant library_wake_64;
extern const struct library_variant library_wake_mib;
extern const struct library_variant library_epoll;
extern const struct library_variant library_epoll_full_fence;
extern const struct library_variant library_one;
extern const struct library_variant library_in_place;

/* A ring without a clock. */
struct ring_writer *library_writer(uint64_t size);

/* The cases. */
void case_writer(void);
void case_reader(void);
void case_stamped(void);
void case_bulk(void);
void case_latency(void);
void case_latency_sleep(void);
void case_latency_lines(void);
void case_peers(void);
void case_growth(void);
void case_record(void);
void record_tools(void); /* a part of it */
void case_bpf(void);
void case_bpf_size(void);
void case_bpf_rate(void);
void case_bpf_fan(void);
void case_bpf_wake(void);
void case_bpf_parts(void);

#endif
