/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC 1000000000ULL

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

#endif /* LIB_CLOCK_H */
