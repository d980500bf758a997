// SPDX-License-Identifier: GPL-2.0-only
/*
 * The language of filters: expressions by chance, each judged by the library and by a reference
 * that knows the structs in C and nothing of schemas.
 */

#include <fnmatch.h>

#include "../lib/random.h"
#include "filter_unit.h"

/* A value as the reference sees it: nothing, a number, a real or a text. */
struct seen {
	enum { NONE, WHOLE, REAL, TEXT } kind;
	__int128_t n;
	bool huge; /* above the numbers of __int128_t */
	double d;
	const char *p;
	size_t len;
};

struct field {
	const char *name;
	struct seen (*get)(const struct ring_record *rec);
};

#define HAS(type, m, rec) ((rec)->len >= offsetof(struct type, m) + sizeof(((struct type *)0)->m))
#define WHOLE_OF(v)	  ((struct seen) { .kind = WHOLE, .n = (v) })
#define REAL_OF(v)	  ((struct seen) { .kind = REAL, .d = (double)(v) })
#define TEXT_OF(s, max)	  ((struct seen) { .kind = TEXT, .p = (s), .len = strnlen((s), (max)) })

/* Of type 1 only. */
#define GET(fn, m, value)                                                              \
	static struct seen fn(const struct ring_record *rec)                           \
	{                                                                              \
		static struct every e;                                                 \
		if (rec->type != 1 || !HAS(every, m, rec))                             \
			return (struct seen) { .kind = NONE };                         \
		memset(&e, 0, sizeof(e));                                              \
		memcpy(&e, rec->payload, rec->len < sizeof(e) ? rec->len : sizeof(e)); \
		return value;                                                          \
	}

GET(get_s8, s8, WHOLE_OF(e.s8))
GET(get_s16, s16, WHOLE_OF(e.s16))
GET(get_u16, u16, WHOLE_OF(e.u16))
GET(get_s32, s32, WHOLE_OF(e.s32))
GET(get_s64, s64, WHOLE_OF(e.s64))
GET(get_u64, u64, WHOLE_OF(e.u64))
GET(get_s128, s128, WHOLE_OF(e.s128))
GET(get_single, single, REAL_OF(e.single))
GET(get_twice, twice, REAL_OF(e.twice))
GET(get_color, color, WHOLE_OF((int)e.color))
GET(get_yes, yes, WHOLE_OF(((unsigned char *)&e)[offsetof(struct every, yes)] != 0))
GET(get_x, in.x, WHOLE_OF(e.in.x))
GET(get_y, list[1].y, WHOLE_OF(e.list[1].y))
GET(get_nr, nr[2], WHOLE_OF(e.nr[2]))

static struct seen get_u128(const struct ring_record *rec)
{
	struct every e;

	if (rec->type != 1 || !HAS(every, u128, rec))
		return (struct seen) { .kind = NONE };
	memcpy(&e.u128, (const char *)rec->payload + offsetof(struct every, u128), 16);
	return (struct seen) { .kind = WHOLE, .n = (__int128_t)e.u128, .huge = e.u128 >> 127 };
}

/* A bit-field is there as soon as its last byte is. */
#define GET_BITS(fn, m, end)                                                                \
	static struct seen fn(const struct ring_record *rec)                                \
	{                                                                                   \
		static struct every e;                                                      \
		if (rec->type != 1 || rec->len < offsetof(struct every, color) + 4 + (end)) \
			return (struct seen) { .kind = NONE };                              \
		memset(&e, 0, sizeof(e));                                                   \
		memcpy(&e, rec->payload, rec->len < sizeof(e) ? rec->len : sizeof(e));      \
		return WHOLE_OF(e.m);                                                       \
	}

GET_BITS(get_low, low, 1)
GET_BITS(get_mid, mid, 2)
GET_BITS(get_high, high, 4)

/* Of both types. */
static struct seen get_u8(const struct ring_record *rec)
{
	const unsigned char *p = rec->payload;

	if (rec->type == 1 && HAS(every, u8, rec))
		return WHOLE_OF(p[offsetof(struct every, u8)]);
	if (rec->type == 7 && HAS(some, u8, rec))
		return WHOLE_OF(p[offsetof(struct some, u8)]);
	return (struct seen) { .kind = NONE };
}

static struct seen get_u32(const struct ring_record *rec)
{
	const char *p = rec->payload;
	uint32_t u32;
	int64_t s64;

	if (rec->type == 1 && HAS(every, u32, rec)) {
		memcpy(&u32, p + offsetof(struct every, u32), 4);
		return WHOLE_OF(u32);
	}
	if (rec->type == 7 && HAS(some, u32, rec)) {
		memcpy(&s64, p + offsetof(struct some, u32), 8);
		return WHOLE_OF(s64);
	}
	return (struct seen) { .kind = NONE };
}

static struct seen get_only(const struct ring_record *rec)
{
	uint16_t v;

	if (rec->type != 7 || !HAS(some, only, rec))
		return (struct seen) { .kind = NONE };
	memcpy(&v, (const char *)rec->payload + offsetof(struct some, only), 2);
	return WHOLE_OF(v);
}

static struct seen get_comm(const struct ring_record *rec)
{
	const char *p = rec->payload;

	if (rec->type == 1 && HAS(every, comm, rec))
		return TEXT_OF(p + offsetof(struct every, comm), 6);
	if (rec->type == 7 && HAS(some, comm, rec))
		return TEXT_OF(p + offsetof(struct some, comm), 3);
	return (struct seen) { .kind = NONE };
}

static struct seen get_rest(const struct ring_record *rec)
{
	const size_t at = offsetof(struct every, rest);

	if (rec->type != 1 || rec->len < at)
		return (struct seen) { .kind = NONE };
	return TEXT_OF((const char *)rec->payload + at, rec->len - at);
}

static struct seen get_type(const struct ring_record *rec)
{
	return WHOLE_OF(rec->type);
}

static struct seen get_len(const struct ring_record *rec)
{
	return WHOLE_OF(rec->len);
}

static struct seen get_ring(const struct ring_record *rec)
{
	return WHOLE_OF(rec->ring);
}

static struct seen get_seq(const struct ring_record *rec)
{
	return WHOLE_OF(rec->seq);
}

static struct seen get_ts(const struct ring_record *rec)
{
	return WHOLE_OF(rec->ts_ns);
}

static const struct field fields[] = {
	{ "s8", get_s8 },
	{ "u8", get_u8 },
	{ "fields.s16", get_s16 },
	{ "u16", get_u16 },
	{ "s32", get_s32 },
	{ "u32", get_u32 },
	{ "s64", get_s64 },
	{ "u64", get_u64 },
	{ "s128", get_s128 },
	{ "u128", get_u128 },
	{ "single", get_single },
	{ "twice", get_twice },
	{ "color", get_color },
	{ "low", get_low },
	{ "mid", get_mid },
	{ "high", get_high },
	{ "yes", get_yes },
	{ "in.x", get_x },
	{ "list[1].y", get_y },
	{ "nr[2]", get_nr },
	{ "only", get_only },
	{ "comm", get_comm },
	{ "fields.rest", get_rest },
	{ "type", get_type },
	{ "len", get_len },
	{ "ring", get_ring },
	{ "seq", get_seq },
	{ "ts_ns", get_ts },
};

/* An expression: its text, and what the reference says of the present record. */
struct made {
	char text[4096];
	size_t len;
	const struct ring_record *rec;
	uint64_t seed; /* the same for each record: the same expression */
};

static __attribute__((format(printf, 2, 3))) void put(struct made *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	m->len += (size_t)vsnprintf(m->text + m->len, sizeof(m->text) - m->len, fmt, ap);
	va_end(ap);
	assert_true(m->len < sizeof(m->text));
}

static uint32_t pick(struct made *m, uint32_t n)
{
	return (uint32_t)(next_random(&m->seed) >> 33) % n;
}

static const int64_t numbers[] = { 0,	      1,	 -1,	2,	   3,	      7,
				   -3,	      100,	 127,	-128,	   255,	      70000,
				   32767,     -32768,	 65535, INT32_MAX, INT32_MIN, UINT32_MAX,
				   INT64_MAX, INT64_MIN, 42,	9 };

static const char *const texts[] = { "", "a", "b", "ab", "aab", "ba", "abbaab", "bbb" };
static const char *const patterns[] = { "*", "a*", "*b", "?", "a?*", "*a*b", "b", "", "**ab*?" };

static bool ordered(unsigned int op, int sign)
{
	switch (op) {
	case 0:
		return sign == 0;
	case 1:
		return sign != 0;
	case 2:
		return sign < 0;
	case 3:
		return sign <= 0;
	case 4:
		return sign > 0;
	default:
		return sign >= 0;
	}
}

static const char *const ops[] = { "==", "!=", "<", "<=", ">", ">=" };

static int sign_of(const struct seen *v, __int128_t n)
{
	return v->huge || v->n > n ? 1 : v->n < n ? -1 : 0;
}

static bool make_whole(struct made *m, const struct seen *v)
{
	unsigned int op = pick(m, 6), i, nr;
	int64_t n = numbers[pick(m, ARRAY_SIZE(numbers))];
	bool any = false;

	switch (pick(m, 6)) {
	case 0: /* as a truth */
		return v->kind && (v->n || v->huge);
	case 1:
		nr = 1 + pick(m, 4);
		put(m, " in {");
		for (i = 0; i < nr; i++) {
			n = numbers[pick(m, ARRAY_SIZE(numbers))];
			put(m, "%s%lld", i ? ", " : "", (long long)n);
			any |= v->kind && !sign_of(v, n);
		}
		put(m, "}");
		return any;
	case 2:
		put(m, " & 0x%llx %s %llu", (unsigned long long)n, ops[op],
		    (unsigned long long)n & 15);
		return v->kind &&
		       ordered(op, ((uint64_t)v->n & (uint64_t)n) > ((uint64_t)n & 15) ? 1 :
				   ((uint64_t)v->n & (uint64_t)n) < ((uint64_t)n & 15) ? -1 :
											 0);
	case 3:
		put(m, " %s 0x%llx", ops[op], (unsigned long long)n);
		return v->kind && ordered(op, sign_of(v, (uint64_t)n));
	default:
		put(m, "%s%lld", ops[op], (long long)n);
		return v->kind && ordered(op, sign_of(v, n));
	}
}

static bool make_real(struct made *m, const struct seen *v)
{
	static const char *const reals[] = { "0", "1.5", "-0.25", "1e3", "2", "-1e-3" };
	unsigned int op = pick(m, 6), i = pick(m, ARRAY_SIZE(reals));
	double d = strtod(reals[i], NULL);

	put(m, " %s %s", ops[op], reals[i]);
	if (!v->kind)
		return false;
	switch (op) {
	case 0:
		return v->d == d;
	case 1:
		return v->d != d;
	case 2:
		return v->d < d;
	case 3:
		return v->d <= d;
	case 4:
		return v->d > d;
	default:
		return v->d >= d;
	}
}

static bool make_text(struct made *m, const struct seen *v)
{
	const char *s = texts[pick(m, ARRAY_SIZE(texts))];
	const char *p = patterns[pick(m, ARRAY_SIZE(patterns))];
	char copy[64] = "";
	bool is;

	if (v->kind)
		memcpy(copy, v->p, v->len);
	switch (pick(m, 5)) {
	case 0:
		return v->kind && *copy;
	case 1:
		put(m, " ~ \"%s\"", p);
		return v->kind && !fnmatch(p, copy, 0);
	case 2:
		put(m, " !~ \"%s\"", p);
		return v->kind && fnmatch(p, copy, 0);
	case 3:
		put(m, " in { \"%s\", \"abb\"}", s);
		return v->kind && (!strcmp(s, copy) || !strcmp("abb", copy));
	default:
		is = pick(m, 2);
		put(m, " %s \"%s\"", is ? "==" : "!=", s);
		return v->kind && (!strcmp(s, copy) == is);
	}
}

static bool make_leaf(struct made *m)
{
	const struct field *f = &fields[pick(m, ARRAY_SIZE(fields))];
	/* The kind of a field that this record lacks is that of any record that has it. */
	static const char zeros[LEN_MAX];
	const struct ring_record whole = { .type = f->get == get_only ? 7 : 1,
					   .payload = zeros,
					   .len = LEN_MAX };
	struct seen v = f->get(m->rec);

	put(m, "%s", f->name);
	switch (f->get(&whole).kind) {
	case TEXT:
		return make_text(m, &v);
	case REAL:
		return make_real(m, &v);
	default:
		return make_whole(m, &v);
	}
}

static bool make(struct made *m, unsigned int depth)
{
	bool left, right;

	switch (depth ? pick(m, 5) : 4) {
	case 0:
	case 1:
		put(m, "(");
		left = make(m, depth - 1);
		put(m, ") && (");
		right = make(m, depth - 1);
		put(m, ")");
		return left & right;
	case 2:
		put(m, "(");
		left = make(m, depth - 1);
		put(m, " || ");
		right = make(m, depth - 1);
		put(m, ")");
		return left | right;
	case 3:
		put(m, "!(");
		left = make(m, depth - 1);
		put(m, ")");
		return !left;
	default:
		return make_leaf(m);
	}
}

/* Fills a payload with values that expressions name. */
static void fill(unsigned char *p, uint64_t *seed)
{
	size_t i;

	for (i = 0; i < LEN_MAX; i++) {
		uint64_t r = next_random(seed) >> 40;

		p[i] = r % 4 == 0 ? 0 :
		       r % 4 == 1 ? 0xff :
		       r % 4 == 2 ? "ab"[r / 4 % 2] :
				    (unsigned char)(r / 4);
	}
	if (next_random(seed) >> 63) {
		float single = 1.5f;
		double twice = -0.25;

		memcpy(p + offsetof(struct every, single), &single, sizeof(single));
		memcpy(p + offsetof(struct every, twice), &twice, sizeof(twice));
	}
	for (i = 0; i < sizeof(struct every) - 16; i += 8)
		if (next_random(seed) >> 62 == 0)
			memcpy(p + i, &numbers[next_random(seed) % ARRAY_SIZE(numbers)], 8);
}

#define RECORDS 40

static void test_reference(void **state)
{
	static const uint16_t types[] = { 1, 1, 1, 7, 9 };
	struct ring_schema *s = make_schema();
	struct ring_record recs[RECORDS];
	unsigned int i, round, both = 0;
	uint64_t seed = 1;

	(void)state;
	for (i = 0; i < RECORDS; i++) {
		size_t len = i % 3 ? LEN_MAX : next_random(&seed) % LEN_MAX;
		unsigned char all[LEN_MAX], *p = malloc(len ? len : 1);

		fill(all, &seed);
		memcpy(p, all, len);
		recs[i] = (struct ring_record) {
			.type = types[i % 5],
			.len = (uint32_t)len,
			.payload = p,
			.seq = next_random(&seed) % 10,
			.ts_ns = i % 2 ? 42 : UINT64_MAX,
			.ring = i % 4,
		};
	}
	for (round = 0; round < 4000; round++) {
		struct ring_filter *f = NULL;
		unsigned int matched = 0;

		for (i = 0; i < RECORDS; i++) {
			struct made m = { .rec = &recs[i], .seed = round };
			bool want = make(&m, 1 + round % 4);

			if (!f)
				f = compile(s, m.text);
			if (ring_filter_match(f, &recs[i]) != want)
				fail_msg("record %u (type %u, %u bytes): %s: is %d", i,
					 recs[i].type, recs[i].len, m.text, want);
			matched += want;
		}
		both += matched && matched < RECORDS;
		ring_filter_free(f);
	}
	/* An expression that says the same of all records shows little. */
	assert_true(both > 2000);
	for (i = 0; i < RECORDS; i++)
		free((void *)recs[i].payload);
	ring_schema_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
