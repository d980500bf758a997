/* SPDX-License-Identifier: GPL-2.0-only */
/* What the BPF programs of the bench and the program that runs them agree on. */
#ifndef RINGBENCH_BPF_PROGRAMS_H
#define RINGBENCH_BPF_PROGRAMS_H

#define BENCH_PAYLOAD 32u
#define BENCH_TYPE    7u
#define BENCH_AT_ONCE 4u /* records that one step of a loop publishes */
#define BENCH_FAN     8	 /* consumers with a ring buffer of their own */

struct bench_record {
	__u64 word[BENCH_PAYLOAD / 8];
};

/* A record of the BPF ring buffer, which has no place for the time. */
struct bench_stamped {
	__u64 ts_ns;
	struct bench_record rec;
};

/*
 * @n:       records that one run publishes, a multiple of BENCH_AT_ONCE
 * @wake_every: of the ring buffer: wake with each such record; 0: never
 * @seq:     of the newest record
 * @dropped: records that the ring buffer had no room for
 * @ns:      in the loop
 */
struct bench_run {
	__u32 n;
	__u32 wake_every;
	__u64 seq;
	__u64 dropped;
	__u64 ns;
};

#endif
