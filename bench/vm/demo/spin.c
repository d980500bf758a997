// SPDX-License-Identifier: GPL-2.0-only
/* spin NAME: reads the state until it is killed; spin set VALUE: changes it. */
#include <sched.h>

#include "demo.h"

static void lock(struct locks_page *page)
{
	__u32 free = 0, me = (__u32)getpid();

	while (!__atomic_compare_exchange_n(&page->holder, &free, me, 0, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		free = 0;
		sched_yield();
	}
}

static void unlock(struct locks_page *page)
{
	__atomic_store_n(&page->holder, 0, __ATOMIC_RELEASE);
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
		lock(page);
		demo_set(&page->state, strtoull(argv[2], NULL, 0));
		unlock(page);
		return 0;
	}
	signal(SIGUSR1, demo_on_signal);
	for (;;) {
		lock(page);
		memcpy(&copy, &page->state, DEMO_LEN);
		demo_stop_here();
		unlock(page);
		demo_count(argv[1], &copy);
	}
}
