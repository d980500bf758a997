/* SPDX-License-Identifier: GPL-2.0-only */
/* Schemas as a hostile writer would make them: BTF by hand. */
#ifndef SCHEMA_RAW_H
#define SCHEMA_RAW_H

#include <bpf/libbpf.h>
#include <linux/btf.h>

#include "schema_unit.h"

/* BTF word by word, for types that libbpf refuses to write. */
struct raw {
	unsigned char blob[1 << 18];
	uint32_t nr_types;
	uint32_t types_len;
	uint32_t strs_len;
	char strs[1 << 15];
};

static inline void word(struct raw *r, uint32_t v)
{
	assert_true(sizeof(struct btf_header) + r->types_len + 4 <= sizeof(r->blob));
	memcpy(r->blob + sizeof(struct btf_header) + r->types_len, &v, 4);
	r->types_len += 4;
}

static inline uint32_t string(struct raw *r, const char *s)
{
	uint32_t at = r->strs_len;

	if (!s)
		return 0;
	assert_true(at + strlen(s) < sizeof(r->strs));
	strcpy(r->strs + at, s);
	r->strs_len += (uint32_t)strlen(s) + 1;
	return at;
}

static inline uint32_t type(struct raw *r, const char *name, uint32_t kind, uint32_t vlen,
			    uint32_t size)
{
	word(r, string(r, name));
	word(r, kind << 24 | vlen);
	word(r, size);
	return ++r->nr_types;
}

static inline uint32_t integer(struct raw *r, const char *name, uint32_t size, uint32_t bits)
{
	uint32_t id = type(r, name, BTF_KIND_INT, 0, size);

	word(r, bits);
	return id;
}

static inline uint32_t array(struct raw *r, uint32_t elem, uint32_t nr)
{
	uint32_t id = type(r, NULL, BTF_KIND_ARRAY, 0, 0);

	word(r, elem);
	word(r, elem);
	word(r, nr);
	return id;
}

static inline void member(struct raw *r, const char *name, uint32_t id, uint32_t offset)
{
	word(r, string(r, name));
	word(r, id);
	word(r, offset);
}

#define KFLAG	    (1u << 7)
#define BIT_STRUCT  (BTF_KIND_STRUCT | KFLAG)
#define BIT(nr, at) ((uint32_t)(nr) << 24 | (at))

/* Type 1: u32. */
static inline struct raw *begin(void)
{
	struct raw *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->strs_len = 1;
	integer(r, "u32", 4, 32);
	return r;
}

/* A struct rec of one member, and the enum that makes it type 1. */
static inline void record(struct raw *r, uint32_t size, uint32_t id, uint32_t offset)
{
	type(r, "rec", BTF_KIND_STRUCT, 1, size);
	member(r, "m", id, offset);
}

static inline void records(struct raw *r)
{
	type(r, "seqring_schema", BTF_KIND_ENUM, 1, 4);
	word(r, string(r, "rec"));
	word(r, 1);
}

/* The blob is complete. Return: its size. */
static inline size_t finish(struct raw *r)
{
	struct btf_header h = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(h),
		.type_len = r->types_len,
		.str_off = r->types_len,
		.str_len = r->strs_len,
	};

	assert_true(sizeof(h) + r->types_len + r->strs_len <= sizeof(r->blob));
	memcpy(r->blob, &h, sizeof(h));
	memcpy(r->blob + sizeof(h) + r->types_len, r->strs, r->strs_len);
	return sizeof(h) + r->types_len + r->strs_len;
}

static inline int opened(const void *blob, size_t size)
{
	struct ring_schema *s = NULL;
	int err = ring_schema_open(blob, size, &s);

	if (!err)
		ring_schema_close(s);
	else
		assert_null(s);
	return err;
}

/* Checks that @r is refused with a reason that contains @why. Frees @r. */
static inline void refused(struct raw *r, const char *why)
{
	size_t size = finish(r);
	int err = opened(r->blob, size);

	if (err != -EPROTO || !strstr(ring_strerror(), why))
		fail_msg("'%s': %d, %s", why, err, err ? ring_strerror() : "accepted");
	free(r);
}

static inline void accepted(struct raw *r)
{
	size_t size = finish(r);

	if (opened(r->blob, size))
		fail_msg("%s", ring_strerror());
	free(r);
}

/* A record with a member of type @id, to be refused. */
static inline void refused_member(struct raw *r, uint32_t id, const char *why)
{
	record(r, 64, id, 0);
	records(r);
	refused(r, why);
}

#endif /* SCHEMA_RAW_H */
