/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl export: its options (export.c), and the loop that they configure (run.c). */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

struct export_format;

/**
 * struct export_opts - the options
 * @name: the ring or the recording
 * @out: what is created
 * @by: names of columns, separated by commas, for folded stacks; NULL: the field "stack"
 * @count: end after so many records; 0: no limit
 * @follow: wait for more records
 */
struct export_opts {
	const char *name;
	const char *out;
	const struct export_format *format;
	const char *by;
	struct ring_open_opts open;
	uint64_t count;
	bool follow;
	bool progress;
	bool quiet;
};

/* Exports. Return: the exit status. */
int export_ring(const struct export_opts *opts);

#endif /* EXPORT_EXPORT_H */
