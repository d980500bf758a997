/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings that the fuzz targets share. A real writer writes them, and the input makes them
 * lie, before the reader starts or between any two of its loads.
 *
 * An input has two parts: the calls of the reader, and the events of the ring between its
 * steps. As long as there is no lie among the events, everything that the reader reports is
 * checked against what was written.
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

/* A part of the input; it continues with zeros when it is used up. */
struct fuzz_input {
	const unsigned char *at;
	const unsigned char *end;
};

/* A word that grows by @by before each step: a writer that never stops lying. */
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
 * @what: the calls of the reader
 * @lies: the events of the ring
 * @header: 512 bytes, or NULL if the target has no header
 * @pos: the reader's position in @ring[@reads], so that lies can be near it
 * @due: steps until the next event
 * @lied: an event wrote a value that the writer did not write
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

/* The backend calls this before each load and at each fence. */
void fuzz_step(const void *p, size_t size);

/* Prints the failure and ends the process, so that libFuzzer keeps the input. */
__attribute__((noreturn, format(printf, 1, 2))) void fuzz_fail(const char *fmt, ...);

#define FUZZ_CHECK(cond, ...)                   \
	do {                                    \
		if (!(cond))                    \
			fuzz_fail(__VA_ARGS__); \
	} while (0)

/*
 * Return: whether these bytes belong to a mapping of the target. A target that maps none does not
 * define it.
 */
bool fuzz_is_shared(const void *p, size_t size);

uint8_t fuzz_8(struct fuzz_input *in);
uint16_t fuzz_16(struct fuzz_input *in);
uint64_t fuzz_64(struct fuzz_input *in);
/* Return: a number that is likely to have an effect, to replace the word @now. */
uint64_t fuzz_value(struct fuzz_input *in, uint64_t now);

/* Splits the input and forgets the last run. */
void fuzz_begin(const uint8_t *data, size_t size);
/* Starts the writers of fuzz.ring[] and lets them publish. The rings' areas must be zero. */
void fuzz_start_writers(void);
/* One event: a lie, or the writer publishes or ends the ring. */
void fuzz_event(void);
/* Allows the next call @limit steps. */
void fuzz_call(uint64_t limit);

uint32_t fuzz_len(uint64_t seq);
void fuzz_publish(struct fuzz_ring *ring, unsigned int nr);
/* Checks that a record is the one of @seq. @have of its @len bytes are at @p. */
void fuzz_check_record(uint64_t seq, uint64_t ts_ns, uint32_t len, uint16_t type, const void *p,
		       size_t have);

#endif /* FUZZ_USER_FUZZ_H */
