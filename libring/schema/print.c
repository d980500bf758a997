// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Prints a schema as C. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct printer {
	ring_text_fn fn;
	void *arg;
	int err;
};

static void print_piece(void *arg, const char *fmt, va_list args)
{
	struct printer *p = arg;
	char *text;
	int len;

	if (p->err)
		return;
	len = vasprintf(&text, fmt, args);
	if (len < 0) {
		p->err = libring_set_error(ENOMEM, "no memory to print the schema");
		return;
	}
	p->err = p->fn(text, (size_t)len, p->arg);
	free(text);
}

int ring_schema_print(const struct ring_schema *s, ring_text_fn fn, void *arg)
{
	struct printer p = { .fn = fn, .arg = arg };
	struct btf_dump *d = btf_dump__new(s->btf, print_piece, &p, NULL);
	uint32_t i;
	int err = 0;

	if (!d)
		return libring_set_error(ENOMEM, "no memory to print the schema");
	for (i = 0; !err && i < s->nr_records; i++)
		err = btf_dump__dump_type(d, s->records[i].id);
	if (!err)
		err = btf_dump__dump_type(d, s->enum_id);
	btf_dump__free(d);
	if (p.err)
		return p.err;
	return err ? libring_set_error(-err, "libbpf cannot print the schema: %s", strerror(-err)) :
		     libring_finish(0);
}
