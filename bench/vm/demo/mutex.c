// SPDX-License-Identifier: GPL-2.0-only
/* mutex NAME: reads the state until it is killed; mutex set VALUE: changes it. */
#include "demo.h"

static void lock(void)
{
	while (ioctl(demo_fd, LOCKS_IOC_LOCK))
		if (errno != EINTR)
			demo_die("lock");
}

static void unlock(void)
{
	if (ioctl(demo_fd, LOCKS_IOC_UNLOCK))
		demo_die("unlock");
}

int main(int argc, char **argv)
{
	return demo_main(argc, argv, lock, unlock);
}
