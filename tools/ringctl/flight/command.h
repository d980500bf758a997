/* SPDX-License-Identifier: GPL-2.0-only */
/* The command that a flight recorder runs for each recording. */
#ifndef FLIGHT_COMMAND_H
#define FLIGHT_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#define COMMANDS_MAX 8

/* Those that run. */
struct commands {
	pid_t pids[COMMANDS_MAX];
	unsigned int nr;
	bool failed;
};

/*
 * Runs @command, found in $PATH, with @path as its only argument, without waiting for it. It has
 * no input. A failure is printed, and noted in @c.
 */
void command_start(struct commands *c, const char *command, const char *path);

/* Looks which have ended, without waiting. A failure is printed. */
void command_reap(struct commands *c, const char *command);

#endif /* FLIGHT_COMMAND_H */
