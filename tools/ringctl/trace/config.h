/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings that user space gives to the BPF programs before it loads them. */
#ifndef TRACE_CONFIG_H
#define TRACE_CONFIG_H

#include <linux/types.h>

#include "records.h"

/* Events: bits of trace_config.events. */
enum trace_event {
#define EVENT(id, name, what, programs, records) TRACE_##id,
#include "events.def"
	TRACE_NR_EVENTS,
};

#define TRACE_CALLS_MAX	 1024 /* system call numbers below this can be selected */
#define TRACE_CALL_WORDS (2 * TRACE_CALLS_MAX / 64)
#define TRACE_PIDS_MAX	 1024
#define TRACE_FOLLOW_MAX 32768 /* processes at the same time if descendants are followed */
#define TRACE_COMMS_MAX	 64

enum trace_filter {
	TRACE_FILTER_NONE,
	TRACE_FILTER_ONLY,
	TRACE_FILTER_EXCEPT,
};

/**
 * struct trace_config - what the BPF programs publish; constant once they are loaded
 * @events: bits of enum trace_event: the events to publish
 * @pids: enum trace_filter, for the map of PIDs
 * @comms: enum trace_filter, for the map of command names
 * @calls: enum trace_filter, for @call_bits
 * @follow: list the children of listed processes, until they end
 * @exit_says_last: the kernel's tracepoint of an exit says whether it is the last of the process
 * @leave_out_self: leave out events of the process that loaded the programs
 * @own_comm: leave out events of processes of this name; 0: leave out none
 * @call_bits: system calls of the native table, then of the 32-bit table
 */
struct trace_config {
	__u32 events;
	__u32 pids;
	__u32 comms;
	__u32 calls;
	__u32 follow;
	__u32 leave_out_self;
	__u32 exit_says_last;
	__u64 own_comm[TRACE_COMM_SIZE / 8];
	__u64 call_bits[TRACE_CALL_WORDS];
};

#endif /* TRACE_CONFIG_H */
