/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Record a ring into files, and properties of a recording that is read. ring_open() opens a
 * recording by its path. Format of the files: seqring/recording.h. Rules for all functions:
 * libring.h.
 */
#ifndef LIBRING_RECORDING_H
#define LIBRING_RECORDING_H

#include <libring/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct ring_reader;
struct ring_recorder;

/* Values of ring_recorder_opts.compression. */
enum ring_compression {
	RING_COMPRESSION_NONE = 0,
	RING_COMPRESSION_ZSTD = 1, /* Zstandard (RFC 8878), if libring was built with libzstd */
};

/* Limits of ring_recorder_opts. */
#define RING_SEGMENT_MIN (1ull << 16)
#define RING_SEGMENT_MAX (1ull << 40)
#define RING_COMPRESSION_LEVEL_MAX 19

/**
 * struct ring_recorder_opts - how to record
 * @size: sizeof(struct ring_recorder_opts)
 * @segment_bytes: the next segment begins before a file gets longer: RING_SEGMENT_MIN to
 *        RING_SEGMENT_MAX; 0: 64 MiB. A record that does not fit gets a segment of its own
 * @size_max: the oldest segments are removed so that all files together have at most so many
 *        bytes; at least 2 * @segment_bytes. 0: no limit. Room for a whole segment is made before
 *        it begins, so an early segment may be removed before the limit is reached
 * @keep_ns: a segment is removed when its last record was recorded longer ago, by CLOCK_BOOTTIME;
 *        at least a second. Segments end after a quarter of that time at the latest. 0: no limit
 * @compression: RING_COMPRESSION_*. Each chunk of records is compressed by itself, in
 *        ring_recorder_copy(), and stays as it is where that makes it no shorter
 * @compression_level: of RING_COMPRESSION_ZSTD: 1 (fast) to 19 (small); 0: 1. Reading takes no
 *        longer for a higher one
 * @until_ns: records of a ring end in front of its first record with a later ts_ns, by the ring's
 *        clock. 0: no limit
 */
struct ring_recorder_opts {
	size_t size;
	uint64_t segment_bytes;
	uint64_t size_max;
	uint64_t keep_ns;
	uint32_t compression;
	uint32_t compression_level;
	uint64_t until_ns;
};

/**
 * ring_recorder_create() - begin a recording of all records from a reader's place on
 * @dir: directory for the files. It is created (mode 0777 less the umask) if it is not there; its
 *       parent is not. It must not have a recording yet
 * @r: the reader. Until ring_recorder_close() it belongs to the recorder, which moves it. The
 *       caller may wait for it, and ask for its properties and statistics, but not read or seek
 * @opts: NULL for the defaults: no limits. Used during the call only
 * @out: set to the recorder on success; ring_recorder_close() frees it
 *
 * Sleeps. The thread that uses @r. Recording rings of one @r are in one recording; another reader
 * needs another directory.
 *
 * The directory is locked (flock(2)) until ring_recorder_close().
 *
 * Return: 0; -EINVAL bad options, or @opts->until_ns and a ring without a clock, or @r reads a
 * recording, or @r was opened with RING_FOLLOW or RING_NONBLOCK; -E2BIG @opts has unknown fields;
 * -EEXIST @dir has a recording already; -EBUSY another process records into @dir; -ENOTDIR @dir is
 * no directory; -ENOTSUP RING_COMPRESSION_ZSTD, and this library was built without it; -ENOMEM;
 * what mkdir(2), open(2), write(2) and rename(2) give.
 */
int ring_recorder_create(const char *dir, struct ring_reader *r,
			 const struct ring_recorder_opts *opts, struct ring_recorder **out);

/**
 * ring_recorder_copy() - copy the records that are there now into the recording
 * @rec: the recorder
 * @records: set to the number of records that were recorded, also on failure; may be NULL
 *
 * Sleeps as write(2) does. Types of ring_open_opts and a filter of the reader are ignored: all
 * records are recorded, and a reader of the recording may filter them. The call copies at most
 * what fits into the rings once.
 *
 * When a write fails, the file is cut behind the last whole chunk, the reader stays at the first
 * record that was not recorded, and each later call tries again from there. Meanwhile the ring may
 * overwrite records: they count as lost by the recorder.
 *
 * Return: 0 there may be more; -EAGAIN there was nothing, or no more is there now; -ENODEV the
 * ring has ended, and all is recorded; -ENODATA each ring has a record later than
 * ring_recorder_opts.until_ns, or has ended, and all before is recorded; -EBADMSG as ring_read();
 * -EPIPE the writer overran the reader 64 times in a row: call again; -ENOSPC, -EDQUOT, -EFBIG,
 * -EIO as write(2); -ENOENT the recording's directory, or the file, was removed.
 */
int ring_recorder_copy(struct ring_recorder *rec, uint64_t *records);

/**
 * ring_recorder_sync() - get what was recorded so far onto the disk
 * @rec: the recorder
 *
 * Sleeps as fdatasync(2) does. After the call, what was recorded survives a crash of the machine;
 * without it, it survives only the end of the process. Also records counters, and removes segments
 * that are too old.
 *
 * Return: 0; -ENOENT, -ENOSPC, -EDQUOT, -EFBIG as ring_recorder_copy(); what fdatasync(2) gives.
 */
int ring_recorder_sync(struct ring_recorder *rec);

/**
 * struct ring_recorder_stats - what was recorded
 * @size: sizeof(struct ring_recorder_stats), filled by the caller
 * @records: records that are in the files, or were in segments that are removed
 * @lost: records that the rings overwrote before the recorder had read them
 * @bytes: bytes of all files now
 * @segments: files now
 * @removed_segments: segments that were removed for the limits
 * @removed_records: records in them
 * @record_bytes: bytes of @records before compression, each with its header
 */
struct ring_recorder_stats {
	size_t size;
	uint64_t records;
	uint64_t lost;
	uint64_t bytes;
	uint64_t segments;
	uint64_t removed_segments;
	uint64_t removed_records;
	uint64_t record_bytes;
};

/**
 * ring_recorder_stats() - get the account of a recorder
 * @rec: the recorder
 * @stats: its size is read, all else is filled on success
 *
 * Never sleeps. The thread that uses @rec.
 *
 * Return: 0; -EINVAL @stats->size is too small; -E2BIG @stats has unknown fields.
 */
int ring_recorder_stats(struct ring_recorder *rec, struct ring_recorder_stats *stats);

/**
 * ring_recorder_close() - complete the recording, and free the recorder
 * @rec: the recorder; NULL is allowed
 *
 * Sleeps. Records the counters, the end and an index, and syncs. The reader is the caller's again,
 * at the first record that was not recorded. In any case @rec is freed; after a failure the
 * recording has no end, and all that ring_recorder_copy() counted is in it.
 *
 * Return: as ring_recorder_sync().
 */
int ring_recorder_close(struct ring_recorder *rec);

/* Values of ring_recording_info.recorder. */
enum ring_recorder_state {
	RING_RECORDER_UNKNOWN = 0, /* nothing that this process may look at tells */
	RING_RECORDER_RUNS = 1,
	RING_RECORDER_GONE = 2, /* the kernel says so: it has ended, or was killed */
};

/**
 * struct ring_recording_info - properties of a recording, as far as its reader knows it
 * @size: sizeof(struct ring_recording_info), filled by the caller
 * @segments, @chunks, @bytes: files, chunks of records in them, and bytes
 * @records: records that are in the files
 * @recorder_lost: records that the recorder lost: the ring overwrote them
 * @removed: records in segments that were removed from the start of the recording
 * @damaged: records that were recorded and cannot be read: chunks with wrong contents, and
 *        segments that are missing in between. Grows when such a chunk is found during reading
 * @torn_bytes: bytes of chunks that are not whole, at the end of the last file
 * @complete: 1: the recorder has ended the recording; 0: it was killed, or is still running
 * @recorder: RING_RECORDER_*. Unknown of a recording that is opened by one of its files
 * @first_ns, @last_ns: least and greatest time of the records in the files
 * @realtime_ns: CLOCK_REALTIME when the first of these files was begun
 * @boot_id: of the kernel that ran then; terminated
 *
 * Each lost record is told by ring_record.lost, whatever the cause.
 *
 * While the recorder runs, all of this grows: in calls that read, and in ring_wait().
 */
struct ring_recording_info {
	size_t size;
	uint64_t segments;
	uint64_t chunks;
	uint64_t bytes;
	uint64_t records;
	uint64_t recorder_lost;
	uint64_t removed;
	uint64_t damaged;
	uint64_t torn_bytes;
	uint32_t complete;
	uint32_t recorder;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t realtime_ns;
	char boot_id[40];
};

/**
 * ring_recording_info() - get the properties of the recording that a reader reads
 * @r: the reader
 * @info: its size is read, all else is filled on success
 *
 * Never sleeps. The thread that uses @r.
 *
 * Return: 0; -EOPNOTSUPP @r reads a ring; -EINVAL @info->size is too small; -E2BIG @info has
 * unknown fields.
 */
int ring_recording_info(struct ring_reader *r, struct ring_recording_info *info);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_RECORDING_H */
