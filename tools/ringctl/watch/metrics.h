/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of rings in the text format of Prometheus, and in that of OpenMetrics. */
#ifndef WATCH_METRICS_H
#define WATCH_METRICS_H

#include <stdbool.h>
#include <stddef.h>

/* Names of rings. None: all rings that ringctl list shows. */
struct metrics_names {
	char **all;
	unsigned int nr;
};

/*
 * The counters of rings as they are now; the caller frees @text. A process that does not answer
 * holds up the others for two seconds at most. Any thread. Return: 0; -errno.
 */
int metrics_text(const struct metrics_names *names, bool openmetrics, char **text, size_t *size);

#endif /* WATCH_METRICS_H */
