/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the loader of the tests of the ABI and its program. */
#ifndef TESTS_ABI_PINNED_H
#define TESTS_ABI_PINNED_H

#include <seqring/schema.h>

#define PINNED_RUN    512 /* records that one run of the program publishes at most */
#define PINNED_FACTOR 2654435761u

/* @again and @check follow from @n. */
struct pinned {
	__u64 n;
	__u64 again;
	__u64 check;
};

enum seqring_schema {
	pinned = 3,
};

SEQRING_SCHEMA_TYPE(pinned);

#endif /* TESTS_ABI_PINNED_H */
