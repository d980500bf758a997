// SPDX-License-Identifier: GPL-2.0-only
/* Shared by both programs of a helper. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

void helper_tell(const struct far_answer *a)
{
	if (send(0, a, sizeof(*a), MSG_NOSIGNAL) != (ssize_t)sizeof(*a))
		exit(0);
}

void helper_cannot(const char *fmt, ...)
{
	struct far_answer a = { 0 };
	va_list args;

	va_start(args, fmt);
	vsnprintf(a.error, sizeof(a.error), fmt, args);
	va_end(args);
	helper_tell(&a);
	exit(0);
}

pid_t helper_spawn(const char *log, const char *const argv[])
{
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid)
		return pid;
	pin_to(opt.cpu[1]);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(127);
	close(fd);
	/* Not ringbench's end: ringbench would never see that this helper has ended. */
	close(0);
	open("/dev/null", O_RDONLY);
	execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

bool helper_run(const char *log, const char *const argv[])
{
	pid_t pid = helper_spawn(log, argv);
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

void helper_last_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	char next[512];

	snprintf(line, size, "it does not say why");
	while (f && fgets(next, sizeof(next), f)) {
		next[strcspn(next, "\n")] = 0;
		if (next[0])
			snprintf(line, size, "%s", next);
	}
	if (f)
		fclose(f);
}
