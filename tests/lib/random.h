/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers that a seed repeats. */
#ifndef TESTS_LIB_RANDOM_H
#define TESTS_LIB_RANDOM_H

#include <stdint.h>

#include "payload.h"

/* @state: the seed at first; the caller keeps it. */
static inline uint64_t next_random(uint64_t *state)
{
	return test_mix(*state += 0x9e3779b97f4a7c15ULL);
}

#endif /* TESTS_LIB_RANDOM_H */
