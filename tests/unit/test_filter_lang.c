// SPDX-License-Identifier: GPL-2.0-only
/* The language of filters: what is special about each kind of value, and each mistake. */

#include "../lib/random.h"
#include "filter_unit.h"

static const struct every sample = {
	.s8 = -1,
	.u32 = 42,
	.s64 = INT64_MIN,
	.u64 = UINT64_MAX,
	.single = 0.1f,
	.twice = 0.1,
	.color = BLUE,
	.yes = true,
	.comm = "a*b?c",
	.raw = { 0, 1, 255 },
	.addr = { 10, 1, 2, 3 },
};

static int match(const struct ring_schema *s, const char *text, uint16_t type, const void *p,
		 size_t len)
{
	const struct ring_record rec = { .type = type, .payload = p, .len = (uint32_t)len };
	struct ring_filter *f = compile(s, text);
	int is = ring_filter_match(f, &rec);

	ring_filter_free(f);
	return is;
}

#define assert_selects(text)	     assert_int_equal(match(s, text, 1, &sample, sizeof(sample)), 1)
#define assert_does_not_select(text) assert_int_equal(match(s, text, 1, &sample, sizeof(sample)), 0)

static void test_values(void **state)
{
	struct ring_schema *s = make_schema();

	(void)state;
	assert_selects("color == BLUE");
	assert_selects("color in {RED, \"BLUE\"} && color > GREEN");
	assert_selects("color == 70000");
	assert_selects("yes == true && yes != false && yes");
	assert_selects("single == 0.1 && twice == 0.1");
	assert_does_not_select("single == 0.25 || twice == 0.25");
	/* * and ? are special in patterns only, and not behind a backslash. */
	assert_selects("comm == \"a*b?c\" && comm ~ \"a\\*b\\?c\" && comm ~ \"a*b?c\"");
	assert_does_not_select("comm == \"axbyc\" || comm ~ \"a\\?*\"");
	assert_selects("raw == \"\\x00\\x01\\xff\" && raw ~ \"*\\xff\"");
	assert_does_not_select("raw == \"\\x00\\x01\"");
	assert_selects("addr == \"10.1.2.3\" && addr == \"10.1.3.0/23\" && addr == \"0.0.0.0/0\"");
	assert_does_not_select("addr == \"10.1.3.0/24\" || addr != \"10.0.0.0/8\"");
	assert_selects("addr in {\"192.168.0.0/16\", \"10.0.0.0/8\"}");
	assert_selects("s64 == -9223372036854775808 && u64 == 18446744073709551615");
	assert_selects("s8 < 0 && u64 > 9223372036854775807 && s8 != 255");
	assert_selects("u128 == 0 && !u128 && !!u32");
	ring_schema_close(s);
}

/* Types by name, pattern and number; one that the schema lacks; and what is decided at once. */
static void test_types(void **state)
{
	struct ring_schema *s = make_schema();
	struct ring_filter *f;
	const char *p = (const char *)&sample;

	(void)state;
	assert_int_equal(match(s, "type == every", 1, p, 4), 1);
	assert_int_equal(match(s, "type == every", 7, p, 4), 0);
	assert_int_equal(match(s, "type == \"some\" || type == 9", 9, p, 4), 1);
	assert_int_equal(match(s, "type in {every, 12}", 12, p, 4), 1);
	assert_int_equal(match(s, "type != every", 300, p, 4), 1);
	assert_int_equal(match(s, "type ~ \"e*\"", 1, p, 4), 1);
	assert_int_equal(match(s, "type ~ \"e*\"", 7, p, 4), 0);
	assert_int_equal(match(s, "type ~ \"e*\"", 2, p, 4), 0);
	assert_int_equal(match(s, "type > 100", 101, p, 4), 1);
	assert_int_equal(match(s, "type & 1", 101, p, 4), 1);
	assert_int_equal(match(s, "type & 1 == 1", 102, p, 4), 0);
	assert_int_equal(match(s, "type == -1 || type == 65536", 65535, p, 4), 0);
	/* Attributes need no schema. */
	assert_int_equal(match(NULL, "type in {3, 65535} && len == 4", 65535, p, 4), 1);
	assert_int_equal(match(NULL, "!(type in {3, 65535} && len == 4)", 3, p, 4), 0);

	f = compile(s, "type == some || only > 3");
	assert_true(f->types[0] == 1 << 7 && !f->types[1] && f->other == FILTER_REJECT);
	assert_int_equal(f->entries[7], FILTER_ACCEPT);
	assert_int_equal(f->nr_tests, FILTER_FIRST);
	ring_filter_free(f);
	f = compile(s, "only > 3 && len > 2");
	assert_true(f->types[0] == 1 << 7 && f->nr_tests == FILTER_FIRST + 2);
	ring_filter_free(f);
	f = compile(s, "!(only > 3)");
	assert_true(!~f->types[0] && !~f->types[1023] && f->other == FILTER_ACCEPT);
	ring_filter_free(f);
	ring_schema_close(s);
}

/* Strings one after the other, in an array with and without a length. */
static void test_strings(void **state)
{
	static const char argv[] = "ls\0-l\0\0/bin";
	struct types t = make_types();
	int strings = typedef_of(&t, "seqring_strings", t.c), rest = array_of(&t, strings, 0);
	int fixed = array_of(&t, strings, 12);
	struct ring_schema *s;
	char *page;

	(void)state;
	begin_struct(&t, "run", 0);
	add_field(&t, "argv", rest, 0);
	begin_struct(&t, "box", 12);
	add_field(&t, "args", fixed, 0);
	begin_records(&t);
	add_record(&t, "run", 1);
	add_record(&t, "box", 2);
	s = open_types(&t);
	assert_int_equal(match(s, "argv[0] == \"ls\" && argv[1] ~ \"-*\"", 1, argv, 11), 1);
	assert_int_equal(match(s, "argv[2] == \"\" && !argv[2]", 1, argv, 11), 1);
	assert_int_equal(match(s, "argv[3] == \"/bin\"", 1, argv, 11), 1);
	assert_int_equal(match(s, "argv[3] == \"/bi\"", 1, argv, 10), 1);
	/* There is no fifth one: nothing is true of it. */
	assert_int_equal(match(s, "argv[4] == \"\" || argv[4] != \"x\"", 1, argv, 12), 0);
	assert_int_equal(match(s, "argv[0] != \"x\"", 1, argv, 0), 0);
	/* The search for a string ends with the payload. */
	page = guarded_alloc(4096);
	memset(page, 'a', 4096);
	assert_int_equal(match(s, "argv[0] ~ \"a*\"", 1, page + 4000, 96), 1);
	assert_int_equal(match(s, "argv[1] ~ \"*\"", 1, page + 4000, 96), 0);
	guarded_free(page, 4096);
	/* Zeros at the end of a fixed array are no strings. */
	assert_int_equal(match(s, "args[0] == \"a\"", 2, "a\0\0\0\0\0\0\0\0\0\0", 12), 1);
	assert_int_equal(match(s, "args[1] == \"\"", 2, "a\0\0\0\0\0\0\0\0\0\0", 12), 0);
	ring_schema_close(s);
}

/* Each mistake is refused, with its place and what would be right. */
static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		unsigned int at;
		const char *says;
	} wrong[] = {
		{ "", 1, "begins with a field" },
		{ "u32 ==", 7, "a value has to follow" },
		{ "u32 = 1", 5, "== compares" },
		{ "u32 == 1 | u8", 10, "|| is \"or\"" },
		{ "u32 == 1 u8", 10, "an operator or the end" },
		{ "(u32 == 1", 10, "), && or ||" },
		{ "u32 == 1)", 9, "an operator or the end" },
		{ "u32 == 'x'", 8, "double quotes" },
		{ "u32 == $", 8, "$ is not known" },
		{ "u32 == \x01", 8, "byte 0x01" },
		{ "comm == \"abc", 9, "no closing quote" },
		{ "comm == \"a\\q\"", 11, "escape is not known" },
		{ "comm == \"a\\x4\"", 11, "escape is not known" },
		{ "comm == \"a\\x00\"", 9, "first zero" },
		{ "u32 == 12ab", 8, "no number" },
		{ "u32 == 0x", 8, "no number" },
		{ "u32 == 1.5e", 8, "no number" },
		{ "u32 == 18446744073709551616", 8, "at most 18446744073709551615" },
		{ "u32 == -9223372036854775809", 9, "at least -9223372036854775808" },
		{ "u32 == -comm", 9, "number has to follow the minus" },
		{ "42 == u32", 1, "begins with a field" },
		{ "u33 == 1", 1, "did you mean u32, u8, u16" },
		{ "fields.pid == 1", 8, "no record has a field pid" },
		{ "qqqqqqqqq == 1", 1, "fields are s8, u8, s16" },
		{ "in.z == 1", 4, "did you mean x, y" },
		{ "in.", 4, "name of a field has to follow" },
		{ "in == 1", 1, "name one of them" },
		{ "nr == 1", 1, "name an element" },
		{ "nr[3] == 1", 4, "no element 3: 0 to 2" },
		{ "nr[x] == 1", 4, "an index is a whole number" },
		{ "nr[1 == 1", 6, "] has to follow" },
		{ "u32[1] == 1", 5, "no array" },
		{ "u32.x == 1", 5, "no struct" },
		{ "color == BLU", 10, "the enum has no BLU: BLUE" },
		{ "color == 1.5", 10, "whole number" },
		{ "type == evry", 9, "there is no type evry: types are every" },
		{ "type == 1.5", 9, "a name or a whole number" },
		{ "type ~ every", 8, "pattern in double quotes" },
		{ "len == every", 8, "whole numbers" },
		{ "len ~ \"x\"", 5, "no text" },
		{ "u32 == \"x\"", 8, "whole number" },
		{ "u32 == true", 8, "whole number" },
		{ "yes == maybe", 8, "true or false" },
		{ "twice == \"x\"", 10, "is a number" },
		{ "twice & 1", 1, "no whole number" },
		{ "u32 & x", 7, "whole number has to follow &" },
		{ "u32 ~ \"x\"", 5, "no text" },
		{ "comm < \"x\"", 6, "no order" },
		{ "comm == 5", 9, "string in double quotes" },
		{ "addr", 5, "an address is compared" },
		{ "addr > \"10.0.0.1\"", 6, "no order" },
		{ "addr == 5", 9, "IPv4 address" },
		{ "addr == \"10.0.0.1/33\"", 9, "IPv4 address" },
		{ "addr == \"fe80::1\"", 9, "IPv4 address" },
		{ "u32 in 5", 8, "a set has to follow" },
		{ "u32 in {}", 9, "a value has to follow" },
		{ "u32 in {1", 10, "comma or ends" },
	};
	struct ring_filter *f = NULL;
	struct ring_schema *s = make_schema();
	char at[32], text[RING_FILTER_TEXT_MAX + 2];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		int err = ring_filter_compile(s, wrong[i].text, &f);

		snprintf(at, sizeof(at), "filter, character %u: ", wrong[i].at);
		if (err != -EINVAL || strncmp(ring_strerror(), at, strlen(at)) ||
		    !strstr(ring_strerror(), wrong[i].says))
			fail_msg("%s: %d, %s (want %s%s)", wrong[i].text, err,
				 err ? ring_strerror() : "accepted", at, wrong[i].says);
	}
	assert_rejected(ring_filter_compile(NULL, "pid == 1", &f), EINVAL);
	assert_non_null(strstr(ring_strerror(), "no schema"));
	assert_rejected(ring_filter_compile(NULL, "type == x", &f), EINVAL);

	/* Limits: characters, parentheses, comparisons, values. */
	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_rejected(ring_filter_compile(s, text, &f), E2BIG);
	memset(text, '(', 65);
	strcpy(text + 65, "u8");
	assert_rejected(ring_filter_compile(s, text, &f), EINVAL);
	assert_non_null(strstr(ring_strerror(), "character 65: parentheses"));
	for (text[0] = 0, i = 0; i < 600; i++)
		strcat(text, i ? "||u8" : "u8");
	assert_rejected(ring_filter_compile(s, text, &f), E2BIG);
	for (strcpy(text, "u8 in{0"), i = 0; i < 4096; i++)
		strcat(text, ",0");
	strcat(text, "}");
	assert_rejected(ring_filter_compile(s, text, &f), E2BIG);
	assert_null(f);
	ring_filter_free(f);
	ring_schema_close(s);
}

/* Whatever a record's bytes are, nothing outside the payload is read. */
static void test_hostile(void **state)
{
	static const char
		*const all = "comm ~ \"*a*b*?\" || rest ~ \"*a*a*a*b\" || raw ~ \"*\\x01*\""
			     " || addr == \"1.2.3.4/31\" || s128 == 1 || high == 3 ||"
			     " list[1].y == 3 || twice == 1.0";
	struct ring_schema *s = make_schema();
	struct ring_filter *f = compile(s, all);
	const size_t size = 4096;
	unsigned char *p = guarded_alloc(size);
	uint64_t seed = 3;
	size_t len, i;

	(void)state;
	for (i = 0; i < size; i++)
		p[i] = "aab"[next_random(&seed) % 3];
	for (len = 0; len < LEN_MAX + 600; len++) {
		const struct ring_record rec = {
			.type = 1,
			.payload = p + size - len,
			.len = (uint32_t)len,
		};

		ring_filter_match(f, &rec);
	}
	ring_filter_free(f);
	guarded_free(p, size);
	ring_schema_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	cmocka_unit_test(test_types),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
