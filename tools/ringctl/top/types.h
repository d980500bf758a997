/* SPDX-License-Identifier: GPL-2.0-only */
/* How many records of each type come through a ring. */
#ifndef TOP_TYPES_H
#define TOP_TYPES_H

#include <stdbool.h>
#include <stdint.h>

struct decoder;
struct watched;

#define TYPE_NAME_SHOWN 32u /* bytes of the name of a type; each may need an escape */

/**
 * struct type_count - the records of one type
 * @label: the name of the type in the schema, safe to print; empty: it has none
 * @total: since the counting began
 * @records, @bytes: in the last interval; bytes of payload
 * @new_records, @new_bytes: in the one that runs
 */
struct type_count {
	uint16_t type;
	char label[4 * TYPE_NAME_SHOWN + 1];
	uint64_t total;
	uint64_t records;
	uint64_t bytes;
	uint64_t new_records;
	uint64_t new_bytes;
};

/**
 * struct types - all types that came
 * @at: position in @all plus 1, by type; 0: none came
 * @all: the most frequent one of the last interval first
 * @at_ns: now_ns() at the end of the last interval
 * @ns: length of the last interval
 * @counted: records of the last interval that were counted
 * @passed: records of the last interval that were not counted: lost, or too many
 * @new_counted, @new_passed: of the interval that runs
 * @total, @total_passed: since the counting began
 * @why: why the counting failed, safe to print
 */
struct types {
	uint32_t *at;
	struct type_count *all;
	unsigned int nr;
	struct decoder *decoder;
	uint64_t at_ns;
	uint64_t ns;
	uint64_t counted;
	uint64_t passed;
	uint64_t new_counted;
	uint64_t new_passed;
	uint64_t total;
	uint64_t total_passed;
	char why[512];
};

/* Counts the records of @w from now on. Return: 0; -ENOMEM. */
int types_begin(struct types *t, struct watched *w);

/* Counts those that came since, for @limit_ns at most. Return: 0; -ENOMEM. */
int types_count(struct types *t, struct watched *w, uint64_t limit_ns);

/* Ends the interval that runs. */
void types_turn(struct types *t);

void types_end(struct types *t);

#endif /* TOP_TYPES_H */
