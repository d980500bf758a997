/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Self-proving payloads: the length and every byte follow from the record's number. Used
 * by seqring_test.ko and by the programs that read its records.
 */
#ifndef _SEQRING_TEST_PAYLOAD_H
#define _SEQRING_TEST_PAYLOAD_H

#include <linux/types.h>

/* Commands of /dev/seqring-test are lines of text; see driver.c. */
#define SEQRING_TEST_PATH	"/dev/seqring-test"

static inline __u64 test_mix(__u64 x)
{
	x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ULL;
	return x ^ (x >> 29);
}

/* A length: mostly short, sometimes up to @max, never below @min, which is at most 256. */
static inline __u32 test_payload_len_from(__u64 n, __u32 min, __u32 max)
{
	__u64 r = test_mix(n);
	__u32 top = (r & 63) ? (max < 256 ? max : 256) : max;

	return min + (__u32)((r >> 8) % (top - min + 1));
}

/* Length of a record that contains its number. */
static inline __u32 test_payload_len(__u64 n, __u32 max)
{
	return test_payload_len_from(n, 8, max);
}

/* The first word is the number itself. */
static inline __u64 test_payload_word(__u64 n, __u32 i)
{
	return i ? (n + 1) * 0x9e3779b97f4a7c15ULL + i * 0x10001ULL : n;
}

static inline unsigned char test_payload_byte(__u64 n, __u32 i)
{
	return (unsigned char)(test_payload_word(n, i / 8) >> i % 8 * 8);
}

/* Fills byte by byte: a record that is open for longer meets more interrupts. */
static inline void test_payload_fill(unsigned char *p, __u64 n, __u32 len)
{
	__u32 i;

	for (i = 0; i < len; i++)
		p[i] = test_payload_byte(n, i);
}

static inline __u64 test_payload_number(const unsigned char *p)
{
	__u64 n;

	__builtin_memcpy(&n, p, 8);
	return n;
}

/* True if @p is the payload of record @n. */
static inline int test_payload_is(const unsigned char *p, __u64 n, __u32 len)
{
	__u32 i;

	for (i = 0; i < len / 8; i++)
		if (test_payload_number(p + 8 * (__u64)i) != test_payload_word(n, i))
			return 0;
	for (i *= 8; i < len; i++)
		if (p[i] != test_payload_byte(n, i))
			return 0;
	return 1;
}

/* True if test_payload_fill() made @p, for a record of at most @max bytes. */
static inline int test_payload_ok(const unsigned char *p, __u32 len, __u32 max)
{
	__u64 n;

	if (len < 8)
		return 0;
	n = test_payload_number(p);
	return len == test_payload_len(n, max) && test_payload_is(p, n, len);
}

#endif /* _SEQRING_TEST_PAYLOAD_H */
