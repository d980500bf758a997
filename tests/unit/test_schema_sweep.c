// SPDX-License-Identifier: GPL-2.0-only
/*
 * A schema with all there is, broken in every bit, at every length and at random: it
 * is refused, or records are decoded by it without harm. A read past the end ends
 * the test: nothing is mapped behind a payload.
 */

#include <bpf/libbpf.h>

#include "schema_unit.h"

#define PAYLOAD (1u << 16)

struct sweep {
	unsigned char *blob;
	size_t size;
	const unsigned char *payload; /* PAYLOAD bytes, then nothing */
	unsigned int opened;
	unsigned int refused;
};

/* Uses all members of a field. */
static int look(const struct ring_field *f, void *arg)
{
	const unsigned char *data = f->data;
	uint64_t *sum = arg;
	size_t i;

	if (f->kind < RING_FIELD_STRUCT || f->kind > RING_FIELD_IP6)
		fail_msg("kind %u", f->kind);
	for (i = 0; data && i < f->len; i++)
		*sum += data[i];
	for (i = 0; f->text && i < f->len; i++)
		*sum += (unsigned char)f->text[i];
	*sum += f->u + f->high + (f->name ? strlen(f->name) : 0);
	return 0;
}

static int look_at_text(const char *text, size_t len, void *arg)
{
	size_t *sum = arg;

	for (; len; len--)
		*sum += (unsigned char)*text++;
	return 0;
}

static void use(const struct sweep *w, const struct ring_schema *s)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	uint64_t sum = 0;
	uint32_t from = 0;
	int err;

	while (!ring_schema_next(s, from, &type)) {
		const uint32_t more[] = { 0, 1, 7, 64 };
		size_t i;

		from = type.type + 1u;
		err = ring_schema_describe(s, type.type, look, &sum);
		assert_true(!err || err == -E2BIG);
		if (type.min_len > PAYLOAD - 64)
			continue;
		for (i = 0; i < ARRAY_SIZE(more); i++) {
			size_t len = type.min_len + more[i], used = 0;

			err = ring_schema_walk(s, type.type, w->payload + PAYLOAD - len, len, look,
					       &sum, &used);
			assert_true((!err && used <= len) || err == -E2BIG);
		}
		if (type.min_len)
			assert_int_equal(ring_schema_walk(s, type.type, w->payload,
							  type.min_len - 1, look, &sum, NULL),
					 -EMSGSIZE);
	}
	/* libbpf may refuse to print types that C cannot express. */
	ring_schema_print(s, look_at_text, &sum);
}

static void try(struct sweep *w, const unsigned char *blob, size_t size)
{
	struct ring_schema *s = NULL;
	int err = ring_schema_open(blob, size, &s);

	if (err) {
		assert_true(err == -EPROTO || err == -E2BIG);
		w->refused++;
		return;
	}
	w->opened++;
	use(w, s);
	ring_schema_close(s);
}

static void add_all(struct types *t)
{
	int e, wide, inner, anon, pts, text, args, grid, hex, ip4, ip6;

	e = valid(btf__add_enum(t->btf, "color", 4));
	btf__add_enum_value(t->btf, "RED", 1);
	btf__add_enum_value(t->btf, "GREEN", 2);
	wide = valid(btf__add_enum64(t->btf, "wide", 8, true));
	btf__add_enum64_value(t->btf, "FAR", 1ULL << 40);
	inner = valid(btf__add_struct(t->btf, "inner", 4));
	add_field(t, "x", t->s16, 0);
	add_field(t, "y", t->u16, 16);
	anon = valid(btf__add_union(t->btf, NULL, 4));
	add_field(t, "word", t->u32, 0);
	add_field(t, "in", inner, 0);
	pts = array_of(t, inner, 3);
	text = array_of(t, t->c, 0);
	args = array_of(t, typedef_of(t, "seqring_strings", t->c), 0);
	grid = array_of(t, array_of(t, t->u16, 3), 2);
	hex = typedef_of(t, "seqring_hex32", typedef_of(t, "__u32", t->u32));
	ip4 = typedef_of(t, "seqring_ip4", t->u32);
	ip6 = typedef_of(t, "seqring_ip6", array_of(t, t->u8, 16));

	begin_struct(t, "all", 128);
	add_field(t, "s8", t->s8, 0);
	add_field(t, "yes", t->yes, 8);
	add_bits(t, "b3", t->u16, 16, 3);
	add_bits(t, "b9", t->s16, 19, 9);
	add_field(t, "color", e, 32);
	add_field(t, "wide", wide, 64);
	add_field(t, "big", t->u128, 128);
	add_field(t, "single", t->single, 256);
	add_field(t, NULL, anon, 288);
	add_field(t, "pts", pts, 320);
	add_field(t, "grid", grid, 416);
	add_field(t, "hex", hex, 512);
	add_field(t, "ip4", ip4, 544);
	add_field(t, "ip6", ip6, 576);
	add_field(t, "ptr", t->ptr, 704);
	add_field(t, "text", text, 1024);
	begin_struct(t, "args", 8);
	add_field(t, "n", t->u64, 0);
	add_field(t, "argv", args, 64);
	begin_records(t);
	add_record(t, "all", 1);
	add_record(t, "args", 2);
}

static int setup(void **state)
{
	static struct sweep w;
	struct types t = make_types();
	unsigned char *payload = guarded_alloc(PAYLOAD);
	void *blob;
	size_t i;

	add_all(&t);
	assert_int_equal(ring_schema_from_btf(t.btf, &blob, &w.size), 0);
	btf__free(t.btf);
	for (i = 0; i < PAYLOAD; i++)
		payload[i] = (unsigned char)(i * 37 >> 3);
	w.blob = blob;
	w.payload = payload;
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct sweep *w = *state;

	guarded_free((void *)w->payload, PAYLOAD);
	free(w->blob);
	return 0;
}

/* Both outcomes occurred, so the sweep covered both. */
static void check_sweep(struct sweep *w, unsigned int at_least)
{
	assert_true(w->opened + w->refused >= at_least);
	assert_true(w->opened > 10 && w->refused > 10);
	w->opened = 0;
	w->refused = 0;
}

static void test_unbroken(void **state)
{
	struct sweep *w = *state;

	try(w, w->blob, w->size);
	assert_int_equal(w->opened, 1);
	w->opened = 0;
}

static void test_every_bit(void **state)
{
	struct sweep *w = *state;
	size_t bit;

	for (bit = 0; bit < 8 * w->size; bit++) {
		w->blob[bit / 8] ^= (unsigned char)(1 << bit % 8);
		try(w, w->blob, w->size);
		w->blob[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	check_sweep(w, 8000);
}

static void test_every_word(void **state)
{
	static const uint32_t values[] = {
		0,   1,	  2,   3,      4,	 8,	     16,	 31,	     40,
		127, 255, 256, 0xffff, 0xffffff, 0x7fffffff, 0x80000000, 0xfffffff8, UINT32_MAX,
	};
	struct sweep *w = *state;
	uint32_t kept;
	size_t at, i;

	for (at = 0; at + 4 <= w->size; at += 4) {
		memcpy(&kept, w->blob + at, 4);
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			memcpy(w->blob + at, &values[i], 4);
			try(w, w->blob, w->size);
		}
		memcpy(w->blob + at, &kept, 4);
	}
	check_sweep(w, 4000);
}

/* Cut off, also where the header knows about it. */
static void test_every_length(void **state)
{
	struct sweep *w = *state;
	size_t size;

	for (size = 0; size < w->size; size++) {
		unsigned char *cut = malloc(size + 1);
		uint32_t strs;

		assert_non_null(cut);
		memcpy(cut, w->blob, size);
		try(w, cut, size);
		assert_int_equal(w->opened, 0);
		memcpy(&strs, w->blob + 16, 4);
		if (size > 24 + strs) {
			strs = (uint32_t)size - 24 - strs;
			memcpy(cut + 20, &strs, 4);
			cut[size - 1] = 0;
			try(w, cut, size);
			w->opened = 0;
		}
		free(cut);
	}
	assert_true(w->refused >= w->size);
	w->refused = 0;
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Replaces several words at once by words from elsewhere: types by other types. */
static void test_random(void **state)
{
	struct sweep *w = *state;
	unsigned char *broken = malloc(w->size);
	uint64_t seed = 0x5e9;
	int round, i;

	assert_non_null(broken);
	for (round = 0; round < 20000; round++) {
		memcpy(broken, w->blob, w->size);
		for (i = 0; i <= (int)(random64(&seed) % 3); i++) {
			size_t to = 24 + random64(&seed) % ((w->size - 24) / 4) * 4;
			size_t from = random64(&seed) % (w->size / 4) * 4;

			if (random64(&seed) % 2)
				memcpy(broken + to, w->blob + from, 4);
			else
				broken[to] = (unsigned char)random64(&seed);
		}
		try(w, broken, w->size);
	}
	free(broken);
	check_sweep(w, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unbroken),   cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_word), cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_random),
	};

	libbpf_set_print(NULL);
	return cmocka_run_group_tests(tests, setup, teardown);
}
