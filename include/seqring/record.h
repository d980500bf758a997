/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The formats that writer and reader share: the size of a record, where a record may
 * start, and its header.
 */
#ifndef SEQRING_RECORD_H
#define SEQRING_RECORD_H

#include "abi.h"
#include "barrier.h"
#include "compiler.h"

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

/* A position at which no header fits any more stands for the start of the lap. */
seqring_inline __u64 seqring_normalize(__u64 pos, __u64 mask)
{
	__u64 room = mask + 1 - (pos & mask);

	return room < sizeof(struct seqring_record) ? pos + room : pos;
}

/* All of a header but its stamp. */
seqring_inline void seqring_writer_write_header(struct seqring_record *rec, union seqring_meta meta, __u64 ts_ns)
{
	seqring_store_word(&rec->ts_ns, ts_ns);
	seqring_store_word(&rec->meta.word, meta.word);
}

#endif /* SEQRING_RECORD_H */
