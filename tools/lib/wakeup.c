// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include <libring.h>

#include "wakeup.h"

/* Records are no limit here: bytes tell how full a ring is. */
#define RECORDS (1u << 30)

int wakeup_in_batches(struct ring_reader *ring, uint64_t batch_ns)
{
	struct ring_info info = { .size = sizeof(info) };
	int err = ring_info(ring, &info);

	return err ? err : ring_set_wakeup(ring, RECORDS, info.data_size / 8, batch_ns);
}

int wakeup_fd(struct ring_reader *ring, int *fd)
{
	int err = ring_fd(ring, fd);

	if (err != -EOPNOTSUPP)
		return err;
	*fd = -1;
	return 0;
}
