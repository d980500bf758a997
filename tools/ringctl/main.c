// SPDX-License-Identifier: GPL-2.0-only
/* ringctl: creates, inspects, reads and writes rings. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libring.h>

#include "../lib/message.h"
#include "command.h"

static const struct command *const commands[] = {
	&create_command,  &destroy_command, &list_command,  &info_command,    &cat_command,
	&publish_command, &schema_command,  &trace_command, &record_command,  &replay_command,
	&export_command,  &stat_command,    &top_command,   &metrics_command, &fetch_command,
	&audit_command,	  &doctor_command,
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_commands(FILE *to)
{
	size_t i;

	fputs("usage: ringctl COMMAND [OPTION]...\n"
	      "\n"
	      "A ring carries records from the kernel, or from one process, to any number of\n"
	      "readers. No reader slows the writer down.\n"
	      "\n",
	      to);
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help     show this help, or the help of one command\n"
	      "\n"
	      "  --help     show this help; after a command, its help\n"
	      "  --version  show the version\n"
	      "\n"
	      "Examples:\n"
	      "  ringctl list\n"
	      "  ringctl cat sched\n"
	      "  ringctl help cat\n"
	      "\n"
	      "Exit status: 0: success, 1: failure, 2: wrong usage.\n",
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

static int fail_unknown(const char *name)
{
	char all[192] = "";
	size_t i, n = 0;

	for (i = 0; i < NR_COMMANDS; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s, ", commands[i]->name);
	return fail_usage(name, "no such command (%shelp)", all);
}

static int run_help(int argc, char **argv)
{
	const struct command *cmd;

	if (argc > 2)
		return fail_usage("help", "%s: name only one command (ringctl help COMMAND)",
				  argv[2]);
	if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help")) {
		print_commands(stdout);
		return finish_stdout("help");
	}
	cmd = find_command(argv[1]);
	return cmd ? show_help(cmd) : fail_unknown(argv[1]);
}

/* If standard output is closed, a ring's descriptor must not take its number. */
static void occupy_standard_fds(void)
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

	occupy_standard_fds();
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("ringctl %d.%d.%d\n", LIBRING_VERSION_MAJOR, LIBRING_VERSION_MINOR,
		       LIBRING_VERSION_PATCH);
		return finish_stdout("version");
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return run_help(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return fail_usage(argv[1], "no such option (give a command, --help or --version)");
	cmd = find_command(argv[1]);
	if (!cmd)
		return fail_unknown(argv[1]);

	/* fail_option() prints the message instead of getopt_long(). */
	opterr = 0;
	return cmd->run(argc - 1, argv + 1);
}
