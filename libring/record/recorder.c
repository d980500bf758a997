// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Copies the records of a reader's rings into a recording. All records between two positions are
 * copied at once, as they lie, and one recheck of tail afterwards speaks for all. Only then is the
 * copy, which nobody changes, walked through.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/options.h"
#include "../base/zstd.h"
#include "../reader/reader.h"
#include "libring.h"
#include "segment.h"

#define CHUNK_BYTES	(1u << 18) /* stays in the processor's cache from copy to write */
#define SEGMENT_DEFAULT (1ull << 26)
#define SECOND_NS	1000000000ull

/*
 * @r: the reader
 * @buf: a chunk; the longest record of the rings fits, if it is longer
 * @counters: of each ring, as recorded last
 * @nr_pairs, @last_pair: of the reader's clock pairs, as recorded last
 * @packer: compresses chunks; NULL: they stay as they are
 * @until_ns: as in struct ring_recorder_opts; UINT64_MAX: no limit
 * @turn: the source that is copied first in the next call
 * @records, @lost, @record_bytes: as in struct ring_recorder_stats
 */
struct ring_recorder {
	struct ring_segments files;
	struct ring_reader *r;
	unsigned char *buf;
	struct libring_packer *packer;
	struct seqring_chunk_counters *counters;
	unsigned int nr_pairs;
	struct ring_pair last_pair;
	uint64_t until_ns;
	uint32_t turn;
	uint64_t records;
	uint64_t lost;
	uint64_t record_bytes;
};

/* What lies in the buffer: whole records of one ring, from @pos on. @next: behind them. */
struct run {
	uint64_t pos;
	uint64_t next;
	uint64_t seq;
	uint64_t records;
	uint64_t bytes;
	uint64_t first_ns;
	uint64_t last_ns;
};

static int check_compression(const struct ring_recorder_opts *o)
{
	if (o->compression > RING_COMPRESSION_ZSTD)
		return libring_set_error(EINVAL,
					 "ring_recorder_opts.compression is %u: 0 (none) or 1 "
					 "(Zstandard)",
					 o->compression);
	if (o->compression_level > (o->compression ? RING_COMPRESSION_LEVEL_MAX : 0))
		return libring_set_error(EINVAL,
					 "ring_recorder_opts.compression_level is %u: 1 to %d with "
					 "a compression, or 0",
					 o->compression_level, RING_COMPRESSION_LEVEL_MAX);
	return 0;
}

static int get_opts(const struct ring_recorder_opts *user, struct ring_recorder_opts *o)
{
	int err;

	*o = (struct ring_recorder_opts) { .size = sizeof(*o) };
	if (user) {
		err = libring_get_grown_opts(o, sizeof(*o),
					     offsetof(struct ring_recorder_opts, compression), user,
					     "ring_recorder_opts");
		if (err)
			return err;
	}
	if (!o->segment_bytes)
		o->segment_bytes = SEGMENT_DEFAULT;
	if (o->segment_bytes < RING_SEGMENT_MIN || o->segment_bytes > RING_SEGMENT_MAX)
		return libring_set_error(EINVAL,
					 "ring_recorder_opts.segment_bytes is %" PRIu64 ": %llu to "
					 "%llu, or 0 for %llu",
					 o->segment_bytes, RING_SEGMENT_MIN, RING_SEGMENT_MAX,
					 SEGMENT_DEFAULT);
	if (o->size_max && o->size_max < 2 * o->segment_bytes)
		return libring_set_error(EINVAL,
					 "ring_recorder_opts.size_max is %" PRIu64 ": at least two "
					 "files of %" PRIu64 " bytes, or 0 for no limit",
					 o->size_max, o->segment_bytes);
	if (o->keep_ns && o->keep_ns < SECOND_NS)
		return libring_set_error(EINVAL,
					 "ring_recorder_opts.keep_ns is %" PRIu64 ": at least a "
					 "second, %llu, or 0 for no limit",
					 o->keep_ns, SECOND_NS);
	return check_compression(o);
}

static int check_reader(const struct ring_reader *r, const struct ring_recorder_opts *o)
{
	if (o->until_ns && r->mapping.hdr.clock_id == SEQRING_CLOCK_NONE)
		return libring_set_error(EINVAL,
					 "ring_recorder_opts.until_ns is %" PRIu64
					 ": 0, as the ring "
					 "has no clock",
					 o->until_ns);
	if (r->follow)
		return libring_set_error(EINVAL,
					 "a reader with RING_FOLLOW or RING_NONBLOCK cannot be "
					 "recorded: its ring may change");
	if (r->backend->recording)
		return libring_set_error(EINVAL, "the reader reads a recording: copy its files");
	return 0;
}

static void read_boot_id(char *id, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, size - 1);

	/* Without /proc it stays empty. */
	if (fd >= 0)
		close(fd);
	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
}

/* Fills what each file begins with. */
static int fill_file_header(struct ring_segments *s, const struct ring_reader *r)
{
	struct seqring_header *h = &s->hdr;

	*h = r->mapping.hdr;
	h->features_required |= SEQRING_REQUIRE_RECORDING;
	h->owner = 0;
	h->owner_pidns = 0;
	s->schema = h->schema_size ? r->mapping.map + h->schema_offset : NULL;
	s->rec = (struct seqring_recording) {
		.magic = SEQRING_RECORDING_MAGIC,
		.version = SEQRING_RECORDING_VERSION,
		.header_size = sizeof(s->rec),
	};
	s->rec.chunk_offset = sizeof(*h) + sizeof(s->rec) + ((h->schema_size + 7) & ~7ULL);
	h->schema_offset = h->schema_size ? sizeof(*h) + sizeof(s->rec) : 0;
	if (getrandom(s->rec.id, sizeof(s->rec.id), 0) != sizeof(s->rec.id))
		return libring_set_error(errno, "getrandom: %s", strerror(errno));
	read_boot_id(s->rec.boot_id, sizeof(s->rec.boot_id));
	return 0;
}

static int prepare(struct ring_recorder *rec, const char *dir, const struct ring_recorder_opts *o)
{
	const uint64_t longest = seqring_record_size(rec->r->mapping.hdr.payload_max);
	const size_t room = longest < CHUNK_BYTES ? CHUNK_BYTES : (size_t)longest;
	const int level = o->compression_level ? (int)o->compression_level : LIBRING_ZSTD_LEVEL;
	int err;

	rec->buf = malloc(room);
	rec->counters = calloc(rec->r->merge.nr_src, sizeof(*rec->counters));
	rec->files.dir = -1;
	rec->files.fd = -1;
	if (!rec->buf || !rec->counters)
		return libring_set_error(ENOMEM, "no memory for a recorder");
	err = o->compression ? libring_packer_open(level, room, &rec->packer) : 0;
	if (err)
		return err;
	rec->files.segment_bytes = o->segment_bytes;
	rec->files.size_max = o->size_max;
	rec->files.keep_ns = o->keep_ns;
	return libring_segments_open(&rec->files, dir);
}

static void free_recorder(struct ring_recorder *rec)
{
	libring_segments_close(&rec->files);
	libring_packer_close(rec->packer);
	free(rec->buf);
	free(rec->counters);
	free(rec);
}

/* Writes the pairs of clocks, in times of the ring's clock. */
static int record_pairs(struct ring_recorder *rec)
{
	const struct ring_walltime *w = &rec->r->walltime;
	const int64_t shift = rec->r->merge.clock_shift_ns;
	struct seqring_clock_pair pairs[LIBRING_PAIRS];
	struct seqring_chunk c = { .type = SEQRING_CHUNK_CLOCK };
	unsigned int i;
	int err;

	for (i = 0; i < w->nr; i++)
		pairs[i] = (struct seqring_clock_pair) {
			.since_ns = w->pairs[i].since_ns + (uint64_t)shift,
			.seen_ns = w->pairs[i].seen_ns + (uint64_t)shift,
			/* Unsigned: the shift of a hostile ring may be any number. */
			.offset_ns = (int64_t)((uint64_t)w->pairs[i].offset_ns - (uint64_t)shift),
			.width_ns = w->pairs[i].width_ns,
		};
	c.size = w->nr * sizeof(*pairs);
	c.raw_size = c.size;
	err = c.size ? libring_segment_append(&rec->files, &c, pairs) : 0;
	if (!err && w->nr) {
		rec->nr_pairs = w->nr;
		rec->last_pair = w->pairs[w->nr - 1];
	}
	return err;
}

/* Writes the pairs again if the wall clock was set since the last time. */
static int record_step(struct ring_recorder *rec)
{
	const struct ring_walltime *w = &rec->r->walltime;

	libring_walltime_sample(&rec->r->walltime);
	if (!w->nr || rec->files.fd < 0 ||
	    (w->nr == rec->nr_pairs && w->pairs[w->nr - 1].since_ns == rec->last_pair.since_ns))
		return 0;
	return record_pairs(rec);
}

/*
 * When the counters of a ring are recorded: if something was dropped since the last time; if
 * anything was ever dropped, as each file begins; in any case.
 */
enum counters { CHANGED, DROPPED, ALL };

/* Writes the counters of a ring, if @when says so. */
static int record_counters(struct ring_recorder *rec, uint32_t src, enum counters when)
{
	const struct ring_source *s = &rec->r->merge.src[src];
	const struct seqring_ring_ctl *ctl = s->rd.ctl;
	struct seqring_chunk_counters now = { .wakeups = seqring_read(&ctl->wakeups) };
	struct seqring_chunk_counters known = { 0 };
	struct seqring_chunk c = {
		.type = SEQRING_CHUNK_COUNTERS,
		.ring = s->ring,
		.ring_id = seqring_read(&ctl->id),
		.size = sizeof(now),
		.raw_size = sizeof(now),
	};
	int i, err;

	for (i = 0; i < SEQRING_DROP_SLOTS; i++)
		now.dropped[i] = seqring_read(&ctl->dropped[i]);
	if (when == CHANGED)
		known = rec->counters[src];
	if (when != ALL && !memcmp(now.dropped, known.dropped, sizeof(now.dropped)))
		return 0;
	err = libring_segment_append(&rec->files, &c, &now);
	if (!err)
		rec->counters[src] = now;
	return err;
}

static int record_all_counters(struct ring_recorder *rec, enum counters when)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < rec->r->merge.nr_src && !err && rec->files.fd >= 0; i++)
		err = record_counters(rec, i, when);
	return err;
}

static int begin_segment(struct ring_recorder *rec)
{
	int err = libring_segment_begin(&rec->files);

	if (!err)
		err = record_pairs(rec);
	/* Whoever reads this file alone, or as the first one, knows what was dropped since. */
	return err ? err : record_all_counters(rec, DROPPED);
}

/* Sees to it that a chunk of @size bytes can be appended. */
static int begin_if_full(struct ring_recorder *rec, uint64_t size)
{
	int err = 0;

	if (!libring_segment_is_full(&rec->files, size))
		return 0;
	if (rec->files.fd >= 0) {
		err = record_all_counters(rec, CHANGED);
		if (!err)
			err = libring_segment_finish(&rec->files);
	}
	return err ? err : begin_segment(rec);
}

int ring_recorder_create(const char *dir, struct ring_reader *r,
			 const struct ring_recorder_opts *user, struct ring_recorder **out)
{
	struct ring_recorder_opts opts;
	struct ring_recorder *rec;
	int err;

	err = get_opts(user, &opts);
	if (!err)
		err = check_reader(r, &opts);
	if (err)
		return err;
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return libring_set_error(ENOMEM, "no memory for a recorder");
	rec->r = r;
	rec->until_ns = opts.until_ns ? opts.until_ns : UINT64_MAX;
	err = prepare(rec, dir, &opts);
	if (!err)
		err = fill_file_header(&rec->files, r);
	if (!err)
		err = begin_segment(rec);
	if (err) {
		free_recorder(rec);
		return err;
	}
	r->merge.peeked = NULL;
	*out = rec;
	return libring_forget_if_good(0);
}

/*
 * Walks through the copy of @size bytes, and finds the whole records. @cut: more may follow in the
 * ring. Return: 0; -ENODATA the first one is later than the recording may be; -EBADMSG.
 */
static int walk(const struct ring_recorder *rec, const struct seqring_reader *rd, uint64_t size,
		bool cut, struct run *run)
{
	struct seqring_record h;
	uint64_t at = 0, len;

	while (size - at >= sizeof(h)) {
		memcpy(&h, rec->buf + at, sizeof(h));
		if (h.stamp != run->seq + run->records)
			return -EBADMSG;
		if (h.meta.flags & SEQRING_REC_PAD)
			break;
		len = seqring_record_size(h.meta.len);
		if (h.meta.len > rd->payload_max)
			return -EBADMSG;
		if (len > size - at) {
			if (!cut)
				return -EBADMSG;
			break;
		}
		if (h.ts_ns > rec->until_ns) {
			if (!run->records)
				return -ENODATA;
			break;
		}
		if (!run->records)
			run->first_ns = h.ts_ns;
		run->last_ns = h.ts_ns;
		run->records++;
		at += len;
	}
	run->bytes = at;
	run->next = seqring_normalize(run->pos + at, rd->mask);
	return run->records ? 0 : -EBADMSG;
}

/*
 * Copies what @s has at its place into the buffer.
 *
 * Return: 0; -EAGAIN; -ENODEV; -ENODATA; -EPIPE; -EBADMSG; -ESTALE the writer has overwritten it.
 */
static int take_run(struct ring_recorder *rec, struct ring_source *s, struct run *run)
{
	struct seqring_reader *rd = &s->rd;
	uint64_t end, size, most;
	int err;

	/* Behind a PAD and behind what was lost. */
	err = libring_source_peek(s);
	s->pending = false;
	if (err)
		return err;
	/* Pairs with the release of head: all below it is published. */
	rd->snap = seqring_load_acquire(JOIN, &rd->ctl->head);
	*run = (struct run) { .pos = rd->pos, .seq = rd->seq };
	end = (rd->pos | rd->mask) + 1;
	if (end > rd->snap)
		end = rd->snap;
	/* An eager reader's record may be published while head is not. */
	if (end <= rd->pos)
		return -EAGAIN;
	size = end - rd->pos;
	most = seqring_record_size(s->view.len);
	if (most < CHUNK_BYTES)
		most = CHUNK_BYTES;
	if (size > most)
		size = most;
	seqring_reader_copy(rec->buf, seqring_reader_at(rd, rd->pos), (uint32_t)size);
	if (!seqring_reader_intact(rd, rd->pos))
		return libring_source_resync(s);
	err = walk(rec, rd, size, size < end - rd->pos, run);
	s->corrupt = err == -EBADMSG;
	return err;
}

/* Records what is in the buffer, and moves @s behind it. */
static int record_run(struct ring_recorder *rec, struct ring_source *s, const struct run *run)
{
	struct seqring_chunk c = {
		.type = SEQRING_CHUNK_RECORDS,
		.ring = s->ring,
		.ring_id = seqring_read(&s->rd.ctl->id),
		.size = run->bytes,
		.raw_size = run->bytes,
		.pos = run->pos,
		.seq = run->seq,
		.records = run->records,
		.lost = s->rd.lost,
		.first_ns = run->first_ns,
		.last_ns = run->last_ns,
	};
	const void *payload = rec->buf;
	size_t packed = 0;
	int err;

	if (rec->packer)
		packed = libring_pack(rec->packer, rec->buf, (size_t)run->bytes, &payload);
	if (packed) {
		c.compression = SEQRING_COMPRESSION_ZSTD;
		c.size = packed;
	} else {
		payload = rec->buf;
	}
	err = begin_if_full(rec, sizeof(c) + c.size);
	if (!err)
		err = libring_segment_append(&rec->files, &c, payload);
	if (err)
		return err;
	rec->records += run->records;
	rec->record_bytes += run->bytes;
	rec->lost += s->rd.lost;
	rec->r->read += run->records;
	s->rd.lost_total += s->rd.lost;
	s->rd.lost = 0;
	s->rd.pos = run->next;
	s->rd.seq = run->seq + run->records;
	s->overruns = 0;
	return 0;
}

/* Copies from one ring what is there, one lap at most. Return: as ring_recorder_copy(). */
static int copy_source(struct ring_recorder *rec, struct ring_source *s)
{
	uint64_t left = s->rd.mask + 1;
	struct run run = { 0 };
	int err;

	do {
		err = take_run(rec, s, &run);
		if (err == -ESTALE)
			continue;
		if (!err)
			err = record_run(rec, s, &run);
		if (err)
			return err;
		left -= run.bytes < left ? run.bytes : left;
	} while (left);
	return 0;
}

int ring_recorder_copy(struct ring_recorder *rec, uint64_t *records)
{
	struct ring_merge *m = &rec->r->merge;
	const uint64_t before = rec->records;
	bool more = false, empty = false, later = false;
	uint32_t i;
	int err;

	err = record_step(rec);
	for (i = 0; i < m->nr_src && !err; i++) {
		err = copy_source(rec, &m->src[(rec->turn + i) % m->nr_src]);
		more |= !err;
		empty |= err == -EAGAIN;
		later |= err == -ENODATA;
		if (err == -EAGAIN || err == -ENODEV || err == -ENODATA)
			err = 0;
	}
	/* Another ring goes first next time. */
	if (++rec->turn >= m->nr_src)
		rec->turn = 0;
	/* The library's own heap and lists know nothing of what was read here. */
	libring_merge_reset(m);
	if (!err && rec->r->wakeup.fd_given)
		libring_settle(rec->r);
	if (records)
		*records = rec->records - before;
	if (!err && !more)
		err = empty && !m->writer_gone ? -EAGAIN : later ? -ENODATA : -ENODEV;
	if (err == -ENODATA)
		return libring_set_error(ENODATA, "all records up to %" PRIu64 " ns are recorded",
					 rec->until_ns);
	if (err == -EAGAIN || err == -ENODEV || err == -EPIPE || err == -EBADMSG)
		return libring_explain(rec->r, err);
	return libring_forget_if_good(err);
}

int ring_recorder_sync(struct ring_recorder *rec)
{
	int err = record_all_counters(rec, CHANGED);

	if (!err)
		err = libring_segments_sync(&rec->files);
	return libring_forget_if_good(err);
}

int ring_recorder_stats(struct ring_recorder *rec, struct ring_recorder_stats *stats)
{
	const struct ring_segments *s = &rec->files;
	struct ring_recorder_stats st;
	int err;

	libring_forget_error();
	err = libring_get_grown_opts(&st, sizeof(st),
				     offsetof(struct ring_recorder_stats, record_bytes), stats,
				     "ring_recorder_stats");
	if (err)
		return err;
	st = (struct ring_recorder_stats) {
		.records = rec->records,
		.lost = rec->lost,
		.bytes = libring_segments_bytes(s),
		.segments = s->nr_closed + (s->fd >= 0),
		.removed_segments = s->removed_segments,
		.removed_records = s->removed_records,
		.record_bytes = rec->record_bytes,
	};
	libring_put_result(stats, &st, sizeof(st));
	return 0;
}

/* Writes what the last file ends with. */
static int complete(struct ring_recorder *rec)
{
	struct seqring_chunk end = { .type = SEQRING_CHUNK_END };
	int err;

	err = record_step(rec);
	if (!err && rec->files.fd < 0)
		err = begin_segment(rec);
	if (!err)
		err = record_all_counters(rec, ALL);
	if (!err)
		err = libring_segment_append(&rec->files, &end, "");
	if (!err)
		err = libring_segment_finish(&rec->files);
	return err ? err : libring_segments_sync(&rec->files);
}

int ring_recorder_close(struct ring_recorder *rec)
{
	int err;

	if (!rec)
		return 0;
	err = complete(rec);
	free_recorder(rec);
	return libring_forget_if_good(err);
}
