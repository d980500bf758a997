/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Definitions that depend on the compiler and on the environment: types, error
 * numbers, memcpy() and memset(), and the two attributes of the protocol's functions.
 */
#ifndef SEQRING_COMPILER_H
#define SEQRING_COMPILER_H

#if defined(__KERNEL__)
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#elif defined(__bpf__)
#include <asm-generic/errno.h>
#define memset __builtin_memset
#define memcpy __builtin_memcpy
#else
#include <errno.h>
#include <linux/types.h>
#include <string.h>
#endif

/*
 * seqring_inline: what every record needs. Always inlined: a call costs as much as
 * publishing a short record.
 *
 * seqring_cold: what few records need. Never inlined, which leaves the registers to the
 * caller's hot path. In a BPF program it is inlined as well: a BPF function cannot take
 * a struct, so bpf.h chooses where the functions of the cold path begin.
 */
#define seqring_inline	static inline __attribute__((__always_inline__))
#ifdef __bpf__
#define seqring_cold	seqring_inline
#elif defined(__KERNEL__)
/* The kernel's own macros: its __cold is empty where ftrace needs aligned functions. */
#define seqring_cold	static noinline __cold __maybe_unused
#else
#define seqring_cold	static __attribute__((__noinline__, __cold__, __unused__))
#endif

#endif /* SEQRING_COMPILER_H */
