/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The sentence that goes with a failure: what ring_strerror() returns. */
#ifndef LIBRING_BASE_ERROR_H
#define LIBRING_BASE_ERROR_H

#include <errno.h>

#include "export.h"

LIBRING_SHARED int libring_set_error(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int libring_set_error_text(int err, const char *sentence);
int libring_explain_outcome(int err);

#endif /* LIBRING_BASE_ERROR_H */
