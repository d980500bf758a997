/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Records by name: what a ring's schema says about its records. docs/schema.md has
 * the format, which is BTF, and how a program gets a schema.
 *
 *	ring_info(r, &info);
 *	ring_schema_open(info.schema, info.schema_size, &s);
 *	...
 *	ring_schema_walk(s, rec.type, rec.payload, rec.len, print_field, out, NULL);
 *
 * A schema is what some other process wrote: it is checked for whatever could harm
 * its reader, and so is each payload against it. Opened, it is never changed again:
 * any number of threads may use it at once.
 *
 * Every function returns 0 or -errno unless it says otherwise, and leaves a sentence
 * for ring_strerror(). Part of libring-bpf.
 */
#ifndef LIBRING_SCHEMA_H
#define LIBRING_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include <libring.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct btf;
struct ring_schema;

/* Limits of what is accepted, beside SEQRING_SCHEMA_SIZE_MAX. */
#define RING_SCHEMA_NAME_MAX   127	 /* characters of a name */
#define RING_SCHEMA_DEPTH_MAX  32	 /* types inside one another, typedefs included */
#define RING_SCHEMA_FIELDS_MAX 4096	 /* members of a struct */
#define RING_SCHEMA_BYTES_MAX  (1 << 22) /* of all structs together, what is open left out */
#define RING_SCHEMA_VALUES_MAX (1 << 20) /* calls of a ring_field_fn for one record */

/**
 * ring_schema_open() - understand a schema
 * @blob: as from ring_info(); copied
 * @size: its bytes
 * @out: ring_schema_close() it
 *
 * Return: 0; -EPROTO not a schema, or one that says what cannot be; -E2BIG more than
 * SEQRING_SCHEMA_SIZE_MAX; -ENOMEM.
 */
int ring_schema_open(const void *blob, size_t size, struct ring_schema **out);

/* Frees a schema; NULL is allowed. Names that it gave out are void then. */
void ring_schema_close(struct ring_schema *s);

/**
 * ring_schema_from_btf() - take the schema out of a program's type information
 * @btf: of a BPF object, say; stays the caller's
 * @blob: set to the schema, for ring_writer_opts, ring_create_opts and the like;
 *        free() it
 * @size: its bytes
 *
 * Only what the records of enum seqring_schema need is taken. The result is one that
 * ring_schema_open() accepts.
 *
 * Return: 0; -ENOENT there is no enum seqring_schema; -EPROTO an enumerator has no
 * struct of its name, or what it has cannot be a record; -E2BIG the schema would be
 * larger than SEQRING_SCHEMA_SIZE_MAX; -ENOMEM.
 */
int ring_schema_from_btf(const struct btf *btf, void **blob, size_t *size);

/**
 * ring_schema_from_file() - the same for a file
 * @path: an ELF file with a section .BTF (a BPF object, a kernel module, or what
 *        pahole -J was run on), or raw BTF (a schema, /sys/kernel/btf/NAME)
 * @blob, @size: as in ring_schema_from_btf()
 *
 * Return: as ring_schema_from_btf(); -ENOENT also: no such file; -EPROTO also: not
 * such a file; -ENODATA an ELF file without .BTF; what open(2) gives.
 */
int ring_schema_from_file(const char *path, void **blob, size_t *size);

/**
 * struct ring_schema_type - one type of records
 * @size: sizeof(struct ring_schema_type), filled by the caller
 * @name: of its struct, which is also that of its enumerator; the schema's
 * @min_len: bytes that a payload must have at least
 * @nr_fields: members of the struct
 * @type: as in struct ring_record
 * @open_ended: 1: its last field takes what is left of the payload
 */
struct ring_schema_type {
	size_t size;
	const char *name;
	uint32_t min_len;
	uint32_t nr_fields;
	uint16_t type;
	uint16_t open_ended;
	uint32_t reserved;
};

/**
 * ring_schema_type() - look a type up by its number
 * @s: the schema
 * @type: as in struct ring_record
 * @info: filled on success
 *
 * Return: 0; -ENOENT the schema has no such type; -EINVAL, -E2BIG for @info->size.
 */
int ring_schema_type(const struct ring_schema *s, uint16_t type, struct ring_schema_type *info);

/* The same by name. */
int ring_schema_find(const struct ring_schema *s, const char *name, struct ring_schema_type *info);

/**
 * ring_schema_next() - go through the types in the order of their numbers
 * @s: the schema
 * @from: the lowest number to consider: 0 first, then info->type + 1
 * @info: as in ring_schema_type()
 *
 * Return: as ring_schema_type(); -ENOENT there are no more.
 */
int ring_schema_next(const struct ring_schema *s, uint32_t from, struct ring_schema_type *info);

/**
 * enum ring_field_kind - what a call of ring_field_fn is about
 * @RING_FIELD_STRUCT, @RING_FIELD_UNION: its members come next, then RING_FIELD_END.
 *	Those of a union are views of the same bytes
 * @RING_FIELD_ARRAY: @count elements, without names, come next, then RING_FIELD_END
 * @RING_FIELD_END: the end of the innermost of those
 * @RING_FIELD_INT, @RING_FIELD_UINT: a number; 128 bits have their upper half in
 *	@high
 * @RING_FIELD_BOOL: false is 0
 * @RING_FIELD_ENUM: @text is the enumerator, of @len characters; NULL: it has no
 *	name, and is_signed says how to read @u
 * @RING_FIELD_HEX: a number to be shown in hexadecimal: a pointer, seqring_hex32 ...
 * @RING_FIELD_FLOAT: a floating-point number, in @f
 * @RING_FIELD_TEXT: @len bytes of text at @data, up to the first zero; whatever they
 *	are
 * @RING_FIELD_BYTES: @len bytes at @data that are not text
 * @RING_FIELD_IP4, @RING_FIELD_IP6: an address of 4 or 16 bytes at @data
 */
enum ring_field_kind {
	RING_FIELD_STRUCT = 1,
	RING_FIELD_UNION,
	RING_FIELD_ARRAY,
	RING_FIELD_END,
	RING_FIELD_INT,
	RING_FIELD_UINT,
	RING_FIELD_BOOL,
	RING_FIELD_ENUM,
	RING_FIELD_HEX,
	RING_FIELD_FLOAT,
	RING_FIELD_TEXT,
	RING_FIELD_BYTES,
	RING_FIELD_IP4,
	RING_FIELD_IP6,
};

/**
 * struct ring_field - a field, or the beginning or end of several
 * @name: a C identifier, the schema's; NULL: an array's element, or RING_FIELD_END
 * @kind: enum ring_field_kind; a program ignores those that it does not know
 * @bits: of a number: its bits, fewer than in its type for a bit-field
 * @bit_offset: where the field begins, in bits from the beginning of the payload
 * @count: RING_FIELD_ARRAY: its elements
 * @is_signed: RING_FIELD_ENUM: @u has a sign
 * @len: bytes at @data, characters at @text
 * @u: a number: its value, sign-extended where it has a sign
 * @high: the upper half of a number of 128 bits; else 0, or ~0 below zero
 * @f: RING_FIELD_FLOAT: its value
 * @data: in the payload
 * @text: the schema's
 *
 * What is not said to be set is 0. A later version may have more at the end.
 */
struct ring_field {
	const char *name;
	uint32_t kind;
	uint32_t bits;
	uint64_t bit_offset;
	uint32_t count;
	uint32_t is_signed;
	uint64_t u;
	uint64_t high;
	double f;
	const void *data;
	const char *text;
	size_t len;
};

/* Called for each field; @field is valid until it returns. Not 0: stop. */
typedef int (*ring_field_fn)(const struct ring_field *field, void *arg);

/**
 * ring_schema_walk() - go through the fields of a record
 * @s: the schema
 * @type, @payload, @len: of the record; a copy, as ring_read() makes one, not what
 *        ring_peek() shows
 * @fn: called for each field, in the order of their declaration; nothing is called
 *        for the record itself, nor for structs without a name, whose members belong
 *        to what they are in
 * @arg: for @fn
 * @used: set to how many bytes of the payload the type accounts for; may be NULL. What
 *        is beyond, a later version of the producer may have added
 *
 * Return: 0; what @fn returned, when it was not 0; and with nothing called -ENOENT the
 * schema has no such type, -EMSGSIZE the payload is shorter than min_len; -E2BIG after
 * RING_SCHEMA_VALUES_MAX calls.
 */
int ring_schema_walk(const struct ring_schema *s, uint16_t type, const void *payload, size_t len,
		     ring_field_fn fn, void *arg, size_t *used);

/**
 * ring_schema_describe() - go through the fields of a type
 * @s: the schema
 * @type: as in struct ring_record
 * @fn, @arg: as in ring_schema_walk(); a field has no value, its name, kind, bits and
 *        bit_offset only. Of an array there is one element; @count is 0 when the
 *        payload's length decides. @len is the bytes of a text or of bytes, 0 likewise
 *
 * Return: 0; what @fn returned, when it was not 0; -ENOENT; -E2BIG as
 * ring_schema_walk().
 */
int ring_schema_describe(const struct ring_schema *s, uint16_t type, ring_field_fn fn, void *arg);

/* Called with pieces of text, not terminated. Not 0: stop. */
typedef int (*ring_text_fn)(const char *text, size_t len, void *arg);

/**
 * ring_schema_print() - print a schema as C
 * @s: the schema
 * @fn: called with pieces of the text
 * @arg: for @fn
 *
 * Return: 0; what @fn returned, when it was not 0; -ENOMEM.
 */
int ring_schema_print(const struct ring_schema *s, ring_text_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_SCHEMA_H */
