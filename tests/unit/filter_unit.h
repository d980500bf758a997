/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of many kinds of fields, and their schema, for the tests of filters. */
#ifndef FILTER_UNIT_H
#define FILTER_UNIT_H

#include "libring/filter.h"
#include "schema_unit.h"

enum color { RED = -3, GREEN = 0, BLUE = 70000 };

struct inner {
	uint16_t x;
	int32_t y;
};

/* Type 1. */
struct every {
	int8_t s8;
	uint8_t u8;
	int16_t s16;
	uint16_t u16;
	int32_t s32;
	uint32_t u32;
	int64_t s64;
	uint64_t u64;
	__int128_t s128;
	__uint128_t u128;
	float single;
	double twice;
	enum color color;
	uint32_t low : 3;
	int32_t mid : 13;
	uint32_t high : 16;
	bool yes;
	char comm[6];
	uint8_t raw[3];
	struct inner in;
	struct inner list[2];
	uint32_t nr[3];
	uint8_t addr[4];
	char rest[];
};

/* Type 7: some of the names, at other places, and one more. */
struct some {
	char comm[3];
	uint8_t u8;
	int64_t u32;
	uint16_t only;
};

#define LEN_MAX (sizeof(struct every) + 8)

static inline int add_inner(struct types *t)
{
	begin_struct(t, "inner", sizeof(struct inner));
	add_field(t, "x", t->u16, BITS(struct inner, x));
	add_field(t, "y", t->s32, BITS(struct inner, y));
	return btf__type_cnt(t->btf) - 1;
}

static inline struct ring_schema *make_schema(void)
{
	struct types t = make_types();
	int inner = add_inner(&t), list = array_of(&t, inner, 2), nr = array_of(&t, t.u32, 3);
	int comm = array_of(&t, t.c, 6), raw = array_of(&t, t.u8, 3), rest = array_of(&t, t.c, 0);
	int ip4 = typedef_of(&t, "seqring_ip4", t.u32), short_comm = array_of(&t, t.c, 3), color;

	color = valid(btf__add_enum(t.btf, "color", 4));
	assert_int_equal(btf__add_enum_value(t.btf, "RED", RED), 0);
	assert_int_equal(btf__add_enum_value(t.btf, "GREEN", GREEN), 0);
	assert_int_equal(btf__add_enum_value(t.btf, "BLUE", BLUE), 0);
	begin_struct(&t, "every", sizeof(struct every));
#define ADD(member, type) add_field(&t, #member, type, BITS(struct every, member))
	ADD(s8, t.s8);
	ADD(u8, t.u8);
	ADD(s16, t.s16);
	ADD(u16, t.u16);
	ADD(s32, t.s32);
	ADD(u32, t.u32);
	ADD(s64, t.s64);
	ADD(u64, t.u64);
	ADD(s128, t.s128);
	ADD(u128, t.u128);
	ADD(single, t.single);
	ADD(twice, t.twice);
	ADD(color, color);
	add_bits(&t, "low", t.u32, BITS(struct every, color) + 32, 3);
	add_bits(&t, "mid", t.s32, BITS(struct every, color) + 35, 13);
	add_bits(&t, "high", t.u32, BITS(struct every, color) + 48, 16);
	ADD(yes, t.yes);
	ADD(comm, comm);
	ADD(raw, raw);
	ADD(in, inner);
	ADD(list, list);
	ADD(nr, nr);
	ADD(addr, ip4);
	ADD(rest, rest);
#undef ADD
	begin_struct(&t, "some", sizeof(struct some));
	add_field(&t, "comm", short_comm, BITS(struct some, comm));
	add_field(&t, "u8", t.u8, BITS(struct some, u8));
	add_field(&t, "u32", t.s64, BITS(struct some, u32));
	add_field(&t, "only", t.u16, BITS(struct some, only));
	begin_records(&t);
	add_record(&t, "every", 1);
	add_record(&t, "some", 7);
	return open_types(&t);
}

static inline struct ring_filter *compile(const struct ring_schema *s, const char *text)
{
	struct ring_filter *f = NULL;

	if (ring_filter_compile(s, text, &f))
		fail_msg("%s: %s", text, ring_strerror());
	return f;
}

#endif /* FILTER_UNIT_H */
