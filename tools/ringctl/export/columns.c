// SPDX-License-Identifier: GPL-2.0-only
/* The fields of a type of records as columns of text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/decode.h"
#include "../../lib/json_text.h"
#include "../../lib/out.h"
#include "../../lib/text.h"
#include "../../lib/value.h"
#include "columns.h"
#include "plan.h"

struct columns_plan {
	struct plan plan;
};

/* The names are made: @path is that of the present container. */
struct naming {
	struct columns *c;
	const struct plan *plan;
	uint32_t cap;
	size_t bytes;
	char path[8192];
};

/* True if the whole array is one column. */
static bool is_cell(const struct plan_node *n)
{
	return n->field.kind == RING_FIELD_ARRAY && (!n->leaves || n->leaves > COLUMNS_ARRAY_MAX);
}

static int add_name(struct naming *g)
{
	struct columns *c = g->c;

	g->bytes += strlen(g->path) + 1;
	if (c->nr == COLUMNS_MAX || g->bytes > COLUMNS_NAMES_MAX)
		return -E2BIG;
	if (c->nr == g->cap) {
		uint32_t cap = g->cap ? 2 * g->cap : 32;
		char **names = realloc(c->names, cap * sizeof(*names));

		if (!names)
			return -ENOMEM;
		c->names = names;
		g->cap = cap;
	}
	c->names[c->nr] = strdup(g->path);
	return c->names[c->nr++] ? 0 : -ENOMEM;
}

static int name_node(struct naming *g, uint32_t i, size_t len, long index);

static int name_members(struct naming *g, uint32_t i, size_t len)
{
	const struct plan_node *nodes = g->plan->nodes, *n = &nodes[i];
	uint32_t m;
	long k;
	int err = 0;

	if (n->field.kind == RING_FIELD_ARRAY) {
		for (k = 0; k < (long)n->field.count && !err; k++)
			err = name_node(g, i + 1, len, k);
		return err;
	}
	for (m = i + 1; m < n->end - 1 && !err; m = nodes[m].end ? nodes[m].end : m + 1)
		err = name_node(g, m, len, -1);
	return err;
}

/* @len: of the path before the node; @index: in its array, or -1 */
static int name_node(struct naming *g, uint32_t i, size_t len, long index)
{
	const struct plan_node *n = &g->plan->nodes[i];
	int more;

	if (index >= 0)
		more = snprintf(g->path + len, sizeof(g->path) - len, "[%ld]", index);
	else
		more = snprintf(g->path + len, sizeof(g->path) - len, ".%s", n->field.name);
	if (more < 0 || (size_t)more >= sizeof(g->path) - len)
		return -E2BIG;
	len += (size_t)more;
	return n->end && !is_cell(n) ? name_members(g, i, len) : add_name(g);
}

int columns_make(const struct ring_schema *s, uint16_t type, struct columns *c)
{
	struct ring_schema_type info = { .size = sizeof(info) };
	struct naming *g;
	uint32_t i;
	int err;

	*c = (struct columns) { 0 };
	err = ring_schema_type(s, type, &info);
	if (err)
		return err;
	c->name = info.name;
	g = calloc(1, sizeof(*g));
	c->plan = calloc(1, sizeof(*c->plan));
	err = g && c->plan ? plan_make(s, type, &c->plan->plan) : -ENOMEM;
	if (!err) {
		g->c = c;
		g->plan = &c->plan->plan;
		strcpy(g->path, "fields");
		for (i = 0; i < g->plan->nr && !err; i = g->plan->nodes[i].end ?: i + 1)
			err = name_node(g, i, strlen("fields"), -1);
	}
	free(g);
	if (err)
		columns_free(c);
	return err;
}

void columns_free(struct columns *c)
{
	while (c->nr)
		free(c->names[--c->nr]);
	free(c->names);
	if (c->plan)
		plan_free(&c->plan->plan);
	free(c->plan);
	*c = (struct columns) { 0 };
}

/*
 * @text: the present cell
 * @cell: its array, as long as that is open
 */
struct walk {
	struct plan_cursor cursor;
	column_fn fn;
	void *arg;
	size_t left;
	uint32_t column;
	bool truncated;
	struct out text;
	struct json_fields cell;
};

static int pass(struct walk *w, const char *text, size_t len)
{
	if (len > w->left) {
		w->truncated = true;
		return -E2BIG;
	}
	w->left -= len;
	return w->fn(w->arg, w->column++, text, len);
}

/* Passes what is in ->text, and empties it. */
static int pass_text(struct walk *w)
{
	int err = w->text.err ? w->text.err : pass(w, w->text.buf, w->text.len);

	w->text.len = 0;
	return err;
}

static int pass_hex(struct walk *w, const void *p, size_t n)
{
	char *dst;

	if (2 * n > w->left) {
		w->truncated = true;
		return -E2BIG;
	}
	dst = out_reserve(&w->text, 2 * n);
	if (dst)
		w->text.len += format_hex(dst, p, n);
	return pass_text(w);
}

/* As in JSON, text that is not UTF-8 is an object. */
static int pass_bytes(struct walk *w, const struct ring_field *f)
{
	if (is_utf8(f->data, f->len))
		return pass(w, f->data, f->len);
	if (2 * f->len + 16 > w->left) {
		w->truncated = true;
		return -E2BIG;
	}
	json_put_text(&w->text, f->data, f->len);
	return pass_text(w);
}

static int pass_value(struct walk *w, const struct ring_field *f)
{
	char buf[VALUE_SIZE];
	const char *text;
	size_t len;

	switch (f->kind) {
	case RING_FIELD_TEXT:
		return pass_bytes(w, f);
	case RING_FIELD_BYTES:
		return pass_hex(w, f->data, f->len);
	default:
		text = format_value(buf, f, &len);
		return pass(w, text, len);
	}
}

/* Appends a field of the array of the present cell; passes the array at its end. */
static int add_to_cell(struct walk *w, const struct ring_field *f)
{
	int err = decode_json_field(&w->cell, f);

	w->truncated = w->cell.truncated;
	return err || w->cell.depth ? err : pass_text(w);
}

static int begin_cell(struct walk *w, const struct ring_field *f)
{
	struct ring_field array = *f;

	array.name = NULL;
	w->cell = (struct json_fields) { .out = &w->text, .end = w->left };
	return add_to_cell(w, &array);
}

static int walk_field(const struct ring_field *f, void *arg)
{
	struct walk *w = arg;
	const struct plan_node *n;

	if (w->cell.depth) {
		int err = add_to_cell(w, f);

		/* Behind the cell's array; the cursor stayed in front of it. */
		if (!err && !w->cell.depth)
			plan_step(&w->cursor, f);
		return err;
	}
	n = plan_step(&w->cursor, f);
	if (!n)
		return -EPROTO;
	if (f->kind == RING_FIELD_END)
		return 0;
	if (is_cell(n))
		return begin_cell(w, f);
	return is_container(f) ? 0 : pass_value(w, f);
}

int columns_walk(const struct columns *c, const struct ring_schema *s,
		 const struct ring_record *rec, column_fn fn, void *arg, size_t *used,
		 bool *truncated)
{
	struct walk w = {
		.cursor.plan = &c->plan->plan,
		.fn = fn,
		.arg = arg,
		.left = decode_limit(rec),
	};
	int err;

	err = ring_schema_walk(s, rec->type, rec->payload, rec->len, walk_field, &w, used);
	out_free(&w.text);
	*truncated = w.truncated;
	if (w.truncated) {
		*used = rec->len;
		return 0;
	}
	return err;
}
