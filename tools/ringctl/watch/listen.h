/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of rings by HTTP. */
#ifndef WATCH_LISTEN_H
#define WATCH_LISTEN_H

#include <stdbool.h>

struct metrics_names;

/* Answers at @where until a signal comes. Return: the exit status. */
int listen_run(const char *where, const struct metrics_names *names);

/* True if a request with the header Accept @accept gets OpenMetrics. */
bool listen_prefers_openmetrics(const char *accept);

#endif /* WATCH_LISTEN_H */
