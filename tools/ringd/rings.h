/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the rings that are to be followed, and notices which are gone. The main thread's. */
#ifndef RINGD_RINGS_H
#define RINGD_RINGS_H

#include "reader.h"

struct rings;

/*
 * @known: how far rings were spooled; the object owns it from now on. Return: 0; -errno, which was
 * logged.
 */
int rings_open(const struct config *c, struct queue *q, struct reader *rd, struct state *known,
	       struct rings **out);
void rings_close(struct rings *r);

/* Looks for rings, and hands new ones to the reading thread. */
void rings_scan(struct rings *r);

/* Only rings that @patterns matches are wanted from now on. Return: 0; -ENOMEM. */
int rings_set_patterns(struct rings *r, const char *patterns);

#endif /* RINGD_RINGS_H */
