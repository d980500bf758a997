// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The files of a recording and their chunks, listed when the recording is opened. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/crc32c.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/grow.h"
#include "../base/segments.h"
#include "../base/zstd.h"
#include "recording.h"

#define PAIRS_MAX (1u << 16)

/* For libring_grow(). */
#define CHUNKS "the list of a recording's chunks"

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

struct found {
	struct ring_recording *rec;
	size_t room;
};

static int note_file(uint64_t number, void *arg)
{
	struct found *found = arg;
	struct ring_recording *rec = found->rec;
	int err = libring_grow(&rec->segments, rec->nr_segments, &found->room, sizeof(number),
			       CHUNKS);

	if (!err)
		rec->segments[rec->nr_segments++] = number;
	return err;
}

/* Notes the numbers of the files in the directory. */
static int list_files(struct ring_recording *rec)
{
	struct found found = { rec, 0 };
	int err = libring_each_segment(rec->dir, rec->path, note_file, &found);

	if (!err && !rec->nr_segments)
		err = libring_set_error(
			EPROTO,
			"%s: a directory with no recording (it has no file 0000000001.seg or a "
			"later one), nor in a BPF file system",
			rec->path);
	if (!err)
		qsort(rec->segments, rec->nr_segments, sizeof(*rec->segments), compare_numbers);
	return err;
}

/* Makes file number @segment of the list the open one. Return: 0; -errno. */
int libring_recording_select(struct ring_recording *rec, uint32_t segment)
{
	char name[LIBRING_SEGMENT_NAME];

	if (rec->fd >= 0 && rec->fd_segment == segment)
		return 0;
	libring_close_fd(rec->fd);
	libring_name_segment(name, rec->segments[segment]);
	/* Not a FIFO's end, which would wait for a writer. */
	rec->fd = openat(rec->dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	rec->fd_segment = segment;
	if (rec->fd < 0)
		return libring_set_error(errno, "%s/%s: %s", rec->path, name, strerror(errno));
	return 0;
}

/* True if @c can be the chunk that follows in its ring. */
static bool is_possible(const struct ring_recording *rec, const struct seqring_chunk *c)
{
	const struct ring_recorded *ring = &rec->rings[c->ring];
	const struct ring_chunk *prev = ring->nr ? &ring->chunks[ring->nr - 1] : NULL;
	uint64_t next;

	return c->records && c->seq && !(c->raw_size & 7) &&
	       (c->compression ? c->size < c->raw_size : c->size == c->raw_size) &&
	       c->raw_size <= rec->hdr.data_size &&
	       c->records <= c->raw_size / sizeof(struct seqring_record) &&
	       !__builtin_add_overflow(c->seq, c->records, &next) &&
	       (!prev || c->seq >= prev->seq + prev->records);
}

static int check_compression(const struct ring_recording *rec, const struct seqring_chunk *c)
{
	if (c->compression == SEQRING_COMPRESSION_NONE)
		return 0;
	if (c->compression != SEQRING_COMPRESSION_ZSTD)
		return libring_set_error(ENOTSUP,
					 "%s: a chunk is compressed by method %u, which this "
					 "library does not know",
					 rec->path, c->compression);
	if (!libring_has_zstd())
		return libring_set_error(ENOTSUP,
					 "%s: the recording is compressed, and this library was "
					 "built without Zstandard (libzstd)",
					 rec->path);
	return 0;
}

static int add_records(struct ring_recording *rec, const struct seqring_chunk *c)
{
	struct ring_recording_info *info = &rec->info;
	struct ring_recorded *ring = &rec->rings[c->ring];
	uint64_t gap = 0;
	int err;

	err = check_compression(rec, c);
	if (err)
		return err;
	if (!is_possible(rec, c))
		return 0;
	err = libring_grow(&ring->chunks, ring->nr, &ring->room, sizeof(*ring->chunks), CHUNKS);
	if (err)
		return err;
	if (ring->nr)
		gap = c->seq - ring->chunks[ring->nr - 1].seq - ring->chunks[ring->nr - 1].records;
	/* In front of the first chunk, the recorder may have lost what this recording never had. */
	info->recorder_lost += !ring->nr || c->lost < gap ? c->lost : gap;
	info->damaged += gap > c->lost ? gap - c->lost : 0;
	if (!info->chunks || c->first_ns < info->first_ns)
		info->first_ns = c->first_ns;
	if (c->last_ns > info->last_ns)
		info->last_ns = c->last_ns;
	info->chunks++;
	info->records += c->records;
	ring->id = c->ring_id;
	ring->chunks[ring->nr++] = (struct ring_chunk) {
		.segment = rec->fd_segment,
		.crc = c->crc,
		.offset = c->offset + sizeof(*c),
		.size = c->size,
		.raw_size = c->raw_size,
		.packed = c->compression == SEQRING_COMPRESSION_ZSTD,
		.seq = c->seq,
		.records = c->records,
		.last_ns = c->last_ns,
	};
	return 0;
}

/* Reads a small payload. Return: whether it is as it was written. */
static bool read_payload(const struct ring_recording *rec, const struct seqring_chunk *c, void *buf)
{
	return !libring_pread_all(rec->fd, buf, (size_t)c->size, c->offset + sizeof(*c)) &&
	       libring_crc32c(0, buf, (size_t)c->size) == c->crc;
}

static int add_pairs(struct ring_recording *rec, const struct seqring_chunk *c)
{
	struct seqring_clock_pair pairs[LIBRING_PAIRS];
	const size_t nr = (size_t)(c->size / sizeof(*pairs));
	struct ring_pair *p;
	size_t i;

	if (c->size > sizeof(pairs) || c->size % sizeof(*pairs) || !read_payload(rec, c, pairs))
		return 0;
	if (rec->nr_pairs + nr > PAIRS_MAX)
		return 0;
	/* Once and for all: a reader has the address. What is not used takes no memory. */
	if (!rec->pairs)
		rec->pairs = calloc(PAIRS_MAX, sizeof(*p));
	p = rec->pairs;
	if (!p)
		return libring_set_error(ENOMEM, "no memory for the clocks of a recording");
	for (i = 0; i < nr; i++) {
		const struct ring_pair pair = {
			.since_ns = pairs[i].since_ns,
			.seen_ns = pairs[i].seen_ns,
			.offset_ns = pairs[i].offset_ns,
			.width_ns = pairs[i].width_ns,
		};

		/* Each chunk repeats what earlier ones had, perhaps measured better. */
		while (rec->nr_pairs && p[rec->nr_pairs - 1].since_ns >= pair.since_ns)
			rec->nr_pairs--;
		p[rec->nr_pairs++] = pair;
	}
	return 0;
}

static int add_chunk(const struct seqring_chunk *c, void *arg)
{
	struct ring_recording *rec = arg;
	struct seqring_chunk_counters counters;

	if (c->ring >= rec->hdr.nr_rings)
		return 0;
	switch (c->type) {
	case SEQRING_CHUNK_RECORDS:
		return add_records(rec, c);
	case SEQRING_CHUNK_CLOCK:
		return add_pairs(rec, c);
	case SEQRING_CHUNK_COUNTERS:
		if (c->size != sizeof(counters) || !read_payload(rec, c, &counters))
			return 0;
		rec->rings[c->ring].counters = counters;
		if (!rec->info.chunks && !rec->info.segments)
			rec->rings[c->ring].before = counters;
		rec->rings[c->ring].id = c->ring_id;
		return 0;
	case SEQRING_CHUNK_END:
		rec->info.complete = 1;
		if (rec->rings->at)
			rec->info.recorder = RING_RECORDER_GONE;
		return 0;
	}
	return 0;
}

static int check_same(const struct ring_recording *rec, const struct seqring_recording *other)
{
	if (!memcmp(rec->first.id, other->id, sizeof(other->id)))
		return 0;
	return libring_set_error(EPROTO, "%s: the files are of different recordings", rec->path);
}

/* Adds the chunks of the open file. */
static int add_file(struct ring_recording *rec)
{
	struct seqring_header h;
	struct seqring_recording head;
	struct ring_scan scan;
	int err;

	err = libring_recording_header(rec->fd, rec->path, &h, &head, NULL);
	if (!err)
		err = check_same(rec, &head);
	if (!err)
		err = libring_recording_scan(rec->fd, head.chunk_offset, &scan, add_chunk, rec);
	if (err)
		return err;
	rec->info.bytes += scan.size;
	rec->info.torn_bytes += scan.torn;
	rec->last = scan;
	rec->tail = scan.size > head.chunk_offset ? scan.size - scan.torn : head.chunk_offset;
	return 0;
}

/* Reads the header of the open file, the first one, and makes the rings. */
static int begin(struct ring_recording *rec)
{
	struct seqring_header *h = &rec->hdr;
	uint32_t i;
	int err;

	err = libring_recording_header(rec->fd, rec->path, h, &rec->first, &rec->schema);
	if (err)
		return err;
	if (!h->nr_rings || h->nr_rings > SEQRING_RINGS_MAX)
		return libring_set_error(EPROTO, "%s: nr_rings is %u, must be 1 to %u", rec->path,
					 h->nr_rings, SEQRING_RINGS_MAX);
	rec->rings = calloc(h->nr_rings, sizeof(*rec->rings));
	if (!rec->rings)
		return libring_set_error(ENOMEM, "no memory to read %u rings", h->nr_rings);
	for (i = 0; i < h->nr_rings; i++) {
		rec->rings[i].rec = rec;
		rec->rings[i].id = i;
	}
	rec->info.removed = rec->first.records_before;
	rec->info.realtime_ns = rec->first.realtime_ns;
	memcpy(rec->info.boot_id, rec->first.boot_id, sizeof(rec->info.boot_id) - 1);
	return 0;
}

/**
 * libring_recording_list() - find all chunks of a recording
 * @rec: its dir, or if that is -1, its fd
 *
 * Return: 0; -EPROTO; -ENOTSUP; -ENOMEM; what open(2) and read(2) give.
 */
int libring_recording_list(struct ring_recording *rec)
{
	uint32_t i;
	int err = 0;

	if (rec->dir < 0)
		rec->nr_segments = 1;
	else
		err = list_files(rec);
	for (i = 0; i < rec->nr_segments && !err; i++) {
		/* A limit may have removed it since. */
		err = rec->dir < 0 ? 0 : libring_recording_select(rec, i);
		if (err == -ENOENT && !rec->rings && i + 1 < rec->nr_segments) {
			err = 0;
			continue;
		}
		if (!err && !rec->rings)
			err = begin(rec);
		if (!err)
			err = add_file(rec);
		rec->info.segments += !err;
	}
	return err;
}

/* Lists what was added to the last file. */
static int grow_file(struct ring_recording *rec)
{
	struct ring_scan scan = { 0 };
	int err = libring_recording_select(rec, rec->nr_segments - 1);

	if (!err)
		err = libring_recording_scan_on(rec->fd, rec->tail, &scan, add_chunk, rec);
	if (err || scan.size <= rec->tail)
		return err;
	rec->info.bytes += scan.size - rec->last.size;
	rec->info.torn_bytes += scan.torn - rec->last.torn;
	rec->last = scan;
	rec->tail = scan.size - scan.torn;
	return 0;
}

static bool is_there(const struct ring_recording *rec, uint64_t number)
{
	char name[LIBRING_SEGMENT_NAME];

	libring_name_segment(name, number);
	return !faccessat(rec->dir, name, F_OK, 0);
}

/* @number: the least one above @above; 0: there is none */
struct later {
	uint64_t above;
	uint64_t number;
};

static int note_later(uint64_t number, void *arg)
{
	struct later *l = arg;

	if (number > l->above && (!l->number || number < l->number))
		l->number = number;
	return 0;
}

/* Return: number of the file behind the last one; 0: there is none yet. */
static uint64_t find_later(const struct ring_recording *rec)
{
	struct later l = { .above = rec->segments[rec->nr_segments - 1] };

	if (is_there(rec, l.above + 1))
		return l.above + 1;
	/* If limits have removed the last one already, they may have removed the next one, too. */
	if (!is_there(rec, l.above))
		libring_each_segment(rec->dir, rec->path, note_later, &l);
	return l.number;
}

/* Lists file @number, which follows the last one. Return: 0; -errno. */
static int add_later(struct ring_recording *rec, uint64_t number)
{
	uint64_t *segments = realloc(rec->segments, (rec->nr_segments + 1) * sizeof(*segments));
	int err;

	if (!segments)
		return libring_set_error(ENOMEM, "no memory for " CHUNKS);
	rec->segments = segments;
	rec->segments[rec->nr_segments++] = number;
	err = libring_recording_select(rec, rec->nr_segments - 1);
	if (!err)
		err = add_file(rec);
	if (!err)
		rec->info.segments++;
	else
		rec->nr_segments--;
	return err;
}

/**
 * libring_recording_grow() - list what the recorder has added
 * @rec: a recording with a directory
 *
 * Return: 0; -errno: what was added until then is listed.
 */
int libring_recording_grow(struct ring_recording *rec)
{
	uint64_t later;
	int err;

	do {
		/* First: nothing is added to a file when the next one is there. */
		later = find_later(rec);
		err = grow_file(rec);
		/* A file that is gone has no more for us. */
		if (later && (!err || err == -ENOENT))
			err = add_later(rec, later);
	} while (later && !err);
	libring_recording_tell(rec);
	return err;
}

/* Makes the control areas of the rings say what is known of them. */
void libring_recording_tell(const struct ring_recording *rec)
{
	uint32_t i, cause;

	for (i = 0; i < rec->hdr.nr_rings; i++) {
		const struct ring_recorded *ring = &rec->rings[i];
		struct seqring_ring_ctl *ctl = (void *)ring->at;

		seqring_write(&ctl->id, ring->id);
		for (cause = 0; cause < SEQRING_DROP_SLOTS; cause++)
			seqring_write(&ctl->dropped[cause], ring->counters.dropped[cause]);
		seqring_write(&ctl->wakeups, ring->counters.wakeups);
		if (ring->nr)
			seqring_write(&ctl->seq, ring->chunks[ring->nr - 1].seq +
							 ring->chunks[ring->nr - 1].records - 1);
	}
}
