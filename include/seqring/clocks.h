/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The clocks of a ring, one row each. Everything that depends on the list of clocks
 * expands it: the checks in abi.h, how each kind of writer reads the clock, and the
 * names that tools parse and print. A row that one of them cannot serve does not
 * compile.
 *
 * Columns:
 *   ID      SEQRING_CLOCK_ID is the constant in abi.h
 *   number  its value, seqring_header.clock_id
 *   name    what users call the clock, one word
 *   text    what ts_ns is
 *   kernel  function of the module that returns the time in ns, in any context, NMI
 *           included: the kernel's own, or one of kmod/clock.h
 *   user    clockid_t that clock_gettime(2) takes, or SEQRING_NO_CLOCKID
 *   bpf     function of bpf.h that returns the time in ns
 *   base    clockid_t if the BPF function counts jiffies: the loader measures that
 *           clock at jiffies 0, for seqring_bpf_state.clock_base_ns. Else
 *           SEQRING_NO_CLOCKID
 *
 * To add a clock: define its constant and SEQRING_CLOCK_MAX in abi.h, add a NEXT row
 * here, and write the functions that the row names.
 */
#ifndef SEQRING_CLOCKS_H
#define SEQRING_CLOCKS_H

/* There is no such clockid_t. */
#define SEQRING_NO_CLOCKID	(-1)

/*
 * The first and the last row may be expanded differently, for a list in a sentence. The
 * first row is the clock that the tools choose by default.
 */
#define SEQRING_CLOCKS_LISTED(FIRST, NEXT, LAST) \
	FIRST(MONOTONIC, 1, "monotonic", "CLOCK_MONOTONIC", \
	      ktime_get_mono_fast_ns, CLOCK_MONOTONIC, \
	      seqring_bpf_monotonic_ns, SEQRING_NO_CLOCKID) \
	NEXT(COARSE, 2, "coarse", "CLOCK_MONOTONIC_COARSE", \
	     seqring_coarse_ns, CLOCK_MONOTONIC_COARSE, \
	     seqring_bpf_coarse_ns, CLOCK_MONOTONIC_COARSE) \
	NEXT(BOOTTIME, 3, "boottime", "CLOCK_BOOTTIME", \
	     ktime_get_boot_fast_ns, CLOCK_BOOTTIME, \
	     seqring_bpf_boottime_ns, SEQRING_NO_CLOCKID) \
	LAST(NONE, 0, "none", "none", \
	     seqring_no_time, SEQRING_NO_CLOCKID, \
	     seqring_bpf_no_time, SEQRING_NO_CLOCKID)

#define SEQRING_CLOCKS(ROW)	SEQRING_CLOCKS_LISTED(ROW, ROW, ROW)

#endif /* SEQRING_CLOCKS_H */
