// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Closing a reader, also from within a function that ring_consume() calls. */

#include <stdlib.h>

#include "../base/fd.h"
#include "reader.h"

void libring_free_reader(struct ring_reader *r)
{
	r->backend->close(r);
	libring_close_fd(r->wakeup.wake_fd);
	libring_unmap_ring(&r->mapping);
	libring_merge_free(&r->merge);
	free(r->bounce);
	free(r->path);
	free(r->open_types);
	ring_filter_free(r->filter);
	free(r);
}

void ring_close(struct ring_reader *r)
{
	if (!r)
		return;
	/* The callback's payload stays valid until it returns; then ring_consume() frees. */
	r->closed = true;
	if (!r->consuming)
		libring_free_reader(r);
}
