/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Every fence and every atomic operation of the protocol, and nothing else. The other
 * headers order their accesses only through these operations. Each use carries a tag,
 * which names the pair that the use belongs to. docs/design.md says why each pair is
 * needed and what goes wrong without it.
 *
 *   tag          writer                          reader
 *   PUBLISH      release store of a stamp        acquire load of the stamp
 *   RECLAIM      write fence between the store   read fence between the copy and the
 *                of tail and the first reused    load of tail
 *                byte
 *   JOIN         release store of tail, head,    acquire load of the same word
 *                last, segment_pos, magic or
 *                owner
 *   WAKE         full fence between the store    full fence (or membarrier) between the
 *                of head and the load of the     store of the wake thresholds and the
 *                wake thresholds; between the    last load of head or of "announced"; on a
 *                clearing of "announced" and     device also: acquire load of "announced",
 *                that load                       or an interrupt that executes the fence
 *                                                on the writer's CPU
 *   ANNOUNCE     publish and load "announced"    store "announced", then wait for an RCU
 *                in one RCU read-side critical   grace period (membarrier) before the
 *                section; no operation here      last load of head
 *   END          release store of state, after   acquire load of state, before the last
 *                the last store of head          load of head
 *   NEST         compiler barrier between the    a second writer that interrupts the
 *                busy flag and the ring's bytes  first on its CPU, instead of a reader
 *                release store of the owner of   compare-and-exchange of it by the next
 *                a ring that CPUs share          writer
 *
 * There are five backends: the kernel; BPF (barrier_bpf.h, which has the writer's
 * operations only); C11 atomics with gcc or clang; C11 under ThreadSanitizer; and the
 * file that SEQRING_BARRIER_BACKEND names, for a model checker or a test.
 *
 *   seqring_load_acquire(tag, p)      no later access moves before the load
 *   seqring_store_release(tag, p, v)  no earlier access moves after the store
 *   seqring_fence_read(tag)           orders earlier loads before later loads
 *   seqring_fence_write(tag)          orders earlier stores before later stores
 *   seqring_fence_full(tag)           orders all earlier accesses before all later ones
 *   seqring_compiler_barrier(tag)     restrains the compiler only, not the CPU
 *   seqring_read(p)                   one load, unordered
 *   seqring_write(p, v)               one store, unordered
 *   seqring_load_word(p)              one load of record bytes, unordered
 *   seqring_store_word(p, v)          one store of record bytes, unordered
 *   seqring_add(p, n)                 atomic addition, unordered; for counters, from any
 *                                     context
 *   seqring_atomic_min(p, v)          atomic minimum, unordered
 *   seqring_cmpxchg(p, old, v)        atomic, unordered, user space only: if *p is *old,
 *                                     store v in *p and return 1; else store *p in *old
 *                                     and return 0
 *   seqring_cmpxchg_full(tag, p, old, v)
 *                                     atomic, fully ordered, kernel and BPF only: if *p is
 *                                     old, store v in *p; return the earlier value of *p
 *   seqring_prefetch(p)               a hint, no access
 */
#ifndef SEQRING_BARRIER_H
#define SEQRING_BARRIER_H

#include "compiler.h"

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
#define seqring_cmpxchg_full(tag, p, old, v)	cmpxchg(p, old, v)

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
 * A 32-bit machine without a single-copy 64-bit load reads the two halves: the high
 * half first, and once more at the end. For words that only grow (head, tail and
 * positions) the result is a value that the word had. A stamp may come out as a mix of
 * two values; the check of tail rejects the record then.
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
	 sizeof(*(p)) == 4 ? \
	 (__typeof__(*(p) + 0))__atomic_load_n((const unsigned int *)(p), order) : \
	 sizeof(*(p)) == 2 ? \
	 (__typeof__(*(p) + 0))__atomic_load_n((const unsigned short *)(p), order) : \
	 (__typeof__(*(p) + 0))__atomic_load_n((const unsigned char *)(p), order))
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
 * ThreadSanitizer does not model fences. Acquire and release accesses to the record
 * bytes tell it the same: a reader that loads a reused byte also sees the tail that
 * was stored before that byte.
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

#endif /* SEQRING_BARRIER_H */
