/* SPDX-License-Identifier: GPL-2.0-only */
/* Chunks that a test appends to a file of a recording, with the right CRCs. */
#ifndef CHUNKS_H
#define CHUNKS_H

#include <seqring/recording.h>

#include "../../libring/base/crc32c.h"
#include "recording.h"

static inline int open_file(const struct recorded *t)
{
	int fd = open(recorded_file(t, 1), O_RDWR);

	assert_true(fd >= 0);
	return fd;
}

static inline void write_at(const struct recorded *t, uint64_t at, const void *p, size_t n)
{
	int fd = open_file(t);

	assert_int_equal(pwrite(fd, p, n, (off_t)at), n);
	close(fd);
}

static inline uint64_t size_of(const struct recorded *t)
{
	struct stat st;

	assert_int_equal(stat(recorded_file(t, 1), &st), 0);
	return (uint64_t)st.st_size;
}

static inline void seal(struct seqring_chunk *c, uint64_t at)
{
	c->magic = SEQRING_CHUNK_MAGIC;
	c->offset = at;
	c->header_crc = libring_crc32c(0, c, offsetof(struct seqring_chunk, header_crc));
}

/* Appends a chunk with @size bytes of @payload; @c says what else it claims. */
static inline void append(const struct recorded *t, struct seqring_chunk c, const void *payload,
			  size_t size)
{
	static const unsigned char zeros[8];
	const uint64_t at = size_of(t);

	c.crc = libring_crc32c(0, payload, size);
	seal(&c, at);
	write_at(t, at, &c, sizeof(c));
	write_at(t, at + sizeof(c), payload, size);
	write_at(t, at + sizeof(c) + size, zeros, -size & 7);
}

/* @nr records of 8 bytes from @seq on. */
static inline size_t fill_records(unsigned char *to, uint64_t seq, unsigned int nr)
{
	struct seqring_record h = { .meta = { .len = 8 } };
	unsigned int i;

	for (i = 0; i < nr; i++, to += 32) {
		h.stamp = seq + i;
		memcpy(to, &h, sizeof(h));
		memcpy(to + sizeof(h), &h.stamp, 8);
	}
	return 32ul * nr;
}

static inline struct seqring_chunk chunk_of(uint64_t seq, uint64_t records, uint64_t size)
{
	return (struct seqring_chunk) {
		.type = SEQRING_CHUNK_RECORDS,
		.seq = seq,
		.records = records,
		.size = size,
		.raw_size = size,
	};
}

#endif /* CHUNKS_H */
