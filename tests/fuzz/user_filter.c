// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters: any text as an expression, for a schema of many kinds of fields or a hostile one, and
 * records with any bytes. Expression, schema and payload are in allocations of exactly their size.
 * What a filter decides of a type at once must be what it decides of a record of that type.
 */

#include <bpf/libbpf.h>

#include "libring.h"
#include "libring/filter.h"
#include "libring/schema.h"
#include "user_fuzz.h"
#include "../../libring/filter/program.h"

#define RECORDS_MAX 16

/* user.sh makes the schema. */
static struct ring_schema *open_schema(void)
{
	static char blob[SEQRING_SCHEMA_SIZE_MAX];
	struct ring_schema *s = NULL;
	FILE *f = fopen(FILTER_SCHEMA, "re");
	size_t size = f ? fread(blob, 1, sizeof(blob), f) : 0;

	if (!size || ring_schema_open(blob, size, &s))
		fuzz_fail("no schema in " FILTER_SCHEMA);
	fclose(f);
	return s;
}

static void *copy_of(const void *p, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

/* Checks that the program only goes down, and knows the types that it can accept. */
static void check_program(const struct ring_filter *f)
{
	uint32_t i;

	for (i = FILTER_FIRST; i < f->nr_tests; i++) {
		const struct filter_test *t = &f->tests[i];

		FUZZ_CHECK(t->yes < i && t->no < i, "test %u goes to %u and %u", i, t->yes, t->no);
		FUZZ_CHECK(t->text + (uint64_t)t->len <= f->nr_strings, "test %u has no text", i);
	}
	FUZZ_CHECK(f->nr_entries <= FILTER_NR_TYPES, "%u entries", f->nr_entries);
	/* All types behind the entries are alike. */
	for (i = 0; i < FILTER_NR_TYPES && i < f->nr_entries + 64; i++) {
		uint32_t entry = i < f->nr_entries ? f->entries[i] : f->other;

		FUZZ_CHECK(entry < f->nr_tests, "type %u begins at %u", i, entry);
		FUZZ_CHECK((f->types[i / 64] >> i % 64 & 1) == (entry != FILTER_REJECT),
			   "type %u: entry %u", i, entry);
	}
}

static void match(const struct ring_filter *f, const struct ring_record *rec)
{
	void *payload = copy_of(rec->payload, rec->len);
	struct ring_record copy = *rec;
	int is, again;

	copy.payload = payload;
	is = ring_filter_match(f, &copy);
	FUZZ_CHECK(is == 0 || is == 1, "a match is %d", is);
	if (!(f->types[rec->type / 64] >> rec->type % 64 & 1))
		FUZZ_CHECK(!is, "type %u matches, and cannot", rec->type);
	/* Alignment and what lies behind the payload make no difference. */
	free(payload);
	payload = malloc(rec->len + 9u);
	memset(payload, 'a', rec->len + 9u);
	memcpy((char *)payload + 1, rec->payload, rec->len);
	copy.payload = (char *)payload + 1;
	again = ring_filter_match(f, &copy);
	FUZZ_CHECK(is == again, "a match is %d and then %d", is, again);
	free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The first two bytes are the length of the expression, the next two that of a schema; 0: the
 * expression is for the schema of user.sh. Records follow: type, then a length, then payload.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ring_schema *fixed;
	struct fuzz_input in = { data, data + size };
	struct ring_schema *s, *own = NULL;
	struct ring_filter *f = NULL;
	size_t len, schema_len, n;
	char *text;
	int err;

	libbpf_set_print(NULL);
	if (!fixed)
		fixed = open_schema();
	len = fuzz_16(&in);
	schema_len = fuzz_16(&in);
	len = len < (size_t)(in.end - in.at) ? len : (size_t)(in.end - in.at);
	text = malloc(len + 1);
	memcpy(text, in.at, len);
	text[len] = 0;
	in.at += len;
	if (schema_len && schema_len <= (size_t)(in.end - in.at)) {
		void *blob = copy_of(in.at, schema_len);

		if (ring_schema_open(blob, schema_len, &own))
			own = NULL;
		free(blob);
		in.at += schema_len;
	}
	s = own ? own : schema_len == 1 ? NULL : fixed;
	err = ring_filter_compile(s, text, &f);
	FUZZ_CHECK(!err || err == -EINVAL || err == -E2BIG || err == -ENOMEM, "error %d", err);
	FUZZ_CHECK(!err || *ring_strerror(), "error %d without a sentence", err);
	FUZZ_CHECK(!err == !!f, "error %d, and %s filter", err, f ? "a" : "no");
	free(text);
	if (f)
		check_program(f);
	for (n = 0; f && n < RECORDS_MAX && in.at < in.end; n++) {
		struct ring_record rec = { .seq = n + 1 };
		size_t left;

		rec.type = fuzz_8(&in);
		rec.len = fuzz_8(&in);
		rec.ts_ns = rec.type ^ rec.len;
		left = (size_t)(in.end - in.at);
		rec.len = rec.len < left ? rec.len : (uint32_t)left;
		rec.payload = in.at;
		match(f, &rec);
		in.at += rec.len;
	}
	ring_filter_free(f);
	ring_schema_close(own);
	return 0;
}
