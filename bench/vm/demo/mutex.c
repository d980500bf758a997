// SPDX-License-Identifier: GPL-2.0-only
/* mutex NAME: reads the state until it is killed; mutex set VALUE: changes it. */
#include "demo.h"

static void lock(int fd)
{
	while (ioctl(fd, LOCKS_IOC_LOCK))
		if (errno != EINTR)
			demo_die("lock");
}

static void unlock(int fd)
{
	if (ioctl(fd, LOCKS_IOC_UNLOCK))
		demo_die("unlock");
}

int main(int argc, char **argv)
{
	struct locks_state copy;
	struct locks_page *page;
	int fd;

	if (argc < 2)
		return 2;
	page = demo_map(&fd);
	if (argc == 3) {
		lock(fd);
		demo_set(&page->state, strtoull(argv[2], NULL, 0));
		unlock(fd);
		return 0;
	}
	signal(SIGUSR1, demo_on_signal);
	for (;;) {
		lock(fd);
		memcpy(&copy, &page->state, DEMO_LEN);
		demo_stop_here();
		unlock(fd);
		demo_count(argv[1], &copy);
	}
}
