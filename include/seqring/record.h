/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The formats that writer and reader share: the size of a record, where a record may
 * start, its header, and the header of the whole ring.
 */
#ifndef SEQRING_RECORD_H
#define SEQRING_RECORD_H

#include "abi.h"
#include "barrier.h"
#include "compiler.h"

/* The three fields that are stored and loaded as one word. */
seqring_inline union seqring_meta seqring_meta(__u32 len, __u16 type, __u16 flags)
{
	union seqring_meta meta;

	meta.len = len;
	meta.type = type;
	meta.flags = flags;
	return meta;
}

/* Bytes that a record with @len payload bytes takes. */
seqring_inline __u64 seqring_record_size(__u32 len)
{
	return (sizeof(struct seqring_record) + (__u64)len + 7) & ~7ULL;
}

/* A position at which no header fits before the end of a lap means the next lap's start. */
seqring_inline __u64 seqring_normalize(__u64 pos, __u64 mask)
{
	__u64 room = mask + 1 - (pos & mask);

	return room < sizeof(struct seqring_record) ? pos + room : pos;
}

/* Stores a record's header except for the stamp. */
seqring_inline void seqring_writer_write_header(struct seqring_record *rec, union seqring_meta meta,
						__u64 ts_ns)
{
	seqring_store_word(&rec->ts_ns, ts_ns);
	seqring_store_word(&rec->meta.word, meta.word);
}

#ifndef __bpf__
/**
 * struct seqring_shape - what the maker of a ring decides
 * @writer_kind: SEQRING_WRITER_*
 * @page_size: bytes of a page on this machine; every control area takes one page
 * @nr_rings: 1 to SEQRING_RINGS_MAX
 * @clock_id: SEQRING_CLOCK_*
 * @features: SEQRING_FEAT_*
 * @data_size: bytes of one data area; SEQRING_DATA_SIZE_OK() holds
 * @payload_max: longest payload, at most SEQRING_PAYLOAD_MAX(@data_size)
 * @ring_offset: from the start of the mapping to the first control area
 * @ring_stride: from one control area to the next
 * @total_size: bytes of the whole mapping
 * @schema_offset: from the start of the mapping to the schema, if @schema_size is not 0
 * @schema_size: bytes of the schema; 0: the ring has none
 * @name: at most SEQRING_NAME_SIZE - 1 bytes and a terminating zero; NULL: no name
 */
struct seqring_shape {
	__u32 writer_kind;
	__u32 page_size;
	__u32 nr_rings;
	__u32 clock_id;
	__u64 features;
	__u64 data_size;
	__u32 payload_max;
	__u64 ring_offset;
	__u64 ring_stride;
	__u64 total_size;
	__u64 schema_offset;
	__u64 schema_size;
	const char *name;
};

/**
 * seqring_header_init() - fill the header of a ring
 * @h: the header to fill; overwritten as a whole, except that @h->magic becomes 0
 * @shape: what the header says; already checked by the caller
 *
 * No reader can map the header yet. The caller fills the schema and the control areas,
 * then calls seqring_header_publish().
 *
 * Context: any.
 */
static inline void seqring_header_init(struct seqring_header *h, const struct seqring_shape *shape)
{
	unsigned int i;

	memset(h, 0, sizeof(*h));
	h->version = SEQRING_VERSION;
	h->compat_version = SEQRING_COMPAT_VERSION;
	h->features = shape->features;
	h->header_size = sizeof(*h);
	h->page_size = shape->page_size;
	h->nr_rings = shape->nr_rings;
	h->clock_id = shape->clock_id;
	h->total_size = shape->total_size;
	h->ring_offset = shape->ring_offset;
	h->ring_stride = shape->ring_stride;
	h->data_offset = shape->page_size;
	h->data_size = shape->data_size;
	h->nr_segments = SEQRING_SEGMENTS;
	h->record_header_size = sizeof(struct seqring_record);
	h->record_align = SEQRING_RECORD_ALIGN;
	h->payload_max = shape->payload_max;
	if (shape->schema_size) {
		h->schema_offset = shape->schema_offset;
		h->schema_size = shape->schema_size;
	}
	h->writer_kind = shape->writer_kind;
	for (i = 0; shape->name && i < SEQRING_NAME_SIZE - 1 && shape->name[i]; i++)
		h->name[i] = shape->name[i];
}

/**
 * seqring_header_publish() - let readers accept the ring
 * @h: the mapped header
 *
 * Header, schema and control areas are complete.
 *
 * Context: any.
 */
static inline void seqring_header_publish(struct seqring_header *h)
{
	/* Pairs with the acquire load of magic in libring_map_ring(). */
	seqring_store_release(JOIN, &h->magic, SEQRING_MAGIC);
}
#endif

#endif /* SEQRING_RECORD_H */
