// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include <libring.h>

#include "counters.h"

int counters_read(struct ring_reader *r, uint32_t nr, struct ring_stats_at **rings)
{
	uint32_t i;
	int err = 0;

	*rings = calloc(nr, sizeof(**rings));
	if (!*rings)
		return -ENOMEM;
	for (i = 0; i < nr && !err; i++) {
		(*rings)[i].size = sizeof(**rings);
		err = ring_stats_at(r, i, &(*rings)[i]);
	}
	return err;
}
