/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that run contenders which need a daemon. A helper consists of two programs:
 * ringbench-place makes namespaces and starts the daemon in them; then it becomes the
 * second program, which has the contenders and answers ringbench.
 */
#ifndef RINGBENCH_HELPER_H
#define RINGBENCH_HELPER_H

#include <sys/types.h>

#include "../peers.h"

/* ringbench is at the other end of standard input. */
void helper_tell(const struct far_answer *a);
/* Tells ringbench why there is nothing to measure, and ends. */
void helper_cannot(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/*
 * Starts a program on the reader's core; its output goes to the file @log.
 * helper_run() waits for its end, and returns whether it ended well.
 */
pid_t helper_spawn(const char *log, const char *const argv[]);
bool helper_run(const char *log, const char *const argv[]);

/* The last line of a log, without its newline. */
void helper_last_line(const char *path, char *line, size_t size);

/*
 * The second program.
 *
 * @ready: returns NULL, or a sentence that says why the contenders cannot run
 */
struct helper {
	const struct stream_kind *const *kinds;
	unsigned int nr_kinds;
	uint64_t size;
	const char *(*ready)(void);
};

extern const struct helper helper;

#endif
