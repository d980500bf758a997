/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* CRC-32C (Castagnoli), the checksum of recordings. */
#ifndef LIBRING_BASE_CRC32C_H
#define LIBRING_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Return: the CRC of @size bytes that follow others with the CRC @crc; 0: none come before. */
uint32_t libring_crc32c(uint32_t crc, const void *data, size_t size);

/* The same without an instruction of the processor, for the test that compares both. */
uint32_t libring_crc32c_plain(uint32_t crc, const void *data, size_t size);

#endif /* LIBRING_BASE_CRC32C_H */
