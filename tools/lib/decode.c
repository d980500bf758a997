// SPDX-License-Identifier: GPL-2.0-only
/* Opens decoders. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>
#include <libring/schema.h>

#include "decode.h"

struct decoder {
	struct ring_schema *schema;
};

int decoder_open_blob(const void *blob, size_t size, struct decoder **out)
{
	/* libbpf complains about bad BTF, too; the library's sentence is enough. */
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct decoder *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d)
		err = ring_schema_open(blob, size, &d->schema);
	libbpf_set_print(print);
	if (err) {
		free(d);
		return err;
	}
	*out = d;
	return 0;
}

int decoder_open(struct ring_reader *ring, struct decoder **out)
{
	struct ring_info info = { .size = sizeof(info) };
	int err;

	err = ring_info(ring, &info);
	if (err)
		return err;
	return info.schema_size ? decoder_open_blob(info.schema, info.schema_size, out) : -ENOENT;
}

void decoder_close(struct decoder *d)
{
	if (!d)
		return;
	ring_schema_close(d->schema);
	free(d);
}

const struct ring_schema *decoder_schema(const struct decoder *d)
{
	return d->schema;
}
