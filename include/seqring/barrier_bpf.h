/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The backend of barrier.h for BPF programs: the writer's operations only.
 *
 * A BPF program on x86, arm64, riscv or s390 may rely on this (Documentation/bpf and the JITs of
 * Linux 6.1 to 7.2):
 * a plain load or store of up to 8 aligned bytes is one access. The JIT keeps such
 * accesses in program order; the CPU may reorder them as it reorders the kernel's own. An
 * atomic instruction with BPF_FETCH (exchange, compare-and-exchange, fetch-and-add) is
 * fully ordered, as atomic_xchg() is in the kernel's memory model. An atomic instruction
 * without BPF_FETCH is unordered. Load-acquire and store-release exist since 6.15 and
 * need a newer compiler than Debian 12 has.
 *
 * Other machines are refused, here and by the loader. On LoongArch, BPF_FETCH is not fully
 * ordered. On powerpc it was not before 6.1.94 and 6.9.5. Nobody has checked the rest.
 *
 * On machines with total store order (x86, s390) a release store and a write fence
 * therefore only restrain the compiler. On other machines, and if no __TARGET_ARCH_* is
 * defined, a release store is an exchange, and a fence is an exchange of a
 * word on the program's stack. A full fence is such an exchange on every machine.
 */
#ifndef SEQRING_BARRIER_BPF_H
#define SEQRING_BARRIER_BPF_H

#if defined(__TARGET_ARCH_x86)
#define SEQRING_BPF_TARGET	SEQRING_BPF_TARGET_X86
#elif defined(__TARGET_ARCH_s390)
#define SEQRING_BPF_TARGET	SEQRING_BPF_TARGET_S390
#elif defined(__TARGET_ARCH_arm64)
#define SEQRING_BPF_TARGET	SEQRING_BPF_TARGET_ARM64
#elif defined(__TARGET_ARCH_riscv)
#define SEQRING_BPF_TARGET	SEQRING_BPF_TARGET_RISCV
#elif defined(__TARGET_ARCH_loongarch) || defined(__TARGET_ARCH_powerpc) || \
	defined(__TARGET_ARCH_mips) || defined(__TARGET_ARCH_sparc) || \
	defined(__TARGET_ARCH_arm) || defined(__TARGET_ARCH_arc)
#error "BPF programs write rings on x86, arm64, riscv and s390 only: see barrier_bpf.h"
#else
#define SEQRING_BPF_TARGET	SEQRING_BPF_TARGET_ANY
#endif

#define seqring_bpf_keep()	__asm__ __volatile__("" : : : "memory")

#if defined(__TARGET_ARCH_x86) || defined(__TARGET_ARCH_s390)
#define seqring_store_release(tag, p, v) \
	do { \
		seqring_bpf_keep(); \
		*(volatile __typeof__(*(p)) *)(p) = (v); \
	} while (0)
#define seqring_fence_write(tag)		seqring_bpf_keep()
#else
#define seqring_store_release(tag, p, v)	((void)__sync_lock_test_and_set(p, v))
#define seqring_fence_write(tag)		seqring_bpf_fence()
#endif

#define seqring_fence_full(tag)			seqring_bpf_fence()
#define seqring_compiler_barrier(tag)		seqring_bpf_keep()
#define seqring_read(p)				(*(const volatile __typeof__(*(p)) *)(p))
#define seqring_write(p, v)			(*(volatile __typeof__(*(p)) *)(p) = (v))
#define seqring_store_word(p, v)		seqring_write(p, v)
#define seqring_add(p, n)			((void)__sync_fetch_and_add(p, n))
#define seqring_cmpxchg_full(tag, p, old, v)	__sync_val_compare_and_swap(p, old, v)

#define seqring_likely(x)			__builtin_expect(!!(x), 1)
#define seqring_unlikely(x)			__builtin_expect(!!(x), 0)

static __attribute__((__always_inline__)) inline void seqring_bpf_fence(void)
{
	__u64 word = 0;

	__asm__ __volatile__("" : : "r"(&word) : "memory");
	__sync_lock_test_and_set(&word, 1);
	__asm__ __volatile__("" : : "r"(&word) : "memory");
}

/* Attempts of seqring_atomic_min(): the verifier wants a bound. */
#define SEQRING_BPF_MIN_TRIES	2

/*
 * The minimum of wake thresholds, which readers lower at the same time. If they do so too often,
 * the threshold becomes 0: the next record wakes early, and none too late.
 */
static __attribute__((__always_inline__)) inline void seqring_atomic_min(__u64 *p, __u64 v)
{
	__u64 cur = seqring_read(p), found;
	int i;

	for (i = 0; i < SEQRING_BPF_MIN_TRIES; i++) {
		if (cur <= v)
			return;
		found = __sync_val_compare_and_swap(p, cur, v);
		if (found == cur)
			return;
		cur = found;
	}
	seqring_write(p, 0);
}

#endif /* SEQRING_BARRIER_BPF_H */
