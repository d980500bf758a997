/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The watermark: the amount of unread data that wakes a reader. */
#ifndef LIBRING_READER_WATERMARK_H
#define LIBRING_READER_WATERMARK_H

#include <stdint.h>

struct ring_reader;

uint64_t libring_watermark_bytes(const struct ring_reader *r);
uint64_t libring_watermark_records(const struct ring_reader *r);

#endif /* LIBRING_READER_WATERMARK_H */
