/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Payloads that prove themselves: the length and every byte follow from the
 * record's number. Shared by seqring_test.ko and the programs that read it.
 */
#ifndef _SEQRING_TEST_PAYLOAD_H
#define _SEQRING_TEST_PAYLOAD_H

#include <linux/types.h>

/* Commands of /dev/seqring-test are lines of text; see test_driver.c. */
#define SEQRING_TEST_PATH	"/dev/seqring-test"

static inline __u64 test_mix(__u64 x)
{
	x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ULL;
	return x ^ (x >> 29);
}

/* At least the number itself; mostly short, sometimes up to @max. */
static inline __u32 test_payload_len(__u64 n, __u32 max)
{
	__u64 r = test_mix(n);
	__u32 top = (r & 63) ? (max < 256 ? max : 256) : max;

	return 8 + (__u32)((r >> 8) % (top - 7));
}

static inline unsigned char test_payload_byte(__u64 n, __u32 i)
{
	return (unsigned char)(n * 7 + i * 13 + (i >> 8));
}

static inline void test_payload_fill(unsigned char *p, __u64 n, __u32 len)
{
	__u32 i;

	for (i = 0; i < 8; i++)
		p[i] = (unsigned char)(n >> (8 * i));
	for (; i < len; i++)
		p[i] = test_payload_byte(n, i);
}

static inline __u64 test_payload_number(const unsigned char *p)
{
	__u64 n = 0;
	int i;

	for (i = 7; i >= 0; i--)
		n = n << 8 | p[i];
	return n;
}

/* Whether @p is what test_payload_fill() made for a record of at most @max. */
static inline int test_payload_ok(const unsigned char *p, __u32 len, __u32 max)
{
	__u64 n;
	__u32 i;

	if (len < 8)
		return 0;
	n = test_payload_number(p);
	if (len != test_payload_len(n, max))
		return 0;
	for (i = 8; i < len; i++)
		if (p[i] != test_payload_byte(n, i))
			return 0;
	return 1;
}

#endif /* _SEQRING_TEST_PAYLOAD_H */
