/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl fetch: its options (fetch.c), and the loop that they configure (fetch_run.c). */
#ifndef RINGCTL_FETCH_H
#define RINGCTL_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "../../nats/connect.h"

/**
 * struct fetch_opts - the options
 * @stream: a pattern of names
 * @consumer: the durable consumer, whose acknowledgements release the agents' spools
 * @file_size: bytes of each file
 * @follow: go on at the streams' ends
 */
struct fetch_opts {
	struct nats_login login;
	const char *stream;
	const char *consumer;
	const char *dir;
	uint64_t file_size;
	bool follow;
	bool quiet;
};

/* Return: the exit status. */
int fetch_run(const struct fetch_opts *opts);

#endif /* RINGCTL_FETCH_H */
