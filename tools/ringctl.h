/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of ringctl share. */
#ifndef RINGCTL_H
#define RINGCTL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libring.h>
#include <seqring/clocks.h>

/* Exit statuses. */
#define EXIT_OK	   0
#define EXIT_FAIL  1
#define EXIT_USAGE 2

#define NSEC_PER_SEC 1000000000ULL

/**
 * struct command - one word after "ringctl"
 * @run: gets argv from the command's name on; returns the exit status
 * @summary: one line for the list of commands
 * @help: the whole of --help
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
	const char *help;
};

extern const struct command create_command, destroy_command, list_command;
extern const struct command info_command, cat_command, publish_command;
extern const struct command schema_command, trace_command;

/* ringctl.c */

/* "ringctl: WHAT: WHY" to stderr. Return: EXIT_FAIL, EXIT_USAGE. */
int fail(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int usage(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for a library call that returned @err on ring @name. Return: EXIT_FAIL. */
int fail_ring(const char *cmd, const char *name, int err);

/* Prints the help of @cmd. Return: EXIT_OK, or EXIT_FAIL when stdout fails. */
int show_help(const struct command *cmd);

/* What getopt_long() did not like, after it returned @c. Return: EXIT_USAGE. */
int bad_option(const char *cmd, int c, char **argv, const struct option *opts);

/* Flushes stdio. Return: EXIT_OK, also when the reader of the pipe is gone. */
int finish_stdout(const char *cmd);

/* parse.c: each returns 0, or EXIT_USAGE with the message printed. */

int parse_number(const char *cmd, const char *opt, const char *s, uint64_t min, uint64_t max,
		 uint64_t *v);
int parse_size(const char *cmd, const char *opt, const char *s, uint64_t *v);
int parse_duration(const char *cmd, const char *opt, const char *s, uint64_t *ns);
int parse_mode(const char *cmd, const char *opt, const char *s, uint32_t *v);
int parse_clock(const char *cmd, const char *opt, const char *s, uint32_t *v);

/* As strtoull() for plain digits: false unless all of @s up to @end is one number. */
bool digits(const char *s, const char **end, uint64_t *v);

/* Number and unit (ns us ms s m h). Return: 0, -EINVAL not that, -ERANGE too long. */
int duration_ns(const char *s, uint64_t *ns);

/* Contents of @file, for --schema; free() them. Return: EXIT_OK or EXIT_FAIL. */
int load_schema(const char *cmd, const char *file, void **data, size_t *size);

/* The names of the clocks, for a list in a sentence. */
#define FIRST_CLOCK(ID, number, name, ...)   name
#define DEFAULT_CLOCK(ID, number, name, ...) name " (the default)"
#define NEXT_CLOCK(ID, number, name, ...)    ", " name
#define LAST_CLOCK(ID, number, name, ...)    " or " name
#define CLOCK_NAMES	 SEQRING_CLOCKS_LISTED(FIRST_CLOCK, NEXT_CLOCK, LAST_CLOCK)
#define CLOCK_NAMES_HELP SEQRING_CLOCKS_LISTED(DEFAULT_CLOCK, NEXT_CLOCK, LAST_CLOCK)

const char *clock_name(uint32_t clock_id, char *buf, size_t size);

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* signals.c: SIGINT, SIGTERM and SIGHUP, as a descriptor that never loses one. */

int signals_init(void);
int signals_fd(void);
/* Takes one if it is there. Return: its number or 0. */
int signals_take(void);

/* out.c: standard output that a signal can always get out of. */

/**
 * struct out - buffered standard output
 * @err: -errno of the first failure; nothing is written after that
 * @signal: a signal came while it waited for room
 * @direct: a file: writing never waits for another process
 */
struct out {
	char *buf;
	size_t len;
	size_t cap;
	int err;
	int signal;
	bool direct;
};

void out_init(struct out *o);
void out_free(struct out *o);
/* Room for @n more bytes, to be added to ->len. Return: NULL, ->err is set. */
char *out_room(struct out *o, size_t n);
void out_bytes(struct out *o, const void *p, size_t n);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes what is buffered. Return: ->err. */
int out_flush(struct out *o);

/* record.c: how a record looks. */

#define HEX_SHORT  16 /* bytes of a payload in text form without --full */
#define TEXT_SHORT 64

struct decoder;
struct json_object;

/* @n bytes at @dst (room for 2 * @n) in hexadecimal. Return: the length. */
size_t print_hex(char *dst, const void *src, size_t n);

/* Printable text of @n bytes at @dst (room for 4 * @n). Return: its length. */
size_t escape_text(char *dst, const void *src, size_t n);

/* The same as a string. Return: NULL: no memory. */
struct json_object *json_hex(const void *p, size_t n);
struct json_object *json_text(const void *p, size_t n);

/* A record and a newline. @d: NULL: its payload is shown as it is. */
void record_text(struct out *o, const struct ring_record *rec, const struct decoder *d, bool full);
void record_json(struct out *o, const struct ring_record *rec, const struct decoder *d);

/* Adds @val; @key is not there yet, and outlives @obj. Return: 0; -1: @val NULL, no memory. */
int json_add(struct json_object *obj, const char *key, struct json_object *val);

/* device.c: what libring does not tell about a device of the module. */

/* Path of device @name, which may be a path already. */
void device_path(const char *name, char *buf, size_t size);

/**
 * device_stat() - ask a device who has it open and how it is written
 * @name: a name or a path
 * @readers: open files besides ours
 * @mode: SEQRING_MODE_*
 *
 * Return: 0 or -errno.
 */
int device_stat(const char *name, uint32_t *readers, uint32_t *mode);

#endif /* RINGCTL_H */
