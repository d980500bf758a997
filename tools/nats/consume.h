/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the streams of agents in JetStream. A session is one connection, which is never repaired:
 * after a failure the caller closes it and opens another one. One thread uses a session.
 *
 * Functions return 0 or -errno, and fill @why on failure with a sentence without a final period:
 * -ENOENT the stream is not there; -ESTALE the consumer is not, although it was; -EACCES no right;
 * -EINVAL something is not as it has to be; -ENOMEM; -EIO everything else, such as a server that
 * does not answer.
 */
#ifndef NATS_CONSUME_H
#define NATS_CONSUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connect.h"

#define NATS_WHY_SIZE 320

struct __natsOptions;
struct nats_session;
struct nats_consumer;

/**
 * struct nats_item - a message of a stream
 * @data, @size: its bytes, 8-byte aligned; valid until the function that got them returns
 * @seq: its place in the stream, from 1
 */
struct nats_item {
	const void *data;
	size_t size;
	uint64_t seq;
};

/* Return: 0 to continue; a negative number. */
typedef int (*nats_item_fn)(const struct nats_item *item, void *arg);

/* Connects by the options of nats_options(), which must outlive the session. */
int nats_session_open(struct __natsOptions *opts, struct nats_session **out,
		      char why[NATS_WHY_SIZE]);

/* Forgets all of its consumers. @s may be NULL. */
void nats_session_close(struct nats_session *s);

/**
 * nats_list_streams() - find the streams of agents
 * @pattern: of their names, as for a shell; a name without * ? [ is looked for alone
 * @names: set to @nr names, for nats_free_names(); after a failure there are none
 *
 * Return: as above; -ENOENT no stream has such a name.
 */
int nats_list_streams(struct nats_session *s, const char *pattern, char ***names, size_t *nr,
		      char why[NATS_WHY_SIZE]);
void nats_free_names(char **names, size_t nr);

/**
 * nats_consumer_open() - use a durable pull consumer of a stream
 * @name: of the consumer; it is created if it is not there
 * @end: set to the place of the stream's last message; 0: it has none
 * @out: set on success; nats_consumer_close() frees it, and leaves the consumer on the server
 *
 * Return: as above; -EINVAL the consumer does not acknowledge each message explicitly, or does not
 * get all messages again until they are.
 */
int nats_consumer_open(struct nats_session *s, const char *stream, const char *name, uint64_t *end,
		       struct nats_consumer **out, char why[NATS_WHY_SIZE]);

void nats_consumer_close(struct nats_consumer *c);

/**
 * nats_consumer_pull() - take what is there, and acknowledge nothing
 * @max: so many messages at most
 * @wait_ms: how long to wait; longer on a slow link, so that it carries messages once
 * @fn: called for each, in their order
 * @nr: set to how many there were
 *
 * Return: as above; what @fn returned, if not 0: nats_consumer_commit() must not be called then.
 */
int nats_consumer_pull(struct nats_consumer *c, int max, int64_t wait_ms, nats_item_fn fn,
		       void *arg, unsigned int *nr, char why[NATS_WHY_SIZE]);

/* Acknowledges all messages of the last pull: they are on a disk. */
int nats_consumer_commit(struct nats_consumer *c, char why[NATS_WHY_SIZE]);

/**
 * nats_consumer_left() - how much of the stream is not acknowledged
 * @floor: set to the place up to which all is acknowledged
 * @left: set to messages that were never delivered
 * @unacked: set to messages that were delivered and not acknowledged
 */
int nats_consumer_left(struct nats_consumer *c, uint64_t *floor, uint64_t *left, uint64_t *unacked,
		       char why[NATS_WHY_SIZE]);

/**
 * nats_read_stream() - read a stream from its first message to its present end
 * @fn: called for each message, in their order
 *
 * Nothing is acknowledged, and nothing is left on the server. Return: as above; what @fn returned,
 * if not 0.
 */
int nats_read_stream(struct nats_session *s, const char *stream, nats_item_fn fn, void *arg,
		     char why[NATS_WHY_SIZE]);

#endif /* NATS_CONSUME_H */
