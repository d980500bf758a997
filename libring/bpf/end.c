// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The end of a ring by the process that started it. */

#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/* Removes the pins, unless another ring has the name by now. */
static int remove_name(const struct ring_bpf *b)
{
	int lock, err;

	err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	if (libring_pins_match(&b->pins, b->parts.ring))
		err = libring_pins_remove(&b->pins);
	close(lock);
	return err;
}

static int end_ring(struct ring_bpf *b)
{
	int err;

	if (!b->started)
		return libring_set_error(EINVAL, "the ring was not started");
	err = libring_bpf_check_own(b);
	if (err || b->ended)
		return err;
	err = libring_bpf_end(b->parts.ctl, b->parts.doorbell, b->parts.ring, &b->hdr, false);
	if (err)
		return err;
	b->ended = true;
	return b->opts.name ? remove_name(b) : 0;
}

int ring_bpf_end(struct ring_bpf *b)
{
	return libring_finish(end_ring(b));
}

/* Keeps the sentence of the failure that it comes after. */
void ring_bpf_close(struct ring_bpf *b)
{
	unsigned int i;

	if (!b)
		return;
	libring_own_del(&b->own);
	/* In a child that inherited the ring, this does nothing. */
	if (b->started && !b->kept)
		end_ring(b);
	for (i = 0; i < b->nr_links; i++)
		close(b->links[i]);
	free(b->links);
	libring_pins_unlock_owner(&b->owner_dir);
	libring_pins_close(&b->pins);
	free(b->own_schema);
	free(b);
}
