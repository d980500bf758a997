/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by tests of libring. */
#ifndef TESTS_LIB_RING_H
#define TESTS_LIB_RING_H

#include <unistd.h>

#include "libring.h"
#include "tap.h"

/* Ends a test that cannot go on; prints the errno and libring's sentence. */
__attribute__((noreturn)) static inline void die(const char *what)
{
	t_check(0, what, "%s; %s", strerror(errno), ring_strerror());
	_exit(1);
}

#endif /* TESTS_LIB_RING_H */
