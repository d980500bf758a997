// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The sentence that goes with a failure, and what all option structs share. */

#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

/* What no option struct will ever reach; keeps a wild size from being walked. */
#define OPTS_MAX 4096

static _Thread_local char text[256];
static _Thread_local const char *last = "";

/* Return: -@err, so that a rejection is one statement. */
int libring_fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	last = text;
	return -err;
}

/* The same with a constant sentence, for outcomes that are not rare. */
int libring_say(int err, const char *sentence)
{
	last = sentence;
	return -err;
}

/* Says what a negative outcome of reading means. Return: @err. */
int libring_status(int err)
{
	switch (err) {
	case -EAGAIN:
		return libring_say(EAGAIN, "nothing to read now");
	case -ENODEV:
		return libring_say(ENODEV, "nothing is left to read, and the writer is gone");
	case -EPIPE:
		return libring_say(EPIPE, "the writer overrun this reader 64 times in a row: "
					  "read again, or use a larger ring");
	case -EBADMSG:
		return libring_say(EBADMSG, "what stands in the ring was not written by the "
					    "protocol: seek to go on");
	default:
		return err;
	}
}

const char *ring_strerror(void)
{
	return last;
}

/*
 * Copies an option struct whose first member is its size to @opts, which has
 * @known bytes: those of its first version, so none may be missing yet.
 */
int libring_get_opts(void *opts, size_t known, const void *user, const char *what)
{
	const unsigned char *from = user;
	size_t size, i;

	memcpy(&size, user, sizeof(size));
	if (size < known)
		return libring_fail(EINVAL, "%s.size is %zu: fill it with sizeof(), %zu or more",
				    what, size, known);
	if (size > OPTS_MAX)
		return libring_fail(E2BIG, "%s.size is %zu: fill it with sizeof(), at most %d",
				    what, size, OPTS_MAX);
	for (i = known; i < size; i++)
		if (from[i])
			return libring_fail(E2BIG,
					    "%s has a field beyond byte %zu that this "
					    "library does not know: it must be 0",
					    what, known);
	memcpy(opts, user, known);
	return 0;
}
