// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signals stay blocked and arrive through a descriptor: none can arrive unnoticed
 * between the check for a signal and the sleep.
 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "signals.h"

static int fd = -1;

int signals_init(void)
{
	return signals_init_with(SIGINT);
}

int signals_init_with(int more)
{
	const int all[] = { SIGINT, SIGTERM, SIGHUP, more };
	struct sigaction old;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		/* nohup(1) ignores SIGHUP. A blocked signal arrives although it is ignored. */
		if (!sigaction(all[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(&set, all[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

int signals_fd(void)
{
	return fd;
}

int signals_take(void)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}
