// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The watermark: the amount of unread data that wakes a reader. */

#include "../base/clock.h"
#include "reader.h"
#include "watermark.h"

/*
 * Gives the bytes to wake for: half the data area at the latest, since waiting longer
 * risks overrun. The module does the same.
 */
uint64_t libring_watermark_bytes(const struct ring_reader *r)
{
	uint64_t half = r->mapping.hdr.data_size / 2;

	return r->wakeup.bytes && r->wakeup.bytes < half ? r->wakeup.bytes : half;
}

/* Gives the records to wake for; LIBRING_NEVER: their number does not matter. */
uint64_t libring_watermark_records(const struct ring_reader *r)
{
	if (r->wakeup.records)
		return r->wakeup.records;
	return r->wakeup.bytes ? LIBRING_NEVER : 1;
}
