/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Decode records by name, according to the schema of their ring. The format of a schema
 * is BTF: see docs/reference/schema.md, also for how a producer gets a schema.
 *
 *	ring_info(r, &info);
 *	ring_schema_open(info.schema, info.schema_size, &s);
 *	...
 *	ring_schema_walk(s, rec.type, rec.payload, rec.len, print_field, out, NULL);
 *
 * A schema comes from another process and is not trusted: ring_schema_open() refuses
 * whatever could harm its reader, and each payload is checked against the schema. An open
 * schema never changes, so any number of threads may use it at once.
 *
 * Every function returns 0 or -errno unless it says otherwise, and explains a failure in
 * ring_strerror(). On failure, what its parameters point to is unchanged. Part of
 * libring-bpf.
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

/* Limits of a schema, in addition to SEQRING_SCHEMA_SIZE_MAX. */
#define RING_SCHEMA_NAME_MAX   127	 /* characters of a name */
#define RING_SCHEMA_DEPTH_MAX  32	 /* levels of nested types, typedefs included */
#define RING_SCHEMA_FIELDS_MAX 4096	 /* members of a struct */
#define RING_SCHEMA_BYTES_MAX  (1 << 22) /* of all structs together, without open arrays */
#define RING_SCHEMA_VALUES_MAX (1 << 20) /* calls of a ring_field_fn for one record */

/**
 * ring_schema_open() - parse and check a schema
 * @blob: the schema, from ring_info() for example; copied
 * @size: its bytes
 * @out: set on success; ring_schema_close() frees it
 *
 * Return: 0; -EPROTO not a valid schema, also if @size is 0; -E2BIG @size is larger than
 * SEQRING_SCHEMA_SIZE_MAX; -ENOMEM.
 */
int ring_schema_open(const void *blob, size_t size, struct ring_schema **out);

/**
 * ring_schema_close() - free a schema and all names that it gave out
 * @s: the schema, or NULL
 */
void ring_schema_close(struct ring_schema *s);

/**
 * ring_schema_from_btf() - make a schema from a program's type information
 * @btf: the BTF, of a BPF object for example; stays the caller's
 * @blob: set to the schema, for ring_writer_opts, ring_create_opts and ring_bpf_opts. The
 *        caller frees it with free()
 * @size: set to its bytes
 *
 * Takes only the types that the records of enum seqring_schema need. ring_schema_open()
 * accepts the result.
 *
 * Return: 0; -ENOENT there is no enum seqring_schema; -EPROTO an enumerator has no struct
 * of its name, or a struct cannot be a record; -E2BIG the schema would be larger than
 * SEQRING_SCHEMA_SIZE_MAX; -ENOMEM.
 */
int ring_schema_from_btf(const struct btf *btf, void **blob, size_t *size);

/**
 * ring_schema_from_file() - make a schema from a file
 * @path: an ELF file with a section .BTF (a BPF object, a kernel module, or the output of
 *        pahole -J), or raw BTF (a schema, /sys/kernel/btf/NAME)
 * @blob, @size: as in ring_schema_from_btf()
 *
 * Return: as ring_schema_from_btf(); -ENOENT also: no such file; -EPROTO also: neither an
 * ELF file nor BTF; -ENODATA an ELF file without .BTF; -ENOMEM also: the file is larger
 * than 256 MiB; what open(2) and read(2) give.
 */
int ring_schema_from_file(const char *path, void **blob, size_t *size);

/**
 * struct ring_schema_type - one type of records
 * @size: sizeof(struct ring_schema_type), set by the caller
 * @name: name of its struct and of its enumerator; valid until ring_schema_close()
 * @min_len: bytes that a payload has at least
 * @nr_fields: members of the struct
 * @type: as in struct ring_record
 * @open_ended: 1: its last field takes the rest of the payload; else 0
 * @reserved: 0
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
 * ring_schema_type() - look up a record type by its number
 * @s: the schema
 * @type: as in struct ring_record
 * @info: filled on success; the caller has set @info->size
 *
 * Return: 0; -ENOENT the schema has no such type; -EINVAL @info->size is too small; -E2BIG
 * @info is of a later version and its further fields are not 0.
 */
int ring_schema_type(const struct ring_schema *s, uint16_t type, struct ring_schema_type *info);

/**
 * ring_schema_find() - look up a record type by its name
 * @s: the schema
 * @name: as in struct ring_schema_type
 * @info: filled on success; the caller has set @info->size
 *
 * Return: as ring_schema_type().
 */
int ring_schema_find(const struct ring_schema *s, const char *name, struct ring_schema_type *info);

/**
 * ring_schema_next() - iterate over the record types in the order of their numbers
 * @s: the schema
 * @from: the lowest number to consider: at first 0, then info->type + 1
 * @info: as in ring_schema_type()
 *
 * Return: as ring_schema_type(); -ENOENT there are no more types.
 */
int ring_schema_next(const struct ring_schema *s, uint32_t from, struct ring_schema_type *info);

/**
 * enum ring_field_kind - kind of a field
 * @RING_FIELD_STRUCT, @RING_FIELD_UNION: the members follow, then RING_FIELD_END. The
 *	members of a union are views of the same bytes
 * @RING_FIELD_ARRAY: @count elements without names follow, then RING_FIELD_END
 * @RING_FIELD_END: end of the innermost struct, union or array
 * @RING_FIELD_INT, @RING_FIELD_UINT: an integer, in @u; with 128 bits, @high is its upper
 *	half
 * @RING_FIELD_BOOL: @u is 0 or 1
 * @RING_FIELD_ENUM: @text is the enumerator, of @len characters. NULL: the value has no
 *	enumerator; it is in @u, and @is_signed tells how to read it
 * @RING_FIELD_HEX: a number to show in hexadecimal: a pointer or a seqring_hex8 to _hex64
 * @RING_FIELD_FLOAT: a floating-point number, in @f
 * @RING_FIELD_TEXT: @len bytes of text at @data, up to the first zero. The bytes can have
 *	any value
 * @RING_FIELD_BYTES: @len bytes at @data that are not text
 * @RING_FIELD_IP4, @RING_FIELD_IP6: an address of 4 or 16 bytes at @data, in network order
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
 * struct ring_enumerator - a name for a value of an enum
 * @value: the value, cut to the size of the enum
 * @name: a C identifier, valid until ring_schema_close()
 * @index: its place in the declaration, from 0
 * @reserved: 0
 */
struct ring_enumerator {
	uint64_t value;
	const char *name;
	uint32_t index;
	uint32_t reserved;
};

/**
 * struct ring_field - a field, or the start or end of several fields
 * @name: a C identifier, valid until ring_schema_close(). NULL: an element of an array, or
 *	RING_FIELD_END
 * @kind: enum ring_field_kind; ignore kinds that you do not know
 * @bits: width of a number; a bit-field has fewer bits than its type
 * @bit_offset: start of the field, in bits from the start of the payload
 * @count: RING_FIELD_ARRAY: number of elements
 * @is_signed: RING_FIELD_ENUM: @u is signed
 * @u: value of a number, sign-extended if it is signed
 * @high: upper half of a 128-bit number; with fewer bits, ~0 for a negative number, else 0
 * @f: RING_FIELD_FLOAT: the value
 * @data: bytes of the field, in the payload
 * @text: name of an enumerator, valid until ring_schema_close()
 * @len: bytes at @data, or characters at @text
 *
 * All other members are 0. A later version may add members at the end.
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

/* Called for each field. @field is valid until it returns. Return: 0; else: stop. */
typedef int (*ring_field_fn)(const struct ring_field *field, void *arg);

/**
 * ring_schema_walk() - call a function for each field of a record
 * @s: the schema
 * @type: type of the record
 * @payload: its payload, which must not change meanwhile: a copy as from ring_read(), not
 *        the bytes in the ring that ring_peek() shows
 * @len: bytes at @payload; if 0, @payload may be NULL
 * @fn: called for each field in the order of declaration. It is not called for the record
 *        itself, nor for an unnamed struct or union: the members of that belong to the
 *        enclosing struct
 * @arg: argument for @fn
 * @used: set on success to the bytes of the payload that the type accounts for; may be
 *        NULL. A later version of the producer may have added the bytes beyond
 *
 * Return: 0; what @fn returned, if not 0. Without any call of @fn: -ENOENT the schema has no
 * such type; -EMSGSIZE the payload is shorter than min_len. After RING_SCHEMA_VALUES_MAX
 * fields: -E2BIG.
 */
int ring_schema_walk(const struct ring_schema *s, uint16_t type, const void *payload, size_t len,
		     ring_field_fn fn, void *arg, size_t *used);

/**
 * ring_schema_describe() - call a function for each field of a record type
 * @s: the schema
 * @type: as in struct ring_record
 * @fn, @arg: as in ring_schema_walk(), but a field has only name, kind, bits and
 *        bit_offset. An array has one element; its @count is 0 if the length of the
 *        payload decides. A text or bytes have @len, which is 0 in the same case. An enum
 *        has @is_signed, and at @data an array of @count struct ring_enumerator, one for
 *        each value that has a name, in ascending order; it is valid until
 *        ring_schema_close()
 *
 * Return: 0; what @fn returned, if not 0; -ENOENT the schema has no such type; -E2BIG after
 * RING_SCHEMA_VALUES_MAX fields.
 */
int ring_schema_describe(const struct ring_schema *s, uint16_t type, ring_field_fn fn, void *arg);

#define RING_FILTER_TEXT_MAX 16384 /* characters of an expression */

struct ring_filter;

/**
 * ring_filter_compile() - make a filter from an expression
 * @s: the schema of the ring. NULL: the ring has none, and the expression names no fields
 * @text: the expression, such as "pid == 42 && len > 100"; see docs/reference/filter.md
 * @out: set on success; ring_filter_free() frees it. libring/filter.h says what to do with it
 *
 * The filter does not need the schema any more. A comparison that makes sense for no type of
 * records is refused; ring_strerror() then says at which character, what is wrong and what is
 * allowed. In a type that lacks a field, and in a record that is too short for it, a comparison of
 * that field is false.
 *
 * Return: 0; -EINVAL the expression is wrong; -E2BIG it has more than RING_FILTER_TEXT_MAX
 * characters, or too many comparisons; -ENOMEM.
 */
int ring_filter_compile(const struct ring_schema *s, const char *text, struct ring_filter **out);

/* Called with pieces of text, which do not end with a zero. Return: 0; else: stop. */
typedef int (*ring_text_fn)(const char *text, size_t len, void *arg);

/**
 * ring_schema_print() - print a schema as C
 * @s: the schema
 * @fn: called with each piece of the text, in order
 * @arg: argument for @fn
 *
 * Return: 0; what @fn returned, if not 0; -ENOMEM; what libbpf gives.
 */
int ring_schema_print(const struct ring_schema *s, ring_text_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_SCHEMA_H */
