// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sets the filter of a reader. */

#include "../base/error.h"
#include "reader.h"

int ring_set_filter(struct ring_reader *r, const struct ring_filter *f)
{
	struct ring_filter *copy = NULL;
	uint32_t i;
	int err;

	libring_forget_error();
	err = libring_check_there(r);
	if (err)
		return err;
	if (r->consuming)
		return libring_set_error_text(EBUSY, "ring_set_filter() was called by the function "
						     "that ring_consume() calls");
	if (f) {
		err = libring_filter_copy(f, &copy);
		if (err)
			return err;
		for (i = 0; i < FILTER_NR_TYPES / 64 && r->open_types; i++)
			copy->types[i] &= r->open_types[i];
	}
	ring_filter_free(r->filter);
	r->filter = copy;
	r->types = copy ? copy->types : r->open_types;
	/* What is peeked at, and what follows, was chosen by the old one. */
	libring_merge_forget_place(&r->merge);
	libring_update_wakeup(r);
	return 0;
}
