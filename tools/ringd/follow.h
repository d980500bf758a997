/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring that is followed: reads its records, cuts them into messages, and accounts for each seq.
 * Only the thread that has the object uses it.
 */
#ifndef RINGD_FOLLOW_H
#define RINGD_FOLLOW_H

#include <stdbool.h>

#include <libring.h>

#include "config.h"
#include "queue.h"
#include "state.h"

/*
 * One ring of the device.
 *
 * @next: the first seq that is neither in a message nor in @batch, nor reported as lost
 * @cause: why records before the next one are missing, an enum fleet_loss
 * @batch: what is being cut; NULL: nothing. @since_ns: when it was begun
 */
struct followed_ring {
	uint64_t next;
	unsigned int cause;
	struct item *batch;
	uint64_t since_ns;
};

/*
 * @ring_name: for ring_open()
 * @fd: what wakes; -1: nothing does
 * @id, @schema: as in struct fleet_message
 * @rings: @nr_rings
 * @buf: for payloads, @buf_size bytes
 * @heartbeat_ns: when the next one is due
 * @bad: times in a row that the ring was found corrupt
 * @ended: nothing more will come; its end was sent unless @failed
 */
struct followed {
	struct followed *next;
	const struct config *c;
	struct queue *q;
	char *ring_name;
	struct ring_reader *ring;
	int fd;
	struct fleet_identity id;
	uint64_t schema;
	uint32_t nr_rings;
	struct followed_ring *rings;
	unsigned char *buf;
	size_t buf_size;
	struct ring_record *recs;
	uint64_t heartbeat_ns;
	unsigned int bad;
	bool ended;
	bool failed;
	bool dropped;
};

/* What all rings of this machine share. */
struct host {
	unsigned char machine[16];
	unsigned char boot[16];
};

/**
 * follow_open() - open a ring, and go on where it was left
 * @c: the configuration
 * @q: for the messages
 * @host: this machine
 * @name: as for ring_open(), at most c->agent_scan late
 * @known: how far rings were spooled
 * @out: set on success
 *
 * May sleep. Return: 0; -EALREADY the ring's end was spooled; what ring_open() returns: silent, and
 * @why has its sentence.
 */
int follow_open(const struct config *c, struct queue *q, const struct host *host, const char *name,
		const struct state *known, struct followed **out, char *why, size_t size);
void follow_free(struct followed *f);

/* The rest never sleeps, except for memory. */

/* Reads what is there, a share. Return: whether there may be more. */
bool follow_read(struct followed *f);

/* Sends batches that are old enough, and heartbeats. Return: when something is due again. */
uint64_t follow_due(struct followed *f, uint64_t now);

/* The agent does not read for a time: what is lost meanwhile is lost for that. */
void follow_pause(struct followed *f);

/* The agent stops, or the ring is no longer wanted: sends what was read, and a heartbeat. */
void follow_leave(struct followed *f);

/* The time that messages are stamped with. */
uint64_t follow_realtime(void);

#endif /* RINGD_FOLLOW_H */
