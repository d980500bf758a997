/* SPDX-License-Identifier: GPL-2.0-only */
/* Opens many rings at once: a process that does not answer holds up no other ring. */
#ifndef WATCH_OPENING_H
#define WATCH_OPENING_H

#include <stdint.h>

#include <libring.h>

/*
 * Asks for a ring, and waits for nobody. Return: 0, also if the process that serves it has not
 * answered yet; what ring_open() gives.
 */
int opening_begin(const char *name, struct ring_reader **r);

/*
 * Takes the answer, at most once after opening_begin(). Return: 0: the reader has its ring;
 * -EAGAIN: there is no answer yet; what ring_open() gives: there will be none.
 */
int opening_join(struct ring_reader *r);

/* Waits until now_ns() is @until_ns for the answer, which opening_join() then takes. */
void opening_await(struct ring_reader *r, uint64_t until_ns);

#endif /* WATCH_OPENING_H */
