// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A ring's header, validated and copied, and the ring's mapping. The header is copied
 * once; from then on only the copy counts, whatever the writer does to the page.
 */

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/error.h"
#include "mapping.h"

#define REJECT_IF(cond, ...)                                           \
	do {                                                           \
		if (cond)                                              \
			return libring_set_error(EPROTO, __VA_ARGS__); \
	} while (0)

static int check_version(const struct seqring_header *h)
{
	REJECT_IF(h->magic != SEQRING_MAGIC,
		  "not a ring, or one whose writer is not done creating it: magic is 0x%016" PRIx64,
		  (uint64_t)h->magic);
	REJECT_IF(!h->compat_version || h->compat_version > h->version,
		  "ring header: compat_version %u must lie within 1 and version %u",
		  h->compat_version, h->version);
	if (h->compat_version > SEQRING_VERSION)
		return libring_set_error(ENOTSUP,
					 "the ring is of version %u and can be read by "
					 "libraries that know version %u; this one knows %u",
					 h->version, h->compat_version, SEQRING_VERSION);
	if (h->features_required & ~SEQRING_FEATURES_REQUIRED_KNOWN)
		return libring_set_error(ENOTSUP,
					 "the ring requires features 0x%" PRIx64
					 " that this library does not know",
					 (uint64_t)(h->features_required &
						    ~SEQRING_FEATURES_REQUIRED_KNOWN));
	return 0;
}

static int check_record_format(const struct seqring_header *h)
{
	uint64_t size = h->data_size;

	REJECT_IF(!SEQRING_DATA_SIZE_OK(size),
		  "ring header: data_size %" PRIu64 " must be a power of two, 64 KiB to 1 GiB",
		  size);
	REJECT_IF(!h->payload_max || h->payload_max > SEQRING_PAYLOAD_MAX(size),
		  "ring header: payload_max is %u, with this data_size it must be 1 to %u",
		  h->payload_max, SEQRING_PAYLOAD_MAX(size));
	REJECT_IF(h->nr_segments != SEQRING_SEGMENTS, "ring header: nr_segments is %u, must be %u",
		  h->nr_segments, SEQRING_SEGMENTS);
	REJECT_IF(h->record_header_size != sizeof(struct seqring_record),
		  "ring header: record_header_size is %u, must be %zu", h->record_header_size,
		  sizeof(struct seqring_record));
	REJECT_IF(h->record_align != SEQRING_RECORD_ALIGN,
		  "ring header: record_align is %u, must be %u", h->record_align,
		  SEQRING_RECORD_ALIGN);
	return 0;
}

/* Sets @end to where the last ring ends, within total_size. */
static int check_rings(const struct seqring_header *h, uint64_t *end)
{
	uint64_t page = h->page_size, span;

	REJECT_IF(!h->nr_rings || h->nr_rings > SEQRING_RINGS_MAX,
		  "ring header: nr_rings is %u, must be 1 to %u", h->nr_rings, SEQRING_RINGS_MAX);
	REJECT_IF(h->ring_offset % page || h->ring_stride % page || h->data_offset % page,
		  "ring header: ring_offset, ring_stride and data_offset must be multiples of "
		  "page_size %u",
		  h->page_size);
	REJECT_IF(h->ring_offset < page || h->data_offset < page,
		  "ring header: ring_offset and data_offset must leave a page for what is before");
	REJECT_IF(__builtin_add_overflow(h->data_offset, h->data_size, &span) ||
			  h->ring_stride < span,
		  "ring header: ring_stride 0x%" PRIx64 " is too small for a ring",
		  (uint64_t)h->ring_stride);
	/* The last ring needs no whole stride. */
	REJECT_IF(__builtin_mul_overflow(h->ring_stride, h->nr_rings - 1ULL, end) ||
			  __builtin_add_overflow(span, *end, end) ||
			  __builtin_add_overflow(h->ring_offset, *end, end) || *end > h->total_size,
		  "ring header: %u rings do not fit into total_size 0x%" PRIx64, h->nr_rings,
		  (uint64_t)h->total_size);
	return 0;
}

static int check_schema(const struct seqring_header *h, uint64_t rings_end)
{
	uint64_t end;

	if (!h->schema_offset) {
		REJECT_IF(h->schema_size, "ring header: schema_size without schema_offset");
		return 0;
	}
	REJECT_IF(!h->schema_size || h->schema_size > SEQRING_SCHEMA_SIZE_MAX,
		  "ring header: schema_size is %" PRIu64 ", must be 1 to %u",
		  (uint64_t)h->schema_size, SEQRING_SCHEMA_SIZE_MAX);
	REJECT_IF(h->schema_offset < h->header_size ||
			  __builtin_add_overflow(h->schema_offset, h->schema_size, &end) ||
			  end > h->total_size ||
			  (end > h->ring_offset && h->schema_offset < rings_end),
		  "ring header: the schema at 0x%" PRIx64 " does not lie beside header and rings "
		  "within total_size",
		  (uint64_t)h->schema_offset);
	return 0;
}

/* Checks that a header does not contradict itself or the size of its file. Return: 0; -errno. */
int libring_check_header(const struct seqring_header *h, uint64_t file_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t rings_end = 0;
	int err;

	err = check_version(h);
	if (err)
		return err;
	REJECT_IF(h->page_size != page, "ring header: page_size is %u, this machine's is %" PRIu64,
		  h->page_size, page);
	REJECT_IF(h->header_size < sizeof(*h) || h->header_size > page,
		  "ring header: header_size is %u, must be %zu to page_size", h->header_size,
		  sizeof(*h));
	REJECT_IF(h->total_size % page || h->total_size > file_size,
		  "ring header: total_size 0x%" PRIx64 " must be a multiple of page_size and at "
		  "most what the file has, 0x%" PRIx64,
		  (uint64_t)h->total_size, file_size);
	REJECT_IF(!memchr(h->name, 0, sizeof(h->name)), "ring header: the name has no end");
	err = check_record_format(h);
	if (!err)
		err = check_rings(h, &rings_end);
	return err ? err : check_schema(h, rings_end);
}

static void *map(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
}

/**
 * libring_map_ring() - validate and map a ring
 * @m: gets the header and the mapping
 * @fd: the ring's file; stays the caller's
 * @file_size: bytes that the file has and cannot lose
 */
int libring_map_ring(struct ring_mapping *m, int fd, uint64_t file_size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct seqring_header *h;
	uint64_t magic;
	int err;

	REJECT_IF(file_size < page, "not a ring: the file has %" PRIu64 " bytes, less than a page",
		  file_size);
	h = map(fd, page);
	if (h == MAP_FAILED)
		return libring_set_error(errno, "cannot map the ring's header: %s",
					 strerror(errno));
	/* Pairs with the release of magic, the writer's last store to the header. */
	magic = seqring_load_acquire(JOIN, &h->magic);
	seqring_load_words((unsigned char *)&m->hdr, (const seqring_word *)h,
			   sizeof(*h) / sizeof(seqring_word));
	m->hdr.magic = magic;
	munmap(h, page);

	err = libring_check_header(&m->hdr, file_size);
	if (err)
		return err;
	if (m->hdr.total_size > SIZE_MAX)
		return libring_set_error(ENOMEM,
					 "the ring has %" PRIu64 " bytes, more than this "
					 "process can map",
					 (uint64_t)m->hdr.total_size);
	m->size = (size_t)m->hdr.total_size;
	m->map = map(fd, m->size);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return libring_set_error(errno, "cannot map the ring's %zu bytes: %s", m->size,
					 strerror(errno));
	}
	return 0;
}

/**
 * libring_check_kind() - check that a ring is not of another kind than it says
 * @m: the mapped ring
 * @own: the SEQRING_WRITER_* of rings behind the descriptor that it was mapped from
 *
 * A kind that this library does not know may be behind any descriptor; a known one has its own.
 */
int libring_check_kind(const struct ring_mapping *m, uint32_t own)
{
	const uint32_t kind = m->hdr.writer_kind;

	REJECT_IF(kind != own && (kind == SEQRING_WRITER_MODULE || kind == SEQRING_WRITER_BPF ||
				  kind == SEQRING_WRITER_MEMFD),
		  "ring header: writer_kind is %u, and behind such a descriptor it must be %u",
		  kind, own);
	return 0;
}

void libring_unmap_ring(struct ring_mapping *m)
{
	if (m->map)
		munmap(m->map, m->size);
}

/* The control area of ring @ring, which is below nr_rings. */
const struct seqring_ring_ctl *libring_ring_ctl(const struct ring_mapping *m, uint32_t ring)
{
	return (const void *)(m->map + m->hdr.ring_offset + ring * m->hdr.ring_stride);
}

/* Puts a reader on ring @ring, which is below nr_rings. The reader has to seek. */
void libring_init_reader(const struct ring_mapping *m, uint32_t ring, struct seqring_reader *rd)
{
	const struct seqring_ring_ctl *ctl = libring_ring_ctl(m, ring);

	/* Both fail on bad sizes only, and libring_check_header() rejects bad sizes. */
	seqring_reader_init(rd, ctl, (const unsigned char *)ctl + m->hdr.data_offset,
			    m->hdr.data_size);
	/* Buffers are sized by the header, so no record may be longer than it says. */
	seqring_reader_limit(rd, m->hdr.payload_max);
}
