/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes schemas for tests, and decodes records by them. */
#ifndef SCHEMA_UNIT_H
#define SCHEMA_UNIT_H

#include <bpf/btf.h>

#include "libring/schema.h"
#include "unit.h"

#define BITS(type, member) ((uint32_t)offsetof(type, member) * 8)

/* Types that most schemas of the tests have. */
struct types {
	struct btf *btf;
	int s8, u8, s16, u16, s32, u32, s64, u64, s128, u128;
	int c, yes, single, twice, ptr, index;
};

static inline int valid(int id)
{
	assert_true(id > 0);
	return id;
}

static inline struct types make_types(void)
{
	struct types t = { .btf = btf__new_empty() };

	assert_non_null(t.btf);
	t.s8 = valid(btf__add_int(t.btf, "signed char", 1, BTF_INT_SIGNED));
	t.u8 = valid(btf__add_int(t.btf, "unsigned char", 1, 0));
	t.s16 = valid(btf__add_int(t.btf, "short", 2, BTF_INT_SIGNED));
	t.u16 = valid(btf__add_int(t.btf, "unsigned short", 2, 0));
	t.s32 = valid(btf__add_int(t.btf, "int", 4, BTF_INT_SIGNED));
	t.u32 = valid(btf__add_int(t.btf, "unsigned int", 4, 0));
	t.s64 = valid(btf__add_int(t.btf, "long long", 8, BTF_INT_SIGNED));
	t.u64 = valid(btf__add_int(t.btf, "unsigned long long", 8, 0));
	t.s128 = valid(btf__add_int(t.btf, "__int128", 16, BTF_INT_SIGNED));
	t.u128 = valid(btf__add_int(t.btf, "unsigned __int128", 16, 0));
	t.c = valid(btf__add_int(t.btf, "char", 1, BTF_INT_SIGNED));
	t.yes = valid(btf__add_int(t.btf, "_Bool", 1, BTF_INT_BOOL));
	t.single = valid(btf__add_float(t.btf, "float", 4));
	t.twice = valid(btf__add_float(t.btf, "double", 8));
	t.ptr = valid(btf__add_ptr(t.btf, 0));
	t.index = valid(btf__add_int(t.btf, "__ARRAY_SIZE_TYPE__", 4, 0));
	return t;
}

static inline int array_of(struct types *t, int elem, uint32_t nr)
{
	return valid(btf__add_array(t->btf, t->index, elem, nr));
}

static inline int typedef_of(struct types *t, const char *name, int id)
{
	return valid(btf__add_typedef(t->btf, name, id));
}

static inline void begin_struct(struct types *t, const char *name, size_t size)
{
	valid(btf__add_struct(t->btf, name, (uint32_t)size));
}

static inline void add_field(struct types *t, const char *name, int id, uint32_t bit_offset)
{
	assert_int_equal(btf__add_field(t->btf, name, id, bit_offset, 0), 0);
}

static inline void add_bits(struct types *t, const char *name, int id, uint32_t bit_offset,
			    uint32_t bits)
{
	assert_int_equal(btf__add_field(t->btf, name, id, bit_offset, bits), 0);
}

static inline int begin_records(struct types *t)
{
	return valid(btf__add_enum(t->btf, "seqring_schema", 4));
}

static inline void add_record(struct types *t, const char *name, int64_t type)
{
	assert_int_equal(btf__add_enum_value(t->btf, name, type), 0);
}

/* The only record: type 1, the struct @name. */
static inline void one_record(struct types *t, const char *name)
{
	begin_records(t);
	add_record(t, name, 1);
}

/* Makes the blob that a ring would carry; frees the types. */
static inline struct ring_schema *open_types(struct types *t)
{
	struct ring_schema *s = NULL;
	size_t size;
	void *blob;

	if (ring_schema_from_btf(t->btf, &blob, &size))
		fail_msg("%s", ring_strerror());
	btf__free(t->btf);
	if (ring_schema_open(blob, size, &s))
		fail_msg("%s", ring_strerror());
	free(blob);
	return s;
}

/* A number of 16 bits, then an array that takes the rest of the payload. */
static inline struct ring_schema *open_ended(struct types *t, int elem, uint32_t offset)
{
	int rest = array_of(t, elem, 0);

	begin_struct(t, "rec", 8);
	add_field(t, "n", t->u16, 0);
	add_field(t, "rest", rest, offset * 8);
	one_record(t, "rec");
	return open_types(t);
}

/* The text of a walk, "a=1 b={x=2 y=3} c=[4 5]". */
struct said {
	char text[4096];
	size_t len;
	unsigned int calls;
	unsigned int stop_at; /* 0: never */
};

static inline __attribute__((format(printf, 2, 3))) void say(struct said *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->len += (size_t)vsnprintf(s->text + s->len, sizeof(s->text) - s->len, fmt, ap);
	va_end(ap);
	assert_true(s->len < sizeof(s->text));
}

static inline void say_bytes(struct said *s, const struct ring_field *f)
{
	size_t i;

	for (i = 0; i < f->len; i++)
		say(s, "%02x", ((const unsigned char *)f->data)[i]);
}

static inline void say_value(struct said *s, const struct ring_field *f)
{
	switch (f->kind) {
	case RING_FIELD_INT:
	case RING_FIELD_UINT:
	case RING_FIELD_HEX:
		/* The upper half goes on with the sign. */
		if (f->bits <= 64)
			assert_true(
				f->high ==
				(f->kind == RING_FIELD_INT && (int64_t)f->u < 0 ? UINT64_MAX : 0));
		if (f->bits > 64)
			say(s, "%llx:", (unsigned long long)f->high);
		if (f->kind == RING_FIELD_INT)
			say(s, "%lld", (long long)f->u);
		else
			say(s, f->kind == RING_FIELD_HEX ? "0x%llx" : "%llu",
			    (unsigned long long)f->u);
		break;
	case RING_FIELD_BOOL:
		say(s, f->u ? "true" : "false");
		break;
	case RING_FIELD_ENUM:
		if (f->text)
			say(s, "%s", f->text);
		else if (f->is_signed)
			say(s, "%lld", (long long)f->u);
		else
			say(s, "%llu", (unsigned long long)f->u);
		if (f->text)
			assert_int_equal(strlen(f->text), f->len);
		break;
	case RING_FIELD_FLOAT:
		say(s, "%g", f->f);
		break;
	case RING_FIELD_TEXT:
		say(s, "'%.*s'", (int)f->len, (const char *)f->data);
		break;
	case RING_FIELD_BYTES:
		say_bytes(s, f);
		break;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		say(s, "ip:");
		say_bytes(s, f);
		break;
	default:
		fail_msg("kind %u", f->kind);
	}
}

static inline int say_field(const struct ring_field *f, void *arg)
{
	struct said *s = arg;

	if (++s->calls == s->stop_at)
		return 42;
	if (f->kind == RING_FIELD_END) {
		assert_null(f->name);
		say(s, s->text[s->len - 1] == '(' ? ")" : " )");
		return 0;
	}
	if (s->len)
		say(s, " ");
	if (f->name)
		say(s, "%s=", f->name);
	if (f->kind == RING_FIELD_STRUCT || f->kind == RING_FIELD_UNION)
		say(s, "%c(", f->kind == RING_FIELD_STRUCT ? 's' : 'u');
	else if (f->kind == RING_FIELD_ARRAY)
		say(s, "%u(", f->count);
	else
		say_value(s, f);
	return 0;
}

/* A record of type 1 says @want and uses @used bytes. */
static inline void check_walk(const struct ring_schema *s, const void *payload, size_t len,
			      const char *want, size_t used)
{
	struct said said = { .len = 0 };
	size_t n = ~0UL;

	if (ring_schema_walk(s, 1, payload, len, say_field, &said, &n))
		fail_msg("%s", ring_strerror());
	assert_string_equal(said.text, want);
	assert_int_equal(n, used);
}

#endif /* SCHEMA_UNIT_H */
