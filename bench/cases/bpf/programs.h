/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the BPF programs of the bench and the program that runs them. */
#ifndef RINGBENCH_BPF_PROGRAMS_H
#define RINGBENCH_BPF_PROGRAMS_H

#define BENCH_TYPE	  7u
#define BENCH_AT_ONCE	  4u /* records that one step of a loop publishes */
#define BENCH_FAN	  64 /* consumers with a ring buffer of their own, at most */
#define BENCH_PAYLOAD_MAX 4096u
#define BENCH_SHORT	  64u /* payloads up to this size are made in place */

/* The payload sizes; each has programs of its own. */
#define BENCH_SIZES(X, name) \
	X(name, 16)          \
	X(name, 32)          \
	X(name, 64)          \
	X(name, 128)         \
	X(name, 256)         \
	X(name, 1024)        \
	X(name, 4096)

/* The clock of a record. If a contender has no place for the time, it precedes the payload. */
enum bench_clock {
	BENCH_NO_CLOCK,
	BENCH_FINE,   /* CLOCK_MONOTONIC */
	BENCH_COARSE, /* jiffies */
};

/*
 * @n:       records that one run publishes, a multiple of BENCH_AT_ONCE
 * @wake_every: of the BPF ring buffer: wake with each such record; 0: never
 * @seq:     of the newest record
 * @dropped: records that the contender had no room for
 * @ns:      time spent in the loop
 */
struct bench_run {
	__u32 n;
	__u32 wake_every;
	__u64 seq;
	__u64 dropped;
	__u64 ns;
};

#endif
