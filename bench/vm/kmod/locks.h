/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by seqring_locks.ko and the programs of the VM benchmark: the page that is shared
 * with locks, the runs of the kernel's writer, and the layout of its data.
 */
#ifndef _SEQRING_LOCKS_H
#define _SEQRING_LOCKS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define LOCKS_PATH		"/dev/seqring-locks"
#define LOCKS_STATE_RING	"locks-state"
#define LOCKS_STREAM_RING	"locks-stream"
#define LOCKS_STREAM_PERCPU	"locks-stream-percpu"
#define LOCKS_STREAM_BYTES	1048576u	/* each contender's buffer */
#define LOCKS_GENL_NAME		"seqring_locks"
#define LOCKS_GENL_GROUP	"stream"
#define LOCKS_LEN_MIN		24u
#define LOCKS_LEN_MAX		1024u
#define LOCKS_SAMPLES_MAX	65536u

/*
 * The shared state, or a record of a stream, of LEN bytes. All words follow from the first
 * two: so a mixture of two states is detected.
 */
struct locks_state {
	__u64 n;		/* the kernel's: how many times it has published */
	__u64 setpoint;		/* the user's */
	__u64 word[LOCKS_LEN_MAX / 8 - 2];
};

/* Mapped at offset 0 of LOCKS_PATH. */
struct locks_page {
	__u32 holder;		/* of the spinlock word: 0: nobody */
	__u32 reserved[15];
	struct locks_state state;
};

#define LOCKS_KERNEL		1u		/* in holder; a process puts its PID there */

static inline __u64 locks_word(__u64 n, __u64 setpoint, __u32 i)
{
	return 8 * n + (setpoint << 40) + i;
}

/* The ways in which the kernel publishes. */
enum locks_kind {
	LOCKS_PLAIN,		/* into the page, with no lock */
	LOCKS_MUTEX,		/* into the page, LOCKS_IOC_LOCK */
	LOCKS_SPIN,		/* into the page, locks_page.holder */
	LOCKS_RING,		/* LOCKS_STATE_RING */
	STREAM_RING,		/* LOCKS_STREAM_RING, which all CPUs share */
	STREAM_RING_PERCPU,	/* LOCKS_STREAM_PERCPU */
	STREAM_CHARDEV,		/* read(2) on LOCKS_PATH */
	STREAM_NETLINK,
	STREAM_RELAY,
	STREAM_TRACEPOINT,	/* perf's own buffer, and what BPF programs do with it */
	LOCKS_KINDS,
};

/*
 * @len:       bytes of the state or of a record, a multiple of 8
 * @burst:     how many are published in a row, and timed together
 * @period_ns: from the start of a burst to that of the next one; 0: no pause
 */
struct locks_run {
	__u32 kind;
	__u32 len;
	__u32 burst;
	__u32 reserved;
	__u64 period_ns;
};

/*
 * @tried:     publications, of which
 * @refused:     there was no room, and
 * @gave_up:     the lock was not to be had
 * @busy_ns:   spent on all of them
 * @worst_ns:  the worst burst since the last LOCKS_IOC_STATS
 * @waiting_ns: for how long the writer has waited by now; 0: it does not wait
 * @samples:   array for the time of each burst, in ns; 0: none wanted
 * @nr_samples: in: room there; out: how many there are
 */
struct locks_result {
	__u64 tried;
	__u64 refused;
	__u64 gave_up;
	__u64 busy_ns;
	__u64 worst_ns;
	__u64 waiting_ns;
	__u64 samples;
	__u32 nr_samples;
	__u32 reserved;
};

/* The cost of one part of publishing. */
struct locks_part {
	char name[56];
	__u64 n;
	__u64 ns;
};

struct locks_parts {
	__u64 parts;
	__u32 nr;		/* in: room; out: how many */
	__u32 repeat;
};

/*
 * The consumer of relay's buffer releases sub-buffers, and learns how many are filled.
 *
 * @consumed: so many more sub-buffers are released
 * @produced: sub-buffers filled since the start of the run
 * @offset: bytes in the next one; more than there is room for: it waits for room
 */
struct locks_relay {
	__u64 consumed;
	__u64 produced;
	__u32 offset;
	__u32 reserved;
};

#define LOCKS_RELAY_SUBBUFS	16u

#define LOCKS_IOC_LOCK		_IO(0xb8, 0)
#define LOCKS_IOC_UNLOCK	_IO(0xb8, 1)
#define LOCKS_IOC_START		_IOW(0xb8, 2, struct locks_run)
#define LOCKS_IOC_STATS		_IOR(0xb8, 3, struct locks_result)
#define LOCKS_IOC_STOP		_IOWR(0xb8, 4, struct locks_result)
#define LOCKS_IOC_RELAY		_IOWR(0xb8, 6, struct locks_relay)
#define LOCKS_IOC_PARTS		_IOWR(0xb8, 5, struct locks_parts)

#endif /* _SEQRING_LOCKS_H */
