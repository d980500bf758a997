/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A reader that waits for the ring of a name, and follows the name from ring to ring. */
#ifndef LIBRING_OPEN_FOLLOW_H
#define LIBRING_OPEN_FOLLOW_H

#include "libring.h"

int libring_follow_open(const char *where, const struct ring_open_opts *opts,
			struct ring_reader **out);

#endif /* LIBRING_OPEN_FOLLOW_H */
