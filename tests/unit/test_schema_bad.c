// SPDX-License-Identifier: GPL-2.0-only
/* Invalid schemas: each is refused with a sentence of its own. */

#include <endian.h>

#include "schema_raw.h"

/* The valid schema that the cases below break. */
static void test_good(void **state)
{
	struct raw *r = begin();

	(void)state;
	record(r, 4, 1, 0);
	records(r);
	accepted(r);
}

/* Refused with another @value in a field of the header. */
static void broken(struct raw *r, size_t size, void *field, size_t len, uint32_t value)
{
	uint32_t good = 0;

	memcpy(&good, field, len);
	memcpy(field, &value, len);
	assert_rejected(opened(r->blob, size), EPROTO);
	memcpy(field, &good, len);
}

static void test_no_btf(void **state)
{
	struct raw *r = begin();
	struct btf_header *h = (struct btf_header *)r->blob;
	size_t size;
	unsigned char byte;

	(void)state;
	record(r, 4, 1, 0);
	records(r);
	size = finish(r);
	assert_rejected(opened(r->blob, 0), EPROTO);
	assert_rejected(opened("{\"v\": \"u64\"} and so on, in JSON", 24), EPROTO);
	assert_rejected(opened(r->blob, SEQRING_SCHEMA_SIZE_MAX + 1), E2BIG);
	broken(r, size, &h->magic, sizeof(h->magic), 0x9feb);
	broken(r, size, &h->magic, sizeof(h->magic), 0);
	broken(r, size, &h->version, sizeof(h->version), 2);
	broken(r, size, &h->flags, sizeof(h->flags), 1);
	broken(r, size, &h->hdr_len, sizeof(h->hdr_len), 28);
	broken(r, size, &h->hdr_len, sizeof(h->hdr_len), 20);
	broken(r, size, &h->type_off, sizeof(h->type_off), 2);
	broken(r, size, &h->type_len, sizeof(h->type_len), UINT32_MAX);
	broken(r, size, &h->type_len, sizeof(h->type_len), h->type_len + 4);
	broken(r, size, &h->str_off, sizeof(h->str_off), UINT32_MAX);
	broken(r, size, &h->str_len, sizeof(h->str_len), h->str_len + 1);
	broken(r, size, &h->str_len, sizeof(h->str_len), 0);
	byte = r->blob[size - 1];
	r->blob[size - 1] = 'x';
	assert_rejected(opened(r->blob, size), EPROTO);
	r->blob[size - 1] = byte;
	assert_int_equal(opened(r->blob, size), 0);
	free(r);
}

/* An unknown value in a schema that is otherwise valid. */
static void test_long_header(void **state)
{
	struct raw *r = begin();
	struct btf_header *h = (struct btf_header *)r->blob;
	size_t size;

	(void)state;
	record(r, 4, 1, 0);
	records(r);
	size = finish(r);
	memmove(r->blob + sizeof(*h) + 4, r->blob + sizeof(*h), size - sizeof(*h));
	h->hdr_len = sizeof(*h) + 4;
	assert_rejected(opened(r->blob, size + 4), EPROTO);
	assert_non_null(strstr(ring_strerror(), "header of 28 bytes"));
	free(r);
}

static void test_bad_records(void **state)
{
	struct raw *r = begin();

	(void)state;
	record(r, 4, 1, 0);
	refused(r, "no enum seqring_schema");

	r = begin();
	records(r);
	refused(r, "has rec, but there is no struct rec");

	r = begin();
	type(r, "rec", BTF_KIND_UNION, 0, 4);
	records(r);
	refused(r, "has rec, but there is no struct rec");

	r = begin();
	record(r, 4, 1, 0);
	record(r, 4, 1, 0);
	records(r);
	refused(r, "more than one struct rec");

	r = begin();
	record(r, 4, 1, 0);
	records(r);
	records(r);
	refused(r, "more than one enum");

	r = begin();
	type(r, "seqring_schema", BTF_KIND_ENUM, 0, 4);
	refused(r, "has no enumerators");

	r = begin();
	record(r, 4, 1, 0);
	type(r, "seqring_schema", BTF_KIND_ENUM, 1, 4);
	word(r, string(r, "rec"));
	word(r, 65536);
	refused(r, "rec is 65536");

	r = begin();
	record(r, 4, 1, 0);
	type(r, "seqring_schema", BTF_KIND_ENUM | KFLAG, 1, 4);
	word(r, string(r, "rec"));
	word(r, UINT32_MAX);
	refused(r, "rec is -1");

	r = begin();
	record(r, 4, 1, 0);
	type(r, "seqring_schema", BTF_KIND_ENUM64, 1, 8);
	word(r, string(r, "rec"));
	word(r, 1);
	word(r, 1);
	refused(r, "rec is 4294967297");

	r = begin();
	record(r, 4, 1, 0);
	type(r, "seqring_schema", BTF_KIND_ENUM, 2, 4);
	word(r, string(r, "rec"));
	word(r, 1);
	word(r, string(r, "rec"));
	word(r, 2);
	refused(r, "has rec twice");

	r = begin();
	record(r, 4, 1, 0);
	type(r, "other", BTF_KIND_STRUCT, 0, 0);
	type(r, "seqring_schema", BTF_KIND_ENUM, 2, 4);
	word(r, string(r, "rec"));
	word(r, 1);
	word(r, string(r, "other"));
	word(r, 1);
	refused(r, "both of type 1");
}

static void test_bad_types(void **state)
{
	struct raw *r;

	(void)state;
	refused_member(begin(), 0, "type 0, the types");
	refused_member(begin(), 4, "type 4, the types are 1 to 3");
	refused_member(begin(), UINT32_MAX, "type 4294967295, the types are 1 to 3");
#define REFUSED(id, why)                     \
	do {                                 \
		uint32_t id_ = id;           \
		refused_member(r, id_, why); \
	} while (0)
	r = begin();
	REFUSED(integer(r, "odd", 3, 24), "odd has 3 bytes");
	r = begin();
	REFUSED(integer(r, "none", 0, 0), "none has 0 bytes");
	r = begin();
	REFUSED(integer(r, "wide", 32, 255), "wide has 32 bytes");
	r = begin();
	REFUSED(integer(r, "part", 4, 31), "part has 4 bytes and 31 bits");
	r = begin();
	REFUSED(integer(r, "moved", 4, 1 << 16 | 32), "moved has 4 bytes");
	r = begin();
	REFUSED(integer(r, "odd", 4, 0x8000020), "a type is not valid");
	r = begin();
	REFUSED(integer(r, NULL, 4, 32), "an integer without a name");
	r = begin();
	REFUSED(type(r, "f", BTF_KIND_FLOAT, 0, 5), "f has 5 bytes");
	r = begin();
	REFUSED(type(r, "e", BTF_KIND_ENUM, 0, 3), "enum e has 3 bytes");
	r = begin();
	REFUSED(type(r, "e", BTF_KIND_ENUM, 0, 16), "enum e has 16 bytes");
	r = begin();
	REFUSED(type(r, "fwd", BTF_KIND_FWD, 0, 0), "BTF kind 7");
	r = begin();
	REFUSED(type(r, NULL, BTF_KIND_FUNC_PROTO, 0, 1), "BTF kind 13");
	r = begin();
	REFUSED(type(r, NULL, BTF_KIND_CONST, 0, 0), "type 0, the types");
	r = begin();
	REFUSED(type(r, NULL, BTF_KIND_TYPEDEF, 0, 1), "a typedef without a name");
	r = begin();
	REFUSED(array(r, 0, 4), "type 0, the types");
	r = begin();
	REFUSED(array(r, 1, 1 << 30), "an array of 1073741824 elements of 4 bytes");
	r = begin();
	REFUSED(array(r, array(r, 1, 1 << 20), 1 << 20), "elements of 4194304 bytes");
	r = begin();
	REFUSED(array(r, type(r, "empty", BTF_KIND_STRUCT, 0, 0), 1 << 30), "have no size");
	r = begin();
	REFUSED(array(r, array(r, 1, 0), 5), "have no size");
	r = begin();
	REFUSED(type(r, "seqring_hex16", BTF_KIND_TYPEDEF, 0, 1),
		"seqring_hex16 is not declared as");
	r = begin();
	REFUSED(type(r, "seqring_hex64", BTF_KIND_TYPEDEF, 0, type(r, "f", BTF_KIND_FLOAT, 0, 8)),
		"seqring_hex64 is not declared as");
	r = begin();
	REFUSED(type(r, "seqring_ip4", BTF_KIND_TYPEDEF, 0, array(r, 1, 1)),
		"seqring_ip4 is not declared as");
	r = begin();
	REFUSED(type(r, "seqring_ip6", BTF_KIND_TYPEDEF, 0, array(r, 1, 4)),
		"seqring_ip6 is not declared as");
	r = begin();
	REFUSED(type(r, "seqring_strings", BTF_KIND_TYPEDEF, 0, 1),
		"seqring_strings is not declared as");
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = { "a b", "a\n", "\x1b[2J", "1a", "a-b", "\xc3\xa4", "a;" };
	char name[RING_SCHEMA_NAME_MAX + 2] = "";
	struct raw *r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		r = begin();
		type(r, "rec", BTF_KIND_STRUCT, 1, 4);
		member(r, bad[i], 1, 0);
		records(r);
		refused(r, "a name ");
		r = begin();
		type(r, bad[i], BTF_KIND_ENUM, 0, 4);
		refused_member(r, 2, "a name ");
		r = begin();
		type(r, "e", BTF_KIND_ENUM, 1, 4);
		word(r, string(r, bad[i]));
		word(r, 0);
		refused_member(r, 2, "a name ");
		r = begin();
		type(r, bad[i], BTF_KIND_TYPEDEF, 0, 1);
		refused_member(r, 2, "a name ");
		r = begin();
		integer(r, strcmp(bad[i], "a b") ? bad[i] : "a\t", 4, 32);
		refused_member(r, 2, "a name ");
	}
	memset(name, 'a', RING_SCHEMA_NAME_MAX);
	r = begin();
	type(r, name, BTF_KIND_TYPEDEF, 0, 1);
	record(r, 4, 2, 0);
	records(r);
	accepted(r);
	name[RING_SCHEMA_NAME_MAX] = 'a';
	r = begin();
	type(r, name, BTF_KIND_TYPEDEF, 0, 1);
	refused_member(r, 2, "more than 127 characters");
	r = begin();
	type(r, "e", BTF_KIND_ENUM, 1, 4);
	word(r, 0);
	word(r, 0);
	refused_member(r, 2, "an enumerator without a name");
	/* Outside the strings. */
	r = begin();
	type(r, "rec", BTF_KIND_STRUCT, 1, 4);
	word(r, 100000);
	word(r, 1);
	word(r, 0);
	records(r);
	refused(r, "a name is outside its strings");
}

static void test_bad_files(void **state)
{
	char path[] = "/tmp/test_schema.XXXXXX";
	int fd = mkstemp(path);
	struct raw *r = begin();
	size_t size;
	void *blob;

	(void)state;
	assert_true(fd >= 0);
	assert_rejected(ring_schema_from_file("/nonexistent/file", &blob, &size), ENOENT);
	assert_rejected(ring_schema_from_file("/tmp", &blob, &size), EISDIR);
	assert_rejected(ring_schema_from_file(path, &blob, &size), EPROTO);
	assert_int_equal(write(fd, "\177ELF and so on", 14), 14);
	assert_rejected(ring_schema_from_file(path, &blob, &size), EPROTO);
	/* This program's file: it has no BTF, since pahole did not process it. */
	assert_rejected(ring_schema_from_file("/proc/self/exe", &blob, &size), ENODATA);

	assert_int_equal(pwrite(fd, r->blob, finish(r), 0), (ssize_t)finish(r));
	assert_rejected(ring_schema_from_file(path, &blob, &size), ENOENT);
	assert_non_null(strstr(ring_strerror(), "no enum seqring_schema"));
	record(r, 4, 1, 0);
	records(r);
	assert_int_equal(pwrite(fd, r->blob, finish(r), 0), (ssize_t)finish(r));
	assert_int_equal(ring_schema_from_file(path, &blob, &size), 0);
	assert_int_equal(opened(blob, size), 0);
	free(blob);
	assert_int_equal(ftruncate(fd, (off_t)finish(r) - 1), 0);
	assert_rejected(ring_schema_from_file(path, &blob, &size), EPROTO);
	close(fd);
	unlink(path);
	free(r);
}

/* More than a ring takes. */
static void test_too_large(void **state)
{
	struct types t = make_types();
	char name[64];
	void *blob;
	size_t size;
	int e, i;

	(void)state;
	e = valid(btf__add_enum(t.btf, "e", 4));
	for (i = 0; i < 40000; i++) {
		snprintf(name, sizeof(name), "an_enumerator_with_a_long_name_%d", i);
		assert_int_equal(btf__add_enum_value(t.btf, name, i), 0);
	}
	begin_struct(&t, "rec", 4);
	add_field(&t, "e", e, 0);
	one_record(&t, "rec");
	assert_rejected(ring_schema_from_btf(t.btf, &blob, &size), E2BIG);
	btf__free(t.btf);
}

static void test_other_byte_order(void **state)
{
	struct types t = make_types();
	enum btf_endianness other = htole16(1) == 1 ? BTF_BIG_ENDIAN : BTF_LITTLE_ENDIAN;
	const void *raw;
	uint32_t len;
	void *blob;
	size_t size;

	(void)state;
	begin_struct(&t, "rec", 4);
	add_field(&t, "m", t.u32, 0);
	one_record(&t, "rec");
	assert_int_equal(btf__set_endianness(t.btf, other), 0);
	assert_rejected(ring_schema_from_btf(t.btf, &blob, &size), EPROTO);
	raw = btf__raw_data(t.btf, &len);
	assert_non_null(raw);
	assert_rejected(opened(raw, len), EPROTO);
	assert_non_null(strstr(ring_strerror(), "byte order"));
	btf__free(t.btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_no_btf),
		cmocka_unit_test(test_long_header),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_bad_types),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_other_byte_order),
	};

	libbpf_set_print(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
