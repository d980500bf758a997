/* SPDX-License-Identifier: GPL-2.0-only */
/* How the module reads a clock: the "kernel" column of seqring/clocks.h. */
#ifndef _SEQRING_CLOCK_H
#define _SEQRING_CLOCK_H

#include <linux/preempt.h>
#include <linux/timekeeping.h>

#include <seqring/abi.h>

static inline u64 seqring_no_time(void)
{
	return 0;
}

/*
 * An NMI may have interrupted the update of the coarse clock on its own CPU. Reading the
 * coarse clock would then wait for that update and deadlock the CPU.
 */
static inline u64 seqring_coarse_ns(void)
{
	if (!in_nmi())
		return ktime_get_coarse_ns();
	return ktime_get_mono_fast_ns();
}

/* Time of a record, now, in ns. Any context, NMI included. */
static inline u64 seqring_clock_ns(u32 clock_id)
{
#define SEQRING_READ_CLOCK(ID, number, name, text, kernel, user, bpf, base) \
	case SEQRING_CLOCK_##ID: \
		return kernel();
	switch (clock_id) {
	SEQRING_CLOCKS(SEQRING_READ_CLOCK)
	}
#undef SEQRING_READ_CLOCK
	/* Not reached: seqring_check_params() admits the clocks of the table only. */
	return seqring_no_time();
}

#endif /* _SEQRING_CLOCK_H */
