// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schemas with types that lead in circles, too deep, out of their structs, or to more
 * fields than a reader accepts.
 */

#include "schema_raw.h"

/* libbpf alone would follow these endlessly. */
static void test_cycles(void **state)
{
	struct raw *r = begin();

	(void)state;
	/* The next type is the third. */
	type(r, "t", BTF_KIND_TYPEDEF, 0, 2);
	refused_member(r, 2, "type 2 contains itself");
	r = begin();
	type(r, NULL, BTF_KIND_CONST, 0, 3);
	type(r, NULL, BTF_KIND_VOLATILE, 0, 2);
	refused_member(r, 2, "contains itself");
	r = begin();
	array(r, 3, 1);
	array(r, 2, 1);
	refused_member(r, 2, "contains itself");
	r = begin();
	type(r, "s", BTF_KIND_STRUCT, 1, 4);
	member(r, "again", 2, 0);
	refused_member(r, 2, "contains itself");
	r = begin();
	record(r, 4, 2, 0);
	records(r);
	refused(r, "contains itself");
	/* A cycle through a pointer is allowed. */
	r = begin();
	record(r, 8, 3, 0);
	type(r, NULL, BTF_KIND_PTR, 0, 2);
	records(r);
	accepted(r);
}

/* @nr typedefs of one another, then as many structs. */
static struct raw *chain(uint32_t nr, uint32_t kind)
{
	struct raw *r = begin();
	uint32_t i, id = 1;

	for (i = 0; i < nr; i++) {
		id = type(r, "t", kind, kind == BTF_KIND_STRUCT, kind == BTF_KIND_STRUCT ? 4 : id);
		if (kind == BTF_KIND_STRUCT)
			member(r, "m", id - 1, 0);
	}
	record(r, 4, id, 0);
	records(r);
	return r;
}

static void test_depth(void **state)
{
	(void)state;
	/* The record and the number are levels, too. */
	accepted(chain(RING_SCHEMA_DEPTH_MAX - 2, BTF_KIND_TYPEDEF));
	refused(chain(RING_SCHEMA_DEPTH_MAX - 1, BTF_KIND_TYPEDEF), "nested more than 32 deep");
	accepted(chain(RING_SCHEMA_DEPTH_MAX - 2, BTF_KIND_STRUCT));
	refused(chain(RING_SCHEMA_DEPTH_MAX - 1, BTF_KIND_STRUCT), "nested more than 32 deep");
	refused(chain(10000, BTF_KIND_CONST), "nested more than 32 deep");
}

/* A long chain of types must not exhaust the stack: a compiler's BTF has no size limit. */
static void test_long_chain(void **state)
{
	struct types t = make_types();
	int id = t.u32, i;
	size_t size;
	void *blob;

	(void)state;
	for (i = 0; i < 400000; i++)
		id = valid(btf__add_const(t.btf, id));
	begin_struct(&t, "rec", 4);
	add_field(&t, "m", id, 0);
	one_record(&t, "rec");
	assert_rejected(ring_schema_from_btf(t.btf, &blob, &size), EPROTO);
	btf__free(t.btf);
}

/* The depth of a type seen before counts again where it occurs again. */
static void test_depth_of_known(void **state)
{
	struct raw *r = begin();
	uint32_t i, deep = 1, id;

	(void)state;
	for (i = 0; i < RING_SCHEMA_DEPTH_MAX - 3; i++)
		deep = type(r, "t", BTF_KIND_TYPEDEF, 0, deep);
	id = type(r, "s", BTF_KIND_STRUCT, 1, 4);
	member(r, "m", deep, 0);
	id = type(r, "s", BTF_KIND_STRUCT, 1, 4);
	member(r, "m", id - 1, 0);
	type(r, "rec", BTF_KIND_STRUCT, 2, 8);
	member(r, "first", deep, 0);
	member(r, "second", id, 32);
	records(r);
	refused(r, "nested more than 32 deep");
}

static void test_bad_members(void **state)
{
	struct raw *r;
	uint32_t id, i;

	(void)state;
#define LAYOUT(kind, size, id, offset, why)        \
	do {                                       \
		r = begin();                       \
		array(r, 1, 0);                    \
		type(r, NULL, BTF_KIND_PTR, 0, 0); \
		integer(r, "u128", 16, 128);       \
		type(r, "rec", kind, 1, size);     \
		member(r, "m", id, offset);        \
		records(r);                        \
		refused(r, why);                   \
	} while (0)
	LAYOUT(BTF_KIND_STRUCT, 4, 1, 8, "m is outside its struct");
	LAYOUT(BTF_KIND_STRUCT, 3, 1, 0, "m is outside its struct");
	LAYOUT(BTF_KIND_STRUCT, 4, 1, 0xfffffff8, "m is outside its struct");
	LAYOUT(BTF_KIND_STRUCT, 8, 1, 4, "m begins within a byte");
	LAYOUT(BTF_KIND_STRUCT, 4, 2, 40, "m is outside its struct");
	LAYOUT(BIT_STRUCT, 4, 1, BIT(33, 0), "m has 33 bits");
	LAYOUT(BIT_STRUCT, 4, 1, BIT(8, 25), "m is outside its struct");
	LAYOUT(BIT_STRUCT, 4, 1, BIT(1, 0xffffff), "m is outside its struct");
	LAYOUT(BIT_STRUCT, 32, 4, BIT(65, 0), "m has 65 bits");
	LAYOUT(BIT_STRUCT, 32, 3, BIT(8, 0), "m is not of an integer type");
	LAYOUT(BIT_STRUCT, 32, 2, BIT(8, 0), "m is not of an integer type");

	/* A member without size may only end a record. */
	r = begin();
	array(r, 1, 0);
	type(r, "rec", BTF_KIND_STRUCT, 2, 8);
	member(r, "rest", 2, 0);
	member(r, "m", 1, 32);
	records(r);
	refused(r, "rest has no size");
	r = begin();
	array(r, 1, 0);
	type(r, "inner", BTF_KIND_STRUCT, 1, 0);
	member(r, "rest", 2, 0);
	refused_member(r, 3, "m has no size");
	r = begin();
	array(r, 1, 0);
	type(r, "inner", BTF_KIND_UNION, 1, 4);
	member(r, "rest", 2, 0);
	refused_member(r, 3, "rest has no size");

	r = begin();
	type(r, "rec", BTF_KIND_STRUCT, 2, 8);
	member(r, "same", 1, 0);
	member(r, "same", 1, 32);
	records(r);
	refused(r, "two members named same");
	r = begin();
	id = type(r, NULL, BTF_KIND_UNION, 1, 4);
	member(r, "same", 1, 0);
	type(r, "rec", BTF_KIND_STRUCT, 2, 8);
	member(r, "same", 1, 0);
	member(r, NULL, id, 32);
	records(r);
	refused(r, "two members named same");

	r = begin();
	type(r, "rec", BTF_KIND_STRUCT, RING_SCHEMA_FIELDS_MAX + 1, 4);
	for (i = 0; i < RING_SCHEMA_FIELDS_MAX + 1; i++)
		member(r, NULL, 1, 0);
	records(r);
	refused(r, "has 4097 members");
}

/* Structs of structs that are few bytes of BTF, but exponentially many fields. */
static void test_explosion(void **state)
{
	struct raw *r = begin();
	uint32_t i, level, id = type(r, "s", BTF_KIND_STRUCT, 0, 4);

	(void)state;
	for (level = 0; level < 20; level++) {
		uint32_t inner = id;

		id = type(r, NULL, BTF_KIND_STRUCT, 16, 4);
		for (i = 0; i < 16; i++)
			member(r, NULL, inner, 0);
	}
	refused_member(r, id, "too many members");
}

/* Gaps that would be printed for minutes. */
static void test_giant_structs(void **state)
{
	struct raw *r = begin();
	uint32_t i;

	(void)state;
	record(r, RING_SCHEMA_BYTES_MAX, 1, 0);
	records(r);
	accepted(r);
	r = begin();
	record(r, RING_SCHEMA_BYTES_MAX + 1, 1, 0);
	records(r);
	refused(r, "its structs have more than");
	/* Each gap alone is small enough. */
	r = begin();
	for (i = 0; i < 5; i++)
		type(r, "s", BTF_KIND_STRUCT, 0, RING_SCHEMA_BYTES_MAX / 5);
	type(r, "rec", BTF_KIND_UNION, 5, RING_SCHEMA_BYTES_MAX / 5);
	for (i = 0; i < 5; i++)
		member(r, NULL, 2 + i, 0);
	refused_member(r, 7, "its structs have more than");
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#define RANDOM_TYPES 24

/* A type of any kind that leads to any others. */
static void random_type(struct raw *r, uint64_t *seed)
{
	static const uint32_t kinds[] = {
		BTF_KIND_INT,	   BTF_KIND_PTR,      BTF_KIND_ARRAY, BTF_KIND_ARRAY,
		BTF_KIND_STRUCT,   BTF_KIND_STRUCT,   BIT_STRUCT,     BTF_KIND_UNION,
		BTF_KIND_ENUM,	   BTF_KIND_TYPEDEF,  BTF_KIND_CONST, BTF_KIND_FLOAT,
		BTF_KIND_TYPE_TAG, BTF_KIND_VOLATILE, BTF_KIND_FWD,   BTF_KIND_ENUM64,
	};
	uint32_t kind = kinds[random64(seed) % ARRAY_SIZE(kinds)];
	uint32_t nr = (uint32_t)(random64(seed) % 4), i;
	/* Seldom itself or a later one: most of these then end at once. */
	uint32_t to = random64(seed) % 8 ? 1 + (uint32_t)(random64(seed) % r->nr_types) :
					   (uint32_t)(random64(seed) % RANDOM_TYPES);
	char name[16];

	snprintf(name, sizeof(name), "t%u", r->nr_types + 1);
	switch (kind) {
	case BTF_KIND_INT:
		i = 1u << random64(seed) % 5;
		integer(r, random64(seed) % 4 ? name : "char", i, 8 * i | (uint32_t)nr << 24);
		break;
	case BTF_KIND_ARRAY:
		array(r, to, nr);
		break;
	case BTF_KIND_STRUCT:
	case BIT_STRUCT:
	case BTF_KIND_UNION:
		type(r, random64(seed) % 3 ? name : NULL, kind, nr, 64);
		for (i = 0; i < nr; i++) {
			char field[16];

			snprintf(field, sizeof(field), "f%u_%u", r->nr_types, i);
			to = random64(seed) % 8 ?
				     1 + (uint32_t)(random64(seed) % (r->nr_types - 1)) :
				     to;
			member(r, random64(seed) % 3 ? field : NULL, to,
			       kind == BIT_STRUCT ? BIT(random64(seed) % 20, random64(seed) % 200) :
						    8 * (uint32_t)(random64(seed) % 60));
		}
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		type(r, name, kind, 0, 4);
		break;
	case BTF_KIND_FLOAT:
		type(r, name, kind, 0, 8);
		break;
	case BTF_KIND_FWD:
		type(r, name, kind, 0, 0);
		break;
	case BTF_KIND_TYPEDEF:
		type(r, random64(seed) % 4 ? name : "seqring_strings", kind, 0, to);
		break;
	case BTF_KIND_TYPE_TAG:
		type(r, name, kind, 0, to);
		break;
	default:
		type(r, NULL, kind, 0, to);
	}
}

static int look(const struct ring_field *f, void *arg)
{
	const unsigned char *data = f->data;
	size_t i;

	for (i = 0; data && i < f->len; i++)
		*(uint64_t *)arg += data[i];
	*(uint64_t *)arg += f->u;
	return 0;
}

static int drop_text(const char *text, size_t len, void *arg)
{
	(void)text;
	*(uint64_t *)arg += len;
	return 0;
}

/* Every schema that is accepted can be read, described and printed. */
static void test_random_types(void **state)
{
	unsigned char *payload = guarded_alloc(4096);
	unsigned int round, good = 0, bad = 0;
	uint64_t seed = 0x5e9, sum = 0;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct ring_schema_type info = { .size = sizeof(info) };
		struct ring_schema *s = NULL;
		struct raw *r = begin();
		size_t size;
		int err;

		while (r->nr_types < RANDOM_TYPES - 2)
			random_type(r, &seed);
		type(r, "rec", BTF_KIND_STRUCT, 1, 72);
		member(r, "m", 1 + (uint32_t)(random64(&seed) % (RANDOM_TYPES - 2)), 0);
		records(r);
		size = finish(r);
		err = ring_schema_open(r->blob, size, &s);
		free(r);
		if (err) {
			assert_int_equal(err, -EPROTO);
			bad++;
			continue;
		}
		good++;
		assert_int_equal(ring_schema_type(s, 1, &info), 0);
		err = ring_schema_walk(s, 1, payload + 4096 - info.min_len, info.min_len, look,
				       &sum, NULL);
		assert_true(!err || err == -E2BIG);
		err = ring_schema_describe(s, 1, look, &sum);
		assert_true(!err || err == -E2BIG);
		ring_schema_print(s, drop_text, &sum);
		ring_schema_close(s);
	}
	guarded_free(payload, 4096);
	assert_true(good > 1000 && bad > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cycles),	       cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_of_known), cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_bad_members),    cmocka_unit_test(test_explosion),
		cmocka_unit_test(test_giant_structs),  cmocka_unit_test(test_random_types),
	};

	libbpf_set_print(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
