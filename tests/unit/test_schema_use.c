// SPDX-License-Identifier: GPL-2.0-only
/* Schemas: looking types up, walks that end early, printing, and taking one out of BTF. */

#include "schema_unit.h"

static void test_walk_outcomes(void **state)
{
	static const uint32_t p[2];
	struct types t = make_types();
	struct said said = { .stop_at = 2 };
	struct ring_schema *s;

	(void)state;
	begin_struct(&t, "two", 8);
	add_field(&t, "a", t.u32, 0);
	add_field(&t, "b", t.u32, 32);
	begin_struct(&t, "none", 0);
	begin_records(&t);
	add_record(&t, "two", 1);
	add_record(&t, "none", 2);
	s = open_types(&t);
	assert_int_equal(ring_schema_walk(s, 1, p, 8, say_field, &said, NULL), 42);
	assert_string_equal(said.text, "a=0");
	said = (struct said) { 0 };
	assert_rejected(ring_schema_walk(s, 1, p, 7, say_field, &said, NULL), EMSGSIZE);
	assert_rejected(ring_schema_walk(s, 0, p, 8, say_field, &said, NULL), ENOENT);
	assert_rejected(ring_schema_walk(s, 65535, p, 8, say_field, &said, NULL), ENOENT);
	assert_rejected(ring_schema_describe(s, 3, say_field, &said), ENOENT);
	assert_int_equal(said.calls, 0);
	assert_int_equal(ring_schema_walk(s, 2, NULL, 0, say_field, &said, NULL), 0);
	assert_int_equal(said.calls, 0);
	ring_schema_close(s);
}

static int count_calls(const struct ring_field *f, void *arg)
{
	(void)f;
	++*(uint64_t *)arg;
	return 0;
}

/* A record may be long, but not without bound. */
static void test_too_many_values(void **state)
{
	size_t len = 2 * ((size_t)RING_SCHEMA_VALUES_MAX + 10);
	struct types t = make_types();
	struct ring_schema *s = open_ended(&t, t.u16, 2);
	void *p = calloc(1, len);
	uint64_t calls = 0;

	(void)state;
	assert_non_null(p);
	/* The number, the array's beginning and its end. */
	assert_int_equal(ring_schema_walk(s, 1, p, 2 * ((size_t)RING_SCHEMA_VALUES_MAX - 2),
					  count_calls, &calls, NULL),
			 0);
	assert_int_equal(calls, RING_SCHEMA_VALUES_MAX);
	calls = 0;
	assert_rejected(ring_schema_walk(s, 1, p, len, count_calls, &calls, NULL), E2BIG);
	assert_int_equal(calls, RING_SCHEMA_VALUES_MAX);
	free(p);
	ring_schema_close(s);
}

static void test_lookup(void **state)
{
	static const uint16_t order[] = { 0, 3, 7, 65535 };
	struct ring_schema_type type = { .size = sizeof(type) };
	struct types t = make_types();
	struct ring_schema *s;
	uint32_t from = 0;
	size_t i;

	(void)state;
	begin_struct(&t, "a", 4);
	add_field(&t, "x", t.u32, 0);
	begin_struct(&t, "b", 2);
	begin_struct(&t, "c", 1);
	begin_struct(&t, "d", 0);
	begin_records(&t);
	add_record(&t, "c", 7);
	add_record(&t, "a", 65535);
	add_record(&t, "d", 0);
	add_record(&t, "b", 3);
	s = open_types(&t);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		assert_int_equal(ring_schema_next(s, from, &type), 0);
		assert_int_equal(type.type, order[i]);
		from = type.type + 1u;
	}
	assert_rejected(ring_schema_next(s, from, &type), ENOENT);
	assert_int_equal(ring_schema_find(s, "b", &type), 0);
	assert_int_equal(type.type, 3);
	assert_int_equal(type.min_len, 2);
	assert_int_equal(type.nr_fields, 0);
	assert_int_equal(type.open_ended, 0);
	assert_rejected(ring_schema_find(s, "e", &type), ENOENT);
	assert_int_equal(ring_schema_type(s, 65535, &type), 0);
	assert_string_equal(type.name, "a");
	assert_int_equal(type.nr_fields, 1);
	assert_rejected(ring_schema_type(s, 1, &type), ENOENT);
	type.size = sizeof(type) - 1;
	assert_rejected(ring_schema_type(s, 7, &type), EINVAL);
	ring_schema_close(s);
	ring_schema_close(NULL);
}

static int say_shape(const struct ring_field *f, void *arg)
{
	struct said *s = arg;

	say(s, "%s%u@%llu/%u/%u/%zu ", f->name ? f->name : "", f->kind,
	    (unsigned long long)f->bit_offset, f->bits, f->count, f->len);
	assert_null(f->data);
	return 0;
}

static void test_describe(void **state)
{
	struct types t = make_types();
	int comm = array_of(&t, t.c, 4);
	int pairs, argv = array_of(&t, typedef_of(&t, "seqring_strings", t.c), 0);
	struct said said = { .len = 0 };
	struct ring_schema *s;

	(void)state;
	pairs = valid(btf__add_struct(t.btf, "pair", 4));
	add_bits(&t, "l", t.u16, 0, 9);
	add_field(&t, "r", t.u16, 16);
	pairs = array_of(&t, pairs, 3);
	begin_struct(&t, "rec", 20);
	add_field(&t, "comm", comm, 0);
	add_field(&t, "pairs", pairs, 32);
	add_field(&t, "argv", argv, 128);
	one_record(&t, "rec");
	s = open_types(&t);
	assert_int_equal(ring_schema_describe(s, 1, say_shape, &said), 0);
	assert_string_equal(said.text,
			    "comm11@0/0/0/4 pairs3@32/0/3/0 1@32/0/0/0 l6@32/9/0/0 r6@48/16/0/0 "
			    "4@0/0/0/0 4@0/0/0/0 argv3@128/0/0/0 11@128/0/0/0 4@0/0/0/0 ");
	ring_schema_close(s);
}

static int say_enumerators(const struct ring_field *f, void *arg)
{
	const struct ring_enumerator *e = f->data;
	struct said *s = arg;
	uint32_t i;

	assert_int_equal(f->kind, RING_FIELD_ENUM);
	say(s, "%s %u:", f->name, f->is_signed);
	for (i = 0; i < f->count; i++)
		say(s, " %u %s=%llx", e[i].index, e[i].name, (unsigned long long)e[i].value);
	say(s, "; ");
	return 0;
}

/* Sorted by value; of two names for one value, the one declared first comes first. */
static void test_enumerators_are_described(void **state)
{
	struct types t = make_types();
	struct said said = { .len = 0 };
	struct ring_schema *s;
	int color, empty;

	(void)state;
	color = valid(btf__add_enum(t.btf, "color", 4));
	assert_int_equal(btf__add_enum_value(t.btf, "BLUE", -7), 0);
	assert_int_equal(btf__add_enum_value(t.btf, "RED", 1), 0);
	assert_int_equal(btf__add_enum_value(t.btf, "ALSO_RED", 1), 0);
	assert_int_equal(btf__add_enum_value(t.btf, "BLACK", 0), 0);
	empty = valid(btf__add_enum(t.btf, "few", 2));
	assert_int_equal(btf__add_enum_value(t.btf, "ONLY", 9), 0);
	begin_struct(&t, "rec", 8);
	add_field(&t, "c", color, 0);
	add_field(&t, "f", empty, 32);
	one_record(&t, "rec");
	s = open_types(&t);
	assert_int_equal(ring_schema_describe(s, 1, say_enumerators, &said), 0);
	assert_string_equal(said.text, "c 1: 3 BLACK=0 1 RED=1 2 ALSO_RED=1 0 BLUE=fffffff9; "
				       "f 0: 0 ONLY=9; ");
	ring_schema_close(s);
}

static int append(const char *text, size_t len, void *arg)
{
	say(arg, "%.*s", (int)len, text);
	return 0;
}

static int stop(const char *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	return ++*(int *)arg == 3 ? 17 : 0;
}

static void test_print(void **state)
{
	struct types t = make_types();
	int h = typedef_of(&t, "seqring_hex32", t.u32), text = array_of(&t, t.c, 0), calls = 0;
	struct said said = { .len = 0 };
	struct ring_schema *s;

	(void)state;
	begin_struct(&t, "rec", 16);
	add_field(&t, "flags", h, 0);
	add_field(&t, "p", t.ptr, 64);
	add_field(&t, "text", text, 128);
	one_record(&t, "rec");
	s = open_types(&t);
	assert_int_equal(ring_schema_print(s, append, &said), 0);
	assert_string_equal(said.text, "typedef unsigned int seqring_hex32;\n\n"
				       "struct rec {\n\tseqring_hex32 flags;\n\tvoid *p;\n"
				       "\tchar text[0];\n};\n\n"
				       "enum seqring_schema {\n\trec = 1,\n};\n\n");
	assert_int_equal(ring_schema_print(s, stop, &calls), 17);
	assert_int_equal(calls, 3);
	ring_schema_close(s);
}

/* Whether the compiler marked the enum as signed (clang 15) or not, -3 prints as -3. */
static void test_negative_enumerators_are_printed(void **state)
{
	struct said said = { .len = 0 };
	struct types t = make_types();
	struct ring_schema *s;
	struct btf_type *raw;
	int marked, old;

	(void)state;
	marked = valid(btf__add_enum(t.btf, "marked", 4));
	assert_int_equal(btf__add_enum_value(t.btf, "LOW", -3), 0);
	old = valid(btf__add_enum(t.btf, "old", 4));
	assert_int_equal(btf__add_enum_value(t.btf, "LOWER", -4), 0);
	assert_int_equal(btf__add_enum_value(t.btf, "HIGH", 2147483647), 0);
	raw = (struct btf_type *)btf__type_by_id(t.btf, (uint32_t)old);
	raw->info &= ~(1u << 31);
	begin_struct(&t, "rec", 8);
	add_field(&t, "m", marked, 0);
	add_field(&t, "o", old, 32);
	one_record(&t, "rec");
	s = open_types(&t);
	assert_int_equal(ring_schema_print(s, append, &said), 0);
	assert_non_null(strstr(said.text, "\tLOW = -3,\n"));
	assert_non_null(strstr(said.text, "\tLOWER = -4,\n\tHIGH = 2147483647,\n"));
	ring_schema_close(s);
}

/* Takes the schema out of much else, and the same again out of the result. */
static void test_extract(void **state)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct types t;
	struct ring_schema *s;
	void *blob, *again;
	size_t size, size_again;
	int pid, ctx;

	(void)state;
	if (!btf)
		skip();
	/* As its programs' own types are behind those of the kernel in some tools. */
	t.btf = btf;
	assert_rejected(ring_schema_from_btf(btf, &blob, &size), ENOENT);
	pid = btf__find_by_name(btf, "pid_t");
	ctx = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
	ctx = valid(btf__add_ptr(btf, ctx));
	begin_struct(&t, "rec", 16);
	add_field(&t, "pid", valid(pid), 0);
	add_field(&t, "task", ctx, 64);
	one_record(&t, "rec");
	assert_int_equal(ring_schema_from_btf(btf, &blob, &size), 0);
	assert_true(size < 400);
	s = open_types(&t);
	check_walk(s, (uint64_t[]) { 77, 0xabc }, 16, "pid=77 task=0xabc", 16);
	ring_schema_close(s);

	btf = btf__new(blob, (uint32_t)size);
	assert_non_null(btf);
	assert_int_equal(ring_schema_from_btf(btf, &again, &size_again), 0);
	assert_int_equal(size, size_again);
	assert_memory_equal(blob, again, size);
	btf__free(btf);
	free(blob);
	free(again);
}

/* A pointer of a 32-bit program is a number of 4 bytes. */
static void test_small_pointers(void **state)
{
	struct types t = make_types();
	int two = array_of(&t, t.ptr, 2);
	struct ring_schema *s;

	(void)state;
	assert_int_equal(btf__set_pointer_size(t.btf, 4), 0);
	begin_struct(&t, "rec", 8);
	add_field(&t, "p", two, 0);
	one_record(&t, "rec");
	s = open_types(&t);
	check_walk(s, (uint32_t[]) { 0x10, 0xffffffff }, 8, "p=2( 0x10 0xffffffff )", 8);
	ring_schema_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_outcomes),
		cmocka_unit_test(test_too_many_values),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_enumerators_are_described),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_negative_enumerators_are_printed),
		cmocka_unit_test(test_extract),
		cmocka_unit_test(test_small_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
