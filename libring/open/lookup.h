/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Opening what a name, a path or descriptors lead to. */
#ifndef LIBRING_OPEN_LOOKUP_H
#define LIBRING_OPEN_LOOKUP_H

#include "../reader/backend.h"

#define LIBRING_OPEN_TIMEOUT_MS 5000 /* ring_open_opts.open_timeout_ms by default */

uint64_t libring_open_until(const struct ring_open_opts *opts);
struct ring_origin libring_no_origin(uint64_t until_ns);
int libring_open_probed(const struct ring_origin *origin, const struct ring_open_opts *opts,
			struct ring_reader **out);
int libring_open_connected(int conn, uint64_t until_ns, const struct ring_open_opts *opts,
			   struct ring_reader **out);
int libring_open_where(const char *where, const struct ring_open_opts *opts, uint64_t until_ns,
		       int *conn, struct ring_reader **out);

#endif /* LIBRING_OPEN_LOOKUP_H */
