/* SPDX-License-Identifier: GPL-2.0-only */
/* Records by the names that a ring's schema gives them. */
#ifndef DECODE_H
#define DECODE_H

#include "ringctl.h"

struct decoder;
struct ring_schema;

/**
 * decoder_open() - get ready to decode the records of a ring
 * @ring: may be closed before the decoder
 * @out: decoder_close() it
 *
 * Return: 0; -ENOENT the ring has no schema; -EPROTO it has one that cannot be used,
 * as ring_strerror() says; -ENOMEM.
 */
int decoder_open(struct ring_reader *ring, struct decoder **out);
/* The same for a schema without a ring. */
int decoder_open_blob(const void *blob, size_t size, struct decoder **out);
void decoder_close(struct decoder *d);
/* What it decodes by; the decoder's. */
const struct ring_schema *decoder_schema(const struct decoder *d);

/**
 * decode_text() - print a record's name and its fields, "NAME FIELD=VALUE ..."
 * @d: the decoder
 * @rec: with its payload
 * @full: print all of long fields
 * @o: where to; untouched on failure. No newline
 *
 * Return: 0; -ENOENT the schema has no such type; -EMSGSIZE the payload is too short
 * for it; -E2BIG it has too many fields; -ENOMEM. The last two leave their sentence
 * in ring_strerror().
 */
int decode_text(const struct decoder *d, const struct ring_record *rec, bool full, struct out *o);

/**
 * decode_json() - add a record's "name" and "fields" to an object
 * @d, @rec: as in decode_text()
 * @obj: may not outlive the decoder. What a payload has beyond the fields becomes
 *       "extra"
 *
 * Return: as decode_text(); @obj is untouched, except with -ENOMEM.
 */
int decode_json(const struct decoder *d, const struct ring_record *rec, struct json_object *obj);

/* schema.c: adds what @type is to @obj. Return: 0; else no memory. */
struct ring_schema_type;
int schema_type_json(struct json_object *obj, const struct ring_schema_type *type);

#endif /* DECODE_H */
