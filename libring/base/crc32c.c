// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * CRC-32C. x86-64 has an instruction for it. No library that Debian ships has a fast one: zlib's
 * CRC-32 takes longer than the copy of a record into a file.
 */

#include <pthread.h>
#include <string.h>

#include "crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t table[256];

static void fill_table(void)
{
	uint32_t i, crc;
	int bit;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[i] = crc;
	}
}

uint32_t libring_crc32c_plain(uint32_t crc, const void *data, size_t size)
{
	const unsigned char *p = data;

	pthread_once(&once, fill_table);
	for (crc = ~crc; size; size--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t crc, const void *data,
							     size_t size)
{
	const unsigned char *p = data;
	uint64_t sum = ~crc, word;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&word, p, 8);
		sum = __builtin_ia32_crc32di(sum, word);
	}
	for (; size; size--)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *p++);
	return ~(uint32_t)sum;
}

uint32_t libring_crc32c(uint32_t crc, const void *data, size_t size)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse(crc, data, size);
	return libring_crc32c_plain(crc, data, size);
}
#else
uint32_t libring_crc32c(uint32_t crc, const void *data, size_t size)
{
	return libring_crc32c_plain(crc, data, size);
}
#endif
