/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of rings in the text format of Prometheus, and in that of OpenMetrics. */
#ifndef WATCH_METRICS_H
#define WATCH_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <libring.h>

/**
 * struct metrics_ring - a ring at one moment
 * @up: it could be read; else only @name is valid
 * @rings: an entry for each ring of the device
 * @readers_known: @readers is valid: open files of a device
 * @missed_known: @missed is valid: events for which the kernel did not run a BPF program
 */
struct metrics_ring {
	char *name;
	bool up;
	struct ring_info info;
	struct ring_stats_at *rings;
	bool ended;
	bool readers_known;
	uint32_t readers;
	bool missed_known;
	uint64_t missed;
};

struct metrics {
	struct metrics_ring *rings;
	unsigned int nr;
};

/* Adds a ring as it is now. Return: 0, also if it cannot be read; -ENOMEM. */
int metrics_add(struct metrics *m, const char *name);
void metrics_free(struct metrics *m);

void metrics_print(const struct metrics *m, bool openmetrics, FILE *f);

#endif /* WATCH_METRICS_H */
