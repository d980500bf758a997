/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The barrier backend of the fuzz targets. The input may change the ring before each load of
 * a shared word and at each fence. There is only one thread, so no access needs ordering and
 * each failure can be replayed.
 */
#ifndef FUZZ_USER_BACKEND_H
#define FUZZ_USER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

/* Counts a step, checks that @size bytes at @p are the ring's, and runs events of the input. */
void fuzz_step(const void *p, size_t size);

#define fuzz_load(p)	 (fuzz_step(p, sizeof(*(p))), __atomic_load_n(p, __ATOMIC_RELAXED))
#define fuzz_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

#define seqring_load_acquire(tag, p)	 fuzz_load(p)
#define seqring_store_release(tag, p, v) fuzz_store(p, v)
#define seqring_fence_read(tag)		 fuzz_step(NULL, 0)
#define seqring_fence_write(tag)	 ((void)0)
#define seqring_fence_full(tag)		 fuzz_step(NULL, 0)
#define seqring_compiler_barrier(tag)	 ((void)0)
#define seqring_read(p)			 fuzz_load(p)
#define seqring_write(p, v)		 fuzz_store(p, v)
#define seqring_load_word(p)		 fuzz_load(p)
#define seqring_store_word(p, v)	 fuzz_store(p, v)
#define seqring_add(p, n)		 (*(p) += (n))
#define seqring_atomic_min(p, v)	 fuzz_lower(p, v)
#define seqring_cmpxchg(p, old, v)	 fuzz_replace(p, old, v)
#define seqring_prefetch(p)		 __builtin_prefetch(p)
#define seqring_likely(x)		 (x)
#define seqring_unlikely(x)		 (x)

static inline void fuzz_lower(__u64 *p, __u64 v)
{
	if (fuzz_load(p) > v)
		fuzz_store(p, v);
}

static inline bool fuzz_replace(__u64 *p, __u64 *old, __u64 v)
{
	__u64 found = fuzz_load(p);
	bool same = found == *old;

	if (same)
		fuzz_store(p, v);
	else
		*old = found;
	return same;
}

#endif /* FUZZ_USER_BACKEND_H */
