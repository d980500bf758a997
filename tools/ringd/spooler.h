/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread that puts what was read into the spool. It waits for the disk and the spool only. */
#ifndef RINGD_SPOOLER_H
#define RINGD_SPOOLER_H

#include "config.h"
#include "publish.h"
#include "queue.h"
#include "spool.h"

struct spooler;

/* Return: 0 or -errno. */
int spooler_start(const struct config *c, struct queue *q, struct spool *sp, struct publisher *p,
		  struct spooler **out);

/*
 * After queue_end(): spools what is in the queue, and ends the thread. What does not fit into a
 * full spool is left to the next agent, which reads it from the ring.
 */
void spooler_stop(struct spooler *s);

#endif /* RINGD_SPOOLER_H */
