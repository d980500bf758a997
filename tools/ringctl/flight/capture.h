/* SPDX-License-Identifier: GPL-2.0-only */
/* One recording of a flight recorder. */
#ifndef FLIGHT_CAPTURE_H
#define FLIGHT_CAPTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "flight.h"
#include "trigger.h"

/**
 * struct capture - a recording
 * @rec: NULL: there is none now
 * @fd: what wakes; -1: nothing does
 * @at_ns: time of the trigger, by the ring's clock; 0: it has none
 * @until_ns: when it is complete, by now_ns()
 * @seq: number of the record that fired; 0: no record did
 * @more: triggers that came meanwhile
 */
struct capture {
	struct ring_reader *ring;
	struct ring_recorder *rec;
	int fd;
	char path[PATH_MAX];
	const struct trigger *trigger;
	uint64_t at_ns;
	uint64_t until_ns;
	uint64_t seq;
	uint32_t nr;
	uint64_t more;
};

/*
 * Begins a recording of what the ring still has from opts->before_ns before c->at_ns on. Return:
 * EXIT_OK; EXIT_FAIL: the message was printed, and there is no recording.
 */
int capture_begin(struct capture *c, const struct flight_opts *opts);

/*
 * Copies what is there. Return: 0; -EAGAIN: no more is there now; -ENODATA: what is there now is
 * too late; -ENODEV: the ring has ended, and all is recorded; other -errno: the recording failed,
 * and the message was printed.
 */
int capture_copy(struct capture *c, const struct flight_opts *opts);

/* Completes the recording and prints its account. Return: EXIT_OK; EXIT_FAIL. */
int capture_end(struct capture *c, const struct flight_opts *opts);

#endif /* FLIGHT_CAPTURE_H */
