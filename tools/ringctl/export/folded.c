// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringctl export --to folded: how many records have the same stack, for flame graphs. A stack is a
 * field of that name, or the values of chosen columns. It is never guessed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring/schema.h>

#include "../../lib/decode.h"
#include "../../lib/message.h"
#include "../../lib/text.h"
#include "../../lib/value.h"
#include "columns.h"
#include "export.h"
#include "format.h"
#include "output.h"

#define BY_MAX	   32
#define FRAMES_MAX 1024
#define BUCKETS	   (1u << 16)
/* A column with another value in each record makes as many stacks: this bounds the memory. */
#define STACKS_BYTES (1u << 30)
#define NO_COLUMN    UINT32_MAX

struct stack {
	struct stack *next;
	uint64_t count;
	size_t len;
	char text[];
};

/* @by: for each name of --by its column; @usable: the type has all of them */
struct folded_type {
	struct columns columns;
	uint32_t by[BY_MAX];
	bool usable;
};

/* A frame of the present record: so many bytes of ->text. */
struct frame {
	size_t from;
	size_t len;
};

/*
 * @by: names of columns; none: the field "stack"
 * @types: by number; NULL: not seen yet
 * @depth: containers around the present field
 * @skipped: records without a stack
 */
struct folded {
	const struct export_source *src;
	const struct export_opts *opts;
	struct output_file file;
	char *by_text;
	const char *by[BY_MAX];
	unsigned int nr_by;
	struct folded_type *types[UINT16_MAX + 1];
	const struct folded_type *type;
	struct frame frames[FRAMES_MAX];
	unsigned int nr_frames;
	unsigned int depth;
	bool in_stack;
	struct out text;
	struct out line;
	uint64_t skipped;
	size_t stack_bytes;
	struct stack *buckets[BUCKETS];
};

static int parse_by(struct folded *d, const char *by)
{
	char *name, *save = NULL;

	d->by_text = strdup(by);
	if (!d->by_text)
		return -ENOMEM;
	for (name = strtok_r(d->by_text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (d->nr_by == BY_MAX)
			return fail("export", "--by: more than %d columns", BY_MAX);
		d->by[d->nr_by++] = name;
	}
	return 0;
}

static uint32_t find_column(const struct columns *c, const char *name)
{
	uint32_t i;

	for (i = 0; i < c->nr; i++)
		if (!strcmp(c->names[i], name))
			return i;
	return NO_COLUMN;
}

/* Finds the columns of --by in a type. Return: 0; -ENOMEM. */
static int add_type(struct folded *d, uint16_t type)
{
	const struct ring_schema *s = decoder_schema(d->src->decoder);
	struct folded_type *t = calloc(1, sizeof(*t));
	unsigned int i;
	int err;

	if (!t)
		return -ENOMEM;
	d->types[type] = t;
	err = columns_make(s, type, &t->columns);
	if (err)
		return err == -ENOMEM ? err : 0;
	t->usable = true;
	for (i = 0; i < d->nr_by; i++) {
		t->by[i] = find_column(&t->columns, d->by[i]);
		if (t->by[i] == NO_COLUMN && strcmp(d->by[i], "name"))
			t->usable = false;
	}
	return 0;
}

/* For ring_schema_describe(): looks for the field. Return: 1: it is there. */
static int find_stack(const struct ring_field *f, void *arg)
{
	unsigned int *depth = arg;

	if (f->kind == RING_FIELD_END)
		--*depth;
	else if (!*depth && f->kind == RING_FIELD_ARRAY && f->name && !strcmp(f->name, "stack"))
		return 1;
	else if (is_container(f))
		++*depth;
	return 0;
}

/* At least one type can have stacks. Return: 0; EXIT_FAIL. */
static int check_types(struct folded *d)
{
	struct ring_schema_type info = { .size = sizeof(info) };
	const char *name = d->opts->name;
	const struct ring_schema *s;
	unsigned int depth;
	uint32_t from;
	int err;

	if (!d->src->decoder)
		return fail("export", "%s: folded stacks need a ring with a schema", name);
	s = decoder_schema(d->src->decoder);
	for (from = 0; !ring_schema_next(s, from, &info); from = info.type + 1u) {
		depth = 0;
		if (!d->nr_by && ring_schema_describe(s, info.type, find_stack, &depth) == 1)
			return 0;
		err = d->nr_by ? add_type(d, info.type) : 0;
		if (err)
			return err;
		if (d->nr_by && d->types[info.type]->usable)
			return 0;
	}
	return d->nr_by ? fail("export", "%s: --by %s: no type of records has all of these columns",
			       name, d->opts->by) :
			  fail("export",
			       "%s: no type of records has an array \"stack\" (choose columns "
			       "with --by)",
			       name);
}

static int begin(const struct export_source *src, const struct export_opts *opts,
		 struct output *out, void **state)
{
	struct folded *d = calloc(1, sizeof(*d));
	int err;

	*state = d;
	if (!d)
		return -ENOMEM;
	d->src = src;
	d->opts = opts;
	d->file.fd = -1;
	err = opts->by ? parse_by(d, opts->by) : 0;
	if (!err)
		err = check_types(d);
	return err ? err : output_create(out, NULL, &d->file);
}

static int add_frame(struct folded *d, const char *text, size_t len)
{
	if (d->nr_frames == FRAMES_MAX)
		return -E2BIG;
	d->frames[d->nr_frames++] = (struct frame) { .from = d->text.len, .len = len };
	out_append(&d->text, text, len);
	return 0;
}

/* For ring_schema_walk(): collects the elements of the array. */
static int take_frame(const struct ring_field *f, void *arg)
{
	struct folded *d = arg;
	char buf[VALUE_SIZE];

	if (f->kind == RING_FIELD_END) {
		d->depth--;
		d->in_stack &= d->depth > 0;
		return 0;
	}
	if (d->in_stack && d->depth == 1) {
		if (f->kind == RING_FIELD_TEXT)
			return add_frame(d, f->data, f->len);
		if (is_container(f) || f->kind == RING_FIELD_BYTES)
			return -EINVAL;
		/* Kernels fill what a stack does not need with zeros. */
		if (!f->u && !f->text)
			return 0;
		if (f->text)
			return add_frame(d, f->text, f->len);
		format_number(buf, f);
		return add_frame(d, buf, strlen(buf));
	}
	if (!d->depth && f->kind == RING_FIELD_ARRAY && f->name && !strcmp(f->name, "stack"))
		d->in_stack = true;
	d->depth += is_container(f);
	return 0;
}

/* For columns_walk(): keeps the columns of --by. */
static int take_column(void *arg, uint32_t column, const char *text, size_t len)
{
	struct folded *d = arg;
	unsigned int i;

	for (i = 0; i < d->nr_by; i++) {
		if (d->type->by[i] != column)
			continue;
		d->frames[i] = (struct frame) { .from = d->text.len, .len = len };
		out_append(&d->text, text, len);
	}
	return 0;
}

/* Collects the frames, the outermost one first. Return: 0; 1: the record has no stack; -errno. */
static int collect_by(struct folded *d, const struct ring_record *rec)
{
	const struct ring_schema *s = decoder_schema(d->src->decoder);
	struct folded_type *t;
	bool truncated;
	unsigned int i;
	size_t used;
	int err;

	if (!d->types[rec->type]) {
		err = add_type(d, rec->type);
		if (err)
			return err;
	}
	t = d->types[rec->type];
	if (!t->usable)
		return 1;
	d->type = t;
	err = columns_walk(&t->columns, s, rec, take_column, d, &used, &truncated);
	if (err == -ENOMEM)
		return err;
	if (err || truncated)
		return 1;
	for (i = 0; i < d->nr_by; i++) {
		if (t->by[i] != NO_COLUMN)
			continue;
		d->frames[i] = (struct frame) { .from = d->text.len,
						.len = strlen(t->columns.name) };
		out_append(&d->text, t->columns.name, strlen(t->columns.name));
	}
	d->nr_frames = d->nr_by;
	return 0;
}

static int collect_stack(struct folded *d, const struct ring_record *rec)
{
	const struct ring_schema *s = decoder_schema(d->src->decoder);
	unsigned int i;

	d->depth = 0;
	d->in_stack = false;
	if (ring_schema_walk(s, rec->type, rec->payload, rec->len, take_frame, d, NULL) ||
	    !d->nr_frames)
		return 1;
	for (i = 0; i < d->nr_frames / 2; i++) {
		struct frame f = d->frames[i];

		d->frames[i] = d->frames[d->nr_frames - 1 - i];
		d->frames[d->nr_frames - 1 - i] = f;
	}
	return 0;
}

/* A semicolon, a space and what cannot be printed would be read as something else. */
static void append_frame(struct folded *d, const struct frame *f)
{
	const char *text = d->text.buf ? d->text.buf + f->from : "";
	char small[4];
	size_t i, n;

	if (!f->len)
		out_append(&d->line, "-", 1);
	for (i = 0; i < f->len; i++) {
		if (text[i] == ';' || text[i] == ' ') {
			out_append(&d->line, text[i] == ';' ? ":" : "_", 1);
			continue;
		}
		n = escape_text(small, text + i, 1);
		/* A character beyond ASCII is more bytes than one. */
		if ((unsigned char)text[i] >= 0x80)
			out_append(&d->line, text + i, 1);
		else
			out_append(&d->line, small, n);
	}
}

static uint32_t hash(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ (unsigned char)*p++) * 16777619u;
	return h;
}

static int count_line(struct folded *d)
{
	struct stack **at = &d->buckets[hash(d->line.buf, d->line.len) % BUCKETS], *s;

	for (s = *at; s; s = s->next) {
		if (s->len == d->line.len && !memcmp(s->text, d->line.buf, s->len)) {
			s->count++;
			return 0;
		}
	}
	d->stack_bytes += sizeof(*s) + d->line.len;
	if (d->stack_bytes > STACKS_BYTES)
		return fail("export", "folded: the different stacks take more than 1 GiB");
	s = malloc(sizeof(*s) + d->line.len);
	if (!s)
		return -ENOMEM;
	s->next = *at;
	s->count = 1;
	s->len = d->line.len;
	memcpy(s->text, d->line.buf, s->len);
	*at = s;
	return 0;
}

static int record(void *state, const struct ring_record *rec)
{
	struct folded *d = state;
	unsigned int i;
	int err;

	d->text.len = 0;
	d->line.len = 0;
	d->nr_frames = 0;
	err = d->nr_by ? collect_by(d, rec) : collect_stack(d, rec);
	if (err > 0) {
		d->skipped++;
		return 0;
	}
	for (i = 0; i < d->nr_frames && !err; i++) {
		if (i)
			out_append(&d->line, ";", 1);
		append_frame(d, &d->frames[i]);
	}
	if (d->text.err || d->line.err)
		err = -ENOMEM;
	return err ? err : count_line(d);
}

static int compare(const void *a, const void *b)
{
	const struct stack *x = *(struct stack *const *)a, *y = *(struct stack *const *)b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = memcmp(x->text, y->text, n);

	return c ? c : (x->len > y->len) - (x->len < y->len);
}

/* Sorted, so that the same records make the same file. */
static int end(void *state)
{
	struct folded *d = state;
	struct stack **all, *s;
	size_t nr = 0, i;
	int err = 0;

	for (i = 0; i < BUCKETS; i++)
		for (s = d->buckets[i]; s; s = s->next)
			nr++;
	all = calloc(nr + 1, sizeof(struct stack *));
	if (!all)
		return -ENOMEM;
	nr = 0;
	for (i = 0; i < BUCKETS; i++)
		for (s = d->buckets[i]; s; s = s->next)
			all[nr++] = s;
	qsort(all, nr, sizeof(struct stack *), compare);
	for (i = 0; i < nr && !err; i++) {
		out_append(&d->file.buf, all[i]->text, all[i]->len);
		out_printf(&d->file.buf, " %llu\n", (unsigned long long)all[i]->count);
		err = output_write(&d->file);
	}
	free(all);
	if (!err && d->skipped && !d->opts->quiet)
		fprintf(stderr, PROGRAM_NAME ": %s: %llu records have no such stack\n",
			d->opts->name, (unsigned long long)d->skipped);
	return err ? err : output_close(&d->file);
}

static void free_folded(void *state)
{
	struct folded *d = state;
	struct stack *s;
	size_t i;

	if (!d)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((s = d->buckets[i])) {
			d->buckets[i] = s->next;
			free(s);
		}
	}
	for (i = 0; i <= UINT16_MAX; i++) {
		if (d->types[i])
			columns_free(&d->types[i]->columns);
		free(d->types[i]);
	}
	output_free(&d->file);
	out_free(&d->text);
	out_free(&d->line);
	free(d->by_text);
	free(d);
}

const struct export_format export_folded = {
	.name = "folded",
	.begin = begin,
	.record = record,
	.end = end,
	.free = free_folded,
};
