// SPDX-License-Identifier: GPL-2.0-only
/* spin NAME: reads the state until it is killed; spin set VALUE: changes it. */
#include <sched.h>

#include "demo.h"

static void lock(void)
{
	__u32 free = 0, me = (__u32)getpid();

	while (!__atomic_compare_exchange_n(&demo_page->holder, &free, me, 0, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		free = 0;
		sched_yield();
	}
}

static void unlock(void)
{
	__atomic_store_n(&demo_page->holder, 0, __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
	return demo_main(argc, argv, lock, unlock);
}
