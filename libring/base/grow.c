// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "grow.h"

/**
 * libring_grow() - make room in an array for one more entry
 * @array: address of the pointer to the first entry, of any type
 * @nr: entries that are used
 * @room: entries that there is room for; 0 at first
 * @size: bytes of an entry
 * @what: what the array is, for the sentence of a failure
 *
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int libring_grow(void *array, size_t nr, size_t *room, size_t size, const char *what)
{
	size_t more = *room ? 2 * *room : 16;
	void *old, *p;

	if (nr < *room)
		return 0;
	memcpy(&old, array, sizeof(old));
	p = realloc(old, more * size);
	if (!p)
		return libring_set_error(ENOMEM, "no memory for %s", what);
	memcpy(array, &p, sizeof(p));
	*room = more;
	return 0;
}
