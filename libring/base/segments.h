/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A recording's files. Their names are ten digits or more, and ".seg". */
#ifndef LIBRING_BASE_SEGMENTS_H
#define LIBRING_BASE_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#define LIBRING_SEGMENT_NAME 32 /* bytes of the longest name, with its terminating zero */

void libring_name_segment(char *name, uint64_t number);
int libring_each_segment(int dir, const char *path, int (*fn)(uint64_t number, void *arg),
			 void *arg);

#endif /* LIBRING_BASE_SEGMENTS_H */
