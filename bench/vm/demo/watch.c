// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch KIND SECONDS: has the kernel publish a state every millisecond, behind a mutex,
 * behind the spinlock word, or into a ring, and tells once a second how it gets on.
 */
#include "demo.h"

#define PERIOD_NS 1000000u

static void tell(int second, const struct locks_result *r, unsigned long long updates)
{
	printf("%2d s  the kernel: %llu updates, the longest took %.3f ms", second, updates,
	       (double)r->worst_ns / 1e6);
	if (r->gave_up)
		printf("; %llu given up so far, each after 1 ms of spinning",
		       (unsigned long long)r->gave_up);
	if (r->waiting_ns > PERIOD_NS)
		printf("; WAITS FOR THE LOCK, for %.1f s now", (double)r->waiting_ns / 1e9);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct locks_run run = { .len = DEMO_LEN, .burst = 1, .period_ns = PERIOD_NS };
	unsigned long long done = 0, before;
	struct locks_result r;
	int fd, i, seconds;

	if (argc != 3)
		return 2;
	run.kind = !strcmp(argv[1], "mutex") ? LOCKS_MUTEX :
		   !strcmp(argv[1], "spin")  ? LOCKS_SPIN :
					       LOCKS_RING;
	seconds = atoi(argv[2]);
	fd = open(LOCKS_PATH, O_RDWR);
	if (fd < 0 || ioctl(fd, LOCKS_IOC_START, &run))
		demo_die(LOCKS_PATH);
	for (i = 1; i <= seconds; i++) {
		sleep(1);
		memset(&r, 0, sizeof(r));
		if (ioctl(fd, LOCKS_IOC_STATS, &r))
			demo_die("LOCKS_IOC_STATS");
		before = done;
		done = r.tried - r.gave_up;
		tell(i, &r, done - before);
	}
	memset(&r, 0, sizeof(r));
	if (ioctl(fd, LOCKS_IOC_STOP, &r))
		demo_die("LOCKS_IOC_STOP");
	return 0;
}
