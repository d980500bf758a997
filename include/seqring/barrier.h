/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The only place with fences and atomics. writer.h and reader.h order nothing
 * except through these, and every use carries a tag: the pair it belongs to
 * and the side. The pairs, why each is needed, and what fails without it stand
 * in docs/design.md.
 *
 *   tag          writer                          reader
 *   PUBLISH      release store of a stamp        acquire load of it
 *   RECLAIM      write fence after tail,         read fence between the copy
 *                before any byte is reused       and the check of tail
 *   JOIN         release store of tail, head,    acquire load of the same
 *                last, segment_pos or magic
 *   WAKE         full fence between head and     full fence between arming and
 *                the armed words                 the last look at head
 *   END          release store of state, after   acquire load of state before
 *                the last head                   the last look at head
 *
 * Backends: the kernel; BPF (barrier_bpf.h, the writer's operations only); C11 with
 * gcc or clang; C11 under ThreadSanitizer; or another one, named by
 * SEQRING_BARRIER_BACKEND (a model checker, a mutant).
 *
 *   seqring_load_acquire(tag, p)      nothing after it moves before it
 *   seqring_store_release(tag, p, v)  nothing before it moves after it
 *   seqring_fence_read(tag)           loads before | loads after
 *   seqring_fence_write(tag)          stores before | stores after
 *   seqring_fence_full(tag)           everything before | everything after
 *   seqring_compiler_barrier(tag)          compiler only; its partner makes up for it
 *   seqring_read(p), seqring_write(p, v)            one access, no order
 *   seqring_load_word(p), seqring_store_word(p, v)  the same, of record bytes
 *   seqring_store_words(to, from, n)  n record words stored from plain memory
 *   seqring_load_words(to, from, n)   n record words loaded to plain memory
 *   seqring_add(p, n)                 atomic, no order; for counters, any context
 *   seqring_atomic_min(p, v)               atomic minimum, no order
 *   seqring_cmpxchg(p, old, v)        atomic: *p becomes v if it is *old, else *old
 *                                     becomes *p; whether it did; no order; user space
 *   seqring_prefetch(p)               a hint, no access
 */
#ifndef SEQRING_BARRIER_H
#define SEQRING_BARRIER_H

#if !defined(__bpf__)
#include <linux/types.h>
#endif
#if defined(__KERNEL__)
#include <linux/string.h>
#elif !defined(__bpf__)
#include <string.h>
#endif

/*
 * The writer's functions. What each record needs is in line, whatever the compiler thinks
 * of it: a call costs as much as the stores of a short record. What is rarely needed
 * stays out of the way, of the caller's registers above all; in a BPF program too, but
 * there bpf.h chooses where the function begins, for it can take no struct.
 */
#define seqring_inline	static inline __attribute__((__always_inline__))
#ifdef __bpf__
#define seqring_cold	seqring_inline
#elif defined(__KERNEL__)
/* The kernel's own words: where ftrace needs aligned functions, its __cold is empty. */
#define seqring_cold	static noinline __cold __maybe_unused
#else
#define seqring_cold	static __attribute__((__noinline__, __cold__, __unused__))
#endif

/* A word of the data area, which holds the caller's types. */
typedef __u64 __attribute__((__may_alias__)) seqring_word;

#if defined(SEQRING_BARRIER_BACKEND)

#include SEQRING_BARRIER_BACKEND

#elif defined(__bpf__)

#include "barrier_bpf.h"

#elif defined(__KERNEL__)

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/prefetch.h>
#include <asm/barrier.h>

#ifndef CONFIG_64BIT
#error "seqring writes positions with single 64-bit stores: a 64-bit kernel is needed"
#endif

#define seqring_load_acquire(tag, p)		smp_load_acquire(p)
#define seqring_store_release(tag, p, v)	smp_store_release(p, v)
#define seqring_fence_read(tag)			smp_rmb()
#define seqring_fence_write(tag)		smp_wmb()
#define seqring_fence_full(tag)			smp_mb()
#define seqring_compiler_barrier(tag)		barrier()
#define seqring_read(p)				READ_ONCE(*(p))
#define seqring_write(p, v)			WRITE_ONCE(*(p), v)
#define seqring_load_word(p)			READ_ONCE(*(p))
#define seqring_store_word(p, v)		WRITE_ONCE(*(p), v)
#define seqring_add(p, n)			atomic64_add(n, (atomic64_t *)(p))

#define seqring_prefetch(p)			prefetch(p)

static inline void seqring_atomic_min(__u64 *p, __u64 v)
{
	s64 cur = atomic64_read((atomic64_t *)p);

	while ((u64)cur > v && !atomic64_try_cmpxchg_relaxed((atomic64_t *)p, &cur, v))
		;
}

#define seqring_likely(x)			likely(x)
#define seqring_unlikely(x)			unlikely(x)

#else

#if defined(__SANITIZE_THREAD__)
#define SEQRING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEQRING_TSAN 1
#endif
#endif

/*
 * A 32-bit machine without a single-copy 64-bit load reads the halves, high
 * half first and again last. That is whole for words that only grow (head, tail,
 * positions); of a stamp it can give a mix, which the check of tail throws out.
 */
#if defined(SEQRING_SPLIT_LOADS) || \
	(__SIZEOF_POINTER__ < 8 && __GCC_ATOMIC_LLONG_LOCK_FREE != 2)
static inline unsigned long long seqring_split_load(const void *p)
{
	const unsigned int *half = (const unsigned int *)p;
	const int hi = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	unsigned int high, low, again;

	do {
		high = __atomic_load_n(&half[hi], __ATOMIC_ACQUIRE);
		low = __atomic_load_n(&half[!hi], __ATOMIC_ACQUIRE);
		again = __atomic_load_n(&half[hi], __ATOMIC_ACQUIRE);
	} while (high != again);
	return (unsigned long long)high << 32 | low;
}

#define seqring_load_n(p, order) \
	(sizeof(*(p)) == 8 ? (__typeof__(*(p) + 0))seqring_split_load(p) : \
	 (__typeof__(*(p) + 0))__atomic_load_n((const unsigned int *)(p), order))
#else
#define seqring_load_n(p, order)		__atomic_load_n(p, order)
#endif

#define seqring_load_acquire(tag, p)		seqring_load_n(p, __ATOMIC_ACQUIRE)
#define seqring_store_release(tag, p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define seqring_compiler_barrier(tag)		__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define seqring_read(p)				seqring_load_n(p, __ATOMIC_RELAXED)
#define seqring_write(p, v)			__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define seqring_add(p, n)			((void)__atomic_fetch_add(p, n, __ATOMIC_RELAXED))

#define seqring_prefetch(p)			__builtin_prefetch(p)
#define seqring_cmpxchg(p, old, v) \
	__atomic_compare_exchange_n(p, old, v, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)

static inline void seqring_atomic_min(__u64 *p, __u64 v)
{
	__u64 cur = __atomic_load_n(p, __ATOMIC_RELAXED);

	while (cur > v && !__atomic_compare_exchange_n(p, &cur, v, 1, __ATOMIC_RELAXED,
						       __ATOMIC_RELAXED))
		;
}

#ifdef SEQRING_TSAN
/*
 * ThreadSanitizer does not model fences. Acquire and release on the words that
 * the fences stand for say the same to it: whoever reads a reused byte also
 * sees the tail that was stored before it.
 */
#define seqring_fence_read(tag)			__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define seqring_fence_write(tag)		__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define seqring_fence_full(tag)			seqring_tsan_full()
#define seqring_load_word(p)			seqring_load_n(p, __ATOMIC_ACQUIRE)
#define seqring_store_word(p, v)		__atomic_store_n(p, v, __ATOMIC_RELEASE)

static inline void seqring_tsan_full(void)
{
	static unsigned int word;

	__atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
}
#else
#define seqring_fence_read(tag)			__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define seqring_fence_write(tag)		__atomic_thread_fence(__ATOMIC_RELEASE)
#define seqring_fence_full(tag)			__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define seqring_load_word(p)			seqring_load_n(p, __ATOMIC_RELAXED)
#define seqring_store_word(p, v)		__atomic_store_n(p, v, __ATOMIC_RELAXED)
#endif

#define seqring_likely(x)			__builtin_expect(!!(x), 1)
#define seqring_unlikely(x)			__builtin_expect(!!(x), 0)

#endif

/*
 * Long copies. They must not be plain accesses, which the compiler may tear, repeat
 * or move; into asm, and into a function that it does not know, it cannot look. So,
 * on x86-64: from 64 words on, in the kernel a string instruction, in user space the
 * C library's memcpy by another name; below, in user space, 64 bytes at a time in
 * vector registers. Any of them may store in any order within the copy, but no store
 * of it comes after a later one, and no load after a later load.
 */
#if defined(__x86_64__) && !defined(__bpf__) && !defined(SEQRING_TSAN) && \
	!defined(SEQRING_BARRIER_BACKEND)
#define SEQRING_LONG_WORDS	64
#ifdef __KERNEL__
static inline void seqring_long_copy(void *to, const void *from, size_t n)
{
	n /= 8;
	__asm__ __volatile__("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
#else
#ifdef __cplusplus
extern "C"
#else
extern
#endif
void *seqring_long_copy(void *to, const void *from, size_t n) __asm__("memcpy");

#define SEQRING_BLOCK_WORDS	8

static inline void seqring_block_copy(void *to, const void *from)
{
	__asm__ __volatile__("movdqu (%1), %%xmm0\n\t"
			     "movdqu 16(%1), %%xmm1\n\t"
			     "movdqu 32(%1), %%xmm2\n\t"
			     "movdqu 48(%1), %%xmm3\n\t"
			     "movdqu %%xmm0, (%0)\n\t"
			     "movdqu %%xmm1, 16(%0)\n\t"
			     "movdqu %%xmm2, 32(%0)\n\t"
			     "movdqu %%xmm3, 48(%0)"
			     : : "r"(to), "r"(from)
			     : "xmm0", "xmm1", "xmm2", "xmm3", "memory");
}

/* Fewer than SEQRING_BLOCK_WORDS. */
static inline void seqring_rest_copy(unsigned char *to, const unsigned char *from, size_t n)
{
	if (n & 4) {
		__asm__ __volatile__("movdqu (%1), %%xmm0\n\t"
				     "movdqu 16(%1), %%xmm1\n\t"
				     "movdqu %%xmm0, (%0)\n\t"
				     "movdqu %%xmm1, 16(%0)"
				     : : "r"(to), "r"(from) : "xmm0", "xmm1", "memory");
		to += 32;
		from += 32;
	}
	if (n & 2) {
		__asm__ __volatile__("movdqu (%1), %%xmm0\n\t"
				     "movdqu %%xmm0, (%0)"
				     : : "r"(to), "r"(from) : "xmm0", "memory");
		to += 16;
		from += 16;
	}
	if (n & 1)
		__asm__ __volatile__("movq (%1), %%rax\n\t"
				     "movq %%rax, (%0)"
				     : : "r"(to), "r"(from) : "rax", "memory");
}
#endif
#endif

seqring_inline __u64 seqring_word_at(const unsigned char *p)
{
#ifdef __bpf__
	/* The compiler would take eight loads; the verifier says when it is not aligned. */
	return *(const seqring_word *)p;
#else
	__u64 word;

	memcpy(&word, p, 8);
	return word;
#endif
}

/* @to is 8-byte aligned; @from need not be, but for a BPF program. */
seqring_inline void seqring_store_words(seqring_word *to, const unsigned char *from, size_t n)
{
#ifdef SEQRING_LONG_WORDS
	if (n >= SEQRING_LONG_WORDS) {
		seqring_long_copy(to, from, 8 * n);
		return;
	}
#endif
#ifdef SEQRING_BLOCK_WORDS
	for (; n >= SEQRING_BLOCK_WORDS; n -= SEQRING_BLOCK_WORDS) {
		seqring_block_copy(to, from);
		to += SEQRING_BLOCK_WORDS;
		from += 8 * SEQRING_BLOCK_WORDS;
	}
	seqring_rest_copy((unsigned char *)to, from, n);
#else
	/* By four: the loop would cost more than the stores. */
	for (; n >= 4; n -= 4, to += 4, from += 32) {
		seqring_store_word(&to[0], seqring_word_at(from));
		seqring_store_word(&to[1], seqring_word_at(from + 8));
		seqring_store_word(&to[2], seqring_word_at(from + 16));
		seqring_store_word(&to[3], seqring_word_at(from + 24));
	}
	for (; n; n--, to++, from += 8)
		seqring_store_word(to, seqring_word_at(from));
#endif
}

#ifndef __bpf__
static inline void seqring_load_to(unsigned char *to, const seqring_word *from)
{
	__u64 word = seqring_load_word(from);

	memcpy(to, &word, 8);
}

/* @from is 8-byte aligned; @to need not be. */
static inline void seqring_load_words(unsigned char *to, const seqring_word *from, size_t n)
{
#ifdef SEQRING_LONG_WORDS
	if (n >= SEQRING_LONG_WORDS) {
		seqring_long_copy(to, from, 8 * n);
		return;
	}
#endif
#ifdef SEQRING_BLOCK_WORDS
	for (; n >= SEQRING_BLOCK_WORDS; n -= SEQRING_BLOCK_WORDS) {
		seqring_block_copy(to, from);
		to += 8 * SEQRING_BLOCK_WORDS;
		from += SEQRING_BLOCK_WORDS;
	}
	seqring_rest_copy(to, (const unsigned char *)from, n);
#else
	for (; n >= 4; n -= 4, to += 32, from += 4) {
		seqring_load_to(to, from);
		seqring_load_to(to + 8, from + 1);
		seqring_load_to(to + 16, from + 2);
		seqring_load_to(to + 24, from + 3);
	}
	for (; n; n--, to += 8, from++)
		seqring_load_to(to, from);
#endif
}
#endif

#endif /* SEQRING_BARRIER_H */
