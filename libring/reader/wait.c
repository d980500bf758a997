// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Sleeping until the watermark is met. */

#include <poll.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "reader.h"

/* Return: 0 @until came; 1 the descriptor is readable; -errno. */
static int sleep_until(struct ring_reader *r, uint64_t until, bool *vouched)
{
	struct pollfd pfd = { .fd = r->wakeup.poll_fd, .events = POLLIN };
	uint64_t now = libring_now_ns();
	struct timespec ts = libring_to_timespec(until > now ? until - now : 0);
	int n;

	n = ppoll(&pfd, 1, until == LIBRING_NEVER ? NULL : &ts, NULL);
	if (n < 0)
		return libring_set_error(errno, "the wait ended: %s", strerror(errno));
	*vouched = n && r->backend->woken && r->backend->woken(r, pfd.revents);
	return n;
}

int ring_wait(struct ring_reader *r, int timeout_ms)
{
	uint64_t until = LIBRING_NEVER, at;
	bool vouched = false, slept = false;
	int err;

	err = libring_check_can_sleep(r);
	if (err)
		return err;
	if (timeout_ms > 0)
		until = libring_now_ns() + (uint64_t)timeout_ms * LIBRING_MSEC_NS;
	for (;;) {
		err = libring_check_ready(r, vouched, &at);
		if (err == -EAGAIN)
			err = libring_arm_and_check(r, false, &at);
		if (err != -EAGAIN)
			return libring_explain(r, err);
		if (!timeout_ms || libring_now_ns() >= until)
			return libring_set_error_text(ETIMEDOUT, "nothing came in time");
		r->wakeup.waits += !slept;
		slept = true;
		err = sleep_until(r, at < until ? at : until, &vouched);
		if (err < 0)
			return err;
	}
}
