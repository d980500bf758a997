// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Opens schemas, and makes them from BTF. */

#include <stdlib.h>
#include <string.h>

#include <linux/btf.h>

#include "internal.h"

/*
 * Parses raw BTF with libbpf. First checks the fields of the header that libbpf does
 * not check. Works on a copy: a hostile writer can change the bytes of its ring between
 * two reads.
 */
int libring_schema_parse(const void *data, size_t size, struct btf **out)
{
	struct btf_header h;
	void *copy;
	int err = 0;

	if (size < sizeof(h))
		return libring_set_error(EPROTO, "schema: %zu bytes are too few for BTF", size);
	copy = malloc(size);
	if (!copy)
		return libring_set_error(ENOMEM, "no memory for the schema");
	memcpy(copy, data, size);
	memcpy(&h, copy, sizeof(h));
	if (h.magic == __builtin_bswap16(BTF_MAGIC))
		err = libring_set_error(EPROTO, "schema: BTF of the other byte order");
	else if (h.magic != BTF_MAGIC)
		err = libring_set_error(EPROTO, "schema: not BTF");
	else if (h.version != BTF_VERSION || h.flags)
		err = libring_set_error(EPROTO,
					"schema: BTF version %u, flags %u (supported: 1 and 0)",
					h.version, h.flags);
	else if (h.hdr_len != sizeof(h))
		err = libring_set_error(EPROTO,
					"schema: BTF with a header of %u bytes (supported: %zu)",
					h.hdr_len, sizeof(h));
	if (!err) {
		*out = btf__new(copy, (uint32_t)size);
		if (!*out)
			err = libring_set_error(errno == ENOMEM ? ENOMEM : EPROTO,
						"schema: libbpf cannot read this BTF: %s",
						strerror(errno));
	}
	free(copy);
	return err;
}

/* Makes a schema from BTF, which may have any other types, too. */
static int extract(const struct btf *btf, size_t pointer_size, struct ring_schema **out)
{
	struct ring_schema *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return libring_set_error(ENOMEM, "no memory for the schema");
	err = libring_schema_copy(btf, pointer_size, s);
	if (!err)
		err = libring_schema_plan(s);
	if (err)
		ring_schema_close(s);
	else
		*out = s;
	return err;
}

int ring_schema_open(const void *blob, size_t size, struct ring_schema **out)
{
	struct btf *btf;
	int err;

	if (size > SEQRING_SCHEMA_SIZE_MAX)
		return libring_set_error(E2BIG, "schema: %zu bytes are more than %u", size,
					 SEQRING_SCHEMA_SIZE_MAX);
	err = libring_schema_parse(blob, size, &btf);
	if (err)
		return err;
	err = extract(btf, 8, out);
	btf__free(btf);
	/* -ENOENT is for BTF that may have no schema; here the message says what is missing. */
	return err == -ENOENT ? -EPROTO : libring_finish(err);
}

void ring_schema_close(struct ring_schema *s)
{
	struct schema_node *n;

	if (!s)
		return;
	while (s->nodes) {
		n = s->nodes;
		s->nodes = n->next;
		free(n->members);
		free(n->enumerators);
		free(n);
	}
	btf__free(s->btf);
	free(s->records);
	free(s);
}

int ring_schema_from_btf(const struct btf *btf, void **blob, size_t *size)
{
	size_t pointer_size = btf__pointer_size(btf);
	enum btf_endianness order = SCHEMA_LITTLE_ENDIAN ? BTF_LITTLE_ENDIAN : BTF_BIG_ENDIAN;
	struct ring_schema *s;
	const void *raw;
	uint32_t len;
	int err;

	if (btf__endianness(btf) != order)
		return libring_set_error(EPROTO, "schema: BTF of the other byte order");
	err = extract(btf, pointer_size ? pointer_size : 8, &s);
	if (err)
		return err;
	raw = btf__raw_data(s->btf, &len);
	if (!raw)
		err = libring_set_error(ENOMEM, "no memory for the schema");
	else if (len > SEQRING_SCHEMA_SIZE_MAX)
		err = libring_set_error(E2BIG, "schema: %u bytes are more than %u", len,
					SEQRING_SCHEMA_SIZE_MAX);
	if (!err) {
		void *copy = malloc(len);

		if (copy) {
			*blob = memcpy(copy, raw, len);
			*size = len;
		} else {
			err = libring_set_error(ENOMEM, "no memory for the schema");
		}
	}
	ring_schema_close(s);
	return libring_finish(err);
}
