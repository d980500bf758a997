// SPDX-License-Identifier: GPL-2.0-only
/* ringctl: make, inspect, read and write the rings of seqring. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ringctl.h"

static const struct command *const commands[] = {
	&create_command, &destroy_command, &list_command,   &info_command,
	&cat_command,	 &publish_command, &schema_command, &trace_command,
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void complain(const char *what, const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "ringctl: %s: ", what);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(what, fmt, ap);
	va_end(ap);
	return EXIT_FAIL;
}

int usage(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(what, fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int fail_ring(const char *cmd, const char *name, int err)
{
	const char *why = ring_strerror();
	const char *hint = "";
	size_t len = strlen(name);

	/* The library's sentence may begin with the name, too. */
	if (!strncmp(why, name, len) && !strncmp(why + len, ": ", 2))
		why += len + 2;
	if (!*why)
		why = strerror(-err);
	if (strchr(why, '('))
		hint = "";
	else if (err == -ENOENT)
		hint = " (ringctl list shows what there is)";
	else if (err == -EACCES)
		hint = " (the mode of the device or socket decides)";
	fflush(stdout);
	fprintf(stderr, "ringctl: %s %s: %s%s\n", cmd, name, why, hint);
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

int show_help(const struct command *cmd)
{
	fputs(cmd->help, stdout);
	return finish_stdout(cmd->name);
}

static const char *long_name(const struct option *opts, int val)
{
	for (; opts->name; opts++)
		if (opts->val == val)
			return opts->name;
	return NULL;
}

int bad_option(const char *cmd, int c, char **argv, const struct option *opts)
{
	const char *given = argv[optind - 1];
	const char *name = optopt ? long_name(opts, optopt) : NULL;

	if (c == ':' && name)
		return usage(cmd, "--%s: needs a value (see ringctl help %s)", name, cmd);
	if (name && !strncmp(given, "--", 2))
		return usage(cmd, "--%s: takes no value (see ringctl help %s)", name, cmd);
	if (optopt)
		return usage(cmd, "-%c: no such option (see ringctl help %s)", optopt, cmd);
	return usage(cmd, "%s: no such option, or short for several (see ringctl help %s)", given,
		     cmd);
}

static void list_commands(FILE *to)
{
	size_t i;

	fputs("usage: ringctl COMMAND [OPTION]...\n"
	      "\n"
	      "Rings carry records from the kernel, or from one process, to any number of\n"
	      "readers that cannot slow it down.\n"
	      "\n",
	      to);
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help     show this, or all about one command\n"
	      "\n"
	      "  --help     show this; after a command, all about it\n"
	      "  --version  show the version\n"
	      "\n"
	      "Examples:\n"
	      "  ringctl list\n"
	      "  ringctl cat sched\n"
	      "  ringctl help cat\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
	      to);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int no_command(const char *name)
{
	return usage(name, "no such command (create, destroy, list, info, cat, publish, schema, "
			   "trace, help)");
}

static int help(int argc, char **argv)
{
	const struct command *cmd;

	if (argc > 2)
		return usage("help", "%s: one command at a time (ringctl help COMMAND)", argv[2]);
	if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help")) {
		list_commands(stdout);
		return finish_stdout("help");
	}
	cmd = find_command(argv[1]);
	return cmd ? show_help(cmd) : no_command(argv[1]);
}

/* A descriptor of a ring must not become standard output because that was closed. */
static void keep_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *cmd;

	keep_standard_fds();
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2) {
		list_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("ringctl %d.%d\n", LIBRING_VERSION_MAJOR, LIBRING_VERSION_MINOR);
		return finish_stdout("version");
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return usage(argv[1], "no such option (a command, --help or --version)");
	cmd = find_command(argv[1]);
	if (!cmd)
		return no_command(argv[1]);

	/* Messages of our own: ours name what is allowed. */
	opterr = 0;
	return cmd->run(argc - 1, argv + 1);
}
