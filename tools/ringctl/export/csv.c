// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringctl export --to csv: RFC 4180, one file for each type, since each line of a file has the same
 * columns. Records that no type of the schema describes are in a file of their own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring/schema.h>

#include "../../lib/decode.h"
#include "../../lib/message.h"
#include "../../lib/text.h"
#include "columns.h"
#include "format.h"
#include "output.h"

#define TYPES_MAX 256
#define NO_TABLE  0xffff
/* No struct has a name with a dash. */
#define UNDECODED "undecoded-records.csv"

static const char record_columns[] = "seq,ring,ts_ns,type,len,lost";

/* @columns: nr is 0 for undecoded records */
struct table {
	struct columns columns;
	struct output_file file;
};

/*
 * @tables: the first one is that of undecoded records
 * @by_type: index of a type's table; NO_TABLE: not made yet
 */
struct csv {
	const struct export_source *src;
	struct output *out;
	uint32_t nr;
	struct table tables[TYPES_MAX + 1];
	uint16_t by_type[UINT16_MAX + 1];
};

static int begin(const struct export_source *src, const struct export_opts *opts,
		 struct output *out, void **state)
{
	struct csv *c = calloc(1, sizeof(*c));

	(void)opts;
	*state = c;
	if (!c)
		return -ENOMEM;
	c->src = src;
	c->out = out;
	c->nr = 1;
	memset(c->by_type, 0xff, sizeof(c->by_type));
	c->tables[0].file.fd = -1;
	return 0;
}

static int open_undecoded(struct csv *c)
{
	struct table *t = &c->tables[0];
	int err;

	if (t->file.fd >= 0)
		return 0;
	err = output_create(c->out, UNDECODED, &t->file);
	out_printf(&t->file.buf, "%s,hex,text,error\r\n", record_columns);
	return err;
}

/* Makes the table of a type. Return: 0; -ENOENT, -E2BIG: it gets none; as a format. */
static int make_table(struct csv *c, uint16_t type)
{
	const struct ring_schema *s = decoder_schema(c->src->decoder);
	struct table *t = &c->tables[c->nr];
	char name[RING_SCHEMA_NAME_MAX + 8];
	uint32_t i;
	int err;

	err = columns_make(s, type, &t->columns);
	if (err)
		return err;
	if (c->nr > TYPES_MAX)
		err = fail("export", "csv: more than %d types (choose some with --type)",
			   TYPES_MAX);
	snprintf(name, sizeof(name), "%s.csv", t->columns.name);
	if (!err)
		err = output_create(c->out, name, &t->file);
	if (err) {
		columns_free(&t->columns);
		return err;
	}
	c->by_type[type] = (uint16_t)c->nr++;
	out_printf(&t->file.buf, "%s", record_columns);
	for (i = 0; i < t->columns.nr; i++) {
		out_append(&t->file.buf, ",", 1);
		out_append(&t->file.buf, t->columns.names[i], strlen(t->columns.names[i]));
	}
	out_printf(&t->file.buf, ",extra,truncated\r\n");
	return 0;
}

static bool needs_quotes(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] == '"' || text[i] == ',' || text[i] == '\r' || text[i] == '\n')
			return true;
	return false;
}

/* Appends a comma and a value, quoted where RFC 4180 wants it. */
static void append_cell(struct out *o, const char *text, size_t len)
{
	size_t i;
	char *dst;

	out_append(o, ",", 1);
	if (!needs_quotes(text, len)) {
		out_append(o, text, len);
		return;
	}
	dst = out_reserve(o, 2 * len + 2);
	if (!dst)
		return;
	*dst++ = '"';
	for (i = 0; i < len; i++) {
		if (text[i] == '"')
			*dst++ = '"';
		*dst++ = text[i];
	}
	*dst++ = '"';
	o->len = (size_t)(dst - o->buf);
}

static void append_hex(struct out *o, const void *p, size_t n)
{
	char *dst = out_reserve(o, 2 * n);

	if (dst)
		o->len += format_hex(dst, p, n);
}

static void append_record(struct out *o, const struct ring_record *rec)
{
	out_printf(o, "%llu,%u,%llu,%u,%u,%llu", (unsigned long long)rec->seq, rec->ring,
		   (unsigned long long)rec->ts_ns, rec->type, rec->len,
		   (unsigned long long)rec->lost);
}

/* @error: why the record is not decoded; "": its type is not in a schema */
static int add_undecoded(struct csv *c, const struct ring_record *rec, const char *error)
{
	struct output_file *f = &c->tables[0].file;
	int err = open_undecoded(c);

	if (err)
		return err;
	append_record(&f->buf, rec);
	out_append(&f->buf, ",", 1);
	append_hex(&f->buf, rec->payload, rec->len);
	if (is_utf8(rec->payload, rec->len))
		append_cell(&f->buf, rec->payload, rec->len);
	else
		out_append(&f->buf, ",", 1);
	append_cell(&f->buf, error, strlen(error));
	out_append(&f->buf, "\r\n", 2);
	return output_write(f);
}

/* For columns_walk(). */
static int add_value(void *arg, uint32_t column, const char *text, size_t len)
{
	struct output_file *f = arg;

	(void)column;
	append_cell(&f->buf, text, len);
	return 0;
}

static int add_decoded(struct csv *c, struct table *t, const struct ring_record *rec)
{
	struct out *o = &t->file.buf;
	const size_t start = o->len;
	bool truncated;
	size_t used = 0;
	int err;

	append_record(o, rec);
	err = columns_walk(&t->columns, decoder_schema(c->src->decoder), rec, add_value, &t->file,
			   &used, &truncated);
	if (err == -EMSGSIZE || err == -E2BIG) {
		o->len = start;
		return add_undecoded(c, rec, ring_strerror());
	}
	if (err)
		return err;
	if (truncated) {
		/* As many commas as columns, whatever came out before the limit. */
		o->len = start;
		append_record(o, rec);
		memset(out_reserve(o, t->columns.nr) ?: o->buf, ',', o->err ? 0 : t->columns.nr);
		o->len += o->err ? 0 : t->columns.nr;
	}
	out_append(o, ",", 1);
	append_hex(o, (const char *)rec->payload + used, rec->len - used);
	out_printf(o, ",%s\r\n", truncated ? "true" : "");
	return output_write(&t->file);
}

static int record(void *state, const struct ring_record *rec)
{
	struct csv *c = state;
	int err = 0;

	if (!c->src->decoder)
		return add_undecoded(c, rec, "");
	if (c->by_type[rec->type] == NO_TABLE)
		err = make_table(c, rec->type);
	if (err == -ENOENT)
		return add_undecoded(c, rec, ring_strerror());
	if (err == -E2BIG)
		return add_undecoded(c, rec, "the type has too many columns");
	return err ? err : add_decoded(c, &c->tables[c->by_type[rec->type]], rec);
}

static int end(void *state)
{
	struct csv *c = state;
	uint32_t i;
	int err = 0;

	for (i = c->tables[0].file.fd < 0; i < c->nr && !err; i++)
		err = output_close(&c->tables[i].file);
	return err;
}

static void free_csv(void *state)
{
	struct csv *c = state;
	uint32_t i;

	for (i = 0; c && i < c->nr; i++) {
		output_free(&c->tables[i].file);
		columns_free(&c->tables[i].columns);
	}
	free(c);
}

const struct export_format export_csv = {
	.name = "csv",
	.is_dir = true,
	.begin = begin,
	.record = record,
	.end = end,
	.free = free_csv,
};
