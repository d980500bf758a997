// SPDX-License-Identifier: GPL-2.0-only
/* The module's tracepoints, and the calls of those that any context may reach. */

#include <linux/rcupdate.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * A record may be published where RCU does not watch, in the idle loop for example. Tracepoints
 * need RCU, so those events are not traced; they are counted.
 */
void seqring_trace_drop(const struct seqring_ring *ring, enum seqring_drop cause)
{
	if (trace_seqring_drop_enabled() && rcu_is_watching())
		trace_seqring_drop(ring, cause);
}

void seqring_trace_wake(const struct seqring_ring *ring)
{
	if (trace_seqring_wake_enabled() && rcu_is_watching())
		trace_seqring_wake(ring, READ_ONCE(ring->w.ctl->seq));
}

void seqring_trace_overrun(const struct seqring_ring *ring, u64 seq)
{
	trace_seqring_overrun(ring, seq);
}
