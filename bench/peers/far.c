// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contenders in processes of their own: starts the helper that lies beside this program
 * and asks it for rounds. Only one of the two is at work at a time.
 */
#include <errno.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"

/* @why: set to the reason if the helper cannot run here */
struct far {
	const char *name;
	const char *package;
	bool tried;
	const char *why;
	int fd;
	pid_t pid;
};

static struct far iceoryx = { "ringbench-iceoryx", "libiceoryx-binding-c-dev", .fd = -1 };
static struct far lttng = { "ringbench-lttng", "liblttng-ust-dev", .fd = -1 };

struct far_stream {
	struct far *far;
	uint32_t index;
};

/* The helper has ended by itself, after a message. */
static void __attribute__((noreturn)) gone(struct far *f)
{
	int status = 0;

	waitpid(f->pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		wrong("%s found a record that is not as it was written", f->name);
	fail("%s ended before it was asked to", f->name);
}

static void hear(struct far *f, void *what, size_t size)
{
	if (recv(f->fd, what, size, MSG_WAITALL) != (ssize_t)size)
		gone(f);
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

/* The helper ends when its socket is closed. */
static void stop(struct far *f)
{
	if (f->fd >= 0) {
		close(f->fd);
		waitpid(f->pid, NULL, 0);
	}
	f->fd = -1;
	f->tried = false;
	f->why = NULL;
}

void helpers_stop(void)
{
	stop(&iceoryx);
	stop(&lttng);
}

static void start(struct far *f)
{
	char place[4096], path[4096], cpus[32], *argv[] = { place, cpus, path, NULL };
	posix_spawn_file_actions_t actions;
	struct far_answer hello;
	int pair[2], err;

	f->tried = true;
	path_beside("ringbench-place", place, sizeof(place));
	path_beside(f->name, path, sizeof(path));
	if (access(path, X_OK)) {
		f->why = keep("%s was not built: install %s, and make again", f->name, f->package);
		return;
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
	f->fd = pair[0];
	hear(f, &hello, sizeof(hello));
	if (!hello.error[0])
		return;
	f->why = keep("%.*s", (int)sizeof(hello.error), hello.error);
	close(f->fd);
	f->fd = -1;
	waitpid(f->pid, NULL, 0);
}

static void ask(struct far *f, const struct far_request *q, struct far_answer *a)
{
	if (send(f->fd, q, sizeof(*q), MSG_NOSIGNAL) != (ssize_t)sizeof(*q))
		gone(f);
	hear(f, a, sizeof(*a));
	if (a->error[0])
		fail("%s: %.*s", f->name, (int)sizeof(a->error), a->error);
}

static const char *far_create(struct stream *s)
{
	struct far_request q = { .command = FAR_OPEN, .len = s->len };
	struct far_stream *fs = stream_alloc(s, sizeof(*fs));
	struct far_answer a;

	fs->far = s->kind == &kind_iceoryx ? &iceoryx : &lttng;
	if (!fs->far->tried)
		start(fs->far);
	if (fs->far->why)
		return fs->far->why;
	q.kind = s->variant ? *(const unsigned int *)s->variant : 0;
	ask(fs->far, &q, &a);
	fs->index = a.stream;
	s->impl = fs;
	return NULL;
}

static void far_command(struct stream *s, struct stream_round *r, enum far_command command)
{
	const struct far_stream *fs = s->impl;
	struct far_request q = { .command = command, .stream = fs->index, .round = *r };
	struct far_answer a;

	ask(fs->far, &q, &a);
	*r = a.round;
	if (a.nr_ticks != s->nr_ticks) {
		s->nr_ticks = a.nr_ticks;
		s->ticks = stream_alloc(s, a.nr_ticks * sizeof(*s->ticks));
	}
	if (a.nr_ticks)
		hear(fs->far, s->ticks, a.nr_ticks * sizeof(*s->ticks));
}

static void far_run(struct stream *s, struct stream_round *r)
{
	far_command(s, r, FAR_RUN);
}

static void far_finish(struct stream *s, struct stream_round *r)
{
	far_command(s, r, FAR_FINISH);
}

const struct stream_kind kind_iceoryx = {
	.name = "iceoryx",
	.create = far_create,
	.run = far_run,
};

const struct stream_kind kind_lttng = {
	.name = "LTTng-UST",
	.create = far_create,
	.run = far_run,
	.finish = far_finish,
};

const unsigned int lttng_small = 0, lttng_large = 1, lttng_live = 2;
