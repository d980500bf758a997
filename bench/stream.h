/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One writer and one reader that move self-validating records: the ring and
 * what it is compared with.
 */
#ifndef RINGBENCH_STREAM_H
#define RINGBENCH_STREAM_H

#include <string.h>

#include "bench.h"

#define PAYLOAD_MAX 4096u

/*
 * @size: bytes of the ring or buffer
 * @stamped: take the time for each record
 * @seq: records published since create()
 * @read, @lost: by the reader in this round; by all of them, where there are several
 * @newest: seq of the record that was read last
 * @may_block: collect() sleeps while there is nothing; where the kind can
 */
struct stream {
	const struct stream_kind *kind;
	void *impl;
	uint64_t size;
	uint32_t len;
	bool stamped;

	/* The writer's, and far from the reader's: lines come in pairs. */
	uint64_t seq __attribute__((aligned(128)));
	uint64_t payload[PAYLOAD_MAX / 8];

	uint64_t read __attribute__((aligned(128)));
	uint64_t lost;
	uint64_t newest;
	bool may_block;
};

/*
 * @write:   publishes so many records
 * @join:    the reader goes to head; nothing before it counts
 * @collect: takes a snapshot of head when it has none, reads and checks at most
 *           so many records below it, and counts what it lost; returns how many.
 *           Fewer: it has used the snapshot up, and the next call takes another
 * @verify:  checks what nobody has read and still is there; for those without a reader
 * @readers: how many collect() stands for; 0: one
 * @missing: why it could not be built; NULL: it was
 */
struct stream_kind {
	const char *name;
	void (*create)(struct stream *s);
	void (*write)(struct stream *s, unsigned int n);
	void (*join)(struct stream *s);
	unsigned int (*collect)(struct stream *s, unsigned int max);
	void (*verify)(struct stream *s);
	unsigned int readers;
	const char *missing;
};

extern const struct stream_kind stream_ring;	/* writer.h and reader.h inline */
extern const struct stream_kind stream_eager;	/* its reader looks at the stamp, not at head */
extern const struct stream_kind stream_library; /* the same through libring */
extern const struct stream_kind stream_library_fence; /* its readers need no membarrier() */
extern const struct stream_kind stream_library_eager;
extern const struct stream_kind stream_library_64;   /* its reader sleeps for 64 records */
extern const struct stream_kind stream_library_bulk; /* or for a mebibyte */
extern const struct stream_kind stream_bytes;	     /* begin and end on one line */
extern const struct stream_kind stream_flags;	     /* a flag per record, no overwriting */

struct stream *stream_new(const struct stream_kind *kind, uint64_t size, uint32_t len,
			  bool stamped);

/*
 * One round: the writer publishes for @ns while a reader, when there is one,
 * collects. Between two snapshots the reader leaves the ring alone for @rest_ns.
 *
 * @published, @read, @lost: in this round
 * @writer_ns: of the writer's time for one record
 * @delivered: records per microsecond that the reader had while the writer ran
 */
struct stream_round {
	struct stream *s;
	bool reader;
	uint64_t ns;
	uint64_t rest_ns;

	uint64_t published;
	uint64_t read;
	uint64_t lost;
	double writer_ns;
	double delivered;
};

/* For undisturbed(); returns whether it was disturbed. */
bool stream_round(void *arg);

/*
 * The payload of a record follows from its seq. One word in eight differs from
 * record to record, so that filling and checking cost little beside the copies;
 * all of them do in a payload of up to 64 bytes.
 */
static inline uint64_t payload_word(uint64_t seq, uint32_t i)
{
	return (seq + i) * 0x9e3779b97f4a7c15ull;
}

static inline uint32_t payload_step(uint32_t len)
{
	return len > 64 ? 8 : 1;
}

static inline void payload_fill(uint64_t *payload, uint32_t len, uint64_t seq)
{
	uint32_t i, step = payload_step(len);

	for (i = 0; i < len / 8; i += step)
		payload[i] = payload_word(seq, i);
	payload[len / 8 - 1] = seq;
}

static inline void payload_check(const uint64_t *payload, uint32_t len, uint64_t seq,
				 const char *name)
{
	uint32_t i, step = payload_step(len);
	uint64_t differs = payload[len / 8 - 1] ^ seq;

	for (i = 0; i < len / 8 - 1; i += step)
		differs |= payload[i] ^ payload_word(seq, i);
	if (__builtin_expect(differs != 0, 0))
		wrong("%s: record %llu is torn", name, (unsigned long long)seq);
}

#endif
