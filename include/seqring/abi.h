/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The mapped layout and the ioctls of seqring: everything that two programs
 * built at different times have to agree on. docs/reference/abi.md says the same in
 * prose, completely enough to write a reader in another language.
 *
 * All integers are in the byte order of the machine. Every reserved field is
 * zero; a reader ignores it, the kernel rejects a request in which it is not.
 */
#ifndef SEQRING_ABI_H
#define SEQRING_ABI_H

#if defined(__bpf__)
/* vmlinux.h, when it is there, has the types, and cannot stand beside another. */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#else
#include <linux/ioctl.h>
#include <linux/types.h>
#endif

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#define SEQRING_ASSERT(cond, msg) static_assert(cond, msg)
#else
#include <stddef.h>
#ifdef __cplusplus
#define SEQRING_ASSERT(cond, msg) static_assert(cond, msg)
#else
#define SEQRING_ASSERT(cond, msg) _Static_assert(cond, msg)
#endif
#endif

#include "clocks.h"

/* "SEQRING1" in memory on a little-endian machine. */
#define SEQRING_MAGIC		0x31474e4952514553ULL

/*
 * A reader accepts a ring if it knows version @compat_version or a later one, and every
 * bit of @features_required. @version and @features only inform.
 *
 * SEQRING_SEGMENTS, SEQRING_RECORD_ALIGN and the size of struct seqring_record are
 * constants of version 1. The header repeats them as a guard: a reader that knows
 * version 1 rejects a ring with other values. A change of one of them, or of the layout
 * of a record, is a new @compat_version, which older readers reject with ENOTSUP.
 */
#define SEQRING_VERSION		1u
#define SEQRING_COMPAT_VERSION	1u
#define SEQRING_FEATURES_REQUIRED_KNOWN	0ULL

/* Bits of seqring_header.features. */
#define SEQRING_FEAT_WRITE	(1ULL << 0)	/* write(2) publishes a record */
#define SEQRING_FEAT_MEMBARRIER	(1ULL << 1)	/* see struct seqring_wait */
#define SEQRING_FEAT_ANNOUNCE	(1ULL << 2)	/* the same */
#define SEQRING_FEATURES_KNOWN \
	(SEQRING_FEAT_WRITE | SEQRING_FEAT_MEMBARRIER | SEQRING_FEAT_ANNOUNCE)

/* Limits. */
#define SEQRING_DATA_SIZE_MIN	(1ULL << 16)
#define SEQRING_DATA_SIZE_MAX	(1ULL << 30)
#define SEQRING_RINGS_MAX	4096u
#define SEQRING_SCHEMA_SIZE_MAX	(1u << 20)
#define SEQRING_NAME_SIZE	32u	/* with the terminating zero */
#define SEQRING_SEGMENTS	16u
#define SEQRING_RECORD_ALIGN	8u

/* seqring_header.clock_id: what the ts_ns of a record means. clocks.h says more. */
#define SEQRING_CLOCK_NONE	0u	/* ts_ns is 0 */
#define SEQRING_CLOCK_MONOTONIC	1u	/* CLOCK_MONOTONIC, ns */
#define SEQRING_CLOCK_COARSE	2u	/* CLOCK_MONOTONIC_COARSE: as of the last tick, ns */
#define SEQRING_CLOCK_MAX	2u	/* ids are dense: every id up to here is a clock */

#define SEQRING_CLOCK_CHECK(ID, number, ...) \
	SEQRING_ASSERT(SEQRING_CLOCK_##ID == (number) && (number) <= SEQRING_CLOCK_MAX, \
		       "abi.h and clocks.h agree about every clock");
#define SEQRING_CLOCK_COUNT(...) + 1u
SEQRING_CLOCKS(SEQRING_CLOCK_CHECK)
SEQRING_ASSERT(0u SEQRING_CLOCKS(SEQRING_CLOCK_COUNT) == SEQRING_CLOCK_MAX + 1u,
	       "clocks.h has a row for every id");
#undef SEQRING_CLOCK_CHECK
#undef SEQRING_CLOCK_COUNT

/* seqring_header.writer_kind. */
#define SEQRING_WRITER_MODULE	1u
#define SEQRING_WRITER_BPF	2u
#define SEQRING_WRITER_MEMFD	3u

/*
 * First page of every mapping. Written once, @magic last; read-only to readers
 * and constant from then on, but for the owner.
 *
 * @owner:   a BPF ring that ends with the process that loaded it: in the low half its
 *           PID, in the high half when it started, the low half of field 22 of
 *           /proc/PID/stat; 0: the ring has no such process. May change
 * @owner_pidns: inode number of its PID namespace, as /proc/self/ns/pid has it
 */
struct seqring_header {
	__u64 magic;
	__u32 version;
	__u32 compat_version;
	__u64 features;
	__u64 features_required;
	__u32 header_size;	/* bytes of this struct that the writer filled */
	__u32 page_size;	/* every area starts at a multiple of it */
	__u32 nr_rings;
	__u32 clock_id;
	__u64 total_size;	/* bytes of the whole mapping */
	__u64 ring_offset;	/* of the first ring's control area */
	__u64 ring_stride;	/* from one control area to the next */
	__u64 data_offset;	/* from a control area to its data area */
	__u64 data_size;	/* bytes of one data area, a power of two */
	__u32 nr_segments;	/* SEQRING_SEGMENTS */
	__u32 record_header_size;	/* sizeof(struct seqring_record) */
	__u32 record_align;	/* SEQRING_RECORD_ALIGN */
	__u32 payload_max;	/* largest len that a record may have */
	__u64 schema_offset;	/* 0: there is none */
	__u64 schema_size;
	__u32 writer_kind;
	__u32 reserved0;
	__u64 owner;
	__u64 owner_pidns;
	__u64 reserved1[2];	/* clock conversion, when a clock needs one */
	char name[SEQRING_NAME_SIZE];
	__u64 reserved2[40];
};
SEQRING_ASSERT(sizeof(struct seqring_header) == 512, "header is 512 bytes");
SEQRING_ASSERT(offsetof(struct seqring_header, total_size) == 48, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_header, nr_segments) == 88, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_header, writer_kind) == 120, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_header, name) == 160, "ABI");

/* Causes of a drop: indices of seqring_ring_ctl.dropped. */
enum seqring_drop {
	SEQRING_DROP_BUSY = 0,	/* a nested or second writer found the ring busy */
	SEQRING_DROP_TOO_BIG = 1,	/* longer than payload_max */
	SEQRING_DROP_DEAD = 2,	/* published after the end of the ring */
	SEQRING_DROP_FAULT = 3,	/* the payload could not be copied in */
	SEQRING_DROP_CAUSES = 4,
	SEQRING_DROP_SLOTS = 8,	/* room in the ABI */
};

/* seqring_ring_ctl.state. */
#define SEQRING_STATE_DEAD	(1u << 0)	/* nothing will be published again */

/*
 * Control area of one ring: what its writer changes. Grouped by how often,
 * 128 bytes apart because processors prefetch lines in pairs.
 *
 * @head:    position of the next record to be published
 * @last:    start of the newest record; meaningless while @seq is 0
 * @seq:     seq of the newest record, 0 when there is none yet
 * @tail:    oldest position whose bytes are intact; a record start, or @head
 * @segment_pos: for each segment the first record start at or after the start
 *           of its latest lap; stale once it is below @tail
 * @dropped: records that were not published, by cause; only ever grows
 * @wakeups: wake-ups that the writer asked for
 * @id:      number of the ring; with one ring per CPU, the CPU
 *
 * Every u64 here is written with a single 64-bit store.
 */
struct seqring_ring_ctl {
	__u64 head;
	__u64 last;
	__u64 seq;
	__u64 reserved0[13];

	__u64 tail;
	__u64 reserved1[7];
	__u64 segment_pos[SEQRING_SEGMENTS];
	__u64 reserved2[8];

	__u64 dropped[SEQRING_DROP_SLOTS];
	__u64 wakeups;
	__u32 state;
	__u32 id;
	__u64 reserved3[6];
};
SEQRING_ASSERT(sizeof(struct seqring_ring_ctl) == 512, "ring control is 512 bytes");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, tail) == 128, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, segment_pos) == 192, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, dropped) == 384, "ABI");
SEQRING_ASSERT(offsetof(struct seqring_ring_ctl, state) == 456, "ABI");

/*
 * Header of a record, 8-byte aligned in the data area; @len payload bytes
 * follow, then zeros to the next multiple of 8.
 *
 * @stamp: 0 while there is no record here, else its seq (a PAD: the seq of the
 *         record that comes after it)
 */
union seqring_meta {
	struct {
		__u32 len;
		__u16 type;	/* the producer's own */
		__u16 flags;
	};
	__u64 word;	/* both sides store and load all three at once */
};

struct seqring_record {
	__u64 stamp;
	__u64 ts_ns;
	union seqring_meta meta;
};
SEQRING_ASSERT(sizeof(struct seqring_record) == 24, "record header is 24 bytes");
SEQRING_ASSERT(offsetof(struct seqring_record, meta.len) == 16, "ABI");

/* Bits of flags; the other bits are reserved. */
#define SEQRING_REC_PAD		(1u << 0)	/* skip to the start of the data area */

/* Largest payload: a record takes at most a quarter of the data area. */
#define SEQRING_PAYLOAD_MAX(data_size) \
	((__u32)((data_size) / 4 - sizeof(struct seqring_record)))

/* Whether a data area may have this many bytes. */
#define SEQRING_DATA_SIZE_OK(data_size) \
	((data_size) >= SEQRING_DATA_SIZE_MIN && (data_size) <= SEQRING_DATA_SIZE_MAX && \
	 !((data_size) & ((data_size) - 1)))

/*
 * What wakes the sleepers of one ring: the writer wakes when head > @pos or
 * seq >= @seq, and sets both to ~0. Readers only ever lower them.
 *
 * The module keeps this in memory of its own. A memfd ring has an array of
 * them, one per ring, in a second memfd that readers may write: it decides
 * about wake-ups and about nothing else. With SEQRING_FEAT_MEMBARRIER the
 * writer's side of the WAKE pair is a compiler barrier, and a reader calls
 * membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) between arming and its last look.
 *
 * A BPF ring has an array map of them. With SEQRING_FEAT_ANNOUNCE, its writer looks at
 * @pos and @seq, after a full fence, only while @announced is not 0. A reader that has
 * armed sets an @announced of 0 to a number that it never had. Where it finds one there
 * with which it has not done so yet, it calls membarrier(MEMBARRIER_CMD_GLOBAL) before
 * its last look. The writer clears it after many records that woke nobody.
 */
struct seqring_wait {
	__u64 pos;
	__u64 seq;
	__u64 announced;
	__u64 reserved[13];
};
SEQRING_ASSERT(sizeof(struct seqring_wait) == 128, "wait word is 128 bytes");

#define SEQRING_WAIT_NONE	(~0ULL)

/*
 * Reader page: the only page that a reader of a device may write, one per open
 * file, mapped at offset 0 of the descriptor that SEQRING_IOC_READER_FD gives.
 * The kernel takes it as a hint about this reader and trusts it for nothing.
 *
 * @wake_records, @wake_bytes: wake when a ring has at least that many unread,
 *           whichever is reached first. 0: no such limit; both 0: any record
 * @wake_timeout_ns: and at the latest this long after the first unread record;
 *           0: no such limit
 * @cursor:  per ring, the position and the seq (0: not known) of the first unread
 *           record; libring stores them when it finds the ring empty. Position ~0:
 *           this ring is not read and wakes nobody
 */
struct seqring_cursor {
	__u64 pos;
	__u64 seq;
};

struct seqring_reader_page {
	__u64 wake_records;
	__u64 wake_bytes;
	__u64 wake_timeout_ns;
	__u64 reserved[13];
	struct seqring_cursor cursor[];
};
SEQRING_ASSERT(sizeof(struct seqring_reader_page) == 128, "ABI");

/* Writer modes of a device. */
#define SEQRING_MODE_CALLER	0u	/* one ring; its caller serialises */
#define SEQRING_MODE_LOCKED	1u	/* one ring, a raw spinlock inside */
#define SEQRING_MODE_PERCPU	2u	/* one ring per possible CPU */

/*
 * The ioctls. Each takes a struct that starts with its own size as the caller
 * knows it. An older, shorter struct is accepted; a longer one when its tail is
 * zero (E2BIG otherwise). Errors common to all: EFAULT, EINVAL for a size below
 * the first version's or a reserved field that is not zero, ENOTTY.
 */

/* Shape of a device, without a mapping. */
struct seqring_geometry {
	__u32 size;
	__u32 nr_rings;
	__u64 total_size;
	__u64 data_size;
	__u64 reader_size;	/* bytes of the reader page's mapping */
	__u32 payload_max;
	__u32 mode;
	__u32 clock_id;
	__u32 page_size;
	__u64 features;
	__u64 reserved[2];
};
SEQRING_ASSERT(sizeof(struct seqring_geometry) == 72, "ABI");

/* Counters of one ring. ENOENT: @ring is not below nr_rings. */
struct seqring_stats {
	__u32 size;
	__u32 ring;		/* in */
	__u64 head;
	__u64 tail;
	__u64 seq;		/* records published */
	__u64 dropped[SEQRING_DROP_SLOTS];
	__u64 wakeups;
	__u32 readers;		/* open files of the device */
	__u32 state;
	__u64 reserved[2];
};
SEQRING_ASSERT(sizeof(struct seqring_stats) == 128, "ABI");

/*
 * Moves where read(2) continues on this open file, on all rings of the device.
 * A mapped reader seeks by itself. ERANGE: SEEK_SEQ, and @value lies in the future
 * (SEEK_TIME then waits at head for the first record). EOPNOTSUPP: SEEK_SEQ on a device
 * with several rings, SEEK_TIME on a ring without a clock.
 */
#define SEQRING_SEEK_OLDEST	0u
#define SEQRING_SEEK_NEWEST	1u	/* the newest record is the next one read */
#define SEQRING_SEEK_HEAD	2u	/* only what is published from now on */
#define SEQRING_SEEK_SEQ	3u	/* @value: the seq that comes next */
#define SEQRING_SEEK_TIME	4u	/* @value: first record with ts_ns >= it */

struct seqring_seek {
	__u32 size;
	__u32 whence;
	__u64 value;
};
SEQRING_ASSERT(sizeof(struct seqring_seek) == 16, "ABI");

/* Type of the records that write(2) on this open file publishes; 0 at first. */
struct seqring_write_type {
	__u32 size;
	__u32 type;		/* at most 65535 */
};
SEQRING_ASSERT(sizeof(struct seqring_write_type) == 8, "ABI");

/*
 * Creates a device, on the control node. It lives until SEQRING_CTL_DESTROY or
 * until the module goes, and it is written with write(2), in mode CALLER with
 * the kernel serialising.
 *
 * EEXIST: the name is taken. EINVAL: bad name ([A-Za-z0-9._-], not starting
 * with a dot), data_size not a power of two or out of bounds, unknown mode,
 * clock, flag or permission bit. ENOSPC: module limit on memory or devices.
 * ENOMEM. EINTR: a fatal signal came.
 */
struct seqring_ctl_create {
	__u32 size;
	__u32 flags;		/* 0 */
	char name[SEQRING_NAME_SIZE];
	__u64 data_size;
	__u32 clock_id;
	__u32 permissions;	/* of the device node, 0 to 0666; 0: 0600 */
	__u64 schema;		/* user pointer, 0: none */
	__u32 schema_size;
	__u32 reserved0;
	__u64 reserved[4];
};
SEQRING_ASSERT(sizeof(struct seqring_ctl_create) == 104, "ABI");

/* ENOENT: no such device. EPERM: a kernel module owns it. */
struct seqring_ctl_destroy {
	__u32 size;
	__u32 flags;		/* 0 */
	char name[SEQRING_NAME_SIZE];
};
SEQRING_ASSERT(sizeof(struct seqring_ctl_destroy) == 40, "ABI");

#define SEQRING_IOC_MAGIC	0xb7
/* On a device. */
#define SEQRING_IOC_GEOMETRY	_IOWR(SEQRING_IOC_MAGIC, 0x00, struct seqring_geometry)
#define SEQRING_IOC_STATS	_IOWR(SEQRING_IOC_MAGIC, 0x01, struct seqring_stats)
#define SEQRING_IOC_SEEK	_IOW(SEQRING_IOC_MAGIC, 0x02, struct seqring_seek)
#define SEQRING_IOC_WRITE_TYPE	_IOW(SEQRING_IOC_MAGIC, 0x03, struct seqring_write_type)
/*
 * Returns a new close-on-exec descriptor of the reader page of this open file;
 * map reader_size bytes of it, MAP_SHARED. It stays valid, without effect, when
 * the file is closed first. From then on poll() goes by the cursor, not by
 * where read(2) stands. Takes no argument (0).
 */
#define SEQRING_IOC_READER_FD	_IO(SEQRING_IOC_MAGIC, 0x04)
/* On the control node. */
#define SEQRING_CTL_CREATE	_IOW(SEQRING_IOC_MAGIC, 0x40, struct seqring_ctl_create)
#define SEQRING_CTL_DESTROY	_IOW(SEQRING_IOC_MAGIC, 0x41, struct seqring_ctl_destroy)

#define SEQRING_DEV_DIR		"/dev/seqring"
#define SEQRING_CTL_PATH	"/dev/seqring-control"

#endif /* SEQRING_ABI_H */
