/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shared by the files that compile filters; nothing is exported. Calls go one way:
 *
 *	filter.c -> filter_parse.c -> filter_token.c -> filter_error.c
 *	            filter_code.c -> filter_field.c, filter_value.c -> filter_error.c
 */
#ifndef LIBRING_SCHEMA_FILTER_H
#define LIBRING_SCHEMA_FILTER_H

#include "../filter/program.h"
#include "internal.h"

#define FILTER_NODES_MAX  1024 /* tests, and operators between them */
#define FILTER_VALUES_MAX 4096
#define FILTER_PARTS_MAX  4096 /* names and numbers of all paths */
#define FILTER_PARENS_MAX 64
#define FILTER_TESTS_MAX  (1u << 18) /* of all types */
#define FILTER_NEAR	  4	     /* names that an error suggests at most */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_REAL,
	TOKEN_STRING,
	TOKEN_OP,
};

/*
 * @at: where it begins in the expression
 * @start, @len: its text; of an operator the only meaning
 * @number, @real: its value; @text, @nr: of a string, in filter_compiler.strings
 */
struct token {
	enum token_kind kind;
	uint32_t at;
	const char *start;
	uint32_t len;
	uint64_t number;
	double real;
	uint32_t text;
	uint32_t nr;
};

/* A constant. @negative: a minus is in front. */
struct value {
	struct token token;
	bool negative;
};

/* A piece of a path: .NAME, or [@number] if @start is NULL. */
struct part {
	uint32_t at;
	const char *start;
	uint32_t len;
	uint32_t number;
};

enum node_kind {
	NODE_TEST,
	NODE_AND,
	NODE_OR,
	NODE_NOT,
};

/*
 * A node of the expression.
 *
 * @left, @right: nodes; NODE_NOT has @left alone
 *
 * Of a test:
 * @at: where its path begins; @op_at: where its operator does, or behind the path
 * @op: enum filter_op; FILTER_EQ with several @values is a set
 * @part, @nr_parts: the path; @attribute: it is an enum filter_kind below FILTER_INT
 * @value, @nr_values: what to compare with
 * @used: types of records for which it makes sense
 * @why: why it makes none for another type; "": that type has no such field
 */
struct node {
	uint8_t kind;
	uint8_t op;
	bool is_attribute;
	bool masked;
	uint8_t attribute;
	uint32_t left;
	uint32_t right;
	uint32_t at;
	uint32_t op_at;
	uint32_t part;
	uint32_t nr_parts;
	uint32_t value;
	uint32_t nr_values;
	uint32_t used;
	uint64_t mask;
	char *why;
};

/*
 * @schema: NULL: attributes only
 * @next: the token that comes next, which ends at @pos
 */
struct filter_compiler {
	const struct ring_schema *schema;
	const char *text;
	const char *pos;
	struct token next;
	struct node nodes[FILTER_NODES_MAX];
	struct value values[FILTER_VALUES_MAX];
	struct part parts[FILTER_PARTS_MAX];
	uint32_t nr_nodes;
	uint32_t nr_values;
	uint32_t nr_parts;
	uint32_t root;
	struct ring_filter *out;
	uint32_t room_strings;
	uint32_t room_tests;
};

/* A type of records that gets a program. @record: NULL: the schema has none. @any: all others */
struct filter_type {
	const struct schema_record *record;
	uint32_t number;
	bool any;
};

/* A field: where and what it is. @name: the last one of its path */
struct filter_field {
	const struct schema_node *node;
	uint64_t bit_offset;
	uint32_t bits;
	uint32_t index;
	bool is_string;
};

/* filter_error.c */
int libring_filter_error(const struct filter_compiler *c, uint32_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int libring_filter_unknown_field(const struct filter_compiler *c, const struct node *n);
void libring_filter_list_enumerators(const struct schema_node *n, const char *start, uint32_t len,
				     char *list, size_t size);
void libring_filter_list_types(const struct ring_schema *s, const char *start, uint32_t len,
			       char *list, size_t size);

/* filter_token.c */
int libring_filter_next(struct filter_compiler *c);
int libring_filter_add_string(struct filter_compiler *c, const uint16_t *s, uint32_t len,
			      uint32_t *at);

/* filter_parse.c */
int libring_filter_parse(struct filter_compiler *c);

/* filter_field.c */
bool libring_filter_find(const struct filter_compiler *c, const struct node *n,
			 const struct schema_node *record, struct filter_field *f, uint32_t *failed,
			 const struct schema_node **in);
const struct schema_member *libring_filter_member(const struct schema_node *n, const char *start,
						  uint32_t len, uint64_t *bit_offset);

/* filter_value.c */
int libring_filter_set_field(struct filter_compiler *c, const struct node *n,
			     const struct filter_field *f, struct filter_test *t);
int libring_filter_set_value(struct filter_compiler *c, const struct node *n,
			     const struct schema_node *node, const struct value *v,
			     struct filter_test *t);
bool libring_filter_get_name(const struct filter_compiler *c, const struct value *v, char *name,
			     size_t size);

/* filter_code.c */
int libring_filter_emit(struct filter_compiler *c);

#endif /* LIBRING_SCHEMA_FILTER_H */
