/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The messages by which agents send the records of rings to other machines. This is the only place
 * that knows their bytes; docs/reference/fleet.md describes them for other languages.
 *
 * A message is a header of FLEET_HEADER_SIZE bytes and a body. It is the same in an agent's spool,
 * in a stream and in a file. Two checksums cover all of it.
 *
 * Every function returns 0 or -errno. None sleeps; any thread may call each of them.
 */
#ifndef FLEET_MESSAGE_H
#define FLEET_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLEET_HEADER_SIZE 256u
#define FLEET_VERSION	  1u
#define FLEET_BODY_MAX	  (64u << 20) /* of any message */
#define FLEET_NAME_SIZE	  32u	      /* of a ring's name, with the terminating zero */
#define FLEET_DROPS	  8u	      /* causes of drops, SEQRING_DROP_* */

enum fleet_kind {
	FLEET_BATCH = 1,     /* records of one ring, as they lie in it */
	FLEET_LOSS = 2,	     /* records that nobody will send, and why */
	FLEET_SCHEMA = 3,    /* properties of a ring and its schema, before its first batch */
	FLEET_HEARTBEAT = 4, /* counters of all rings of a device */
	FLEET_END = 5,	     /* the same, for the last time */
	FLEET_KINDS = 6,
};

/* fleet_message.cause of FLEET_LOSS. */
enum fleet_loss {
	FLEET_LOSS_OVERRUN = 1, /* the ring overwrote them before the agent had read them */
	FLEET_LOSS_START = 2,	/* the same, before the agent first saw the ring */
	FLEET_LOSS_STOPPED = 3, /* the same, while no agent ran */
	FLEET_LOSS_SPOOL = 4,	/* the same, while the agent did not read: its spool was full */
	FLEET_LOSS_TOO_BIG = 5, /* a record that is longer than a message may be */
	FLEET_LOSS_CORRUPT = 6, /* the ring's bytes did not follow the protocol */
	FLEET_LOSS_DAMAGED = 7, /* the spool's bytes were wrong when they were to be sent */
	FLEET_LOSS_CAUSES = 8,
};

/* fleet_message.cause of FLEET_END. */
enum fleet_end {
	FLEET_END_ENDED = 1,	/* the writer ended the ring */
	FLEET_END_KILLED = 2,	/* the writer's process is gone */
	FLEET_END_REPLACED = 3, /* another ring has its name */
	FLEET_END_VANISHED = 4, /* it was gone when the agent started again; counters are old */
	FLEET_END_CAUSES = 5,
};

/**
 * struct fleet_identity - which ring records are of; no other ring has the same
 * @host: machine id of the host, /etc/machine-id
 * @boot: boot id, /proc/sys/kernel/random/boot_id
 * @nonce: tells the ring from all others that this kernel has had; fleet_nonce() makes it
 * @name: of the ring, terminated; further bytes are 0
 */
struct fleet_identity {
	unsigned char host[16];
	unsigned char boot[16];
	uint64_t nonce;
	char name[FLEET_NAME_SIZE];
};

/**
 * struct fleet_message - what a header says
 * @kind: an enum fleet_kind
 * @cause: an enum fleet_loss or fleet_end; 0 in other messages
 * @epoch: random, the agent's spool has it from its creation on
 * @number: 1 for the first message of the epoch, then without a gap
 * @id: whose records. The message is about all rings of the device unless it is a batch or a loss
 * @ring: number of the ring in the device, of a batch or a loss; else 0
 * @ring_id: its number or its CPU, as struct ring_stats_at has it
 * @first, @last: seqs of the first and the last record, of a batch or a loss; else 0
 * @first_ns, @last_ns: their times by the ring's clock, of a batch; else 0
 * @wall_offset_ns: what to add to these times to get CLOCK_REALTIME, of a batch; 0: the ring has
 *          no clock
 * @made_ns: CLOCK_REALTIME of the host when the message was made
 * @schema: fleet_schema_hash() of the body of the ring's FLEET_SCHEMA, in all messages of the ring
 * @body_size: bytes of the body
 */
struct fleet_message {
	unsigned int kind;
	unsigned int cause;
	uint64_t epoch;
	uint64_t number;
	struct fleet_identity id;
	uint32_t ring;
	uint32_t ring_id;
	uint64_t first;
	uint64_t last;
	uint64_t first_ns;
	uint64_t last_ns;
	int64_t wall_offset_ns;
	uint64_t made_ns;
	uint64_t schema;
	uint32_t body_size;
};

/**
 * struct fleet_ring - body of a FLEET_SCHEMA, in front of the schema; fields as in struct ring_info
 */
#define FLEET_RING_SIZE 64u

struct fleet_ring {
	uint32_t writer;
	uint32_t nr_rings;
	uint32_t clock_id;
	uint32_t page_size;
	uint64_t features;
	uint64_t data_size;
	uint32_t payload_max;
	uint32_t schema_size;
};

/**
 * struct fleet_counters - one ring in the body of a FLEET_HEARTBEAT or FLEET_END
 * @ring, @ring_id: as in struct fleet_message
 * @published: records published since the ring's creation, which is also the newest seq
 * @next: the first seq that no message before this one has sent or reported as lost
 * @dropped: records that the writer dropped since then, by SEQRING_DROP_*; they take no seq
 */
#define FLEET_COUNTERS_SIZE 88u

struct fleet_counters {
	uint32_t ring;
	uint32_t ring_id;
	uint64_t published;
	uint64_t next;
	uint64_t dropped[FLEET_DROPS];
};

/**
 * fleet_encode() - make the header of a message
 * @m: what it says
 * @body: @m->body_size bytes, which the header's checksum covers
 * @header: FLEET_HEADER_SIZE bytes, filled on success
 *
 * Return: 0; -EINVAL fleet_decode() would refuse the message.
 */
int fleet_encode(const struct fleet_message *m, const void *body, void *header);

/**
 * fleet_decode_header() - read the header of a message
 * @data: FLEET_HEADER_SIZE bytes
 * @m: filled on success
 * @why: set on failure to a sentence without a final period
 *
 * For a reader that has the body elsewhere: fleet_check_body() checks that.
 *
 * Return: 0; -EBADMSG not a header, a wrong checksum, or values that contradict each other;
 * -ENOTSUP another version, a kind or cause that this program does not know.
 */
int fleet_decode_header(const void *data, struct fleet_message *m, const char **why);

/**
 * fleet_check_body() - check the body of a message
 * @m: from fleet_decode_header()
 * @header: the header that @m was read from
 * @body: @m->body_size bytes
 * @why: as in fleet_decode_header()
 *
 * Afterwards each function below may be used without a further check of sizes.
 *
 * Return: 0; -EBADMSG a wrong checksum, or contents that contradict the header; -ENOTSUP records
 * in the byte order of another machine.
 */
int fleet_check_body(const struct fleet_message *m, const void *header, const void *body,
		     const char **why);

/**
 * fleet_decode() - read and check a whole message
 * @data: header and body, 8-byte aligned
 * @size: bytes of both
 * @m: filled on success
 * @body: set to the body on success
 * @why: as in fleet_decode_header()
 *
 * Return: as fleet_decode_header() and fleet_check_body(); -EBADMSG also: @size is wrong.
 */
int fleet_decode(const void *data, size_t size, struct fleet_message *m, const void **body,
		 const char **why);

/* What is after the header in a spool or a file: the body, then zeros. */
static inline uint64_t fleet_padded_size(const struct fleet_message *m)
{
	return FLEET_HEADER_SIZE + (((uint64_t)m->body_size + 7) & ~7ULL);
}

/* Called with the payload of a record: seq, time, type, bytes. Return: 0 to continue. */
typedef int (*fleet_record_fn)(uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
			       uint32_t len, void *arg);

/**
 * fleet_walk() - call a function for each record of a checked batch
 * @m, @body: from fleet_decode()
 *
 * Return: 0; what @fn returned, if not 0.
 */
int fleet_walk(const struct fleet_message *m, const void *body, fleet_record_fn fn, void *arg);

/* Writes a record, seqring_record_size() bytes, at @at, which is 8-byte aligned. */
void fleet_put_record(void *at, uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
		      uint32_t len);

/* The body of a FLEET_SCHEMA: FLEET_RING_SIZE bytes, then the schema. */
void fleet_put_ring(void *at, const struct fleet_ring *ring);
void fleet_get_ring(const void *at, struct fleet_ring *ring);
uint64_t fleet_schema_hash(const void *body, uint32_t size);

/* The body of a FLEET_HEARTBEAT or FLEET_END: FLEET_COUNTERS_SIZE bytes for each ring. */
void fleet_put_counters(void *at, const struct fleet_counters *c);
void fleet_get_counters(const void *at, struct fleet_counters *c);

/* Names for people and for JSON; "unknown" for other numbers. */
const char *fleet_kind_name(unsigned int kind);
const char *fleet_loss_name(unsigned int cause);
const char *fleet_end_name(unsigned int cause);

#endif /* FLEET_MESSAGE_H */
