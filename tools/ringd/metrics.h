/* SPDX-License-Identifier: GPL-2.0-only */
/* What the agent counts. Any thread may change and read each value. */
#ifndef RINGD_METRICS_H
#define RINGD_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "../fleet/message.h"

/*
 * @rings: followed now. @rounds: of the reading thread, at least one a second
 * @read: records, @read_bytes: with their headers. @lost: records, by cause
 * @queue_full, @spool_full: times that reading, spooling stopped
 * @spooled, @published: messages; @published_bytes: of them. @resent: messages sent more than once
 * @sessions, @failures: of the sink. @connected: 1: there is a session
 * @acked, @released: number of the newest message that has arrived, that the spool may forget
 * @conflict: 1: another agent publishes under this one's name
 */
struct metrics {
	uint64_t rings;
	uint64_t rounds;
	uint64_t read;
	uint64_t read_bytes;
	uint64_t lost[FLEET_LOSS_CAUSES];
	uint64_t queue_full;
	uint64_t spool_full;
	uint64_t spooled;
	uint64_t published;
	uint64_t published_bytes;
	uint64_t resent;
	uint64_t sessions;
	uint64_t failures;
	uint64_t connected;
	uint64_t acked;
	uint64_t released;
	uint64_t conflict;
};

extern struct metrics metrics;

static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline void set_gauge(uint64_t *gauge, uint64_t v)
{
	__atomic_store_n(gauge, v, __ATOMIC_RELAXED);
}

static inline uint64_t get_metric(const uint64_t *metric)
{
	return __atomic_load_n(metric, __ATOMIC_RELAXED);
}

struct spool;

/* All values in Prometheus' text format. The caller frees it. Return: NULL: no memory. */
char *metrics_print(struct spool *sp, const char *agent, size_t *size);

/* Replaces the file. Return: 0 or -errno. */
int metrics_write(struct spool *sp, const char *agent, const char *path);

/* Answers GET /metrics at 127.0.0.1 and @port until metrics_end(). Return: 0 or -errno. */
int metrics_serve(struct spool *sp, const char *agent, unsigned int port);
void metrics_end(void);

#endif /* RINGD_METRICS_H */
