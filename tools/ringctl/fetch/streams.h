/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams of agents, as the options of a command name them. */
#ifndef RINGCTL_FETCH_STREAMS_H
#define RINGCTL_FETCH_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "../login.h"

struct __natsOptions;

/* Return: 0, then natsOptions_Destroy() frees @out; EXIT_FAIL: a message was printed. */
int streams_login(const char *cmd, const struct nats_login *l, struct __natsOptions **out);

/* Takes message @seq of a stream; @data is 8-byte aligned. Return: 0 to continue; -errno. */
typedef int (*stream_fn)(const char *stream, uint64_t seq, const void *data, size_t size,
			 void *arg);

/*
 * Reads all streams that match @pattern, each up to its present end, and leaves nothing on the
 * server. Return: 0; EXIT_FAIL: a message was printed.
 */
int streams_read(const char *cmd, const struct nats_login *l, const char *pattern, stream_fn fn,
		 void *arg);

#endif /* RINGCTL_FETCH_STREAMS_H */
