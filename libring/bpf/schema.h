/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the parts of the schema decoder share. Nothing of it is exported. */
#ifndef LIBRING_BPF_SCHEMA_H
#define LIBRING_BPF_SCHEMA_H

#include <bpf/btf.h>

#include "../internal.h"
#include "libring/schema.h"

#define SCHEMA_ENUM "seqring_schema"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SCHEMA_LITTLE true
#else
#define SCHEMA_LITTLE false
#endif

struct schema_node;

/* Enumerator @index; the value is cut to the size of its enum. */
struct schema_name {
	uint64_t value;
	const char *name;
	uint32_t index;
};

/*
 * A member of a struct or union.
 *
 * @name: NULL: a struct or union whose members belong to the one it is in
 * @bits: of a bit-field, else 0
 */
struct schema_member {
	const char *name;
	const struct schema_node *node;
	uint64_t bit_offset;
	uint32_t bits;
};

/*
 * How values of a type are decoded: BTF with all that is looked up done.
 *
 * @kind: enum ring_field_kind
 * @in_array: what an array of these is, RING_FIELD_TEXT or RING_FIELD_BYTES as one
 *         value; 0: an array of its elements
 * @strings: an array of char with a string behind each zero; as an element: that is
 *         what an array of these is
 * @is_int: may be a bit-field
 * @open: takes what is left of the payload; a struct: its last member does
 * @size: bytes; of an array that is open, 0
 * @tree: nodes below it, each counted where it is used
 * @count: elements or members
 */
struct schema_node {
	struct schema_node *next; /* for freeing them */
	uint8_t kind;
	uint8_t in_array;
	bool strings;
	bool is_int;
	bool is_signed;
	bool open;
	uint32_t size;
	uint32_t tree;
	uint32_t count;
	const struct schema_node *elem;
	struct schema_member *members;
	struct schema_name *names;
};

/* A type of records. @id: in the schema's BTF. */
struct schema_record {
	const char *name;
	const struct schema_node *node;
	uint32_t id;
	uint32_t min_len;
	uint16_t type;
};

/*
 * @btf: what libbpf has made anew from what was valid in the blob
 * @records: by type
 * @nodes: all of them
 */
struct ring_schema {
	struct btf *btf;
	uint32_t enum_id;
	uint32_t nr_records;
	struct schema_record *records;
	struct schema_node *nodes;
};

/* schema_copy.c */
int libring_schema_copy(const struct btf *src, size_t pointer_size, struct ring_schema *s);

/* schema_plan.c */
int libring_schema_plan(struct ring_schema *s);

/* schema.c */
int libring_schema_parse(const void *data, size_t size, struct btf **out);
const struct schema_record *libring_schema_record(const struct ring_schema *s, uint16_t type);

#endif /* LIBRING_BPF_SCHEMA_H */
