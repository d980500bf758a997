/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of crowds and of dying writers. */
#ifndef TESTS_STRESS_CROWD_H
#define TESTS_STRESS_CROWD_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#include "../lib/clock.h"
#include "../lib/payload.h"
#include "../lib/ring.h"
#include "../lib/tap.h"

#define PAYLOAD_LEN 32u

static inline struct ring_writer *crowd_writer(uint64_t data_size)
{
	struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = data_size };
	struct ring_writer *w;

	if (ring_writer_create(&opts, &w))
		die("ring_writer_create");
	return w;
}

static inline void crowd_publish(struct ring_writer *w, uint64_t seq)
{
	unsigned char payload[PAYLOAD_LEN];

	payload_fill(payload, seq, sizeof(payload));
	if (ring_writer_publish(w, 0, (uint16_t)seq, payload, sizeof(payload)))
		die("ring_writer_publish");
}

static inline bool crowd_ok(const struct ring_record *rec, const void *payload)
{
	return rec->len == PAYLOAD_LEN && rec->type == (uint16_t)rec->seq &&
	       test_payload_is(payload, rec->seq, PAYLOAD_LEN);
}

static inline struct ring_stats crowd_stats(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	if (ring_stats(r, &st))
		die("ring_stats");
	return st;
}

#endif /* TESTS_STRESS_CROWD_H */
