/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the demo's readers: they count, and one stops in the middle. */
#ifndef DEMO_H
#define DEMO_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kmod/locks.h"

#define DEMO_LEN 64u /* bytes of the state that are in use */

static inline int demo_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline double demo_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The device, and the page that it shares. */
static int demo_fd;
static struct locks_page *demo_page;

static inline void demo_map(void)
{
	demo_fd = open(LOCKS_PATH, O_RDWR);
	if (demo_fd < 0)
		demo_die(LOCKS_PATH);
	demo_page = mmap(NULL, sizeof(*demo_page), PROT_READ | PROT_WRITE, MAP_SHARED, demo_fd, 0);
	if (demo_page == MAP_FAILED)
		demo_die("mmap");
}

/* Changes the user's part of the state, and all words that follow from it. */
static inline void demo_set(struct locks_state *s, __u64 setpoint)
{
	__u32 i;

	s->setpoint = setpoint;
	for (i = 0; i < DEMO_LEN / 8 - 2; i++)
		s->word[i] = locks_word(s->n, setpoint, i);
}

/*
 * Looks at a snapshot and, once a second, tells. Every snapshot must be one state and
 * not a mixture of two.
 */
static inline void demo_count(const char *name, const struct locks_state *s)
{
	static unsigned long count, torn;
	static double next;
	double now = demo_seconds();
	__u32 i;

	for (i = 0; i < DEMO_LEN / 8 - 2; i++) {
		if (s->word[i] != locks_word(s->n, s->setpoint, i)) {
			torn++;
			break;
		}
	}
	count++;
	if (now < next)
		return;
	if (next > 0)
		printf("  %s: %lu snapshots in a second, %lu torn; the newest is number %llu, "
		       "setpoint %llu\n",
		       name, count, torn, (unsigned long long)s->n,
		       (unsigned long long)s->setpoint);
	fflush(stdout);
	count = 0;
	next = now + 1;
}

/* Called in the middle of a snapshot: stops there, once, after a SIGUSR1. */
static volatile sig_atomic_t demo_stop_wanted;

static inline void demo_on_signal(int signal)
{
	(void)signal;
	demo_stop_wanted = 1;
}

static inline void demo_stop_here(void)
{
	if (!demo_stop_wanted)
		return;
	demo_stop_wanted = 0;
	raise(SIGSTOP);
}

/* A program that locks the page: NAME reads the state until it is killed; set VALUE changes it. */
static inline int demo_main(int argc, char **argv, void (*lock)(void), void (*unlock)(void))
{
	struct locks_state copy;

	if (argc < 2)
		return 2;
	demo_map();
	if (argc == 3) {
		lock();
		demo_set(&demo_page->state, strtoull(argv[2], NULL, 0));
		unlock();
		return 0;
	}
	signal(SIGUSR1, demo_on_signal);
	for (;;) {
		lock();
		memcpy(&copy, &demo_page->state, DEMO_LEN);
		demo_stop_here();
		unlock();
		demo_count(argv[1], &copy);
	}
}

#endif
