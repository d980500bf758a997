/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread that sends what is in the spool, in order, with a bounded number of bytes under way.
 * After a failure it asks the sink what has arrived, and goes back to what has not.
 */
#ifndef RINGD_PUBLISH_H
#define RINGD_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "sink.h"
#include "spool.h"

struct publisher;

/* Return: 0 or -errno, which was logged. */
int publisher_start(const struct config *c, struct spool *sp, struct publisher **out);

/* Any thread: there is more in the spool. */
void publisher_notify(struct publisher *p);

/* True if the sink is gone for good: nobody reads standard output. */
bool publisher_failed(struct publisher *p);

/* Sends what is in the spool, until @until_ns at most, and ends the thread. NULL is allowed. */
void publisher_stop(struct publisher *p, uint64_t until_ns);

#endif /* RINGD_PUBLISH_H */
