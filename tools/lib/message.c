// SPDX-License-Identifier: GPL-2.0-only
/* Messages of one line on standard error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libring.h>

#include "message.h"

static void print_message(const char *what, const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, PROGRAM_NAME ": %s: ", what);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(what, fmt, ap);
	va_end(ap);
	return EXIT_FAIL;
}

int fail_usage(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(what, fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

const char *reason_of(int err)
{
	const char *why = ring_strerror();

	return *why ? why : strerror(-err);
}

const char *reason_of_ring(const char *name, int err)
{
	const char *why = ring_strerror();
	size_t len = strlen(name);

	/* The library's sentence may begin with the name as well. */
	if (!strncmp(why, name, len) && !strncmp(why + len, ": ", 2))
		why += len + 2;
	return *why ? why : strerror(-err);
}

int fail_ring(const char *cmd, const char *name, int err)
{
	const char *why = reason_of_ring(name, err);
	const char *hint = "";

	if (strchr(why, '('))
		hint = "";
	else if (err == -ENOENT)
		hint = " (" PROGRAM_NAME " list shows the rings)";
	else if (err == -EACCES)
		hint = " (the mode of the device or socket decides)";
	fflush(stdout);
	fprintf(stderr, PROGRAM_NAME ": %s %s: %s%s\n", cmd, name, why, hint);
	return EXIT_FAIL;
}

int finish_stdout(const char *cmd)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	if (errno == EPIPE)
		return EXIT_OK;
	return fail(cmd, "standard output: %s", strerror(errno));
}

static const char *find_long_name(const struct option *opts, int val)
{
	for (; opts->name; opts++)
		if (opts->val == val)
			return opts->name;
	return NULL;
}

int fail_option(const char *cmd, int c, char **argv, const struct option *opts)
{
	const char *given = argv[optind - 1];
	const char *name = optopt ? find_long_name(opts, optopt) : NULL;

	if (c == ':' && name)
		return fail_usage(cmd, "--%s: needs a value (see " PROGRAM_NAME " help %s)", name,
				  cmd);
	if (name && !strncmp(given, "--", 2))
		return fail_usage(cmd, "--%s: takes no value (see " PROGRAM_NAME " help %s)", name,
				  cmd);
	if (optopt)
		return fail_usage(cmd, "-%c: no such option (see " PROGRAM_NAME " help %s)", optopt,
				  cmd);
	return fail_usage(cmd,
			  "%s: no such option, or an ambiguous abbreviation (see " PROGRAM_NAME
			  " help %s)",
			  given, cmd);
}
