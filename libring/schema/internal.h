/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shared by the files of the schema decoder; nothing is exported. Calls go one way:
 *
 *	file.c -> open.c -> copy.c -> records.c -> names.c
 *	          open.c -> plan.c
 *	walk.c -> types.c
 */
#ifndef LIBRING_SCHEMA_INTERNAL_H
#define LIBRING_SCHEMA_INTERNAL_H

#include <bpf/btf.h>

#include "../shared.h"
#include "libring/schema.h"

#define SCHEMA_ENUM "seqring_schema"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SCHEMA_LITTLE_ENDIAN true
#else
#define SCHEMA_LITTLE_ENDIAN false
#endif

struct schema_node;

/*
 * A member of a struct or union.
 *
 * @name: NULL: an unnamed struct or union; its members belong to the enclosing type
 * @bits: width of a bit-field; 0: not a bit-field
 */
struct schema_member {
	const char *name;
	const struct schema_node *node;
	uint64_t bit_offset;
	uint32_t bits;
};

/*
 * How values of a type are decoded: a BTF type with all references resolved.
 *
 * @kind: enum ring_field_kind
 * @in_array: kind of an array of this type, RING_FIELD_TEXT or RING_FIELD_BYTES, that
 *         is one value; 0: such an array has elements
 * @strings: an array that holds several strings, or the element type of such an array
 * @is_int: may be the type of a bit-field
 * @open: takes the rest of the payload; a struct: its last member does
 * @size: in bytes; 0 for an array that is open
 * @tree: this node and all nodes below it, each counted once per use
 * @count: number of elements, members or enumerators
 */
struct schema_node {
	struct schema_node *next; /* all nodes of a schema, for freeing them */
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
	struct ring_enumerator *enumerators;
};

/* A type of records. @id: its struct in the schema's BTF. */
struct schema_record {
	const char *name;
	const struct schema_node *node;
	uint32_t id;
	uint32_t min_len;
	uint16_t type;
};

/*
 * @btf: built anew from the valid types of the blob
 * @records: sorted by type
 * @nodes: list of all nodes
 */
struct ring_schema {
	struct btf *btf;
	uint32_t enum_id;
	uint32_t nr_records;
	struct schema_record *records;
	struct schema_node *nodes;
};

/* open.c */
int libring_schema_parse(const void *data, size_t size, struct btf **out);

/* copy.c */
int libring_schema_copy(const struct btf *src, size_t pointer_size, struct ring_schema *s);

/* records.c */
int libring_schema_list_records(const struct btf *src, struct ring_schema *s, uint32_t *enum_id);

/* names.c */
int libring_schema_get_name(const struct btf *src, uint32_t offset, bool spaces, const char **name);
int libring_schema_require_name(const struct btf *src, uint32_t offset, bool spaces,
				const char *what, const char **name);
int libring_schema_get_enumerator(const struct btf *src, const struct btf_type *t, unsigned int i,
				  const char **name, int64_t *value);

/* plan.c */
int libring_schema_plan(struct ring_schema *s);

/* types.c */
const struct schema_record *libring_schema_find_record(const struct ring_schema *s, uint16_t type);

#endif /* LIBRING_SCHEMA_INTERNAL_H */
