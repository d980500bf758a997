/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of ringctl. main.c lists them. */
#ifndef RINGCTL_COMMAND_H
#define RINGCTL_COMMAND_H

#include <stdio.h>

/**
 * struct command - a command, the first word after "ringctl"
 * @name: the word
 * @run: takes argv from the command's name on; returns the exit status
 * @summary: one line for the list of commands
 * @help: the text of --help
 * @print_help: prints the text of --help instead, if it is not constant
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
	const char *help;
	void (*print_help)(FILE *to);
};

extern const struct command create_command, destroy_command, list_command;
extern const struct command info_command, cat_command, publish_command;
extern const struct command schema_command, trace_command, record_command, replay_command;
extern const struct command doctor_command, export_command, stat_command, metrics_command;
extern const struct command audit_command, top_command, fetch_command;

/* Prints the help of @cmd. Return: EXIT_OK, or EXIT_FAIL if standard output fails. */
int show_help(const struct command *cmd);

#endif /* RINGCTL_COMMAND_H */
