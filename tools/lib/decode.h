/* SPDX-License-Identifier: GPL-2.0-only */
/* Decodes records by the schema of their ring. */
#ifndef LIB_DECODE_H
#define LIB_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include <libring.h>
#include <libring/schema.h>

struct decoder;
struct out;

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
 * decode_json() - append the members "name" and "fields" of a record, each after a comma
 * @d, @rec: as for decode_text()
 * @o: on failure nothing is appended. Bytes of the payload after the last field become "extra".
 *     "truncated": true says that "fields" has reached the limit
 *
 * Return: as decode_text().
 */
int decode_json(const struct decoder *d, const struct ring_record *rec, struct out *o);

/**
 * struct json_fields - fields of a walk that become JSON
 * @out: where they are appended
 * @end: bytes that @out may have before the last field
 * @truncated: it had more
 * @depth: containers that are open
 */
struct json_fields {
	struct out *out;
	size_t end;
	bool truncated;
	bool comma;
	unsigned int depth;
	bool array[RING_SCHEMA_DEPTH_MAX + 1];
};

/**
 * decode_json_field() - append a field that ring_schema_walk() gave
 * @j: zero before the first field, but for @out and @end
 * @f: the field. Its name is left out if it is NULL
 *
 * Return: 0; -E2BIG: @j->truncated; -ENOMEM.
 */
int decode_json_field(struct json_fields *j, const struct ring_field *f);

/* Ends all containers that are open. */
void decode_json_close(struct json_fields *j);

#endif /* LIB_DECODE_H */
