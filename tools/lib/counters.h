/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of the rings of a device. */
#ifndef LIB_COUNTERS_H
#define LIB_COUNTERS_H

#include <stdint.h>

struct ring_reader;
struct ring_stats_at;

/*
 * Reads the counters of all @nr rings of a device. The caller frees @rings, also after a failure.
 * Return: 0; -ENOMEM; what ring_stats_at() gives.
 */
int counters_read(struct ring_reader *r, uint32_t nr, struct ring_stats_at **rings);

#endif /* LIB_COUNTERS_H */
