// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The one table of all kinds of ring. */

#include "../backend/kinds.h"
#include "backends.h"

const struct ring_backend *const libring_backends[LIBRING_NR_BACKENDS] = {
	&libring_backend_chardev,
	/* Before memfds: both may be regular files, and a file of a recording says so. */
	&libring_backend_recording,
	&libring_backend_memfd,
	&libring_backend_bpf,
};
