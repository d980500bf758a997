/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The process that a BPF ring ends with, and whether it lives. */
#ifndef LIBRING_BASE_OWNER_H
#define LIBRING_BASE_OWNER_H

#include <linux/types.h>
#include <stdint.h>

#include "export.h"

/* The directory beside a ring's pins that has the owner's lock. */
#define LIBRING_OWNER_DIR "owner"

/* This is what a process can find out about the owner. OWNER_UNKNOWN is no end. */
enum libring_owner_state {
	OWNER_GONE, /* the kernel says so */
	OWNER_LIVES,
	OWNER_UNKNOWN, /* nothing that this process may look at tells */
};

LIBRING_SHARED void libring_owner_self(__u64 *owner, __u64 *pidns);
LIBRING_SHARED int libring_owner_open_dir(const char *pins);
LIBRING_SHARED int libring_owner_lock(int dir);
LIBRING_SHARED enum libring_owner_state libring_owner_look(uint64_t owner, uint64_t pidns, int dir);
enum libring_owner_state libring_owner_open(uint64_t owner, uint64_t pidns, int dir, int *pidfd);

#endif /* LIBRING_BASE_OWNER_H */
