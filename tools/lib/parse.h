/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of options. A message about a wrong value says what is allowed. */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <seqring/clocks.h>

struct ring_open_opts;

/* Each parses @s, the value of option @opt. Return: 0, or EXIT_USAGE with the message printed. */

int parse_number(const char *cmd, const char *opt, const char *s, uint64_t min, uint64_t max,
		 uint64_t *v);
/* The size of a ring's data area. */
int parse_size(const char *cmd, const char *opt, const char *s, uint64_t *v);
/* A number of bytes, with K, M, G or without. */
int parse_bytes(const char *cmd, const char *opt, const char *s, uint64_t min, uint64_t max,
		uint64_t *v);
int parse_duration(const char *cmd, const char *opt, const char *s, uint64_t *ns);
/* The value of --interval: 10ms to 1h. */
int parse_sampling_interval(const char *cmd, const char *s, uint64_t *ns);
int parse_mode(const char *cmd, const char *opt, const char *s, uint32_t *v);
int parse_clock(const char *cmd, const char *opt, const char *s, uint32_t *v);

/* N[,N...] of --type; each use of the option adds to the list in @o. */
int parse_types(const char *cmd, const char *s, struct ring_open_opts *o);

/* Like strtoull() for digits only; @end is behind them. Return: whether there is a number. */
bool scan_digits(const char *s, const char **end, uint64_t *v);

/* A number and its unit (ns us ms s m h). Return: 0; -EINVAL: it is none; -ERANGE: too long. */
int scan_duration(const char *s, uint64_t *ns);

/* "monotonic, coarse or none", and the same with a note at the default, for --help. */
#define CLOCK_NAMES	 SEQRING_CLOCKS_LISTED(FIRST_CLOCK, NEXT_CLOCK, LAST_CLOCK)
#define CLOCK_NAMES_HELP SEQRING_CLOCKS_LISTED(DEFAULT_CLOCK, NEXT_CLOCK, LAST_CLOCK)

#define FIRST_CLOCK(ID, number, name, ...)   name
#define DEFAULT_CLOCK(ID, number, name, ...) name " (the default)"
#define NEXT_CLOCK(ID, number, name, ...)    ", " name
#define LAST_CLOCK(ID, number, name, ...)    " or " name

const char *clock_name(uint32_t clock_id, char *buf, size_t size);

#endif /* LIB_PARSE_H */
