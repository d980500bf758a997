/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backend for barrier.h that lets a test act at the reader's fence, between the
 * copy and the check of tail. For one thread only, so nothing has to be ordered.
 */
#ifndef OVERRUN_BACKEND_H
#define OVERRUN_BACKEND_H

void at_read_fence(void);

#define seqring_load_acquire(tag, p)	 __atomic_load_n(p, __ATOMIC_RELAXED)
#define seqring_store_release(tag, p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define seqring_fence_read(tag)		 at_read_fence()
#define seqring_fence_write(tag)	 __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define seqring_fence_full(tag)		 __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define seqring_compiler_barrier(tag)	 __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define seqring_read(p)			 __atomic_load_n(p, __ATOMIC_RELAXED)
#define seqring_write(p, v)		 __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define seqring_load_word(p)		 __atomic_load_n(p, __ATOMIC_RELAXED)
#define seqring_store_word(p, v)	 __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define seqring_add(p, n)		 (*(p) += (n))
#define seqring_atomic_min(p, v)	 (*(p) = *(p) < (v) ? *(p) : (v))
#define seqring_prefetch(p)		 __builtin_prefetch(p)
#define seqring_likely(x)		 (x)
#define seqring_unlikely(x)		 (x)

#endif /* OVERRUN_BACKEND_H */
