/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The files of a recording, as they are written. */
#ifndef LIBRING_RECORD_SEGMENT_H
#define LIBRING_RECORD_SEGMENT_H

#include <stdbool.h>

#include <seqring/recording.h>

/* A file that is complete. @ended_ns: CLOCK_BOOTTIME of its end; @synced: it is on the disk */
struct ring_closed {
	uint64_t number;
	uint64_t bytes;
	uint64_t records;
	uint64_t ended_ns;
	bool synced;
};

/*
 * @dir: descriptor of the directory, locked; @path: its path, for sentences
 * @hdr: what every file begins with, followed by @rec, and by @schema at hdr.schema_offset
 * @fd: the present file; -1: the next record begins one
 * @bytes: of the present file, up to the end of its last whole chunk
 * @index: the headers of its chunks
 * @records: in its chunks; @began_ns: CLOCK_BOOTTIME of its beginning
 * @closed: the files before it, from the oldest on, without those that were removed
 * @dir_synced: their names are on the disk
 * @segment_bytes, @size_max, @keep_ns: as in struct ring_recorder_opts
 */
struct ring_segments {
	int dir;
	char *path;
	struct seqring_header hdr;
	struct seqring_recording rec;
	const void *schema;

	int fd;
	uint64_t bytes;
	struct seqring_chunk *index;
	size_t nr_index;
	size_t room_index;
	uint64_t records;
	uint64_t began_ns;

	struct ring_closed *closed;
	size_t nr_closed;
	size_t room_closed;
	bool dir_synced;
	uint64_t removed_segments;
	uint64_t removed_records;

	uint64_t segment_bytes;
	uint64_t size_max;
	uint64_t keep_ns;
};

int libring_segments_open(struct ring_segments *s, const char *path);
void libring_segments_close(struct ring_segments *s);
uint64_t libring_segments_bytes(const struct ring_segments *s);

bool libring_segment_is_full(const struct ring_segments *s, uint64_t size);
int libring_segment_begin(struct ring_segments *s);
int libring_segment_append(struct ring_segments *s, struct seqring_chunk *c, const void *payload);
int libring_segment_finish(struct ring_segments *s);
int libring_segments_sync(struct ring_segments *s);

#endif /* LIBRING_RECORD_SEGMENT_H */
