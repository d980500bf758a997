/* SPDX-License-Identifier: GPL-2.0-only */
/* Contenders from outside the project. */
#ifndef RINGBENCH_PEERS_H
#define RINGBENCH_PEERS_H

#include "../core/stream.h"

/* In shared memory. */
extern const struct stream_kind kind_bytes; /* a byte ring, begin and end on one line */
extern const struct stream_kind kind_flags; /* a flag per record, no overwriting */
extern const struct stream_kind kind_copy;  /* memcpy, nobody reads */
extern const struct stream_kind kind_ck_spsc;
extern const struct stream_kind kind_ck_spmc;

/* Through the kernel. */
extern const struct stream_kind kind_pipe;
extern const struct stream_kind kind_datagram;
extern const struct stream_kind kind_mqueue;
extern const unsigned int channel_group; /* variant: 64 records in a system call */

/* Wake-ups without a payload. */
extern const struct stream_kind kind_eventfd;
extern const struct stream_kind kind_futex;

/*
 * Messages in cache lines, without a protocol: the variant of a row.
 *
 * @stride:   from one message to the next; 0: always the same line
 * @window:   bytes, a power of two, after which they begin anew
 * @prefetch: bytes by which the sender prefetches a line to write; 0: no prefetch
 * @payload:  a word beside the one that the reader waits for
 * @reply:    the reader sends the line back
 * @paced:    bounces begin when they are due
 */
struct line {
	uint64_t stride;
	uint64_t window;
	uint64_t prefetch;
	bool payload;
	bool reply;
	bool paced;
};

extern const struct stream_kind kind_line;
/* Rounds for rows of that kind. */
bool clock_round(struct row_contender *c);  /* no message: what the schedule itself costs */
bool bounce_round(struct row_contender *c); /* half of a round trip, by the sender's clock */

/* In helpers: these need a daemon, or threads that must not run in this process. */
extern const struct stream_kind kind_iceoryx;
extern const struct stream_kind kind_lttng;
extern const unsigned int lttng_small, lttng_large, lttng_live; /* variants */
void helpers_stop(void);

/* The messages on the socket between ringbench and a helper. */
enum far_command { FAR_OPEN, FAR_RUN, FAR_FINISH };

struct far_request {
	uint32_t command; /* an enum far_command */
	uint32_t kind;
	uint32_t len;
	uint32_t stream; /* as FAR_OPEN answered */
	struct stream_round round;
};

/* @nr_ticks: how many numbers follow: s->ticks of the round */
struct far_answer {
	uint32_t stream;
	uint32_t nr_ticks;
	char error[160]; /* why the helper cannot do it; "" when it can */
	struct stream_round round;
};

#endif
