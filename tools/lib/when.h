/* SPDX-License-Identifier: GPL-2.0-only */
/* A point in a ring: the values of --since and --until. */
#ifndef LIB_WHEN_H
#define LIB_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

/**
 * struct when - where the records from @value on begin
 * @given: the option was given
 * @is_ago: @value is a time before the present one, which only the ring knows; else @whence says
 *          what it is
 */
struct when {
	bool given;
	bool is_ago;
	enum ring_whence whence;
	uint64_t value;
};

/* For --help. */
#define WHEN_HELP "5s, 200ms or 2m ago, ns of the ring's clock, real:SECONDS or seq:N"

/* Parses @s, the value of option @opt. Return: 0, or EXIT_USAGE with the message printed. */
int parse_when(const char *cmd, const char *opt, const char *s, struct when *w);

/* Makes a time that was given as how long ago one of the ring's clock. Return: 0 or -errno. */
int when_resolve(struct ring_reader *ring, struct when *w);

/*
 * The same for --until, after a check that the ring has what it is compared with. @one_ring: only
 * one ring is read. Return: 0, or EXIT_FAIL with the message printed.
 */
int when_resolve_until(const char *cmd, const char *name, struct ring_reader *ring, bool one_ring,
		       struct when *w);

/*
 * True if @rec is not before @w, which is resolved. Not if @w was not given. The three forms agree
 * with ring_seek(): a record is before @w exactly if a reader that seeks to @w does not get it.
 */
bool when_reached(struct ring_reader *ring, const struct when *w, const struct ring_record *rec);

/*
 * Nanoseconds until no record before @w can come, by the clock; 0: none can; UINT64_MAX: the time
 * does not tell. @last_seq: of the record that was read last. @window_ns: for how long the reader
 * holds a record back.
 */
uint64_t when_left(struct ring_reader *ring, const struct when *w, uint64_t last_seq,
		   uint64_t window_ns);

#endif /* LIB_WHEN_H */
