/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The sentence that goes with a failure: what ring_strerror() returns. */
#ifndef LIBRING_BASE_ERROR_H
#define LIBRING_BASE_ERROR_H

#include <errno.h>

#include "export.h"

/*
 * The thread's sentence. It is in the fastest kind of thread-local memory, since calls that copy
 * one record store to it, too.
 */
extern _Thread_local const char *libring_sentence
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Begins a public function: unless it fails, there is no sentence afterwards. */
static inline void libring_forget_error(void)
{
	libring_sentence = "";
}

/* Ends a public function that may have got over a failure on its way. Return: @err. */
static inline int libring_forget_if_good(int err)
{
	if (err >= 0)
		libring_sentence = "";
	return err;
}

LIBRING_SHARED int libring_set_error(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int libring_set_error_text(int err, const char *sentence);
int libring_explain_outcome(int err);

/* libring_forget_if_good() for libring-bpf. */
LIBRING_SHARED int libring_finish(int err);

#endif /* LIBRING_BASE_ERROR_H */
