// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Checks that all option structs share. */

#include <inttypes.h>
#include <string.h>

#include <seqring/abi.h>

#include "error.h"
#include "options.h"

/* Larger than any option struct will become: a wild size is not read through. */
#define OPTS_MAX 4096

/**
 * libring_get_opts() - copy an option struct that begins with its size
 * @opts: the copy
 * @known: size of @opts; the struct's first version has as many bytes
 * @user: the caller's struct
 * @what: its name, for the sentence
 *
 * Return: 0; -EINVAL @user is shorter; -E2BIG @user has an unknown field that is not 0.
 */
int libring_get_opts(void *opts, size_t known, const void *user, const char *what)
{
	const unsigned char *from = user;
	size_t size, i;

	memcpy(&size, user, sizeof(size));
	if (size < known)
		return libring_set_error(EINVAL,
					 "%s.size is %zu: fill it with sizeof(), %zu or more", what,
					 size, known);
	if (size > OPTS_MAX)
		return libring_set_error(E2BIG, "%s.size is %zu: fill it with sizeof(), at most %d",
					 what, size, OPTS_MAX);
	for (i = known; i < size; i++)
		if (from[i])
			return libring_set_error(E2BIG,
						 "%s has a field beyond byte %zu that this "
						 "library does not know: it must be 0",
						 what, known);
	memcpy(opts, user, known);
	return 0;
}

/* The clocks, for an error message: "1 (CLOCK_MONOTONIC), 2 (...) or 0 (none)". */
#define FIRST_CLOCK(ID, number, name, text, ...) #number " (" text ")"
#define NEXT_CLOCK(ID, number, name, text, ...)	 ", " #number " (" text ")"
#define LAST_CLOCK(ID, number, name, text, ...)	 " or " #number " (" text ")"

#define CLOCKS SEQRING_CLOCKS_LISTED(FIRST_CLOCK, NEXT_CLOCK, LAST_CLOCK)

/* Checks the shape that @what, the options of a ring to be created, asks for. */
int libring_check_shape(const char *what, uint32_t clock_id, uint64_t data_size, const void *schema,
			size_t schema_size)
{
	if (clock_id > SEQRING_CLOCK_MAX)
		return libring_set_error(EINVAL, "%s.clock_id is %u: " CLOCKS, what, clock_id);
	if (!SEQRING_DATA_SIZE_OK(data_size))
		return libring_set_error(EINVAL,
					 "%s.data_size is %" PRIu64 ": a power of two, 64 KiB "
					 "to 1 GiB",
					 what, data_size);
	if (!schema != !schema_size || schema_size > SEQRING_SCHEMA_SIZE_MAX)
		return libring_set_error(EINVAL,
					 "%s.schema_size is %zu: 1 to %u, or no schema and 0", what,
					 schema_size, SEQRING_SCHEMA_SIZE_MAX);
	return 0;
}
