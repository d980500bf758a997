/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a user process would take instead of the ring, and how all of them are
 * measured: the same rounds in this process or in a helper's.
 */
#ifndef RINGBENCH_PEERS_H
#define RINGBENCH_PEERS_H

#include "../stream.h"

#define PEER_FAN 8u

/*
 * PEER_FLAT_OUT: record upon record
 * PEER_BURSTS:   PEER_BURST records, then a pause in which the reader catches up
 * PEER_SPACED:   one record at a time, on a schedule that does not wait for anyone
 */
enum peer_mode { PEER_FLAT_OUT, PEER_BURSTS, PEER_SPACED };

#define PEER_BURST 64u

/*
 * A round. Plain data: it goes to the helper and comes back.
 *
 * @nobody:    without a reader
 * @sleeps:    the reader sleeps while there is nothing
 * @ns:        how long it takes
 * @rest_ns:   how long a reader who does not sleep leaves an empty ring alone
 * @gap_ns:    bursts: the pause; spaced: from one record to the next;
 *             flat out: at least so long for a record, 0 for no limit
 *
 * @published, @read, @lost, @readers: of this round; read + lost = published * readers
 * @writer_ns: of the writer's time for one record; pauses are not in it
 * @delivered: records per microsecond that each reader had while the writer ran
 * @p50_ns, @p99_ns: spaced: from the intended time of a record to when it was read
 * @disturbed: something else had one of the cores
 */
struct peer_round {
	uint32_t mode;
	uint32_t nobody;
	uint32_t sleeps;
	uint32_t readers;
	uint64_t ns;
	uint64_t rest_ns;
	double gap_ns;

	uint64_t published;
	uint64_t read;
	uint64_t lost;
	double writer_ns;
	double delivered;
	double p50_ns;
	double p99_ns;
	uint32_t disturbed;
};

void peer_run(struct stream *s, struct peer_round *r);

/* 4 KiB records beside a flag for each: for the part about growth. */
void peers_4k(void);

extern const struct stream_kind stream_pipe;
extern const struct stream_kind stream_pipe_batch;
extern const struct stream_kind stream_datagram;
extern const struct stream_kind stream_datagram_batch;
extern const struct stream_kind stream_mqueue;
extern const struct stream_kind stream_ck_spsc;
extern const struct stream_kind stream_ck_spmc;
extern const struct stream_kind stream_ck_fan;
extern const struct stream_kind stream_ring_fan;
extern const struct stream_kind stream_copy;

/*
 * A contender that runs in a process of its own, for it needs a daemon or threads
 * that have no place in this one. What goes over the socket between the two.
 */
enum far_command { FAR_OPEN, FAR_RUN, FAR_FINISH };

struct far_request {
	uint32_t command; /* an enum far_command */
	uint32_t kind;
	uint32_t len;
	uint32_t stream; /* as FAR_OPEN answered */
	struct peer_round round;
};

struct far_answer {
	uint32_t stream;
	char error[160]; /* why the helper cannot do it; "" when it can */
	struct peer_round round;
};

/*
 * @helper: name of the program, which lies beside this one
 * @package: what to install when it was not built
 */
struct far;

/* NULL: it cannot run here, and *why says the reason. */
struct far *far_start(const char *helper, const char *package, const char **why);
void far_ask(struct far *f, struct far_request *q, struct far_answer *a);
void far_stop(struct far *f);

#endif
