/* SPDX-License-Identifier: GPL-2.0-only */
/* Decodes records by the schema of their ring. */
#ifndef LIB_DECODE_H
#define LIB_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include <libring.h>

struct decoder;
struct json_object;
struct out;
struct ring_field;
struct ring_schema;

/**
 * decoder_open() - open a decoder for the records of a ring
 * @ring: may be closed before the decoder
 * @out: close with decoder_close()
 *
 * Return: 0; -ENOENT: the ring has no schema; -EPROTO: its schema is unusable, and
 * ring_strerror() says why; -ENOMEM.
 */
int decoder_open(struct ring_reader *ring, struct decoder **out);

/* The same for a schema without a ring. */
int decoder_open_blob(const void *blob, size_t size, struct decoder **out);
void decoder_close(struct decoder *d);

/* The schema, which the decoder owns. */
const struct ring_schema *decoder_schema(const struct decoder *d);

/*
 * A hostile schema makes megabytes of output of a record of 8 bytes: long names, and unions
 * that show the same bytes again and again. So the decoded form of a record has a limit, after
 * which its fields end with the word "truncated". No schema without such tricks reaches it.
 */
#define DECODE_BYTES_MIN      65536u /* of output, for any record */
#define DECODE_BYTES_PER_BYTE 32u    /* and so many more for each byte of payload */

/* Bytes of output that @rec may take. */
static inline size_t decode_limit(const struct ring_record *rec)
{
	return DECODE_BYTES_MIN + (size_t)DECODE_BYTES_PER_BYTE * rec->len;
}

/**
 * decode_text() - append a record's name and fields, "NAME FIELD=VALUE ..."
 * @d: the decoder
 * @rec: a record with its payload
 * @full: print long fields in full
 * @o: no newline is appended; on failure nothing is. " truncated" ends the text of a record
 *     with more output than the limit
 *
 * Return: 0; -ENOENT: the schema has no such type; -EMSGSIZE: the payload is too short
 * for the type; -E2BIG: there are too many fields; -ENOMEM. ring_strerror() explains the
 * error, unless it is -ENOMEM.
 */
int decode_text(const struct decoder *d, const struct ring_record *rec, bool full, struct out *o);

/**
 * decode_json() - add a record's "name" and "fields" to an object
 * @d, @rec: as for decode_text()
 * @obj: must not outlive the decoder. Bytes of the payload after the last field become
 *       "extra". "truncated": true says that "fields" has reached the limit
 *
 * Return: as decode_text(); only -ENOMEM leaves @obj changed.
 */
int decode_json(const struct decoder *d, const struct ring_record *rec, struct json_object *obj);

/* The value of a field; of a struct, union or array an empty one. Return: NULL: no memory. */
struct json_object *decode_json_value(const struct ring_field *f);

/* The most bytes that a field makes, with quotes, separators and, of text, escapes. */
size_t decode_json_size(const struct ring_field *f);

#endif /* LIB_DECODE_H */
