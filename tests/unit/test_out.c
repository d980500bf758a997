// SPDX-License-Identifier: GPL-2.0-only
/* What the tools print fast is what printf() prints, and JSON keeps every text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../tools/lib/json_text.h"
#include "../../tools/lib/out.h"
#include "../lib/random.h"
#include "unit.h"

/* What was appended since the last call is @want. */
static void expect(struct out *o, const char *want)
{
	assert_int_equal(o->err, 0);
	assert_int_equal(o->len, strlen(want));
	assert_memory_equal(o->buf, want, o->len);
	o->len = 0;
}

static void check_numbers(struct out *o, uint64_t v)
{
	char want[32];

	out_uint(o, v);
	snprintf(want, sizeof(want), "%" PRIu64, v);
	expect(o, want);
	out_int(o, (int64_t)v);
	snprintf(want, sizeof(want), "%" PRId64, (int64_t)v);
	expect(o, want);
	out_hex(o, v);
	snprintf(want, sizeof(want), "0x%" PRIx64, v);
	expect(o, want);
	out_digits(o, v, 1);
	snprintf(want, sizeof(want), "%" PRIu64, v);
	expect(o, want);
	out_digits(o, v, 9);
	snprintf(want, sizeof(want), "%09" PRIu64, v);
	expect(o, want);
	out_digits(o, v, 20);
	snprintf(want, sizeof(want), "%020" PRIu64, v);
	expect(o, want);
}

/* Each power of two and of ten, with its neighbours, and numbers of any length. */
static void test_numbers(void **state)
{
	struct out o = { 0 };
	uint64_t random = 1, v;
	unsigned int i;

	(void)state;
	for (v = 1; v; v *= 2) {
		check_numbers(&o, v - 1);
		check_numbers(&o, v);
		check_numbers(&o, v + 1);
	}
	for (v = 1, i = 0; i < 20; i++, v *= 10) {
		check_numbers(&o, v - 1);
		check_numbers(&o, v);
	}
	check_numbers(&o, UINT64_MAX);
	for (i = 0; i < 100000; i++)
		check_numbers(&o, next_random(&random) >> (i % 64));
	out_free(&o);
}

/* The buffer grows while it is in use, and every byte stays. */
static void test_grows(void **state)
{
	struct out o = { 0 };
	const size_t nr = 1 << 20;
	size_t i;

	(void)state;
	for (i = 0; i < nr; i++) {
		const unsigned char byte = (unsigned char)(i * 7);

		out_append(&o, &byte, 1);
	}
	assert_int_equal(o.err, 0);
	assert_int_equal(o.len, nr);
	for (i = 0; i < nr; i++)
		assert_int_equal((unsigned char)o.buf[i], (unsigned char)(i * 7));
	assert_null(out_reserve(&o, SIZE_MAX));
	assert_int_equal(o.err, -ENOMEM);
	/* Nothing more is appended. */
	out_string(&o, "x");
	out_uint(&o, 1);
	json_put_string(&o, "x");
	assert_int_equal(o.len, nr);
	out_free(&o);
}

/* @want: with its quotes */
struct text {
	const char *text, *want;
};

/* U+00E9, U+20AC and U+1F600 are shown; U+0085, U+200B and U+E0001 are not. */
static const struct text texts[] = {
	{ "", "\"\"" },
	{ "plain /text", "\"plain /text\"" },
	{ "\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\"" },
	{ "\1\33\37\177", "\"\\u0001\\u001b\\u001f\\u007f\"" },
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ "a\xc2\x85\xe2\x80\x8b.", "\"a\\u0085\\u200b.\"" },
	{ "\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"" },
	{ "a\xff", "{\"hex\":\"61ff\"}" },
	{ "\xc3", "{\"hex\":\"c3\"}" },
	{ "\xed\xa0\x80", "{\"hex\":\"eda080\"}" },
	{ "\xc0\x80", "{\"hex\":\"c080\"}" },
};

static void test_json(void **state)
{
	struct out o = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_put_string(&o, texts[i].text);
		expect(&o, texts[i].want);
	}
	json_put_text(&o, "a\0b", 3);
	expect(&o, "\"a\\u0000b\"");
	json_put_text(&o, NULL, 0);
	expect(&o, "\"\"");
	json_put_hex(&o, "\0\x7f\xff", 3);
	expect(&o, "\"007fff\"");
	json_put_hex(&o, NULL, 0);
	expect(&o, "\"\"");
	json_put_key(&o, true, "first");
	json_put_key(&o, false, "next");
	expect(&o, "{\"first\":,\"next\":");
	out_free(&o);
}

/* The longest escapes exactly fill what is reserved: a sanitizer would see one byte more. */
static void test_longest(void **state)
{
	char in[1000];
	struct out o = { 0 };
	size_t i, n;

	(void)state;
	memset(in, 1, sizeof(in));
	for (n = 0; n < sizeof(in); n += 37) {
		json_put_text(&o, in, n);
		assert_int_equal(o.len, 6 * n + 2);
		for (i = 0; i < n; i++)
			assert_memory_equal(o.buf + 1 + 6 * i, "\\u0001", 6);
		out_free(&o);
		o = (struct out) { 0 };
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
