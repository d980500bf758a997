// SPDX-License-Identifier: GPL-2.0-only
/* The command that is run to be traced. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"

/* In the child: never returns. @report: what is written to it is why not. */
static void become(char **command, const struct trace_load *l, int report)
{
	int err = trace_follow_me(l);
	sigset_t none;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!err) {
		execvp(command[0], command);
		err = -errno;
	}
	if (write(report, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int trace_run_command(char **command, const struct trace_load *l, struct trace_child *c)
{
	int report[2], err = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return fail("trace", "pipe: %s", strerror(errno));
	c->pid = fork();
	if (!c->pid)
		become(command, l, report[1]);
	close(report[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(report[0]);
		return fail("trace", "fork: %s", strerror(errno));
	}
	/* Ends, with nothing in it, when the command has begun. */
	do {
		n = read(report[0], &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n)
		return fail("trace", "%s: cannot be run: %s", command[0], strerror(-err));
	c->fd = pidfd_open(c->pid, 0);
	return c->fd < 0 ? fail("trace", "pidfd_open: %s", strerror(errno)) : 0;
}

bool trace_command_ended(const struct trace_child *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };

	return c->pid && poll(&fd, 1, 0) > 0;
}

void trace_end_command(struct trace_child *c)
{
	if (!c->pid)
		return;
	/* Without a wait: it may take its time. */
	if (!waitpid(c->pid, NULL, WNOHANG))
		kill(c->pid, SIGTERM);
	if (c->fd >= 0)
		close(c->fd);
}
