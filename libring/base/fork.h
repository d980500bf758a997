/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A handle belongs to the process that made it. A child of fork() keeps nothing that shows life. */
#ifndef LIBRING_BASE_FORK_H
#define LIBRING_BASE_FORK_H

#include <stdbool.h>

#include "export.h"

/*
 * A handle of this process.
 *
 * @drop: called in a child right after fork(), where only what a signal handler may do is allowed:
 *        closes the descriptors by which others see that the process lives
 * @inherited: this process has it from its parent
 * @next, @prev: in the list of all
 */
struct libring_own {
	void (*drop)(struct libring_own *own);
	bool inherited;
	struct libring_own *next;
	struct libring_own *prev;
};

LIBRING_SHARED int libring_own_add(struct libring_own *own, void (*drop)(struct libring_own *own));
LIBRING_SHARED void libring_own_del(struct libring_own *own);
LIBRING_SHARED int libring_own_check(const struct libring_own *own, const char *adopt);

#endif /* LIBRING_BASE_FORK_H */
