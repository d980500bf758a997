// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A file of a recording: its header, and where its chunks are. The file is read, never mapped:
 * another process may make it shorter. Nothing in it is trusted: lengths are checked before they
 * are used, and CRCs before what they are of.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/crc32c.h"
#include "../base/error.h"
#include "recording.h"

#define BOTH	     (sizeof(struct seqring_header) + sizeof(struct seqring_recording))
#define INDEX_MAX    (1ull << 30)
#define SEARCH_BYTES (1u << 16)

/* Reads exactly @size bytes. Return: 0; -ENODATA the file is shorter; -errno. No sentence. */
int libring_pread_all(int fd, void *buf, size_t size, uint64_t at)
{
	unsigned char *to = buf;
	ssize_t n;

	while (size) {
		n = pread(fd, to, size, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENODATA;
		to += n;
		at += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static int check_versions(const char *path, const struct seqring_header *h,
			  const struct seqring_recording *rec)
{
	const uint64_t unknown = h->features_required & ~SEQRING_REQUIRE_RECORDING;

	if (h->magic != SEQRING_MAGIC || !(h->features_required & SEQRING_REQUIRE_RECORDING) ||
	    rec->magic != SEQRING_RECORDING_MAGIC)
		return libring_set_error(EPROTO, "%s: not a file of a recording", path);
	if (rec->version != SEQRING_RECORDING_VERSION || h->compat_version > SEQRING_VERSION)
		return libring_set_error(ENOTSUP,
					 "%s: the recording is of version %u and its ring of "
					 "version %u; this library knows %u and %u",
					 path, rec->version, h->compat_version,
					 SEQRING_RECORDING_VERSION, SEQRING_VERSION);
	if (unknown)
		return libring_set_error(ENOTSUP,
					 "%s: the recording requires features 0x%" PRIx64
					 " that this library does not know",
					 path, unknown);
	return 0;
}

/* Checks that the bytes up to the first chunk are as they were written. */
static int check_crc(int fd, const char *path, const struct seqring_header *h,
		     const struct seqring_recording *rec, void *schema)
{
	struct seqring_recording without = *rec;
	const uint64_t rest = rec->chunk_offset - BOTH;
	uint32_t crc;

	if (libring_pread_all(fd, schema, (size_t)rest, BOTH))
		return libring_set_error(EPROTO, "%s: the file ends within its header", path);
	without.crc = 0;
	crc = libring_crc32c(0, h, sizeof(*h));
	crc = libring_crc32c(crc, &without, sizeof(without));
	crc = libring_crc32c(crc, schema, (size_t)rest);
	if (crc != rec->crc)
		return libring_set_error(EPROTO, "%s: the header's CRC is wrong", path);
	return 0;
}

/**
 * libring_recording_header() - read and check what a file begins with
 * @fd: the file
 * @path: for sentences
 * @h, @rec: filled
 * @schema: set to the bytes behind both, which the caller frees; may be NULL
 *
 * Return: 0; -EPROTO; -ENOTSUP; -ENOMEM; what read(2) gives.
 */
int libring_recording_header(int fd, const char *path, struct seqring_header *h,
			     struct seqring_recording *rec, void **schema)
{
	void *rest;
	int err;

	err = libring_pread_all(fd, h, sizeof(*h), 0);
	if (!err)
		err = libring_pread_all(fd, rec, sizeof(*rec), sizeof(*h));
	if (err == -ENODATA)
		return libring_set_error(EPROTO, "%s: not a file of a recording: it is too short",
					 path);
	if (err)
		return libring_set_error(-err, "%s: %s", path, strerror(-err));
	err = check_versions(path, h, rec);
	if (err)
		return err;
	if (rec->chunk_offset & 7 || rec->chunk_offset < BOTH ||
	    rec->chunk_offset > BOTH + SEQRING_SCHEMA_SIZE_MAX ||
	    h->schema_size > rec->chunk_offset - BOTH ||
	    h->schema_offset != (h->schema_size ? BOTH : 0))
		return libring_set_error(EPROTO, "%s: header and schema do not fit together", path);
	rest = malloc((size_t)(rec->chunk_offset - BOTH) + 1);
	if (!rest)
		return libring_set_error(ENOMEM, "no memory for a schema");
	err = check_crc(fd, path, h, rec, rest);
	if (err || !schema)
		free(rest);
	else
		*schema = rest;
	return err;
}

static uint64_t whole_size(const struct seqring_chunk *c)
{
	return sizeof(*c) + ((c->size + 7) & ~7ull);
}

/* True if @c is the header of a chunk at @at that ends before @end. */
static bool is_chunk(const struct seqring_chunk *c, uint64_t at, uint64_t end)
{
	return c->magic == SEQRING_CHUNK_MAGIC && c->offset == at &&
	       c->header_crc == libring_crc32c(0, c, offsetof(struct seqring_chunk, header_crc)) &&
	       at <= end && end - at >= sizeof(*c) && c->size <= end - at - sizeof(*c) &&
	       whole_size(c) <= end - at;
}

/* True if the payload of @c is as it was written. */
static bool is_whole(int fd, const struct seqring_chunk *c)
{
	unsigned char buf[4096];
	uint64_t at = c->offset + sizeof(*c), left = c->size;
	uint32_t crc = 0;
	size_t n;

	for (; left; left -= n, at += n) {
		n = left < sizeof(buf) ? (size_t)left : sizeof(buf);
		if (libring_pread_all(fd, buf, n, at))
			return false;
		crc = libring_crc32c(crc, buf, n);
	}
	return crc == c->crc;
}

/* Looks for a chunk from @at on. Return: whether there is one. */
static bool find_chunk(int fd, uint64_t at, uint64_t end, struct seqring_chunk *c)
{
	unsigned char buf[SEARCH_BYTES];
	size_t n, i;
	uint64_t magic;

	while (end - at >= sizeof(*c)) {
		n = end - at < sizeof(buf) ? (size_t)(end - at) : sizeof(buf);
		if (libring_pread_all(fd, buf, n, at))
			return false;
		for (i = 0; i + 8 <= n; i += 8) {
			memcpy(&magic, buf + i, sizeof(magic));
			if (magic == SEQRING_CHUNK_MAGIC &&
			    !libring_pread_all(fd, c, sizeof(*c), at + i) &&
			    is_chunk(c, at + i, end))
				return true;
		}
		at += n & ~(size_t)7;
		if (n < 8)
			return false;
	}
	return false;
}

/* Reads chunk after chunk. The last one counts only if its payload is whole, too. */
static int scan_chunks(int fd, uint64_t from, struct ring_scan *scan, libring_chunk_fn fn,
		       void *arg)
{
	struct seqring_chunk c, last;
	uint64_t at = from, end = from;
	bool any = false;
	int err = 0;

	while (scan->size - at >= sizeof(c)) {
		if (libring_pread_all(fd, &c, sizeof(c), at))
			break;
		/* Behind a chunk that was damaged later, others may be whole. */
		if (!is_chunk(&c, at, scan->size) && !find_chunk(fd, at + 8, scan->size, &c))
			break;
		if (any) {
			err = fn(&last, arg);
			if (err)
				return err;
			end = last.offset + whole_size(&last);
		}
		last = c;
		any = true;
		at = c.offset + whole_size(&c);
	}
	if (any && is_whole(fd, &last)) {
		err = fn(&last, arg);
		end = last.offset + whole_size(&last);
	}
	scan->torn = scan->size - end;
	return err;
}

/* Return: the chunk headers in the index, which the caller frees; NULL: there is no good index. */
static struct seqring_chunk *read_index(int fd, uint64_t from, uint64_t size, size_t *nr)
{
	struct seqring_index_trailer t;
	struct seqring_chunk c, *index;

	if (size < from + sizeof(c) + sizeof(t) ||
	    libring_pread_all(fd, &t, sizeof(t), size - sizeof(t)) ||
	    t.magic != SEQRING_INDEX_MAGIC || t.offset < from || t.offset > size - sizeof(c) ||
	    libring_pread_all(fd, &c, sizeof(c), t.offset) || !is_chunk(&c, t.offset, size) ||
	    c.type != SEQRING_CHUNK_INDEX || t.offset + sizeof(c) + c.size != size ||
	    c.size > INDEX_MAX || c.size < sizeof(t) || (c.size - sizeof(t)) % sizeof(c))
		return NULL;
	index = malloc((size_t)c.size);
	if (!index)
		return NULL;
	if (libring_pread_all(fd, index, (size_t)c.size, t.offset + sizeof(c)) ||
	    libring_crc32c(0, index, (size_t)c.size) != c.crc) {
		free(index);
		return NULL;
	}
	*nr = (size_t)(c.size - sizeof(t)) / sizeof(c);
	return index;
}

/* Return: 0; -errno with a sentence. */
static int begin_scan(int fd, struct ring_scan *scan)
{
	struct stat st;

	*scan = (struct ring_scan) { 0 };
	if (fstat(fd, &st))
		return libring_set_error(errno, "cannot stat a file of the recording: %s",
					 strerror(errno));
	scan->size = (uint64_t)st.st_size;
	return 0;
}

/**
 * libring_recording_scan() - find the chunks of a file
 * @fd: the file
 * @from: where its first chunk starts
 * @scan: filled
 * @fn: called for each chunk, in the order in which they are in the file
 *
 * Return: 0; what @fn returns; -errno with a sentence.
 */
int libring_recording_scan(int fd, uint64_t from, struct ring_scan *scan, libring_chunk_fn fn,
			   void *arg)
{
	struct seqring_chunk *index;
	size_t i, nr = 0;
	int err;

	err = begin_scan(fd, scan);
	if (err || scan->size <= from)
		return err;
	index = read_index(fd, from, scan->size, &nr);
	if (!index)
		return scan_chunks(fd, from, scan, fn, arg);
	scan->ended = true;
	for (i = 0; i < nr && !err; i++)
		if (is_chunk(&index[i], index[i].offset, scan->size))
			err = fn(&index[i], arg);
	free(index);
	return err;
}

/* The same for what was added to a file since a scan whose last whole chunk ended at @from. */
int libring_recording_scan_on(int fd, uint64_t from, struct ring_scan *scan, libring_chunk_fn fn,
			      void *arg)
{
	int err = begin_scan(fd, scan);

	return err || scan->size <= from ? err : scan_chunks(fd, from, scan, fn, arg);
}
