// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "../../lib/message.h"
#include "command.h"

extern char **environ;

static int spawn(pid_t *pid, const char *command, const char *path)
{
	char *const argv[] = { (char *)command, (char *)path, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int err;

	/* The signals that this process takes through a descriptor are blocked here. */
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_setsigmask(&attr, &none);
	/* A group of its own: ^C in a terminal ends the recorder, and the command completes. */
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawnp(pid, command, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return err;
}

void command_start(struct commands *c, const char *command, const char *path)
{
	int err;

	command_reap(c, command);
	if (c->nr == COMMANDS_MAX) {
		fail("record", "--exec %s: not run for %s: %d of them still run", command, path,
		     COMMANDS_MAX);
		c->failed = true;
		return;
	}
	err = spawn(&c->pids[c->nr], command, path);
	if (!err) {
		c->nr++;
		return;
	}
	fail("record", "--exec %s: %s", command, strerror(err));
	c->failed = true;
}

void command_reap(struct commands *c, const char *command)
{
	unsigned int i = 0;
	int status;

	while (i < c->nr) {
		if (waitpid(c->pids[i], &status, WNOHANG) != c->pids[i]) {
			i++;
			continue;
		}
		c->pids[i] = c->pids[--c->nr];
		if (WIFEXITED(status) && !WEXITSTATUS(status))
			continue;
		c->failed = true;
		if (WIFSIGNALED(status))
			fail("record", "--exec %s: ended by signal %d", command, WTERMSIG(status));
		else
			fail("record", "--exec %s: status %d", command, WEXITSTATUS(status));
	}
}
