// SPDX-License-Identifier: GPL-2.0-only
/*
 * The demo's program, on the contenders of the benchmark. KIND is mutex, spin or ring.
 *
 * demo KIND watch SECONDS: has the kernel publish a state every millisecond, and tells once a
 *                          second how it gets on
 * demo KIND set VALUE:     changes the user's part of the state
 * demo KIND read NAME:     takes snapshots until it is killed, and tells once a second what it
 *                          has; after a SIGUSR1 it stops in the middle of one
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../guest.h"

#define LEN	  64u /* bytes of the state that are in use */
#define PERIOD_NS 1000000u

static volatile sig_atomic_t stop_wanted;

static void on_signal(int signal)
{
	(void)signal;
	stop_wanted = 1;
}

static void tell(unsigned int second, const struct locks_result *r, unsigned long long updates)
{
	printf("%2u s  the kernel: %llu updates, the longest took %.3f ms", second, updates,
	       (double)r->worst_ns / 1e6);
	if (r->gave_up)
		printf("; %llu given up so far, each after 1 ms of spinning",
		       (unsigned long long)r->gave_up);
	if (r->waiting_ns > PERIOD_NS)
		printf("; WAITS FOR THE LOCK, for %.1f s now", (double)r->waiting_ns / 1e9);
	printf("\n");
	fflush(stdout);
}

static void watch(const struct snapshot_kind *kind, unsigned int seconds)
{
	unsigned long long done = 0, before;
	int fd = locks_open();
	struct locks_result r;
	unsigned int i;

	writer_start(fd, kind->writer, LEN, 1, PERIOD_NS);
	for (i = 1; i <= seconds; i++) {
		sleep_us(1000000);
		if (ioctl(fd, LOCKS_IOC_STATS, &r))
			fail("LOCKS_IOC_STATS: %s", strerror(errno));
		before = done;
		done = r.tried - r.gave_up;
		tell(i, &r, done - before);
	}
	writer_stop(fd, &r, NULL);
}

/* The driver changes its state, as asked, and publishes it. */
static void ask_driver(uint64_t setpoint)
{
	int fd = locks_open();

	if (write(fd, &setpoint, sizeof(setpoint)) != sizeof(setpoint))
		fail("%s: %s", LOCKS_PATH, strerror(errno));
	close(fd);
}

/* In the page, the user changes all words that follow from it. */
static void set(struct snapshot_reader *r, uint64_t setpoint)
{
	struct locks_state *s;
	unsigned int i;

	if (!r->kind->lock) {
		ask_driver(setpoint);
		return;
	}
	r->kind->lock(r);
	s = &r->page->state;
	s->setpoint = setpoint;
	for (i = 0; i < LEN / 8 - 2; i++)
		s->word[i] = locks_word(s->n, setpoint, i);
	r->kind->unlock(r);
}

/* Every snapshot must be one state and not a mixture of two. */
static void take_snapshots(struct snapshot_reader *r, const char *name)
{
	unsigned long count = 0, torn = 0;
	uint64_t next = now_ns() + 1000 * MS;
	struct locks_state copy;
	bool stop;

	signal(SIGUSR1, on_signal);
	for (;;) {
		stop = stop_wanted;
		if (stop)
			stop_wanted = 0;
		r->kind->take(r, &copy, stop);
		torn += !state_whole(&copy, LEN);
		count++;
		if (now_ns() < next)
			continue;
		printf("  %s: %lu snapshots in a second, %lu torn; the newest is number %llu, "
		       "setpoint %llu\n",
		       name, count, torn, (unsigned long long)copy.n,
		       (unsigned long long)copy.setpoint);
		fflush(stdout);
		count = 0;
		next = now_ns() + 1000 * MS;
	}
}

int main(int argc, char **argv)
{
	struct snapshot_reader r = { .len = LEN, .fd = -1 };

	if (argc != 4)
		fail("usage: demo mutex|spin|ring watch|set|read ARGUMENT");
	r.kind = !strcmp(argv[1], "mutex") ? &snapshot_mutex :
		 !strcmp(argv[1], "spin")  ? &snapshot_spin :
					     &snapshot_library;
	if (!strcmp(argv[2], "watch")) {
		watch(r.kind, (unsigned int)atoi(argv[3]));
		return 0;
	}
	r.kind->open(&r);
	if (!strcmp(argv[2], "set"))
		set(&r, strtoull(argv[3], NULL, 0));
	else
		take_snapshots(&r, argv[3]);
	return 0;
}
