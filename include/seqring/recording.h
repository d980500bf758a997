/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The file format of a recording: a directory of segment files. docs/reference/recording.md says
 * the same in prose, completely enough to write a reader in another language.
 *
 * All integers are in the byte order of the machine that recorded. Offsets count from the start
 * of the file. A reader ignores reserved fields.
 */
#ifndef SEQRING_RECORDING_H
#define SEQRING_RECORDING_H

#include "abi.h"

/* "SEQREC01", "SEQCHNK1" and "SEQINDX1" in memory on a little-endian machine. */
#define SEQRING_RECORDING_MAGIC	0x3130434552514553ULL
#define SEQRING_CHUNK_MAGIC	0x314b4e4843514553ULL
#define SEQRING_INDEX_MAGIC	0x3158444e49514553ULL

#define SEQRING_RECORDING_VERSION	1u

/*
 * Second half of the first 1024 bytes of a segment; the first half is the header of the ring that
 * was recorded, with SEQRING_REQUIRE_RECORDING. The schema, if there is one, is at the header's
 * schema_offset. The file gets its name only when all bytes below @chunk_offset are in it.
 *
 * @segment: number of the segment, from 1, also in the name of its file
 * @chunk_offset: where the first chunk starts; a multiple of 8
 * @id: random; the segments of one recording have the same
 * @realtime_ns: CLOCK_REALTIME when the segment was begun
 * @boottime_ns: CLOCK_BOOTTIME then
 * @records_before: records in all segments before this one
 * @boot_id: of the kernel, as /proc/sys/kernel/random/boot_id has it; terminated
 * @crc: CRC-32C of the bytes from 0 to @chunk_offset, with 0 in the place of @crc
 */
struct seqring_recording {
	__u64 magic;		/* SEQRING_RECORDING_MAGIC */
	__u32 version;		/* refuse another one */
	__u32 header_size;	/* bytes of this struct that the recorder filled */
	__u64 segment;
	__u64 chunk_offset;
	__u64 id[2];
	__u64 realtime_ns;
	__u64 boottime_ns;
	__u64 records_before;
	char boot_id[40];
	__u32 crc;
	__u32 reserved0;
	__u64 reserved[49];
};
SEQRING_ASSERT(sizeof(struct seqring_recording) == 512, "header of a recording is 512 bytes");
SEQRING_ASSERT(offsetof(struct seqring_recording, crc) == 112, "format");

/* seqring_chunk.type. A reader passes chunks of other types. */
#define SEQRING_CHUNK_RECORDS	1u	/* records of one ring, as they lay in it */
#define SEQRING_CHUNK_CLOCK	2u	/* an array of struct seqring_clock_pair */
#define SEQRING_CHUNK_COUNTERS	3u	/* struct seqring_chunk_counters of one ring */
#define SEQRING_CHUNK_END	4u	/* the recording is complete; no payload */
#define SEQRING_CHUNK_INDEX	5u	/* the headers of the other chunks, then the trailer */

/* seqring_chunk.compression. A reader refuses others. */
#define SEQRING_COMPRESSION_NONE	0u
#define SEQRING_COMPRESSION_ZSTD	1u	/* one frame of Zstandard (RFC 8878) */

/*
 * A chunk: this header, @size bytes of payload, then zeros up to a multiple of 8. The seqs in a
 * chunk of records have no gap. It has whole records only, and no PAD.
 *
 * @offset: where this header is in the file; tells it from a copy in the payload of a record
 * @ring: number of the ring; 0 for chunks that belong to none
 * @ring_id: seqring_ring_ctl.id of that ring
 * @size: bytes of the payload in the file
 * @raw_size: bytes of the payload after decompression: more than @size if it is compressed
 * @pos: position of the first record in the ring that was recorded
 * @seq: seq of the first record
 * @records: number of records, at least 1
 * @lost: records in front of @seq that the ring overwrote before the recorder had read them
 * @first_ns, @last_ns: time of the first record and of the last one
 * @crc: CRC-32C of the payload as it is in the file
 * @header_crc: CRC-32C of the bytes of this struct before it
 */
struct seqring_chunk {
	__u64 magic;		/* SEQRING_CHUNK_MAGIC */
	__u64 offset;
	__u32 type;
	__u32 compression;
	__u32 ring;
	__u32 ring_id;
	__u64 size;
	__u64 raw_size;
	__u64 pos;
	__u64 seq;
	__u64 records;
	__u64 lost;
	__u64 first_ns;
	__u64 last_ns;
	__u64 reserved[3];
	__u32 crc;
	__u32 header_crc;
};
SEQRING_ASSERT(sizeof(struct seqring_chunk) == 128, "header of a chunk is 128 bytes");
SEQRING_ASSERT(offsetof(struct seqring_chunk, header_crc) == 124, "format");

/*
 * What to add to times of the ring's clock to get CLOCK_REALTIME. Each chunk of pairs has all that
 * the recorder knew.
 *
 * @since_ns: first time of the ring's clock that the pair holds for
 * @seen_ns: last time at which the recorder found it true
 * @offset_ns: what to add
 * @width_ns: @offset_ns is wrong by half of that at most
 */
struct seqring_clock_pair {
	__u64 since_ns;
	__u64 seen_ns;
	__s64 offset_ns;
	__u64 width_ns;
};

/* Counters of a ring since its creation, as of the time of the chunk. */
struct seqring_chunk_counters {
	__u64 dropped[SEQRING_DROP_SLOTS];
	__u64 wakeups;
};

/* The last bytes of a segment that has an index, and of the index's payload. */
struct seqring_index_trailer {
	__u64 offset;		/* of the index's chunk */
	__u64 magic;		/* SEQRING_INDEX_MAGIC */
};

#endif /* SEQRING_RECORDING_H */
