/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread that reads all rings. It waits for nothing but rings, time and room in the queue. */
#ifndef RINGD_READER_H
#define RINGD_READER_H

#include "follow.h"

struct reader;

/* Return: 0 or -errno. */
int reader_start(struct queue *q, struct reader **out);

/* The thread owns @f from now on. */
void reader_add(struct reader *rd, struct followed *f);

/* True if the thread has, or gives back, a ring of this name; @id is set to its identity. */
bool reader_has(struct reader *rd, const char *name, struct fleet_identity *id);

/* Calls @wanted for each ring's name; those that it denies are given back by reader_collect(). */
void reader_filter(struct reader *rd, bool (*wanted)(const char *name, void *arg), void *arg);

/* Gives back a ring that has ended or is no longer wanted; NULL: there is none. */
struct followed *reader_collect(struct reader *rd);

/* Sends what was read, ends the thread and the queue, and closes all rings. */
void reader_stop(struct reader *rd);

#endif /* RINGD_READER_H */
