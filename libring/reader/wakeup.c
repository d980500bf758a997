// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The descriptor that wakes a reader in the application's event loop. */

#include "../base/error.h"
#include "reader.h"

/* Return: 0; -EOPNOTSUPP. */
int libring_check_can_sleep(const struct ring_reader *r)
{
	if (r->wakeup.poll_fd >= 0)
		return 0;
	return libring_set_error(EOPNOTSUPP,
				 "this reader cannot be woken: the ring was opened by its memfd "
				 "or map alone, or may only be read. Open it by name, socket or "
				 "ring_open_fds()");
}

/**
 * libring_rearm() - arm the descriptor that was given out
 * @r: the reader, with fd_given, after libring_merge_next()
 * @out: as in libring_merge_next()
 *
 * Return: as libring_merge_next(). Only after -EAGAIN the descriptor sleeps; otherwise it
 * is readable, since ring_read() has a record or an error to return.
 */
int libring_rearm(struct ring_reader *r, struct ring_source **out)
{
	uint64_t due;
	int err;

	do {
		due = r->merge.due_ns;
		r->backend->drain(r);
		r->backend->arm(r, true);
		err = libring_merge_next(&r->merge, false, out);
		/* If the deadline changed, the timer has to be set again. */
	} while (err == -EAGAIN && r->merge.due_ns != due);
	if (err != -EAGAIN)
		r->backend->kick(r);
	return err;
}

/* Makes the descriptor that was given out wait for the reader's present place and watermark. */
void libring_update_wakeup(struct ring_reader *r)
{
	struct ring_source *s;

	if (!r->wakeup.fd_given)
		return;
	/* Thresholds depend on which sources have a record. */
	libring_merge_next(&r->merge, false, &s);
	libring_rearm(r, &s);
	if (r->backend->look)
		r->backend->look(r);
}

int ring_fd(struct ring_reader *r, int *fd)
{
	int err = libring_check_can_sleep(r);

	if (err)
		return err;
	r->wakeup.fd_given = true;
	libring_update_wakeup(r);
	*fd = r->wakeup.app_fd;
	return 0;
}

int ring_set_wakeup(struct ring_reader *r, uint64_t records, uint64_t bytes, uint64_t timeout_ns)
{
	r->wakeup.records = records;
	r->wakeup.bytes = bytes;
	r->wakeup.timeout_ns = timeout_ns;
	libring_update_wakeup(r);
	return 0;
}
