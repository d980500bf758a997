/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* When a reader is woken, and the descriptor that wakes it. */
#ifndef LIBRING_READER_WAKEUP_H
#define LIBRING_READER_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/clock.h"

struct ring_reader;
struct ring_source;

/*
 * A sleep without a fence is this long at most. The fence lets a writer that does not see the
 * thresholds yet be seen. Without it, the reader looks again when the writer's store buffer has
 * long been written, and long before anyone calls the ring stuck.
 */
#define LIBRING_UNFENCED_NS (10 * LIBRING_MSEC_NS)

/*
 * @records, @bytes, @timeout_ns: the watermark, as in struct ring_open_opts
 * @poll_fd: what ring_wait() polls; -1: the reader has no means to sleep
 * @app_fd: what ring_fd() gives; @fd_given: it did
 * @armed:  the ring was empty when the descriptor was armed, and nothing was read since
 * @ready_ns: when time alone makes ready what was unread when it was armed; LIBRING_NEVER: never
 * @unfenced: the last arming lacked the fence that membarrier(2) is for; @nr_unfenced: how many did
 * @wake_fd: an eventfd that ring_wake() makes readable; -1 without the means to sleep
 * @cancelled: ring_wake() was called, and ring_wait() has not returned for it
 * @vouched: the kernel said that the watermark is met
 * @turn:   number of the reader that ring_wait_any() looks at first, if this is its first one
 * @waits:  how often ring_wait() slept
 * @since_ns: when the record with @since_seq of @since_ring was noticed first
 */
struct ring_wakeup {
	uint64_t records;
	uint64_t bytes;
	uint64_t timeout_ns;
	int poll_fd;
	int app_fd;
	bool fd_given;
	bool armed;
	uint64_t ready_ns;
	bool unfenced;
	uint64_t nr_unfenced;
	int wake_fd;
	uint32_t cancelled;
	bool vouched;
	unsigned int turn;
	uint64_t waits;
	uint64_t since_ns;
	uint64_t since_seq;
	uint32_t since_ring;
};

int libring_open_wake(struct ring_wakeup *w);
int libring_check_can_sleep(const struct ring_reader *r);
int libring_check_ready(struct ring_reader *r, bool vouched, uint64_t *at);
int libring_arm_and_check(struct ring_reader *r, bool for_fd, uint64_t *at);
int libring_rearm(struct ring_reader *r, struct ring_source **out);
void libring_settle(struct ring_reader *r);
void libring_settle_empty(struct ring_reader *r);
void libring_update_wakeup(struct ring_reader *r);

#endif /* LIBRING_READER_WAKEUP_H */
