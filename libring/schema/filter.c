// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Compiles filters. docs/reference/filter.md has the language. */

#include <stdlib.h>
#include <string.h>

#include "filter.h"

static void free_compiler(struct filter_compiler *c)
{
	uint32_t i;

	if (!c)
		return;
	for (i = 0; i < c->nr_nodes; i++)
		free(c->nodes[i].why);
	ring_filter_free(c->out);
	free(c);
}

int ring_filter_compile(const struct ring_schema *s, const char *text, struct ring_filter **out)
{
	struct filter_compiler *c;
	int err;

	if (strlen(text) > RING_FILTER_TEXT_MAX)
		return libring_set_error(E2BIG, "the filter has %zu characters: at most %d",
					 strlen(text), RING_FILTER_TEXT_MAX);
	c = calloc(1, sizeof(*c));
	if (c)
		c->out = calloc(1, sizeof(*c->out));
	if (!c || !c->out) {
		free_compiler(c);
		return libring_set_error(ENOMEM, "no memory for a filter");
	}
	c->schema = s;
	c->text = text;
	c->pos = text;
	err = libring_filter_parse(c);
	if (!err)
		err = libring_filter_emit(c);
	if (!err) {
		*out = c->out;
		c->out = NULL;
	}
	free_compiler(c);
	return libring_finish(err);
}
