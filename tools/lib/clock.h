/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <poll.h>
#include <stdint.h>

#define NSEC_PER_SEC 1000000000ULL

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* @now + @ns; UINT64_MAX, which never comes, if that is too large. */
uint64_t add_ns(uint64_t now, uint64_t ns);

/* How long it is until now_ns() is @until_ns; UINT64_MAX: for ever. */
uint64_t ns_until(uint64_t until_ns);

/* The turn after that at @turn_ns; now, if that is over: a machine that slept does not catch up. */
uint64_t next_turn(uint64_t turn_ns, uint64_t interval_ns);

/* ppoll(2) for @ns; UINT64_MAX: without a limit. */
int poll_ns(struct pollfd *fds, nfds_t nr, uint64_t ns);

/* The same until now_ns() is @until_ns. */
int poll_until(struct pollfd *fds, nfds_t nr, uint64_t until_ns);

#endif /* LIB_CLOCK_H */
