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
 * libring_get_grown_opts() - copy an option struct that begins with its size
 * @opts: the copy; fields that the caller's struct does not have are 0
 * @known: size of @opts
 * @first: bytes of the struct's first version
 * @user: the caller's struct
 * @what: its name, for the sentence
 *
 * Return: 0; -EINVAL @user is shorter than @first; -E2BIG @user has an unknown field that is
 * not 0.
 */
int libring_get_grown_opts(void *opts, size_t known, size_t first, const void *user,
			   const char *what)
{
	const unsigned char *from = user;
	size_t size, i;

	memcpy(&size, user, sizeof(size));
	if (size < first)
		return libring_set_error(EINVAL,
					 "%s.size is %zu: fill it with sizeof(), %zu or more", what,
					 size, first);
	if (size > OPTS_MAX)
		return libring_set_error(E2BIG, "%s.size is %zu: fill it with sizeof(), at most %d",
					 what, size, OPTS_MAX);
	for (i = known; i < size; i++)
		if (from[i])
			return libring_set_error(E2BIG,
						 "%s has a field beyond byte %zu that this "
						 "library does not know: it must be 0",
						 what, known);
	memset(opts, 0, known);
	memcpy(opts, user, size < known ? size : known);
	return 0;
}

/* The same for a struct that is still in its first version. */
int libring_get_opts(void *opts, size_t known, const void *user, const char *what)
{
	return libring_get_grown_opts(opts, known, known, user, what);
}

/* Fills @user, behind its size, with as many bytes of @result as it has room for. */
void libring_put_result(void *user, const void *result, size_t known)
{
	size_t size, start = sizeof(size);

	memcpy(&size, user, sizeof(size));
	if (size > known)
		size = known;
	memcpy((unsigned char *)user + start, (const unsigned char *)result + start, size - start);
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
