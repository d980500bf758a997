/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl publish: its options (publish.c), its input and the publisher. */
#ifndef RINGCTL_PUBLISH_H
#define RINGCTL_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libring.h>

/* The delimiter that ends a record in the input. */
enum publish_unit { PUBLISH_LINES, PUBLISH_NULS, PUBLISH_WHOLE };

#define PUBLISH_FOREVER UINT64_MAX

/**
 * struct publish_opts - the options
 * @file: the input; NULL: standard input
 * @serve: create a ring of this process
 * @serve_only: an option that is only for @serve was given
 * @linger_ns: how long to serve the ring after the input's end; PUBLISH_FOREVER
 */
struct publish_opts {
	const char *name;
	const char *file;
	const char *schema;
	enum publish_unit unit;
	bool keep_newline;
	bool serve;
	bool serve_only;
	uint16_t type;
	uint32_t clock_id;
	uint64_t size;
	uint64_t count;
	uint64_t rate;
	uint64_t linger_ns;
	struct ring_listen_opts listen;
};

/* publish_run.c: publishes the input. Return: the exit status. */
int publish(const struct publish_opts *opts);

/**
 * struct publish_input - the input; bytes from @start to @len are not published yet
 * @scanned: there is no delimiter from @start to here
 */
struct publish_input {
	char *buf;
	size_t start;
	size_t scanned;
	size_t len;
	size_t cap;
	int fd;
	bool eof;
};

/*
 * publish_input.c: finds the next record in the buffer.
 *
 * Return: 1: it is at @payload; 0: more input is needed; -EMSGSIZE: it is longer than @max.
 */
int publish_next_record(struct publish_input *in, const struct publish_opts *opts, size_t max,
			const char **payload, size_t *len);

/* Reads more input. Return: 0, or EXIT_FAIL with the message printed. */
int publish_read_more(struct publish_input *in, const struct publish_opts *opts);

#endif /* RINGCTL_PUBLISH_H */
