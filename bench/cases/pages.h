/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of a memfd in pages of either size. */
#ifndef RINGBENCH_PAGES_H
#define RINGBENCH_PAGES_H

#include <stddef.h>

enum pages { PAGES_SMALL, PAGES_HUGETLB, PAGES_TRANSPARENT };

/*
 * The kind of huge pages that can hold @size bytes at once; PAGES_SMALL: none. *why says
 * what was tried, in any case. May change the machine's setting; pages_restore() restores
 * it, and so does the end of this program, of any kind.
 */
enum pages pages_huge(size_t size, const char **why);
void pages_restore(void);

/* Touched memory; NULL if there is not enough. */
void *pages_map(size_t size, enum pages pages);
void pages_unmap(void *data, size_t size, enum pages pages);

#endif
