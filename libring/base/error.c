// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The sentence that goes with a failure. */

#include <stdarg.h>
#include <stdio.h>

#include "error.h"
#include "libring.h"

static _Thread_local char text[256];
_Thread_local const char *libring_sentence = "";

/* Formats the sentence. Return: -@err, so that a rejection is one statement. */
int libring_set_error(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	libring_sentence = text;
	return -err;
}

/* Sets a constant sentence, for outcomes that are frequent. Return: -@err. */
int libring_set_error_text(int err, const char *sentence)
{
	libring_sentence = sentence;
	return -err;
}

/* Sets the sentence for a negative outcome of reading. Return: @err. */
int libring_explain_outcome(int err)
{
	switch (err) {
	case -EAGAIN:
		return libring_set_error_text(EAGAIN, "nothing to read now");
	case -EPIPE:
		return libring_set_error_text(EPIPE,
					      "the writer overran this reader 64 times in a row: "
					      "read again, or use a larger ring");
	case -EBADMSG:
		return libring_set_error_text(EBADMSG, "the ring's bytes do not follow the "
						       "protocol: seek to continue");
	default:
		return err;
	}
}

int libring_finish(int err)
{
	return libring_forget_if_good(err);
}

const char *ring_strerror(void)
{
	return libring_sentence;
}
