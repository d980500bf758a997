// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Runs filters. The record may lie in the ring, where the writer may overwrite it meanwhile: so
 * each byte is loaded as a reader loads it, and no bound depends on what is loaded.
 */

#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "program.h"

typedef uint16_t __attribute__((__may_alias__)) alias_16;
typedef uint32_t __attribute__((__may_alias__)) alias_32;

/* Gives the place of byte @i, counted from the highest one, of a number of @size bytes. */
static inline uint32_t place_of(uint32_t i, uint32_t size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return size - 1 - i;
#else
	(void)size;
	return i;
#endif
}

static inline uint8_t load_byte(const unsigned char *p)
{
	return seqring_load_word(p);
}

/* Loads 1, 2, 4 or 8 bytes that are aligned. */
static inline uint64_t load_aligned(const unsigned char *p, uint32_t size)
{
	switch (size) {
	case 1:
		return load_byte(p);
	case 2:
		return seqring_load_word((const alias_16 *)(const void *)p);
	case 4:
		return seqring_load_word((const alias_32 *)(const void *)p);
	default:
		return seqring_load_word((const seqring_word *)(const void *)p);
	}
}

/* Loads up to 16 bytes of any alignment as one number of the machine's byte order. */
static struct filter_number load_unaligned(const unsigned char *p, uint32_t size)
{
	struct filter_number n = { 0 };
	uint32_t i, at;

	for (i = 0; i < size; i++) {
		at = place_of(i, size);
		n.high = n.high << 8 | n.low >> 56;
		n.low = n.low << 8 | load_byte(p + at);
	}
	return n;
}

static struct filter_number shift_right(struct filter_number n, uint32_t by)
{
	if (!by)
		return n;
	n.low = n.low >> by | n.high << (64 - by);
	n.high >>= by;
	return n;
}

/* Cuts @n to @bits, 1 to 64, and extends its sign. */
static struct filter_number extend(struct filter_number n, uint32_t bits, bool is_signed)
{
	uint64_t sign = 1ULL << (bits - 1);

	n.low &= sign | (sign - 1);
	if (is_signed)
		n.low = (n.low ^ sign) - sign;
	n.high = is_signed && n.low >> 63 ? UINT64_MAX : 0;
	return n;
}

static struct filter_number load_number(const struct filter_test *t, const unsigned char *p)
{
	struct filter_number n = { 0 };

	if (t->size <= 8 && !(t->size & (t->size - 1)) && !((uintptr_t)p & (t->size - 1)))
		n.low = load_aligned(p, t->size);
	else
		n = load_unaligned(p, t->size);
	n = shift_right(n, t->shift);
	if (t->bits <= 64)
		n = extend(n, t->bits, t->is_signed);
	else if (!t->is_signed && n.high >> 63)
		n.high = INT64_MAX; /* more than any number in an expression */
	if (t->is_bool) {
		n.low = n.low || n.high;
		n.high = 0;
	}
	return n;
}

/* The outcomes of a comparison that make an operator true: less 1, equal 2, greater 4. */
static const uint8_t outcomes[] = {
	[FILTER_EQ] = 2, [FILTER_NE] = 5, [FILTER_LT] = 1,  [FILTER_LE] = 3,
	[FILTER_GT] = 4, [FILTER_GE] = 6, [FILTER_SET] = 5,
};

/* @order: below 0 less, 0 equal, above 0 greater. With FILTER_SET, it compares with 0. */
static inline bool has_outcome(uint8_t op, int order)
{
	return outcomes[op] >> (1 + order) & 1;
}

static inline int get_order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static inline bool compare_numbers(const struct filter_test *t, struct filter_number n)
{
	const struct filter_number *c = &t->number;

	if (t->masked) {
		n.low &= t->mask;
		n.high = 0;
	}
	if (n.high == c->high)
		return has_outcome(t->op, get_order(n.low, c->low));
	/* Signed numbers have the order of unsigned ones when their highest bits are flipped. */
	return has_outcome(t->op, get_order(n.high ^ 1ULL << 63, c->high ^ 1ULL << 63));
}

/* A number of 1, 2, 4 or 8 bytes that has no mask, if it is aligned: most are. */
static inline bool compare_plain(const struct filter_test *t, const unsigned char *p)
{
	uint64_t v = load_aligned(p, t->size), flip = 0;

	if (t->is_signed) {
		v = (v ^ 1ULL << (t->bits - 1)) - (1ULL << (t->bits - 1));
		flip = 1ULL << 63;
	}
	v ^= flip;
	return has_outcome(t->op, get_order(v, t->number.low ^ flip));
}

static bool compare_reals(const struct filter_test *t, const unsigned char *p)
{
	struct filter_number n = load_unaligned(p, t->size);
	uint32_t low = (uint32_t)n.low;
	float single;
	double d;

	if (t->size == 8) {
		memcpy(&d, &n.low, sizeof(d));
	} else {
		memcpy(&single, &low, sizeof(single));
		d = (double)single;
	}
	switch (t->op) {
	case FILTER_EQ:
		return d == t->real;
	case FILTER_NE:
		return d != t->real;
	case FILTER_LT:
		return d < t->real;
	case FILTER_LE:
		return d <= t->real;
	case FILTER_GT:
		return d > t->real;
	case FILTER_GE:
		return d >= t->real;
	default:
		return d < 0 || d > 0; /* not NaN either */
	}
}

/* A text, which ends before @end, or with @zero at its first zero. */
struct text {
	const unsigned char *p;
	size_t end;
	bool zero;
};

/* Gives the byte at @i; -1 behind the end. */
static inline int text_at(const struct text *t, size_t i)
{
	int c;

	if (i >= t->end)
		return -1;
	c = load_byte(t->p + i);
	return t->zero && !c ? -1 : c;
}

static bool is_equal(const struct text *t, const uint16_t *to, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		if (text_at(t, i) != to[i])
			return false;
	return text_at(t, len) < 0;
}

/*
 * A pattern without recursion: after a mismatch it goes back to the last *, which takes one byte
 * more each time. So the steps are bounded by the lengths, whatever the bytes become meanwhile.
 */
static bool is_like(const struct text *t, const uint16_t *pattern, uint32_t len)
{
	uint32_t p = 0, star = UINT32_MAX;
	size_t i = 0, from = 0;
	int c;

	for (;;) {
		if (p < len && pattern[p] == FILTER_MANY) {
			star = p++;
			from = i;
			continue;
		}
		c = text_at(t, i);
		if (c < 0 && p == len)
			return true;
		if (c >= 0 && p < len && (pattern[p] == FILTER_ONE || pattern[p] == c)) {
			i++;
			p++;
			continue;
		}
		if (star == UINT32_MAX || text_at(t, from) < 0)
			return false;
		p = star + 1;
		i = ++from;
	}
}

/* Moves @t to its string number @index, as a walk counts them. Return: whether there is one. */
static bool find_string(struct text *t, uint32_t index, bool fixed)
{
	size_t i;

	/* In an array with a length, further zeros at the end are padding. */
	while (fixed && t->end && !load_byte(t->p + t->end - 1) &&
	       (t->end == 1 || !load_byte(t->p + t->end - 2)))
		t->end--;
	for (i = 0; index && i < t->end; i++)
		index -= !load_byte(t->p + i);
	t->p += i;
	t->end -= i;
	return !index && t->end;
}

static bool compare_text(const struct ring_filter *f, const struct filter_test *t,
			 const struct seqring_view *v)
{
	const uint16_t *to = f->strings + t->text;
	struct text text = {
		.p = (const unsigned char *)v->payload + t->offset,
		.end = t->size ? t->size : v->len - t->offset,
		.zero = t->kind == FILTER_TEXT,
	};

	if (t->strings && !find_string(&text, t->index, t->size))
		return false;
	switch (t->op) {
	case FILTER_EQ:
		return is_equal(&text, to, t->len);
	case FILTER_NE:
		return !is_equal(&text, to, t->len);
	case FILTER_LIKE:
		return is_like(&text, to, t->len);
	case FILTER_UNLIKE:
		return !is_like(&text, to, t->len);
	default:
		return text_at(&text, 0) >= 0;
	}
}

static bool compare_addr(const struct ring_filter *f, const struct filter_test *t,
			 const unsigned char *p)
{
	const uint16_t *to = f->strings + t->text;
	uint32_t i, diff = 0;

	for (i = 0; i < (t->bits + 7u) / 8; i++) {
		uint32_t left = t->bits - 8 * i;

		diff |= (load_byte(p + i) ^ to[i]) >> (left < 8 ? 8 - left : 0);
	}
	return (t->op == FILTER_EQ) == !diff;
}

static inline bool is_true(const struct ring_filter *f, const struct filter_test *t, uint32_t ring,
			   const struct seqring_view *v)
{
	const unsigned char *p = (const unsigned char *)v->payload + t->offset;

	/* A record may be shorter than its type. Attributes have neither offset nor size. */
	if (seqring_unlikely(t->offset > v->len || t->size > v->len - t->offset))
		return false;
	switch (t->kind) {
	case FILTER_INT:
		if (seqring_likely(t->is_plain && !((uintptr_t)p & (t->size - 1))))
			return compare_plain(t, p);
		return compare_numbers(t, load_number(t, p));
	case FILTER_TYPE:
		return compare_numbers(t, (struct filter_number) { .low = v->type });
	case FILTER_LEN:
		return compare_numbers(t, (struct filter_number) { .low = v->len });
	case FILTER_RING:
		return compare_numbers(t, (struct filter_number) { .low = ring });
	case FILTER_SEQ:
		return compare_numbers(t, (struct filter_number) { .low = v->seq });
	case FILTER_TIME:
		return compare_numbers(t, (struct filter_number) { .low = v->ts_ns });
	case FILTER_FLOAT:
		return compare_reals(t, p);
	case FILTER_ADDR:
		return compare_addr(f, t, p);
	default:
		return compare_text(f, t, v);
	}
}

/* Each jump goes to a lower number, so it ends. */
bool libring_filter_match(const struct ring_filter *f, uint32_t ring, const struct seqring_view *v)
{
	uint32_t at = v->type < f->nr_entries ? f->entries[v->type] : f->other;

	while (at >= FILTER_FIRST) {
		const struct filter_test *t = &f->tests[at];

		at = is_true(f, t, ring, v) ? t->yes : t->no;
	}
	return at;
}

int ring_filter_match(const struct ring_filter *f, const struct ring_record *rec)
{
	const struct seqring_view v = {
		.seq = rec->seq,
		.ts_ns = rec->ts_ns,
		.payload = rec->len ? rec->payload : "",
		.len = rec->len,
		.type = rec->type,
	};

	libring_forget_error();
	return libring_filter_match(f, rec->ring, &v);
}

static void *copy_of(const void *p, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (copy && size)
		memcpy(copy, p, size);
	return copy;
}

/* Return: 0; -ENOMEM with a sentence. */
int libring_filter_copy(const struct ring_filter *f, struct ring_filter **out)
{
	struct ring_filter *copy = copy_of(f, sizeof(*f));

	if (!copy)
		return libring_set_error(ENOMEM, "no memory for a filter");
	copy->entries = copy_of(f->entries, f->nr_entries * sizeof(*f->entries));
	copy->tests = copy_of(f->tests, f->nr_tests * sizeof(*f->tests));
	copy->strings = copy_of(f->strings, f->nr_strings * sizeof(*f->strings));
	if (!copy->entries || !copy->tests || !copy->strings) {
		ring_filter_free(copy);
		return libring_set_error(ENOMEM, "no memory for a filter");
	}
	*out = copy;
	return 0;
}

void ring_filter_free(struct ring_filter *f)
{
	if (!f)
		return;
	free(f->entries);
	free(f->tests);
	free(f->strings);
	free(f);
}
