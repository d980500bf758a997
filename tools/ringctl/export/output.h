/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * OUT of ringctl export: a file, or a directory of files. It gets its name when it is complete;
 * until then it is OUT.partial, and a failure removes that.
 */
#ifndef EXPORT_OUTPUT_H
#define EXPORT_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../lib/out.h"

/**
 * struct output - OUT
 * @path: the name that it gets
 * @dir: the directory, if it is one; -1
 * @fd: the file, if it is one; -1
 * @bytes: written so far
 */
struct output {
	const char *path;
	char partial[PATH_MAX];
	int dir;
	int fd;
	uint64_t bytes;
	bool exists;
};

/**
 * struct output_file - a file of OUT, or OUT itself
 * @buf: append to it, then call output_write()
 */
struct output_file {
	struct output *out;
	struct out buf;
	int fd;
};

/* Creates OUT.partial. Return: 0; EXIT_FAIL: a message was printed. */
int output_open(struct output *o, const char *path, bool is_dir);

/* Creates a file in OUT; @name: NULL: OUT is the file. Return: 0; EXIT_FAIL. */
int output_create(struct output *o, const char *name, struct output_file *f);

/* Writes the buffer if there is much in it. Return: 0; EXIT_FAIL. */
int output_write(struct output_file *f);

/* Writes all of the buffer and closes the file. Return: 0; EXIT_FAIL. */
int output_close(struct output_file *f);

/* Frees the buffer, and closes the file if it is open. */
void output_free(struct output_file *f);

/* Gives OUT its name. Return: 0; EXIT_FAIL. */
int output_commit(struct output *o);

/* Removes OUT.partial unless it was committed. */
void output_discard(struct output *o);

#endif /* EXPORT_OUTPUT_H */
