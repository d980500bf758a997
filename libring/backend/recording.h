/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A recording that is read: its files, and the chunks in them. */
#ifndef LIBRING_BACKEND_RECORDING_H
#define LIBRING_BACKEND_RECORDING_H

#include <seqring/recording.h>

#include "../reader/reader.h"
#include "poller.h"

/* Called with the header of each chunk that a file has. Return: 0; -errno ends the scan. */
typedef int (*libring_chunk_fn)(const struct seqring_chunk *c, void *arg);

/* What a scan found out. @torn: bytes behind the last whole chunk; @ended: with an index */
struct ring_scan {
	uint64_t size;
	uint64_t torn;
	bool ended;
};

/*
 * A chunk of records.
 *
 * @size: bytes in the file; @raw_size: of the records; @packed: they are compressed
 * @bad: it could not be read
 */
struct ring_chunk {
	uint32_t segment;
	uint32_t crc;
	uint64_t offset;
	uint64_t size;
	uint64_t raw_size;
	uint64_t seq;
	uint64_t records;
	uint64_t last_ns;
	bool packed;
	bool bad;
};

struct ring_recording;

/*
 * A ring of the recording. Its memory has one chunk at a time.
 *
 * @chunks: in the order of seq
 * @next: the chunk that is loaded when the reader has read the present one
 * @counters: the last ones; @before: those of the first file that come before its records
 * @lap: of the ring's memory; each chunk gets a new one, so no position comes twice
 */
struct ring_recorded {
	struct ring_recording *rec;
	struct ring_chunk *chunks;
	size_t nr;
	size_t room;
	size_t next;
	uint64_t lap;
	unsigned char *at;
	uint64_t data_offset;
	uint64_t data_size;
	struct seqring_chunk_counters counters;
	struct seqring_chunk_counters before;
	uint32_t id;
};

/*
 * @dir: descriptor of the directory; -1: one file is read, which is @fd
 * @segments: numbers of the files, from the oldest on
 * @fd: the open file, which is number @fd_segment of @segments; -1: none is
 * @id: of the recording
 * @pairs: in the order of time
 * @buf: for a chunk that is compressed, of @room bytes
 * @tail: of the last file, where the next chunk begins; @last: what its last scan found out
 * @wake_fd: always readable, if no recorder runs when the reader is opened; else -1
 * @poller, @inotify: what wakes for what the recorder adds; else they are not open
 */
struct ring_recording {
	int dir;
	const char *path;
	uint64_t *segments;
	uint32_t nr_segments;
	int fd;
	uint32_t fd_segment;
	struct seqring_header hdr;
	struct seqring_recording first;
	void *schema;
	struct ring_recorded *rings;
	struct ring_pair *pairs;
	unsigned int nr_pairs;
	struct ring_recording_info info;
	void *buf;
	size_t room;
	uint64_t tail;
	struct ring_scan last;
	int wake_fd;
	struct ring_poller poller;
	int inotify;
};

/* recording_file.c */
int libring_pread_all(int fd, void *buf, size_t size, uint64_t at);
int libring_recording_header(int fd, const char *path, struct seqring_header *h,
			     struct seqring_recording *rec, void **schema);
int libring_recording_scan(int fd, uint64_t from, struct ring_scan *scan, libring_chunk_fn fn,
			   void *arg);
int libring_recording_scan_on(int fd, uint64_t from, struct ring_scan *scan, libring_chunk_fn fn,
			      void *arg);

/* recording_list.c */
int libring_recording_list(struct ring_recording *rec);
int libring_recording_grow(struct ring_recording *rec);
void libring_recording_tell(const struct ring_recording *rec);
int libring_recording_select(struct ring_recording *rec, uint32_t segment);

/* recording_live.c */
uint32_t libring_live_ask(const struct ring_recording *rec);
int libring_live_open(struct ring_recording *rec);
void libring_live_close(struct ring_recording *rec);
bool libring_live_drain(struct ring_recording *rec);
void libring_live_arm(struct ring_recording *rec, const struct ring_reader *r);
void libring_live_kick(struct ring_recording *rec);

/* recording_seek.c */
enum seqring_outcome libring_recording_seek(struct ring_reader *r, struct ring_source *s,
					    uint32_t whence, uint64_t value);
enum seqring_outcome libring_recording_newest(struct ring_reader *r, uint32_t ring,
					      struct seqring_view *v, void *buf, uint32_t size);

#endif /* LIBRING_BACKEND_RECORDING_H */
