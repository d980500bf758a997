/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before each file of libring for clang's analyzer. The analyzer sees one file at
 * a time, so it cannot know that libring_set_error() never returns 0. It also does not know that
 * minus an errno is negative.
 */
#ifndef SEQRING_ANALYZED_H
#define SEQRING_ANALYZED_H

#include "../../libring/base/error.h"
#include "../../libring/base/names.h"

int analyzed_unknown(void);

#define analyzed_error()                               \
	({                                             \
		int analyzed_err = analyzed_unknown(); \
		if (analyzed_err >= 0)                 \
			__builtin_unreachable();       \
		analyzed_err;                          \
	})
#define libring_set_error(err, ...) ((void)libring_set_error(err, __VA_ARGS__), analyzed_error())
#define libring_set_error_text(err, what) \
	((void)libring_set_error_text(err, what), analyzed_error())
#define libring_explain_outcome(err) ((void)libring_explain_outcome(err), (err))
#define libring_check_name(name)     ((name) ? libring_check_name(name) : analyzed_error())

#endif /* SEQRING_ANALYZED_H */
