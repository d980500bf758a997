/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The self-proving payload of every test: length and content follow from the record's
 * number, so a reader needs nothing else to tell a whole record from a torn one. Its
 * definition is in the module's part, because the test driver is built without tests/.
 */
#ifndef TESTS_LIB_PAYLOAD_H
#define TESTS_LIB_PAYLOAD_H

#include "../../kmod/tests/payload.h"

/* test_payload_fill() by words, for long records at full speed. */
static inline void payload_fill(unsigned char *p, __u64 n, __u32 len)
{
	__u32 i;
	__u64 word;

	for (i = 0; i < len / 8; i++) {
		word = test_payload_word(n, i);
		__builtin_memcpy(p + 8 * (__u64)i, &word, 8);
	}
	for (i *= 8; i < len; i++)
		p[i] = test_payload_byte(n, i);
}

#endif /* TESTS_LIB_PAYLOAD_H */
