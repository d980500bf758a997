// SPDX-License-Identifier: GPL-2.0-only
/* Schemas: reading records field by field. */

#include "schema_unit.h"

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
	void *ptr;
	bool yes;
	bool no;
	char c;
};

static void test_scalars(void **state)
{
	struct every v = {
		.s8 = -1,
		.u8 = 255,
		.s16 = INT16_MIN,
		.u16 = UINT16_MAX,
		.s32 = INT32_MIN,
		.u32 = UINT32_MAX,
		.s64 = INT64_MIN,
		.u64 = UINT64_MAX,
		.s128 = -2,
		.u128 = (__uint128_t)1 << 64,
		.single = 0.5,
		.twice = -1e300,
		.ptr = (void *)0xfffffffff0000001,
		.yes = true,
		.c = 'R',
	};
	struct types t = make_types();
	struct ring_schema *s;

	(void)state;
	begin_struct(&t, "every", sizeof(v));
#define ADD(member, type) add_field(&t, #member, t.type, BITS(struct every, member))
	ADD(s8, s8);
	ADD(u8, u8);
	ADD(s16, s16);
	ADD(u16, u16);
	ADD(s32, s32);
	ADD(u32, u32);
	ADD(s64, s64);
	ADD(u64, u64);
	ADD(s128, s128);
	ADD(u128, u128);
	ADD(single, single);
	ADD(twice, twice);
	ADD(ptr, ptr);
	ADD(yes, yes);
	ADD(no, yes);
	ADD(c, c);
	one_record(&t, "every");
	s = open_types(&t);
	check_walk(s, &v, sizeof(v),
		   "s8=-1 u8=255 s16=-32768 u16=65535 s32=-2147483648 u32=4294967295 "
		   "s64=-9223372036854775808 u64=18446744073709551615 "
		   "s128=ffffffffffffffff:-2 u128=1:0 "
		   "single=0.5 twice=-1e+300 ptr=0xfffffffff0000001 yes=true no=false c='R'",
		   sizeof(v));

	/* The payload need not be aligned, and bytes after it do not belong to it. */
	{
		unsigned char moved[sizeof(v) + 9];

		memcpy(moved + 1, &v, sizeof(v));
		check_walk(
			s, moved + 1, sizeof(v) + 8,
			"s8=-1 u8=255 s16=-32768 u16=65535 s32=-2147483648 u32=4294967295 "
			"s64=-9223372036854775808 u64=18446744073709551615 "
			"s128=ffffffffffffffff:-2 u128=1:0 "
			"single=0.5 twice=-1e+300 ptr=0xfffffffff0000001 yes=true no=false c='R'",
			sizeof(v));
	}
	ring_schema_close(s);
}

struct bits {
	uint64_t a : 3;
	int64_t b : 5;
	uint64_t c : 50;
	int64_t d : 6;
	uint8_t e : 4;
	uint64_t nine_bytes : 64;
	uint8_t yes : 1;
	int8_t minus : 1;
	uint8_t two : 2;
	uint8_t color : 3;
	char text : 5;
} __attribute__((packed));

static void test_bit_fields(void **state)
{
	struct bits v = {
		.a = 5,
		.b = -16,
		.c = (1ULL << 50) - 2,
		.d = -1,
		.e = 9,
		.nine_bytes = 0x8123456789abcdef,
		.yes = 1,
		.minus = -1,
		.two = 2,
		.color = 4,
		.text = -3,
	};
	struct types t = make_types();
	struct ring_schema *s;
	int color;

	(void)state;
	color = valid(btf__add_enum(t.btf, "color", 4));
	btf__add_enum_value(t.btf, "RED", 0);
	btf__add_enum_value(t.btf, "BLUE", 4);
	begin_struct(&t, "bits", sizeof(v));
	add_bits(&t, "a", t.u64, 0, 3);
	add_bits(&t, "b", t.s64, 3, 5);
	add_bits(&t, "c", t.u64, 8, 50);
	add_bits(&t, "d", t.s64, 58, 6);
	add_bits(&t, "e", t.u8, 64, 4);
	add_bits(&t, "nine_bytes", t.u64, 68, 64);
	add_bits(&t, "yes", t.yes, 132, 1);
	add_bits(&t, "minus", t.s8, 133, 1);
	add_bits(&t, "two", t.u8, 134, 2);
	add_bits(&t, "color", color, 136, 3);
	add_bits(&t, "text", t.c, 139, 5);
	one_record(&t, "bits");
	s = open_types(&t);
	check_walk(s, &v, sizeof(v),
		   "a=5 b=-16 c=1125899906842622 d=-1 e=9 nine_bytes=9305357566071262703 "
		   "yes=true minus=-1 two=2 color=BLUE text=-3",
		   sizeof(v));
	ring_schema_close(s);
}

struct enums {
	uint32_t plain[3];
	int32_t minus[3];
	uint8_t small[2];
	uint64_t wide[3];
	int64_t deep;
	int32_t said[2];
	int32_t old[2];
};

static void test_enums(void **state)
{
	struct enums v = {
		.plain = { 0, 7, UINT32_MAX },
		.minus = { -5, 1, -6 },
		.small = { 255, 254 },
		.wide = { 1ULL << 40, UINT64_MAX, 3 },
		.deep = INT64_MIN,
		.said = { 1, -6 },
		.old = { -5, -6 },
	};
	struct types t = make_types();
	struct ring_schema *s;
	int plain, minus, small, wide, deep, said, old;

	(void)state;
	plain = valid(btf__add_enum(t.btf, "plain", 4));
	btf__add_enum_value(t.btf, "SEVEN", 7);
	btf__add_enum_value(t.btf, "ZERO", 0);
	btf__add_enum_value(t.btf, "NOUGHT", 0);
	minus = valid(btf__add_enum(t.btf, "minus", 4));
	btf__add_enum_value(t.btf, "FIVE_BELOW", -5);
	small = valid(btf__add_enum(t.btf, NULL, 1));
	btf__add_enum_value(t.btf, "LAST", 255);
	wide = valid(btf__add_enum64(t.btf, "wide", 8, false));
	btf__add_enum64_value(t.btf, "FAR", 1ULL << 40);
	btf__add_enum64_value(t.btf, "FARTHEST", UINT64_MAX);
	deep = valid(btf__add_enum64(t.btf, "deep", 8, true));
	btf__add_enum64_value(t.btf, "DEEPEST", (uint64_t)INT64_MIN);
	/* Signed, and no enumerator shows it; then the other way round, as from clang 14. */
	said = valid(btf__add_enum(t.btf, "said", 4));
	btf__add_enum_value(t.btf, "ONE", 1);
	((struct btf_type *)btf__type_by_id(t.btf, (uint32_t)said))->info |= 1u << 31;
	old = valid(btf__add_enum(t.btf, "old", 4));
	btf__add_enum_value(t.btf, "OLD_FIVE_BELOW", -5);
	((struct btf_type *)btf__type_by_id(t.btf, (uint32_t)old))->info &= ~(1u << 31);
	said = array_of(&t, said, 2);
	old = array_of(&t, old, 2);
	plain = array_of(&t, plain, 3);
	minus = array_of(&t, minus, 3);
	small = array_of(&t, small, 2);
	wide = array_of(&t, wide, 3);
	begin_struct(&t, "enums", sizeof(v));
	add_field(&t, "plain", plain, BITS(struct enums, plain));
	add_field(&t, "minus", minus, BITS(struct enums, minus));
	add_field(&t, "small", small, BITS(struct enums, small));
	add_field(&t, "wide", wide, BITS(struct enums, wide));
	add_field(&t, "deep", deep, BITS(struct enums, deep));
	add_field(&t, "said", said, BITS(struct enums, said));
	add_field(&t, "old", old, BITS(struct enums, old));
	one_record(&t, "enums");
	s = open_types(&t);
	check_walk(s, &v, sizeof(v),
		   "plain=3( ZERO SEVEN 4294967295 ) minus=3( FIVE_BELOW 1 -6 ) "
		   "small=2( LAST 254 ) wide=3( FAR FARTHEST 3 ) deep=DEEPEST "
		   "said=2( ONE -6 ) old=2( OLD_FIVE_BELOW -6 )",
		   sizeof(v));
	ring_schema_close(s);
}

struct inner {
	uint16_t x;
	uint16_t y;
};

struct nested {
	struct inner one;
	struct inner two[2];
	uint32_t grid[2][3];
	union {
		uint32_t word;
		struct inner halves;
	} u;
	struct {
		uint16_t hidden;
		union {
			uint8_t way;
			uint8_t other_way;
		};
	};
};

static void test_nesting(void **state)
{
	struct nested v = {
		.one = { 1, 2 },
		.two = { { 3, 4 }, { 5, 6 } },
		.grid = { { 1, 2, 3 }, { 4, 5, 6 } },
		.u.word = 0x00020001,
		.hidden = 9,
		.way = 8,
	};
	struct types t = make_types();
	int inner, qualified, two, grid, u, ways, hidden;
	struct ring_schema *s;

	(void)state;
	begin_struct(&t, "inner", sizeof(struct inner));
	add_field(&t, "x", t.u16, 0);
	add_field(&t, "y", t.u16, 16);
	inner = (int)btf__type_cnt(t.btf) - 1;
	two = array_of(&t, inner, 2);
	grid = array_of(&t, array_of(&t, t.u32, 3), 2);
	/* Neither qualifiers nor typedefs make a difference. */
	qualified = valid(btf__add_volatile(t.btf, valid(btf__add_const(t.btf, inner))));
	qualified = valid(btf__add_type_tag(t.btf, "tag", typedef_of(&t, "inner_t", qualified)));
	u = valid(btf__add_union(t.btf, NULL, 4));
	add_field(&t, "word", t.u32, 0);
	add_field(&t, "halves", qualified, 0);
	ways = valid(btf__add_union(t.btf, NULL, 1));
	add_field(&t, "way", t.u8, 0);
	add_field(&t, "other_way", t.u8, 0);
	hidden = valid(btf__add_struct(t.btf, NULL, 4));
	add_field(&t, "hidden", t.u16, 0);
	add_field(&t, NULL, ways, 16);
	begin_struct(&t, "nested", sizeof(v));
	add_field(&t, "one", inner, BITS(struct nested, one));
	add_field(&t, "two", two, BITS(struct nested, two));
	add_field(&t, "grid", grid, BITS(struct nested, grid));
	add_field(&t, "u", u, BITS(struct nested, u));
	add_field(&t, NULL, hidden, BITS(struct nested, hidden));
	/* Padding has no name. */
	add_bits(&t, NULL, t.u8, BITS(struct nested, hidden) + 24, 3);
	one_record(&t, "nested");
	s = open_types(&t);
	check_walk(s, &v, sizeof(v),
		   "one=s( x=1 y=2 ) two=2( s( x=3 y=4 ) s( x=5 y=6 ) ) "
		   "grid=2( 3( 1 2 3 ) 3( 4 5 6 ) ) u=u( word=131073 halves=s( x=1 y=2 ) ) "
		   "hidden=9 way=8 other_way=8",
		   sizeof(v));
	ring_schema_close(s);
}

struct fixed {
	char comm[8];
	uint8_t mac[6];
	int8_t numbers[2];
	char names[2][4];
	char args[8];
	uint8_t h8;
	uint16_t h16;
	uint32_t h32;
	uint64_t h64;
	uint32_t ip4;
	uint8_t ip6[16];
	uint32_t ip4s[2];
	uint8_t key[4];
};

static void test_hints(void **state)
{
	struct fixed v = {
		.comm = { '1', '2', '3', '4', '5', '6', '7', '8' },
		.mac = { 0xde, 0xad, 0, 0, 0, 1 },
		.numbers = { -1, 1 },
		.names = { "a", { 'b', 'c', 'd', 'e' } },
		.args = "ab\0\0c\0",
		.h8 = 0xff,
		.h16 = 0xfffe,
		.h32 = 0xfffffffd,
		.h64 = 0xfffffffffffffffc,
		.ip4 = 0x0100007f,
		.ip6 = { 0xfe, 0x80, [15] = 1 },
		.ip4s = { 1, 2 },
		.key = { 1, 2, 3, 4 },
	};
	struct types t = make_types();
	int comm = array_of(&t, t.c, 8);
	int mac = array_of(&t, typedef_of(&t, "u8", t.u8), 6);
	int numbers = array_of(&t, t.s8, 2);
	int names = array_of(&t, array_of(&t, t.c, 4), 2);
	int args = array_of(&t, typedef_of(&t, "seqring_strings", t.c), 8);
	int h8 = typedef_of(&t, "seqring_hex8", t.u8);
	int h16 = typedef_of(&t, "seqring_hex16", t.s16);
	int h32 = typedef_of(&t, "seqring_hex32", t.u32);
	int h64 = typedef_of(&t, "seqring_hex64", t.u64);
	int ip4 = typedef_of(&t, "seqring_ip4", typedef_of(&t, "__be32", t.u32));
	int ip6 = typedef_of(&t, "seqring_ip6", array_of(&t, t.u8, 16));
	int ip4s = array_of(&t, ip4, 2);
	int key = array_of(&t, h8, 4);
	struct ring_schema *s;

	(void)state;
	begin_struct(&t, "fixed", sizeof(v));
#define ADD_FIXED(member) add_field(&t, #member, member, BITS(struct fixed, member))
	ADD_FIXED(comm);
	ADD_FIXED(mac);
	ADD_FIXED(numbers);
	ADD_FIXED(names);
	ADD_FIXED(args);
	ADD_FIXED(h8);
	ADD_FIXED(h16);
	ADD_FIXED(h32);
	ADD_FIXED(h64);
	ADD_FIXED(ip4);
	ADD_FIXED(ip6);
	ADD_FIXED(ip4s);
	ADD_FIXED(key);
	one_record(&t, "fixed");
	s = open_types(&t);
	check_walk(s, &v, sizeof(v),
		   "comm='12345678' mac=dead00000001 numbers=2( -1 1 ) names=2( 'a' 'bcde' ) "
		   "args=3( 'ab' '' 'c' ) h8=0xff h16=0xfffe h32=0xfffffffd "
		   "h64=0xfffffffffffffffc ip4=ip:7f000001 "
		   "ip6=ip:fe800000000000000000000000000001 "
		   "ip4s=2( ip:01000000 ip:02000000 ) key=01020304",
		   sizeof(v));
	memset(&v, 0, sizeof(v));
	memset(v.args, 'x', sizeof(v.args));
	check_walk(s, &v, sizeof(v),
		   "comm='' mac=000000000000 numbers=2( 0 0 ) names=2( '' '' ) "
		   "args=1( 'xxxxxxxx' ) h8=0x0 h16=0x0 h32=0x0 h64=0x0 ip4=ip:00000000 "
		   "ip6=ip:00000000000000000000000000000000 "
		   "ip4s=2( ip:00000000 ip:00000000 ) key=00000000",
		   sizeof(v));
	memset(&v, 0, sizeof(v));
	ring_schema_close(s);
}

static void test_open_ended(void **state)
{
	static const unsigned char p[] = { 1, 0, 'a', 'b', 0, 'c', 0, 0, 'd' };
	struct types t = make_types();
	struct ring_schema *s = open_ended(&t, t.c, 2);
	struct ring_schema_type type = { .size = sizeof(type) };
	int pair;

	(void)state;
	check_walk(s, p, 9, "n=1 rest='ab'", 9);
	check_walk(s, p, 4, "n=1 rest='ab'", 4);
	check_walk(s, p, 3, "n=1 rest='a'", 3);
	/* Less than sizeof, which has padding, is enough. */
	check_walk(s, p, 2, "n=1 rest=''", 2);
	assert_int_equal(ring_schema_type(s, 1, &type), 0);
	assert_int_equal(type.min_len, 2);
	assert_int_equal(type.open_ended, 1);
	ring_schema_close(s);

	t = make_types();
	s = open_ended(&t, t.u8, 2);
	check_walk(s, p, 9, "n=1 rest=61620063000064", 9);
	check_walk(s, p, 2, "n=1 rest=", 2);
	ring_schema_close(s);

	/* Whole elements only, also when they begin in what was padding. */
	t = make_types();
	s = open_ended(&t, t.u32, 4);
	check_walk(s, p, 9, "n=1 rest=1( 25344 )", 8);
	check_walk(s, p, 7, "n=1 rest=0()", 4);
	check_walk(s, p, 4, "n=1 rest=0()", 4);
	ring_schema_close(s);

	t = make_types();
	pair = valid(btf__add_struct(t.btf, "pair", 2));
	add_field(&t, "l", t.u8, 0);
	add_field(&t, "r", t.c, 8);
	s = open_ended(&t, pair, 2);
	check_walk(s, p, 9, "n=1 rest=3( s( l=97 r='b' ) s( l=0 r='c' ) s( l=0 r='' ) )", 8);
	ring_schema_close(s);

	t = make_types();
	s = open_ended(&t, array_of(&t, t.c, 3), 2);
	check_walk(s, p, 9, "n=1 rest=2( 'ab' 'c' )", 8);
	ring_schema_close(s);

	t = make_types();
	s = open_ended(&t, typedef_of(&t, "seqring_strings", t.c), 2);
	check_walk(s, p, 9, "n=1 rest=4( 'ab' 'c' '' 'd' )", 9);
	check_walk(s, p, 8, "n=1 rest=3( 'ab' 'c' '' )", 8);
	check_walk(s, p, 4, "n=1 rest=1( 'ab' )", 4);
	check_walk(s, p, 2, "n=1 rest=0()", 2);
	ring_schema_close(s);
}

/* A member before the open array may also lie behind the array's beginning. */
static void test_open_overlap(void **state)
{
	static const unsigned char p[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct types t = make_types();
	int rest = array_of(&t, t.u8, 0);
	struct ring_schema_type type = { .size = sizeof(type) };
	struct ring_schema *s;

	(void)state;
	begin_struct(&t, "rec", 8);
	add_field(&t, "far", t.u32, 32);
	add_field(&t, "rest", rest, 8);
	one_record(&t, "rec");
	s = open_types(&t);
	assert_int_equal(ring_schema_type(s, 1, &type), 0);
	assert_int_equal(type.min_len, 8);
	assert_rejected(ring_schema_walk(s, 1, p, 7, say_field, NULL, NULL), EMSGSIZE);
	check_walk(s, p, 8, "far=134678021 rest=02030405060708", 8);
	ring_schema_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),	     cmocka_unit_test(test_bit_fields),
		cmocka_unit_test(test_enums),	     cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_hints),	     cmocka_unit_test(test_open_ended),
		cmocka_unit_test(test_open_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
