/* SPDX-License-Identifier: GPL-2.0-only */
/* How the module reads a clock: the "kernel" column of seqring/clocks.h. */
#ifndef _SEQRING_CLOCK_H
#define _SEQRING_CLOCK_H

#include <linux/compiler.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/timekeeping.h>

#include <seqring/abi.h>

static inline u64 seqring_no_time(void)
{
	return 0;
}

/*
 * The time of the first read in each tick of jiffies: @ns, and @check, which is @ns xor a hash
 * of the tick.
 */
struct seqring_tick {
	u64 ns;
	u64 check;
};

extern struct seqring_tick seqring_tick;

/*
 * CLOCK_MONOTONIC at some moment within this tick. The kernel's own coarse clock must not be
 * read here: a read waits while the clock is updated, without end in a probe or an NMI that
 * interrupts the update on the same CPU. The fast clock never waits.
 *
 * Any contexts of any CPUs may race here, without an order between the two words. A reader
 * that sees the words of two writers finds that they do not match, and reads the fast clock.
 */
static inline u64 seqring_coarse_ns(void)
{
	u64 tick = READ_ONCE(jiffies) * GOLDEN_RATIO_64, ns = READ_ONCE(seqring_tick.ns);

	if (likely((ns ^ READ_ONCE(seqring_tick.check)) == tick))
		return ns;
	ns = ktime_get_mono_fast_ns();
	WRITE_ONCE(seqring_tick.ns, ns);
	WRITE_ONCE(seqring_tick.check, ns ^ tick);
	return ns;
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
