/* SPDX-License-Identifier: GPL-2.0-only */
/* A backend for barrier.h that lets the writer die before any of its stores. */
#ifndef DIES_BACKEND_H
#define DIES_BACKEND_H

void before_store(void);

#define dies_store(p, v) (before_store(), __atomic_store_n(p, v, __ATOMIC_RELAXED))

#define seqring_load_acquire(tag, p)	 __atomic_load_n(p, __ATOMIC_RELAXED)
#define seqring_store_release(tag, p, v) dies_store(p, v)
#define seqring_fence_read(tag)		 ((void)0)
#define seqring_fence_write(tag)	 ((void)0)
#define seqring_fence_full(tag)		 ((void)0)
#define seqring_compiler_barrier(tag)	 ((void)0)
#define seqring_read(p)			 __atomic_load_n(p, __ATOMIC_RELAXED)
#define seqring_write(p, v)		 dies_store(p, v)
#define seqring_load_word(p)		 __atomic_load_n(p, __ATOMIC_RELAXED)
#define seqring_store_word(p, v)	 dies_store(p, v)
#define seqring_add(p, n)		 (*(p) += (n))
#define seqring_atomic_min(p, v)	 (*(p) = *(p) < (v) ? *(p) : (v))
#define seqring_prefetch(p)		 __builtin_prefetch(p)
#define seqring_likely(x)		 (x)
#define seqring_unlikely(x)		 (x)

#endif /* DIES_BACKEND_H */
