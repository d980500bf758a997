// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other protocols over the same record headers, with the same payloads and the same way of
 * copying, so that the difference is the protocol.
 *
 * They order memory by themselves, not with barrier.h, because they are not seqrings.
 */
#include <seqring/reader.h>
#include <seqring/writer.h>

#include "peers.h"

#define FLAGS_AHEAD 4u	  /* records by which the writer prefetches a flag */
#define FLAGS_PAUSE 1000u /* ticks; a full buffer: let the reader get ahead */

/*
 * A byte ring with begin and end counters on one line, as in Aeron's broadcast
 * buffer. The writer moves @begin before it overwrites, and @end after. A reader
 * copies, and then checks whether @begin has reached its record.
 */
struct bytes_ctl {
	uint64_t begin;
	uint64_t end;
	uint64_t latest; /* start of the newest record */
};

struct bytes {
	struct bytes_ctl *ctl;
	unsigned char *data;
	uint64_t mask;
	uint64_t pos;

	const struct bytes_ctl *reader_ctl __attribute__((aligned(128)));
	const unsigned char *reader_data;
	uint64_t reader_mask;
	uint64_t reader_pos;
	uint64_t reader_seq;
	uint64_t snap;
};

static const char *bytes_create(struct stream *s)
{
	struct bytes *b = stream_alloc(s, sizeof(*b));
	const void *ro;

	b->ctl = stream_map(s, 4096, &ro);
	b->reader_ctl = ro;
	b->data = stream_map(s, s->size, &ro);
	b->reader_data = ro;
	b->mask = s->size - 1;
	b->reader_mask = s->size - 1;
	s->impl = b;
	return NULL;
}

static inline uint64_t room_at(uint64_t pos, uint64_t mask)
{
	return mask + 1 - (pos & mask);
}

static inline void store_record(struct seqring_record *rec, uint64_t ts_ns, uint32_t len,
				const uint64_t *payload)
{
	union seqring_meta meta = { .len = len, .type = TYPE };

	__atomic_store_n(&rec->ts_ns, ts_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&rec->meta.word, meta.word, __ATOMIC_RELAXED);
	seqring_writer_copy_payload(rec + 1, payload, len);
}

/* Announces the bytes that will be overwritten, before it overwrites the first one. */
static inline struct seqring_record *bytes_begin(struct bytes *b, uint64_t end)
{
	__atomic_store_n(&b->ctl->begin, end, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return (struct seqring_record *)(b->data + (b->pos & b->mask));
}

static void bytes_pad(struct bytes *b, uint64_t room)
{
	struct seqring_record *rec = bytes_begin(b, b->pos + room);
	union seqring_meta meta = { .flags = SEQRING_REC_PAD };

	__atomic_store_n(&rec->meta.word, meta.word, __ATOMIC_RELAXED);
	b->pos += room;
}

static inline void bytes_write_len(struct stream *s, unsigned int n, uint32_t len)
{
	struct bytes *b = s->impl;
	struct seqring_record *rec;
	uint64_t size, room, next;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, len, ++s->seq);
		size = seqring_record_size(len);
		room = room_at(b->pos, b->mask);
		if (size > room)
			bytes_pad(b, room);
		next = seqring_normalize(b->pos + size, b->mask);
		rec = bytes_begin(b, next);
		__atomic_store_n(&rec->stamp, s->seq, __ATOMIC_RELAXED);
		store_record(rec, s->stamped ? now_ns() : 0, len, s->payload);
		__atomic_store_n(&b->ctl->latest, b->pos, __ATOMIC_RELAXED);
		b->pos = next;
		__atomic_store_n(&b->ctl->end, b->pos, __ATOMIC_RELEASE);
	}
}

WRITE_BY_LEN(bytes)

static void bytes_join(struct stream *s, struct reader *rd)
{
	struct bytes *b = s->impl;

	(void)rd;
	b->snap = __atomic_load_n(&b->reader_ctl->end, __ATOMIC_ACQUIRE);
	b->reader_pos = b->snap;
	b->reader_seq = s->seq + 1;
}

/* True if the record that was read at @pos is whole; if not, goes to the newest record. */
static inline bool bytes_whole(struct bytes *b, uint64_t pos)
{
	uint64_t begin;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	begin = __atomic_load_n(&b->reader_ctl->begin, __ATOMIC_RELAXED);
	if (__builtin_expect(begin - pos <= b->reader_mask + 1, 1))
		return true;
	b->reader_pos = __atomic_load_n(&b->reader_ctl->latest, __ATOMIC_ACQUIRE);
	b->snap = __atomic_load_n(&b->reader_ctl->end, __ATOMIC_ACQUIRE);
	return false;
}

static inline unsigned int bytes_collect_len(struct stream *s, struct reader *rd, unsigned int max,
					     uint32_t len)
{
	struct bytes *b = s->impl;
	uint64_t pos, stamp, room, size;
	const struct seqring_record *rec;
	uint64_t payload[PAYLOAD_MAX / 8];
	union seqring_meta meta;
	unsigned int n = 0;

	if (b->reader_pos >= b->snap) {
		b->snap = __atomic_load_n(&b->reader_ctl->end, __ATOMIC_ACQUIRE);
		if (b->reader_pos >= b->snap)
			return 0;
	}
	while (n < max && b->reader_pos < b->snap) {
		pos = b->reader_pos;
		rec = (const struct seqring_record *)(b->reader_data + (pos & b->reader_mask));
		room = room_at(pos, b->reader_mask);
		stamp = __atomic_load_n(&rec->stamp, __ATOMIC_RELAXED);
		meta.word = __atomic_load_n(&rec->meta.word, __ATOMIC_RELAXED);
		__atomic_load_n(&rec->ts_ns, __ATOMIC_RELAXED);
		size = seqring_record_size(meta.len);
		if (__builtin_expect(meta.flags & SEQRING_REC_PAD || size > room, 0)) {
			if (bytes_whole(b, pos))
				b->reader_pos = pos + room;
			continue;
		}
		seqring_reader_copy(payload, rec + 1, meta.len < len ? meta.len : len);
		if (pos + SEQRING_PREFETCH_BYTES < b->snap)
			seqring_prefetch(b->reader_data +
					 ((pos + SEQRING_PREFETCH_BYTES) & b->reader_mask));
		if (!bytes_whole(b, pos))
			continue;
		if (meta.len != len || meta.type != TYPE)
			wrong("byte ring: header of record %llu is torn",
			      (unsigned long long)stamp);
		payload_check(payload, len, stamp, "byte ring");
		reader_took(rd, stamp, stamp - b->reader_seq);
		b->reader_seq = stamp + 1;
		b->reader_pos = seqring_normalize(pos + size, b->reader_mask);
		n++;
	}
	return n;
}

COLLECT_BY_LEN(bytes)

const struct stream_kind kind_bytes = {
	.name = "byte ring",
	.create = bytes_create,
	.write = bytes_write,
	.join = bytes_join,
	.collect = bytes_collect,
	.goes_round = true,
};

/*
 * The limit of moving records through a buffer: the stamp is a flag, the writer waits until
 * the reader has cleared it, and neither side has to look anywhere else.
 */
struct flags {
	unsigned char *data;
	uint64_t size; /* bytes in whole records */
	uint64_t pos;

	uint64_t reader_pos __attribute__((aligned(128)));
};

static const char *flags_create(struct stream *s)
{
	struct flags *f = stream_alloc(s, sizeof(*f));
	uint64_t size = seqring_record_size(s->len);

	f->data = stream_map(s, s->size, NULL);
	f->size = s->size / size * size;
	s->impl = f;
	return NULL;
}

static inline void flags_write_len(struct stream *s, unsigned int n, uint32_t len)
{
	uint64_t size = seqring_record_size(len);
	struct flags *f = s->impl;
	struct seqring_record *rec;
	unsigned int i;

	for (i = 0; i < n; i++) {
		payload_fill(s->payload, len, ++s->seq);
		rec = (struct seqring_record *)(f->data + f->pos);
		if (f->pos + FLAGS_AHEAD * size < f->size)
			__builtin_prefetch(f->data + f->pos + FLAGS_AHEAD * size, 1);
		while (__atomic_load_n(&rec->stamp, __ATOMIC_ACQUIRE))
			pause_ticks(FLAGS_PAUSE);
		store_record(rec, s->stamped ? now_ns() : 0, len, s->payload);
		__atomic_store_n(&rec->stamp, s->seq, __ATOMIC_RELEASE);
		f->pos += size;
		if (f->pos == f->size)
			f->pos = 0;
	}
}

WRITE_BY_LEN(flags)

static inline unsigned int flags_collect_len(struct stream *s, struct reader *rd, unsigned int max,
					     uint32_t len)
{
	struct flags *f = s->impl;
	uint64_t payload[PAYLOAD_MAX / 8], stamp;
	struct seqring_record *rec;
	unsigned int n;

	for (n = 0; n < max; n++) {
		rec = (struct seqring_record *)(f->data + f->reader_pos);
		stamp = __atomic_load_n(&rec->stamp, __ATOMIC_ACQUIRE);
		if (!stamp)
			break;
		seqring_reader_copy(payload, rec + 1, len);
		__atomic_store_n(&rec->stamp, 0, __ATOMIC_RELEASE);
		payload_check(payload, len, stamp, "flag ring");
		reader_took(rd, stamp, 0);
		f->reader_pos += seqring_record_size(len);
		if (f->reader_pos == f->size)
			f->reader_pos = 0;
	}
	return n;
}

COLLECT_BY_LEN(flags)

const struct stream_kind kind_flags = {
	.name = "flag ring",
	.create = flags_create,
	.write = flags_write,
	.collect = flags_collect,
	.goes_round = true,
};
