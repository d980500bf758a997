/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes a flight recorder record. */
#ifndef FLIGHT_TRIGGER_H
#define FLIGHT_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

struct ring_filter;
struct ring_reader;
struct ring_record;

#define TRIGGER_RATE_MAX 1000000u

enum trigger_kind {
	TRIGGER_RECORD, /* EXPRESSION: a record that it selects */
	TRIGGER_RATE,	/* rate(EXPRESSION) > N: more than N such records within a second */
	TRIGGER_LOSS,	/* loss: the writer dropped a record, or the watcher lost one */
	TRIGGER_SIGNAL, /* signal: SIGUSR1 */
};

/**
 * struct trigger - a trigger
 * @text: as the user wrote it
 * @times: of TRIGGER_RATE, times of the last @limit records, a circle: @next is the oldest
 * @known: how many of them there are
 */
struct trigger {
	const char *text;
	enum trigger_kind kind;
	struct ring_filter *filter;
	uint64_t limit;
	uint64_t *times;
	uint64_t next;
	uint64_t known;
};

/*
 * Parses @text for the ring that @ring reads. Return: EXIT_OK; EXIT_FAIL: the message was printed.
 * In any case trigger_free() frees it.
 */
int trigger_init(struct trigger *t, const char *text, struct ring_reader *ring);
void trigger_free(struct trigger *t);

/* Lets @ring give only records that one of these triggers looks at. Return: as trigger_init(). */
int trigger_filter(const struct trigger *t, unsigned int nr, struct ring_reader *ring);

/* True if a trigger looks at records. */
bool trigger_reads(const struct trigger *t, unsigned int nr);

/* True if @rec makes @t fire. */
bool trigger_match(struct trigger *t, const struct ring_record *rec);

#endif /* FLIGHT_TRIGGER_H */
