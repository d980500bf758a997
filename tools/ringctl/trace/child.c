// SPDX-License-Identifier: GPL-2.0-only
/* The command that ringctl trace runs in a child process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/message.h"
#include "child.h"
#include "load.h"

/* Makes @group the foreground of @tty. SIGTTOU would stop a process of the background. */
static void take_foreground(int tty, pid_t group)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &old);
	tcsetpgrp(tty, group);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Runs in the child and does not return. A failure is written to @report as -errno. */
static void exec_command(char **command, const struct trace_load *l, const struct trace_child *c,
			 int report)
{
	int err = trace_follow_caller(l);
	sigset_t none;

	/* In parent and child: whoever comes first. */
	setpgid(0, 0);
	if (c->tty >= 0)
		take_foreground(c->tty, getpid());
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

int trace_run_child(char **command, const struct trace_load *l, struct trace_child *c)
{
	int report[2], err = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return fail("trace", "pipe: %s", strerror(errno));
	c->tty = tcgetpgrp(STDIN_FILENO) == getpgrp() ? STDIN_FILENO : -1;
	c->pid = fork();
	if (!c->pid)
		exec_command(command, l, c, report[1]);
	close(report[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(report[0]);
		return fail("trace", "fork: %s", strerror(errno));
	}
	setpgid(c->pid, c->pid);
	/* The exec closes the pipe, which is then empty. */
	do {
		n = read(report[0], &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n)
		return fail("trace", "%s: cannot be run: %s", command[0], strerror(-err));
	c->fd = pidfd_open(c->pid, 0);
	return c->fd < 0 ? fail("trace", "pidfd_open: %s", strerror(errno)) : 0;
}

bool trace_child_ended(const struct trace_child *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };

	return c->pid && poll(&fd, 1, 0) > 0;
}

int trace_end_child(struct trace_child *c, int signal)
{
	int status = 0;

	if (!c->pid)
		return 0;
	/* Do not wait: the command may handle the signal slowly. */
	if (!waitpid(c->pid, &status, WNOHANG))
		kill(-c->pid, signal ? signal : SIGTERM);
	if (c->tty >= 0)
		take_foreground(c->tty, getpgrp());
	if (c->fd >= 0)
		close(c->fd);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
