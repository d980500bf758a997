/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of a type of records, as a list that is made once. A walk through a record follows it,
 * so that nothing is looked up by name.
 */
#ifndef EXPORT_PLAN_H
#define EXPORT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <libring/schema.h>

/* A plan has at most so many nodes. */
#define PLAN_NODES_MAX 65536

/**
 * struct plan_node - a field of the schema
 * @field: as ring_schema_describe() gives it
 * @end: of a struct, union or array: the node behind its RING_FIELD_END
 * @leaves: of a struct, union or array: how many values it holds; 0: the record decides
 */
struct plan_node {
	struct ring_field field;
	uint32_t end;
	uint32_t leaves;
};

struct plan {
	uint32_t nr;
	struct plan_node *nodes;
};

/* Return: 0; -ENOENT: no such type; -E2BIG: too many fields; -ENOMEM. Free with plan_free(). */
int plan_make(const struct ring_schema *s, uint16_t type, struct plan *plan);

/* The same. @s: NULL: it has no type. @name: set to the type's name, if it has the type. */
int plan_make_named(const struct ring_schema *s, uint16_t type, struct plan *plan,
		    const char **name);
void plan_free(struct plan *plan);

/* A place in a plan. @next: node of the next field; @depth: containers around it */
struct plan_cursor {
	const struct plan *plan;
	uint32_t next;
	uint32_t depth;
	uint32_t in[RING_SCHEMA_DEPTH_MAX + 1];
};

/* Moves over a field of a record. Return: its node; NULL: the walk does not fit the plan. */
const struct plan_node *plan_step(struct plan_cursor *c, const struct ring_field *f);

#endif /* EXPORT_PLAN_H */
