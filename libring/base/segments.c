// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The names of a recording's files. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segment_name.h"

/* Fills LIBRING_SEGMENT_NAME bytes of @name. */
void libring_name_segment(char *name, uint64_t number)
{
	snprintf(name, LIBRING_SEGMENT_NAME, "%010" PRIu64 ".seg", number);
}

/* True if @name is that of a file of a recording, with @number. */
bool libring_parse_segment(const char *name, uint64_t *number)
{
	char same[LIBRING_SEGMENT_NAME];

	if (strspn(name, "0123456789") < 10)
		return false;
	*number = strtoull(name, NULL, 10);
	libring_name_segment(same, *number);
	return *number && !strcmp(name, same);
}
