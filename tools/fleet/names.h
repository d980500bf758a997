/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names that an agent and whoever reads its messages agree on: the agent, its stream, its subjects,
 * the ids of messages, and the identity of rings. Every function returns 0 or -errno.
 */
#ifndef FLEET_NAMES_H
#define FLEET_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

#define FLEET_AGENT_MAX	   63 /* characters of an agent's name */
#define FLEET_STREAM_SIZE  96
#define FLEET_SUBJECT_SIZE 128
#define FLEET_ID_SIZE	   40

/* The durable consumer whose acknowledgements release an agent's spool. */
#define FLEET_CONSUMER "archive"

/* Every stream of an agent has a name that begins with this, and a subject that does. */
#define FLEET_STREAM_PREFIX  "SEQRING_"
#define FLEET_SUBJECT_PREFIX "seqring."

/* True if @name is 1 to FLEET_AGENT_MAX of A-Z a-z 0-9 _ -. */
bool fleet_is_agent(const char *name);

/* SEQRING_AGENT; seqring.AGENT.KIND; seqring.AGENT.>. @agent is valid. */
void fleet_stream(char stream[FLEET_STREAM_SIZE], const char *agent);
void fleet_subject(char subject[FLEET_SUBJECT_SIZE], const char *agent, unsigned int kind);
void fleet_all_subjects(char subject[FLEET_SUBJECT_SIZE], const char *agent);

/* The agent of a stream. Return: 0; -EINVAL it is no agent's. */
int fleet_agent_of_stream(const char *stream, char agent[FLEET_AGENT_MAX + 1]);

/*
 * The id of a message, EPOCH-NUMBER: Nats-Msg-Id of the message, and Nats-Expected-Last-Msg-Id of
 * the one behind it. Return of the second: 0; -EINVAL.
 */
void fleet_format_id(char id[FLEET_ID_SIZE], uint64_t epoch, uint64_t number);
int fleet_parse_id(const char *id, uint64_t *epoch, uint64_t *number);

/*
 * Machine id and boot id of this machine. Return: 0; -EPROTO the file has something else in it;
 * what open(2) and read(2) give.
 */
int fleet_read_host(unsigned char host[16]);
int fleet_read_boot(unsigned char boot[16]);

/* 32 hexadecimal digits and a zero. */
void fleet_format_uuid(char text[33], const unsigned char id[16]);

/*
 * fleet_identity.nonce of a ring: struct ring_info has both. Return: 0; -EOPNOTSUPP @creation is
 * 0: nothing tells this ring from an earlier one.
 */
int fleet_nonce(uint32_t writer, uint64_t creation, uint64_t *nonce);

#endif /* FLEET_NAMES_H */
