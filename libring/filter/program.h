/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A compiled filter: tests of one value each, which jump. libring-bpf of the same version makes
 * them (schema/filter_code.c), and match.c runs them.
 */
#ifndef LIBRING_FILTER_PROGRAM_H
#define LIBRING_FILTER_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include <seqring/reader.h>

#include "libring.h"

#define FILTER_NR_TYPES (UINT16_MAX + 1u)

/* Where a test jumps to: one of these, or a test with a lower number than its own. */
#define FILTER_REJECT 0u
#define FILTER_ACCEPT 1u
#define FILTER_FIRST  2u /* the first number of a test */

/* What a test compares. The first ones are attributes, which each record has. */
enum filter_kind {
	FILTER_TYPE,
	FILTER_LEN,
	FILTER_RING,
	FILTER_SEQ,
	FILTER_TIME,
	FILTER_INT,   /* @size bytes at @offset: @bits of them, from @shift on */
	FILTER_FLOAT, /* 4 or 8 bytes at @offset */
	FILTER_TEXT,  /* at @offset, up to a zero */
	FILTER_BYTES, /* at @offset, with zeros */
	FILTER_ADDR,  /* the first @bits of @size bytes at @offset */
};

enum filter_op {
	FILTER_EQ,
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE,
	FILTER_SET, /* a number that is not 0, a text that is not empty */
	FILTER_LIKE,
	FILTER_UNLIKE,
};

/* Elements of a pattern beside the bytes 0 to 255. */
#define FILTER_ONE  256u /* ? */
#define FILTER_MANY 257u /* * */

/* A whole number of 128 bits, in two's complement. */
struct filter_number {
	uint64_t low;
	uint64_t high;
};

/*
 * One comparison. Without its value, which a short record may lack, it goes to @no.
 *
 * @is_signed: @bits have a sign
 * @is_plain: all bits of 1, 2, 4 or 8 bytes, without a mask, and @number is in the range of 64 bits
 * @is_bool: any value other than 0 counts as 1
 * @shift, @bits: of a whole number; @bits also of an address
 * @yes, @no: where to go on
 * @offset: in bytes from the start of the payload
 * @size: bytes of the value; 0: the text or the bytes take the rest of the payload
 * @index: number of the string in an array of several, from 0. @strings: there are several
 * @mask: whole numbers are ANDed with it, if @masked
 * @number, @real: what to compare with
 * @text, @len: the same for text, bytes and addresses: place and length in ring_filter.strings
 */
struct filter_test {
	uint8_t kind;
	uint8_t op;
	bool is_signed;
	bool is_plain;
	bool is_bool;
	bool masked;
	bool strings;
	uint8_t shift;
	uint8_t bits;
	uint32_t yes;
	uint32_t no;
	uint32_t offset;
	uint32_t size;
	uint32_t index;
	uint32_t text;
	uint32_t len;
	uint64_t mask;
	struct filter_number number;
	double real;
};

/*
 * @types: a bit for each type that may match
 * @entries: where to begin, by type; @other: for types from @nr_entries on
 * @tests: the first FILTER_FIRST are not used
 * @strings: elements of texts and patterns
 */
struct ring_filter {
	uint64_t types[FILTER_NR_TYPES / 64];
	uint32_t other;
	uint32_t nr_entries;
	uint32_t nr_tests;
	uint32_t nr_strings;
	uint32_t *entries;
	struct filter_test *tests;
	uint16_t *strings;
};

bool libring_filter_match(const struct ring_filter *f, uint32_t ring, const struct seqring_view *v);
int libring_filter_copy(const struct ring_filter *f, struct ring_filter **out);

#endif /* LIBRING_FILTER_PROGRAM_H */
