/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl record: its options (record.c), and the loop that they configure (record_run.c). */
#ifndef RINGCTL_RECORD_H
#define RINGCTL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

/**
 * struct record_opts - the options
 * @names: the rings; one recorder for each
 * @dir: the directory; with several rings, each gets one in it
 * @duration_ns: how long to record; UINT64_MAX: until a signal
 * @sync_ns: how often to sync; 0: at the end only
 */
struct record_opts {
	char **names;
	unsigned int nr;
	const char *dir;
	struct ring_open_opts open;
	struct ring_recorder_opts rec;
	uint64_t duration_ns;
	uint64_t sync_ns;
	bool progress;
	bool quiet;
};

/* Records. Return: the exit status. */
int record_rings(const struct record_opts *opts);

#endif /* RINGCTL_RECORD_H */
