// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many readers on a memfd ring, some of them slow, stopped, dying or hostile: the
 * writer's cost, the losses of the other readers, and the wake-ups. The writer's cost is its CPU
 * time; tests/lib/cost.h compares it with the cost on another ring, in turn.
 *
 * usage: crowd [--seconds N] [--stop-seconds N] [--readers N]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <seqring/abi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

#define SLOW	    12
#define STOPPED	    8
#define PATIENCE_MS 30000 /* a wake-up that takes longer never comes */

static double seconds = 1, stop_seconds = 1;
static unsigned int readers = 1000;

/* Readers that are always slower than the writer are overrun again and again. */
static void flood(void)
{
	struct stream s = new_stream();
	uint64_t end, overruns = 0;
	pid_t pids[SLOW];
	unsigned int i;

	memset(accounts, 0, SLOW * sizeof(*accounts));
	for (i = 0; i < SLOW; i++)
		pids[i] = start_reader(&s.fds, i, i % 3 ? 50 : 0);
	end = now_ns() + (uint64_t)(seconds * 1e9);
	for (i = 0; i < ROUNDS || now_ns() < end; i++)
		cost(&s, ROUND);
	ring_writer_close(s.w);
	check_accounts("crowd.flood.accounts", pids, SLOW, s.seq);
	for (i = 0; i < SLOW; i++)
		overruns += accounts[i].overruns;
	t_check(overruns > SLOW, "crowd.flood.overrun", "only %" PRIu64 " times", overruns);
	t_note("crowd.flood: overrun %" PRIu64 " times", overruns);
}

static void signal_all(const pid_t *pids, unsigned int n, int sig)
{
	while (n--)
		kill(pids[n], sig);
}

/* Stopped readers cost nothing; once continued they report exactly what they missed. */
static void stopped(void)
{
	struct stream s = new_stream(), quiet = new_stream();
	uint64_t stopped_at, end;
	pid_t pids[STOPPED];
	unsigned int i;

	memset(accounts, 0, STOPPED * sizeof(*accounts));
	for (i = 0; i < STOPPED; i++)
		pids[i] = start_reader(&s.fds, i, 0);
	for (i = 0; i < 10; i++) {
		cost(&s, ROUND);
		sleep_us(2000);
	}
	signal_all(pids, STOPPED, SIGSTOP);
	for (i = 0; i < STOPPED; i++)
		waitpid(pids[i], NULL, WUNTRACED);
	stopped_at = s.seq;
	end = now_ns() + (uint64_t)(stop_seconds * 1e9);
	compare("crowd.stopped.cost", &quiet, &s, 1.5);
	while (now_ns() < end)
		cost(&s, ROUND);
	signal_all(pids, STOPPED, SIGCONT);
	t_note("crowd.stopped: for %.0f s, in which %" PRIu64 " records came", stop_seconds,
	       s.seq - stopped_at);
	for (i = 0; i < 5; i++) {
		sleep_us(5000);
		cost(&s, ROUND);
	}
	ring_writer_close(s.w);
	ring_writer_close(quiet.w);
	check_accounts("crowd.stopped.accounts", pids, STOPPED, s.seq);
}

/* Opens, reads, arms and closes, until it is killed in the middle. */
static void short_life(const struct ring_fds *fds)
{
	unsigned char buf[PAYLOAD_LEN];
	struct ring_record rec;
	struct ring_reader *r;
	int err;

	for (;;) {
		if (ring_open_fds(fds, NULL, &r))
			_exit(1);
		do
			err = ring_read(r, &rec, buf, sizeof(buf));
		while (!err || err == -EPIPE);
		ring_wait(r, 10);
		ring_close(r);
	}
}

/* A storm of readers, in its own process: opened and killed one after the other. */
static void storm(const struct ring_fds *fds, unsigned int n)
{
	unsigned int i, seed = 7;

	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			short_life(fds);
		}
		sleep_us((unsigned int)rand_r(&seed) % 1500);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		__atomic_store_n(&accounts[1].got, i + 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

/*
 * The writer's cost while the readers of @s are killed, in turn with its cost on a ring that
 * one reader follows. Return: median of the ratios.
 */
static double dying_ratio(struct stream *s, struct stream *followed)
{
	static double ratio[4096];
	unsigned int n = 0, max = sizeof(ratio) / sizeof(ratio[0]);
	int status = 1;
	pid_t pid;

	__atomic_store_n(&accounts[1].got, 0, __ATOMIC_RELAXED);
	pid = fork();
	if (!pid)
		storm(&s->fds, readers);
	while (!waitpid(pid, &status, WNOHANG)) {
		double with = cost(s, ROUND);

		ratio[n++ % max] = with / cost(followed, ROUND);
		sleep_us(100);
	}
	if (status || accounts[1].got != readers)
		die("the storm of readers");
	return median(ratio, n < max ? n : max);
}

static void dying(void)
{
	struct stream s = new_stream(), quiet = new_stream(), followed = new_stream();
	pid_t survivor, follower;
	double ratio = 0;
	unsigned int i;
	uint64_t wakes;
	struct ring_reader *r;

	memset(accounts, 0, 3 * sizeof(*accounts));
	survivor = start_reader(&s.fds, 0, 0);
	follower = start_reader(&followed.fds, 2, 0);
	/* A reader that follows the writer has a price; killing readers adds none. */
	for (i = 0; i < COST_TRIES; i++) {
		ratio = dying_ratio(&s, &followed);
		if (ratio <= 8)
			break;
	}
	t_check(accounts[1].got == readers, "crowd.dying.storm", "only %" PRIu64 " died",
		accounts[1].got);
	t_check(ratio <= 8, "crowd.dying.cost", "%.2f times the cost with a follower, %d times",
		ratio, COST_TRIES);
	t_note("crowd.dying.cost: %.2f times the cost with a follower", ratio);
	kill_and_reap(follower);
	ring_writer_close(followed.w);

	kill(survivor, SIGSTOP);
	waitpid(survivor, NULL, WUNTRACED);
	/* Thresholds that dead readers left cause one more wake-up at most. */
	cost(&s, ROUND);
	if (ring_open_fds(&s.fds, NULL, &r))
		die("ring_open_fds");
	wakes = crowd_stats(r).wakeups;
	compare("crowd.dying.after", &quiet, &s, 1.5);
	t_check(crowd_stats(r).wakeups == wakes, "crowd.dying.watermarks",
		"readers that are dead are woken");
	ring_close(r);
	kill(survivor, SIGCONT);
	ring_writer_close(s.w);
	ring_writer_close(quiet.w);
	check_accounts("crowd.dying.survivor", &survivor, 1, s.seq);
}

/* Scribbles over the wake thresholds, and fills or empties the doorbell. */
static void scribble(const struct ring_fds *fds, bool worst)
{
	struct seqring_wait *wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds->wait,
					 0);
	uint64_t x = 88172645463325252ULL, full = UINT64_MAX - 1, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (wait == MAP_FAILED)
		_exit(1);
	for (i = 0;; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__atomic_store_n(&wait->pos, worst ? 0 : x, __ATOMIC_RELAXED);
		__atomic_store_n(&wait->seq, worst ? 0 : x >> (x & 63), __ATOMIC_RELAXED);
		__atomic_store_n(&wait->announced, x, __ATOMIC_RELAXED);
		if (!worst && i % 1024 == 0 && write(fds->doorbell, &full, sizeof(full)) < 0)
			i += !read(fds->doorbell, &full, sizeof(full));
		__atomic_fetch_add(&accounts[2].got, 1, __ATOMIC_RELAXED);
	}
}

struct later {
	struct ring_writer *w;
	uint64_t seq;
};

static void *publish_later(void *arg)
{
	const struct later *l = arg;

	sleep_us(2000);
	crowd_publish(l->w, l->seq);
	return NULL;
}

/* Return: how many of @n single records woke a sleeper, up to the first that did not. */
static unsigned int count_woken(struct stream *s, unsigned int n)
{
	unsigned char buf[PAYLOAD_LEN];
	unsigned int i, woken = 0;
	uint64_t start;
	struct ring_record rec;
	pthread_t thread;
	struct ring_reader *r;
	int err;

	if (ring_open_fds(&s->fds, NULL, &r))
		die("ring_open_fds");
	for (i = 0; i < n && woken == i; i++) {
		struct later l = { s->w, ++s->seq };

		do
			err = ring_read(r, &rec, buf, sizeof(buf));
		while (!err || err == -EPIPE);
		start = now_ns();
		pthread_create(&thread, NULL, publish_later, &l);
		/* At its timeout ring_wait() looks once more. */
		woken += !ring_wait(r, PATIENCE_MS) && now_ns() - start < PATIENCE_MS * MS;
		pthread_join(thread, NULL);
	}
	ring_close(r);
	return woken;
}

static pid_t start_scribbler(const struct stream *s, bool worst)
{
	pid_t pid;

	__atomic_store_n(&accounts[2].got, 0, __ATOMIC_RELAXED);
	pid = fork();
	if (!pid)
		scribble(&s->fds, worst);
	while (!__atomic_load_n(&accounts[2].got, __ATOMIC_RELAXED))
		sleep_us(100);
	return pid;
}

static uint64_t wakeups_of(const struct stream *s)
{
	struct ring_reader *r;
	uint64_t n;

	if (ring_open_fds(&s->fds, NULL, &r))
		die("ring_open_fds");
	n = crowd_stats(r).wakeups;
	ring_close(r);
	return n;
}

/* A comparison beside a peer that writes the wake thresholds. */
struct beside {
	struct stream *s;
	struct stream quiet;
	struct seqring_wait *wait; /* of quiet */
};

static double woken_cost(void *arg)
{
	struct beside *b = arg;

	return cost_woken(&b->quiet, b->wait, ROUND / 10);
}

/* A round in which the peer wrote; on a busy machine many pass without it. */
static double beside_cost(void *arg)
{
	uint64_t end = now_ns() + PATIENCE_MS * MS, did;
	struct beside *b = arg;
	double ns;

	do {
		did = __atomic_load_n(&accounts[2].got, __ATOMIC_RELAXED);
		ns = cost(b->s, ROUND);
		did = __atomic_load_n(&accounts[2].got, __ATOMIC_RELAXED) - did;
	} while (did < ROUND / 100 && now_ns() < end);
	if (did < ROUND / 100)
		die("the peer never writes while something is published");
	return ns;
}

/* @worst: the peer writes 0 all the time, so that every record wakes; else anything. */
static void hostile_cost(const char *name, struct stream *s, bool worst)
{
	struct beside b = { .s = s, .quiet = new_stream() };
	/* The cost is at most a wake-up for each record, and cache lines of the other core. */
	const struct cost_pair pair = { name, woken_cost, beside_cost, &b, ROUNDS, 2 };
	uint64_t wakes;
	pid_t pid;

	b.wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, b.quiet.fds.wait, 0);
	if (b.wait == MAP_FAILED)
		die("mmap");
	pid = start_scribbler(s, worst);
	wakes = wakeups_of(s);
	cost_check(&pair);
	wakes = wakeups_of(s) - wakes;
	if (worst)
		t_check(wakes > ROUNDS, "crowd.hostile.rings", "only %" PRIu64 " times", wakes);
	t_note("%s: the doorbell rang %" PRIu64 " times", name, wakes);
	kill_and_reap(pid);
	munmap(b.wait, 4096);
	ring_writer_close(b.quiet.w);
}

static void hostile(void)
{
	struct stream s = new_stream();
	unsigned int i;
	pid_t reader, pid;

	memset(accounts, 0, 3 * sizeof(*accounts));
	reader = start_reader(&s.fds, 0, 0);
	hostile_cost("crowd.hostile.random", &s, false);
	hostile_cost("crowd.hostile.worst", &s, true);

	/* A reader that the peer left asleep looks again and reports each loss. */
	pid = start_scribbler(&s, false);
	for (i = 0; i < 200; i++) {
		cost(&s, ROUND);
		sleep_us(1000);
	}
	kill_and_reap(pid);
	i = count_woken(&s, 50);
	t_check(i == 50, "crowd.hostile.gone", "%u of 50 wake-ups came after the peer was gone", i);
	ring_writer_close(s.w);
	check_accounts("crowd.hostile.accounts", &reader, 1, s.seq);
}

/* --- the doorbell --------------------------------------------------------------------- */

/* The kernel, by aio, can raise an eventfd beyond what write(2) can. */
static bool overflow(int doorbell)
{
	uint64_t full = UINT64_MAX - 1;
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PREAD,
			   .aio_flags = IOCB_FLAG_RESFD,
			   .aio_resfd = (uint32_t)doorbell };
	struct iocb *one = &cb;
	aio_context_t ctx = 0;
	int fd = memfd_create("empty", MFD_CLOEXEC), i;
	bool done;

	cb.aio_fildes = (uint32_t)fd;
	if (write(doorbell, &full, sizeof(full)) < 0 && errno != EAGAIN)
		die("write");
	done = !syscall(SYS_io_setup, 8, &ctx);
	for (i = 0; done && i < 3; i++)
		done = syscall(SYS_io_submit, ctx, 1L, &one) == 1;
	syscall(SYS_io_destroy, ctx);
	close(fd);
	return done;
}

/* All holders of the doorbell share its flags, so a write to it could sleep. */
__attribute__((noreturn)) static void fill_doorbell(int doorbell)
{
	uint64_t full = UINT64_MAX - 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		fcntl(doorbell, F_SETFL, O_NONBLOCK);
		if (write(doorbell, &full, sizeof(full)) < 0)
			__atomic_fetch_add(&accounts[2].got, 1, __ATOMIC_RELAXED);
		fcntl(doorbell, F_SETFL, 0);
		sleep_us(10);
	}
}

static void *publish_woken(void *arg)
{
	struct stream *s = arg;
	struct seqring_wait *wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
					 s->fds.wait, 0);
	unsigned int i;

	if (wait == MAP_FAILED)
		die("mmap");
	for (i = 0; i < 500; i++) {
		cost_woken(s, wait, 5);
		sleep_us(50);
	}
	munmap(wait, 4096);
	return NULL;
}

/* No holder of the doorbell can use it to make the writer wait, or to end the ring. */
static void doorbell(void)
{
	struct stream s = new_stream();
	struct timespec end;
	pthread_t thread;
	struct ring_reader *r;
	pid_t pid;
	int err;

	if (ring_open_fds(&s.fds, NULL, &r))
		die("ring_open_fds");
	if (overflow(s.fds.doorbell)) {
		err = ring_wait(r, 0);
		t_check(err == -ETIMEDOUT, "crowd.doorbell.overflow", "%d: %s", err,
			ring_strerror());
	} else {
		t_skip("crowd.doorbell.overflow", "this kernel has no io_submit(2)");
	}
	ring_close(r);

	__atomic_store_n(&accounts[2].got, 0, __ATOMIC_RELAXED);
	pid = fork();
	if (!pid)
		fill_doorbell(s.fds.doorbell);
	while (!__atomic_load_n(&accounts[2].got, __ATOMIC_RELAXED))
		sleep_us(100);
	pthread_create(&thread, NULL, publish_woken, &s);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	err = pthread_timedjoin_np(thread, NULL, &end);
	t_check(!err, "crowd.doorbell.never_waits", "the writer sleeps in its own doorbell");
	kill_and_reap(pid);
	if (err)
		_exit(1);
	err = (int)count_woken(&s, 20);
	t_check(err == 20, "crowd.doorbell.gone", "%d of 20 wake-ups came after the peer was gone",
		err);
	ring_writer_close(s.w);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", 1, NULL, 's' },
		{ "stop-seconds", 1, NULL, 'S' },
		{ "readers", 1, NULL, 'r' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seconds = strtod(optarg, NULL);
		else if (c == 'S')
			stop_seconds = strtod(optarg, NULL);
		else if (c == 'r')
			readers = (unsigned int)strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	accounts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (accounts == MAP_FAILED)
		die("mmap");
	flood();
	stopped();
	dying();
	hostile();
	doorbell();
	return t_done();
}
