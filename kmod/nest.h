/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SEQRING_NEST_H
#define _SEQRING_NEST_H

#include "internal.h"

/**
 * struct seqring_nested - a record in a side buffer; the payload follows it
 * @ts_ns: its time
 * @len: bytes of the payload
 * @type: the producer's type
 */
struct seqring_nested {
	u64 ts_ns;
	u32 len;
	u16 type;
};

int seqring_nest_put(struct seqring_cpu *c, const struct seqring_nested *rec,
		     const struct seqring_vec *vec, unsigned int nr);
struct seqring_nested *seqring_nest_next(struct seqring_cpu *c, long *at);

#endif /* _SEQRING_NEST_H */
