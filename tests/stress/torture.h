/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of the torture: length, type, time and every byte follow from the seq. */
#ifndef TORTURE_H
#define TORTURE_H

#include "../lib/payload.h"
#include "seqring/reader.h"
#include "seqring/writer.h"

#define TORTURE_BUF (1u << 20)

/* Mostly short, one in 64 up to the largest that the ring or the buffer takes. */
static inline uint32_t record_len(uint64_t seq, uint32_t max)
{
	return test_payload_len_from(seq, 0, max < TORTURE_BUF ? max : TORTURE_BUF);
}

/* True if @v with the payload at @p is the record of its seq, as far as @have bytes. */
static inline int record_ok(const struct seqring_view *v, const unsigned char *p, uint32_t max,
			    uint32_t have)
{
	return v->len == record_len(v->seq, max) && v->ts_ns == ~v->seq &&
	       v->type == (uint16_t)v->seq && !v->flags &&
	       test_payload_is(p, v->seq, v->len < have ? v->len : have);
}

#endif /* TORTURE_H */
