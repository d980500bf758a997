// SPDX-License-Identifier: GPL-2.0-only
/* The same programs, which any other program may preempt. */
#define BENCH_ANY_PROGRAM
#include "bench.bpf.c"
