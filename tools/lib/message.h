/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of one line on standard error, and the exit statuses that go with them. */
#ifndef LIB_MESSAGE_H
#define LIB_MESSAGE_H

#include <getopt.h>

/* Every message begins with this name, and hints name commands of this program. */
#define PROGRAM_NAME "ringctl"

#define EXIT_OK	   0
#define EXIT_FAIL  1
#define EXIT_USAGE 2

/* Print "ringctl: WHAT: WHY". Return: EXIT_FAIL, EXIT_USAGE. */
int fail(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int fail_usage(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Explains why a library call failed with @err on ring @name. Return: EXIT_FAIL. */
int fail_ring(const char *cmd, const char *name, int err);

/* Explains why getopt_long() returned @c, which is '?' or ':'. Return: EXIT_USAGE. */
int fail_option(const char *cmd, int c, char **argv, const struct option *opts);

/* The library's sentence about @err; the text of errno where it has none. */
const char *reason_of(int err);

/* The same about ring @name, without the name in front. */
const char *reason_of_ring(const char *name, int err);

/* Flushes stdio. Return: EXIT_OK, also if the reader of the pipe is gone. */
int finish_stdout(const char *cmd);

#endif /* LIB_MESSAGE_H */
