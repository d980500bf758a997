// SPDX-License-Identifier: GPL-2.0-only
/* The fields of a type of records, as a list that is made once. */
#include <errno.h>
#include <stdlib.h>

#include "plan.h"

struct making {
	struct plan *plan;
	uint32_t cap;
	uint32_t depth;
	uint32_t in[RING_SCHEMA_DEPTH_MAX + 1];
};

static bool is_open(const struct ring_field *f)
{
	return f->kind == RING_FIELD_STRUCT || f->kind == RING_FIELD_UNION ||
	       f->kind == RING_FIELD_ARRAY;
}

/* The values of a container, whose END is the last node. Capped, for a hostile schema. */
static uint32_t count_leaves(const struct plan *p, uint32_t from)
{
	const struct plan_node *n = p->nodes;
	bool is_array = n[from].field.kind == RING_FIELD_ARRAY;
	uint64_t sum = 0;
	uint32_t i;

	for (i = from + 1; i < p->nr - 1; i = is_open(&n[i].field) ? n[i].end : i + 1) {
		uint32_t leaves = is_open(&n[i].field) ? n[i].leaves : 1;

		if (!leaves)
			return 0;
		sum += leaves;
	}
	if (is_array)
		sum *= n[from].field.count;
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static int add_node(const struct ring_field *f, void *arg)
{
	struct making *m = arg;
	struct plan *p = m->plan;

	if (p->nr == PLAN_NODES_MAX)
		return -E2BIG;
	if (p->nr == m->cap) {
		uint32_t cap = m->cap ? 2 * m->cap : 32;
		struct plan_node *nodes = realloc(p->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		p->nodes = nodes;
		m->cap = cap;
	}
	p->nodes[p->nr] = (struct plan_node) { .field = *f };
	if (is_open(f))
		m->in[m->depth++] = p->nr;
	p->nr++;
	if (f->kind == RING_FIELD_END) {
		struct plan_node *n = &p->nodes[m->in[--m->depth]];

		n->end = p->nr;
		n->leaves = count_leaves(p, m->in[m->depth]);
	}
	return 0;
}

int plan_make(const struct ring_schema *s, uint16_t type, struct plan *plan)
{
	struct making m = { .plan = plan };
	int err;

	*plan = (struct plan) { 0 };
	err = ring_schema_describe(s, type, add_node, &m);
	if (err)
		plan_free(plan);
	return err;
}

int plan_make_named(const struct ring_schema *s, uint16_t type, struct plan *plan,
		    const char **name)
{
	struct ring_schema_type info = { .size = sizeof(info) };

	if (!s || ring_schema_type(s, type, &info))
		return -ENOENT;
	*name = info.name;
	return plan_make(s, type, plan);
}

void plan_free(struct plan *plan)
{
	free(plan->nodes);
	*plan = (struct plan) { 0 };
}

const struct plan_node *plan_step(struct plan_cursor *c, const struct ring_field *f)
{
	const struct plan_node *n, *in;

	if (f->kind == RING_FIELD_END) {
		if (!c->depth)
			return NULL;
		n = &c->plan->nodes[c->in[--c->depth]];
		c->next = n->end;
	} else {
		if (c->next >= c->plan->nr)
			return NULL;
		n = &c->plan->nodes[c->next];
		if (n->field.kind != f->kind)
			return NULL;
		c->next++;
		if (is_open(f)) {
			c->in[c->depth++] = (uint32_t)(n - c->plan->nodes);
			return n;
		}
	}
	/* The elements of an array share their nodes. */
	in = c->depth ? &c->plan->nodes[c->in[c->depth - 1]] : NULL;
	if (in && in->field.kind == RING_FIELD_ARRAY)
		c->next = c->in[c->depth - 1] + 1;
	return n;
}
