/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Record schemas: types and a macro for the C code that describes a ring's records, in
 * kernel code, user space and BPF programs. docs/reference/schema.md says what a schema is and how
 * one is made.
 *
 *   enum seqring_schema {
 *           conn_open = 1,               records of type 1 are struct conn_open
 *   };
 *   SEQRING_SCHEMA_TYPE(conn_open);
 */
#ifndef SEQRING_SCHEMA_H
#define SEQRING_SCHEMA_H

/* vmlinux.h defines the types itself, and conflicts with linux/types.h. */
#if !defined(__bpf__) || !defined(__VMLINUX_H__)
#include <linux/types.h>
#endif

/*
 * Types that choose how a field is printed. They have no other effect, and may be the
 * elements of arrays.
 */
typedef __u8 seqring_hex8;
typedef __u16 seqring_hex16;
typedef __u32 seqring_hex32;
typedef __u64 seqring_hex64;

/* IPv4 and IPv6 addresses, in network byte order. */
typedef __be32 seqring_ip4;
typedef __u8 seqring_ip6[16];

/*
 * The element of an array that holds several strings, each with its terminating zero.
 * `seqring_strings argv[]` as the last field of a record extends to the end of the
 * payload.
 */
typedef char seqring_strings;

/*
 * SEQRING_SCHEMA_TYPE() - keep a record type in the debugging information
 * @name: an enumerator of enum seqring_schema and the tag of the struct that it names
 *
 * A compiler describes only types that the code uses. The macro uses both types: it
 * defines a pointer in a section of its own, which no code reads.
 */
#define SEQRING_SCHEMA_TYPE(name) \
	_Static_assert((name) >= 0 && (name) <= 65535, "type of a record: 0 to 65535"); \
	static enum seqring_schema (*const seqring_schema_of_##name)(const struct name *) \
		__attribute__((__used__, __section__(".seqring_schema")))

#endif /* SEQRING_SCHEMA_H */
