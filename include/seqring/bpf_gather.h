/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * More ways to publish from a BPF program than bpf.h has: a record of a length that is known at
 * run time and filled in place, a record of several pieces, and several records at once.
 *
 *	#include <bpf/bpf_helpers.h>
 *	#include <seqring/bpf_gather.h>		// includes seqring/bpf.h
 *
 * The first two need bpf_dynptr_from_mem() and bpf_dynptr_write() of the kernel, which are there
 * since 5.19. Tested on Linux 6.1, 6.12 and 6.18.
 *
 * Every function returns the errors of seqring/bpf.h, and counts drops as that does.
 */
#ifndef SEQRING_BPF_GATHER_H
#define SEQRING_BPF_GATHER_H

#include "bpf.h"

#ifdef __bpf__

/*
 * Reserves @len bytes and makes @d lead to them. The kernel checks each access through @d, because
 * the verifier cannot know where a record of this length ends.
 */
static __always_inline int seqring_bpf_do_reserve_dynptr(struct seqring_bpf_open *o, __u32 len,
							 struct bpf_dynptr *d)
{
	void *payload;
	long err = seqring_bpf_do_reserve(o, len, &payload);

	if (err)
		return (int)err;
	/* As in seqring_bpf_publish_fetched(): the verifier needs the bounds of this register. */
	__asm__ __volatile__("" : "+r"(len));
	if (len > SEQRING_BPF_PAYLOAD_MAX || bpf_dynptr_from_mem(payload, len, 0, d)) {
		seqring_bpf_forget(o);
		return seqring_bpf_drop(o->ctl, SEQRING_DROP_TOO_BIG, -EMSGSIZE);
	}
	o->len = len;
	return 0;
}

/**
 * seqring_bpf_reserve_dynptr() - open a record of a length that is known at run time
 * @name: the ring, as declared by SEQRING_BPF()
 * @o: a struct seqring_bpf_open of the caller
 * @len: payload bytes
 * @d: a struct bpf_dynptr of the caller, on its stack. If this returns 0, it leads to the @len
 *	bytes of the payload, which have old contents; else it must not be used
 *
 * The caller writes all bytes by bpf_dynptr_write(), and then calls seqring_bpf_commit() or
 * seqring_bpf_discard() on every path, as after seqring_bpf_reserve(). It may trim before.
 *
 * Return: 0; -EBUSY; -EMSGSIZE; -ENODEV; -ESTALE.
 */
#define seqring_bpf_reserve_dynptr(name, o, len, d) \
	({ \
		int __err = seqring_bpf_enter_ring(name, o); \
		if (!__err) { \
			__err = seqring_bpf_do_reserve_dynptr(o, len, d); \
			if (__err) \
				seqring_bpf_unguard(&name##_geometry); \
		} \
		__err; \
	})

/**
 * struct seqring_bpf_piece - a piece of a record
 * @base: in the program's own memory: its stack or a map value
 * @len: bytes of the piece; the verifier knows that @base has so many
 */
struct seqring_bpf_piece {
	const void *base;
	__u32 len;
};

/* Copies the pieces of a reserved record. Return: 0; -errno of bpf_dynptr_write(). */
static __always_inline long seqring_bpf_write_pieces(const struct bpf_dynptr *d,
						     const struct seqring_bpf_piece *pieces,
						     const __u32 nr)
{
	__u32 at = 0, i;
	long err = 0;

#pragma unroll
	for (i = 0; i < nr; i++) {
		if (!err)
			err = bpf_dynptr_write(d, at, (void *)pieces[i].base, pieces[i].len, 0);
		at += pieces[i].len;
	}
	return err;
}

static __always_inline int seqring_bpf_do_publish_pieces(struct seqring_bpf_open *o, __u16 type,
							 const struct seqring_bpf_piece *pieces,
							 const __u32 nr)
{
	struct bpf_dynptr d;
	__u32 len = 0, i;
	int err;

#pragma unroll
	for (i = 0; i < nr; i++)
		len += pieces[i].len;
	err = seqring_bpf_do_reserve_dynptr(o, len, &d);
	if (err)
		return err;
	if (seqring_bpf_write_pieces(&d, pieces, nr)) {
		seqring_bpf_forget(o);
		return seqring_bpf_drop(o->ctl, SEQRING_DROP_FAULT, -EFAULT);
	}
	seqring_bpf_do_commit(o, type);
	return 0;
}

/**
 * seqring_bpf_publish_pieces() - publish one record whose payload is in several places
 * @name: the ring, as declared by SEQRING_BPF()
 * @type: type of the record, defined by the program
 * @pieces: an array of struct seqring_bpf_piece on the caller's stack; they follow each other
 *	without a gap
 * @nr: number of pieces, a constant
 *
 * Return: 0; -EBUSY; -EMSGSIZE the pieces together are above payload_max; -EFAULT; -ENODEV;
 * -ESTALE.
 */
#define seqring_bpf_publish_pieces(name, type, pieces, nr) \
	({ \
		struct seqring_bpf_open __o; \
		int __err = seqring_bpf_enter_ring(name, &__o); \
		if (!__err) { \
			__err = seqring_bpf_do_publish_pieces(&__o, type, pieces, nr); \
			seqring_bpf_unguard(&name##_geometry); \
		} \
		__err; \
	})

/**
 * seqring_bpf_begin_batch() - take the ring for several records
 * @name: the ring, as declared by SEQRING_BPF()
 * @o: a struct seqring_bpf_open of the caller
 *
 * If this returns 0, the caller adds records by seqring_bpf_add(), and on every path calls
 * seqring_bpf_end_batch(). Until then, every other record for the same ring is dropped, also one
 * by bpf.h of the same program. All records of the batch have the same time. Readers see each of
 * them at once, and sleepers are woken at the end.
 *
 * Return: 0; -EBUSY, -ENODEV, -ESTALE: counted as one drop.
 */
#define seqring_bpf_begin_batch(name, o) \
	seqring_bpf_enter_ring(name, o)

/**
 * seqring_bpf_add() - publish one record of a batch
 * @o: of a batch that has begun
 * @type: type of the record, defined by the program
 * @src: the payload, on the stack (8-byte aligned) or in a map value
 * @len: bytes of the payload, a constant, at most 256 and SEQRING_BPF_PAYLOAD_MAX; the copy is
 *	inlined
 */
#define seqring_bpf_add(o, type, src, len) \
	do { \
		_Static_assert((len) <= 256 && (len) <= SEQRING_BPF_PAYLOAD_MAX, \
			       "a record of a batch has at most 256 bytes"); \
		seqring_bpf_publish_inline(o, type, src, len); \
	} while (0)

/* Gives the ring back, and wakes the readers that wait for a record of the batch. */
static __always_inline void seqring_bpf_end_batch(const struct seqring_bpf_open *o)
{
	seqring_bpf_finish(o);
	seqring_bpf_unguard(o->geo);
}

#endif /* __bpf__ */

#endif /* SEQRING_BPF_GATHER_H */
