// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "../../lib/clock.h"
#include "opening.h"

int opening_begin(const char *name, struct ring_reader **r)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .flags = RING_NONBLOCK };

	return ring_open(name, &opts, r);
}

int opening_join(struct ring_reader *r)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_record rec;
	int err = ring_info(r, &info);

	if (err != -EAGAIN)
		return err;
	/* Without a ring there is no record that this could take. */
	err = ring_read(r, &rec, NULL, 0);
	return err == -EREMCHG ? 0 : err;
}

void opening_await(struct ring_reader *r, uint64_t until_ns)
{
	uint64_t left;

	while ((left = ns_until(until_ns)) && ring_wait(r, (int)(left / 1000000) + 1) == -EINTR)
		;
}
