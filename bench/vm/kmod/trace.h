/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM seqring_locks

#if !defined(_SEQRING_LOCKS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SEQRING_LOCKS_TRACE_H

#include <linux/tracepoint.h>

/* The source of perf's ring buffer, and of those of BPF programs. */
TRACE_EVENT(locks_record,
	    TP_PROTO(const void *data, u32 len),
	    TP_ARGS(data, len),
	    TP_STRUCT__entry(__dynamic_array(u8, record, len)),
	    TP_fast_assign(memcpy(__get_dynamic_array(record), data, len);),
	    TP_printk("%u bytes", __get_dynamic_array_len(record))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
