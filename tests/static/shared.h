/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions of macros for spatch, so that it can parse a function that begins with one. */
#define seqring_inline static inline
#define seqring_cold   static
#define ____cacheline_aligned
#define __always_inline inline
#define noinline
#define HOT
#define NOINLINE
#define __weak
#define __ksym
#define __percpu
#define __user
#define LIBRING_SHARED
/* The rows of a table, clocks.h, are pieces of an expression. */
#define SEQRING_CLOCKS(row)
#define SEC(x)
#define SEQRING_FLEXIBLE(type, name) type name[]
#define _Alignas(x)
#define __int128 long
#define __attribute__(x)
