// SPDX-License-Identifier: GPL-2.0-only
/* ringctl export --to jsonl: what ringctl cat --json prints. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/record.h"
#include "format.h"
#include "output.h"

struct lines {
	const struct export_source *src;
	struct output_file file;
};

static int begin(const struct export_source *src, const struct export_opts *opts,
		 struct output *out, void **state)
{
	struct lines *l = calloc(1, sizeof(*l));

	(void)opts;
	*state = l;
	if (!l)
		return -ENOMEM;
	l->src = src;
	return output_create(out, NULL, &l->file);
}

static int record(void *state, const struct ring_record *rec)
{
	struct lines *l = state;

	record_print_json(&l->file.buf, rec, l->src->decoder);
	return output_write(&l->file);
}

static int end(void *state)
{
	struct lines *l = state;

	return output_close(&l->file);
}

static void free_lines(void *state)
{
	struct lines *l = state;

	if (l)
		output_free(&l->file);
	free(l);
}

const struct export_format export_jsonl = {
	.name = "jsonl",
	.begin = begin,
	.record = record,
	.end = end,
	.free = free_lines,
};
