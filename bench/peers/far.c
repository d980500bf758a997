// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contenders in processes of their own: starts the helper that lies beside this
 * program and asks it for rounds. Only one of the two is at work at a time.
 */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"

struct far {
	const char *name;
	int fd;
	pid_t pid;
};

/* The helper has ended of itself; it has said why. */
static void __attribute__((noreturn)) gone(struct far *f)
{
	int status = 0;

	waitpid(f->pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		wrong("%s found what is not as it was written", f->name);
	fail("%s ended before it was asked to", f->name);
}

static bool hear(struct far *f, struct far_answer *a)
{
	return recv(f->fd, a, sizeof(*a), MSG_WAITALL) == (ssize_t)sizeof(*a);
}

static void path_beside(const char *name, char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[len < 0 ? 0 : len] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + strlen(name) >= size)
		fail("cannot tell where this program lies");
	strcpy(slash + 1, name);
}

struct far *far_start(const char *helper, const char *package, const char **why)
{
	char place[4096], path[4096], cpus[32], *argv[] = { place, cpus, path, NULL };
	struct far *f = calloc(1, sizeof(*f));
	posix_spawn_file_actions_t actions;
	struct far_answer hello;
	int pair[2], err;

	if (!f)
		fail("no memory");
	path_beside("ringbench-place", place, sizeof(place));
	path_beside(helper, path, sizeof(path));
	if (access(path, X_OK)) {
		*why = keep("%s was not built: install %s, and make again", helper, package);
		free(f);
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		fail("no socket pair: %s", strerror(errno));
	snprintf(cpus, sizeof(cpus), "%d,%d", opt.cpu[0], opt.cpu[1]);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
	err = posix_spawn(&f->pid, place, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	if (err)
		fail("cannot start %s: %s", place, strerror(err));
	f->name = helper;
	f->fd = pair[0];
	if (!hear(f, &hello))
		gone(f);
	if (hello.error[0]) {
		*why = keep("%.*s", (int)sizeof(hello.error), hello.error);
		far_stop(f);
		return NULL;
	}
	return f;
}

void far_ask(struct far *f, struct far_request *q, struct far_answer *a)
{
	if (send(f->fd, q, sizeof(*q), MSG_NOSIGNAL) != (ssize_t)sizeof(*q) || !hear(f, a))
		gone(f);
	if (a->error[0])
		fail("%s: %.*s", f->name, (int)sizeof(a->error), a->error);
}

/* It ends when nobody is there to ask it. */
void far_stop(struct far *f)
{
	close(f->fd);
	waitpid(f->pid, NULL, 0);
	free(f);
}
