/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzz targets share: rings that a real writer writes and that the input
 * makes lie, all at once or between any two loads of the reader.
 *
 * An input has two parts: what is done with the reader, and what happens to the ring
 * meanwhile. As long as it told no lie, everything that the reader says is checked
 * against the truth.
 */
#ifndef FUZZ_USER_FUZZ_H
#define FUZZ_USER_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seqring/reader.h"
#include "seqring/writer.h"

#define FUZZ_DATA_SIZE	SEQRING_DATA_SIZE_MIN
#define FUZZ_RINGS_MAX	3
#define FUZZ_STICKY_MAX 4

/* Bytes of the input; zeros when it is used up. */
struct fuzz_input {
	const unsigned char *at;
	const unsigned char *end;
};

/* A word that grows by @by before each step: a writer that lies for ever. */
struct fuzz_sticky {
	uint64_t *word;
	uint64_t by;
};

struct fuzz_ring {
	struct seqring_ring_ctl *ctl;
	unsigned char *data;
	struct seqring_writer w;
	struct seqring_wait *wait;
};

/*
 * @what: what is done with the reader, @lies: what happens meanwhile
 * @header: 512 bytes, NULL where there is none
 * @pos: where the reader stands on @ring[@reads], so that lies can be near it
 * @due: steps until the next event
 * @lied: something was written that the writer did not write
 * @writable: bytes from the start of the first ring's area that may be written; the
 *            file may be shorter than it says
 */
struct fuzz {
	struct fuzz_input what;
	struct fuzz_input lies;
	struct seqring_header *header;
	struct fuzz_ring ring[FUZZ_RINGS_MAX];
	unsigned int nr_rings;
	const __u64 *pos;
	unsigned int reads;
	unsigned int len_bits;
	uint64_t steps;
	uint64_t limit;
	uint64_t due;
	bool busy;
	bool lied;
	bool no_writer;
	struct fuzz_sticky sticky[FUZZ_STICKY_MAX];
	unsigned int nr_sticky;
};

extern struct fuzz fuzz;

/* As the backend calls it. */
void fuzz_step(const void *p, size_t size);

/* Ends the process with what is wrong, so that libFuzzer keeps the input. */
__attribute__((noreturn, format(printf, 1, 2))) void fuzz_fail(const char *fmt, ...);

#define FUZZ_CHECK(cond, ...)                   \
	do {                                    \
		if (!(cond))                    \
			fuzz_fail(__VA_ARGS__); \
	} while (0)

/* Whether the target's mappings have these bytes. */
bool fuzz_is_shared(const void *p, size_t size);

uint8_t fuzz_8(struct fuzz_input *in);
uint16_t fuzz_16(struct fuzz_input *in);
uint64_t fuzz_64(struct fuzz_input *in);
/* A number that is likely to mean something, for a word that is @now. */
uint64_t fuzz_value(struct fuzz_input *in, uint64_t now);

/* Splits the input and forgets the last run. */
void fuzz_begin(const uint8_t *data, size_t size);
/* Starts the writers of fuzz.ring[], whose areas are zero, and lets them publish. */
void fuzz_start_writers(void);
/* One event: a lie, or the writer goes on. */
void fuzz_event(void);
/* Of the next call: it may make @limit steps. */
void fuzz_call(uint64_t limit);

uint32_t fuzz_len(uint64_t seq);
void fuzz_publish(struct fuzz_ring *ring, unsigned int nr);
/* That @len bytes at @p, of which @have were copied, are those of record @seq. */
void fuzz_check_record(uint64_t seq, uint64_t ts_ns, uint32_t len, uint16_t type, const void *p,
		       size_t have);

#endif /* FUZZ_USER_FUZZ_H */
