/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that run contenders which need a daemon. place.sh makes namespaces and starts the
 * daemon in them; then it becomes such a program, which has the contenders and answers
 * ringbench.
 */
#ifndef RINGBENCH_HELPER_H
#define RINGBENCH_HELPER_H

#include "../peers.h"

/* @ready: returns NULL, or a sentence that says why the contenders cannot run */
struct helper {
	const struct stream_kind *const *kinds;
	unsigned int nr_kinds;
	const char *(*ready)(void);
};

extern const struct helper helper;

#endif
