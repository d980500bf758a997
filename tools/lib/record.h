/* SPDX-License-Identifier: GPL-2.0-only */
/* A record in text and in JSON. */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include <stdbool.h>

#include <libring.h>

struct decoder;
struct out;

/* Each appends a record and a newline. @d: NULL: print the payload undecoded. */
void record_print_text(struct out *o, const struct ring_record *rec, const struct decoder *d,
		       bool full);
void record_print_json(struct out *o, const struct ring_record *rec, const struct decoder *d);

/*
 * Appends what every record has in JSON, and its payload, without the brace at the end. @first: an
 * object begins with it.
 */
void record_put_json(struct out *o, bool first, const struct ring_record *rec,
		     const struct decoder *d);

#endif /* LIB_RECORD_H */
