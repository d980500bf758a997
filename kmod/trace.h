/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints of the module. All are on paths that a record does not take when all is well. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM seqring

#if !defined(_SEQRING_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SEQRING_TRACE_H

#include <linux/rcupdate.h>
#include <linux/tracepoint.h>

#include "internal.h"

#define seqring_show_cause(cause)			\
	__print_symbolic(cause,				\
			 { SEQRING_DROP_BUSY, "busy" },		\
			 { SEQRING_DROP_TOO_BIG, "too_big" },	\
			 { SEQRING_DROP_DEAD, "dead" },		\
			 { SEQRING_DROP_FAULT, "fault" })

/* A record could not be published. */
TRACE_EVENT(seqring_drop,
	TP_PROTO(const struct seqring_ring *ring, u32 cause),
	TP_ARGS(ring, cause),
	TP_STRUCT__entry(
		__array(char, device, SEQRING_NAME_SIZE)
		__field(u32, ring)
		__field(u32, cause)
	),
	TP_fast_assign(
		memcpy(__entry->device, ring->sdev->name, SEQRING_NAME_SIZE);
		__entry->ring = READ_ONCE(ring->w.ctl->id);
		__entry->cause = cause;
	),
	TP_printk("device=%s ring=%u cause=%s", __entry->device, __entry->ring,
		  seqring_show_cause(__entry->cause))
);

DECLARE_EVENT_CLASS(seqring_at,
	TP_PROTO(const struct seqring_ring *ring, u64 seq),
	TP_ARGS(ring, seq),
	TP_STRUCT__entry(
		__array(char, device, SEQRING_NAME_SIZE)
		__field(u32, ring)
		__field(u64, seq)
	),
	TP_fast_assign(
		memcpy(__entry->device, ring->sdev->name, SEQRING_NAME_SIZE);
		__entry->ring = READ_ONCE(ring->w.ctl->id);
		__entry->seq = seq;
	),
	TP_printk("device=%s ring=%u seq=%llu", __entry->device, __entry->ring, __entry->seq)
);

/* The writer has overrun this process's read(2); @seq: of the first lost record, 0: not known. */
DEFINE_EVENT(seqring_at, seqring_overrun,
	TP_PROTO(const struct seqring_ring *ring, u64 seq),
	TP_ARGS(ring, seq)
);

/* Sleepers were woken; @seq: of the ring's newest record. */
DEFINE_EVENT(seqring_at, seqring_wake,
	TP_PROTO(const struct seqring_ring *ring, u64 seq),
	TP_ARGS(ring, seq)
);

#endif /* _SEQRING_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
