/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The names of a recording's files: ten digits or more, and ".seg". */
#ifndef LIBRING_BASE_SEGMENT_NAME_H
#define LIBRING_BASE_SEGMENT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define LIBRING_SEGMENT_NAME 32 /* bytes of the longest name, with its terminating zero */

void libring_name_segment(char *name, uint64_t number);
bool libring_parse_segment(const char *name, uint64_t *number);

#endif /* LIBRING_BASE_SEGMENT_NAME_H */
