// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many readers, slow, stopped, dying and hostile ones, on a memfd ring: what the writer
 * pays, what the others lose, and who is woken. The writer's cost is its CPU time, in
 * rounds that alternate with those on a ring without readers, at the same time and on the
 * same machine; the median counts.
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

#include "crowd.h"

#define ROUND	   20000u
#define ROUNDS	   31
#define SLOW	   12
#define STOPPED	   8
#define ROUNDS_MAX 4096
#define DATA	   (1u << 18)

static double seconds = 1, stop_seconds = 1;
static unsigned int readers = 1000;

/* What a reader process has to say; shared memory. */
struct account {
	uint64_t first; /* seq at which it began */
	uint64_t got;
	uint64_t lost;
	uint64_t overruns;
	uint64_t bad;
	int end;
};

static struct account *accounts;

/* A ring, and how far its writer has got. */
struct stream {
	struct ring_writer *w;
	struct ring_fds fds;
	uint64_t seq;
};

static struct stream new_stream(void)
{
	struct stream s = { .w = crowd_writer(DATA) };

	ring_writer_fds(s.w, &s.fds);
	return s;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* Nanoseconds of CPU for each of @n records. */
static double cost(struct stream *s, unsigned int n)
{
	uint64_t start = cpu_ns();
	unsigned int i;

	for (i = 0; i < n; i++)
		crowd_publish(s->w, ++s->seq);
	return (double)(cpu_ns() - start) / n;
}

/* The same when every record wakes, which is the most that the armed words can ask for. */
static double cost_woken(struct stream *s, struct seqring_wait *wait, unsigned int n)
{
	uint64_t start = cpu_ns();
	unsigned int i;

	for (i = 0; i < n; i++) {
		__atomic_store_n(&wait->pos, 0, __ATOMIC_RELAXED);
		crowd_publish(s->w, ++s->seq);
	}
	return (double)(cpu_ns() - start) / n;
}

/* Counts all that comes until the end; sleeps @pause_us after each record. */
static void follow(struct ring_reader *r, struct account *a, unsigned int pause_us)
{
	unsigned char buf[PAYLOAD_LEN], next = 0;
	struct ring_record rec;

	for (;;) {
		int err = ring_read(r, &rec, buf, sizeof(buf));

		if (err == -EAGAIN) {
			if (ring_wait(r, 1000) == -ENODEV)
				err = -ENODEV;
			else
				continue;
		}
		if (err == -EPIPE)
			continue;
		if (err) {
			a->end = err;
			break;
		}
		if (!next) {
			next = rec.seq - rec.lost;
			a->first = next;
		}
		if (rec.seq != next + rec.lost || !crowd_ok(&rec, buf))
			a->bad++;
		next = rec.seq + 1;
		a->lost += rec.lost;
		a->got++;
		if (pause_us)
			sleep_us(pause_us);
	}
	a->overruns = crowd_stats(r).overruns;
	/* What no record told any more. */
	a->lost = crowd_stats(r).lost;
}

static pid_t start_reader(const struct ring_fds *fds, unsigned int i, unsigned int pause_us)
{
	pid_t pid = fork();
	struct ring_reader *r;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ring_open_fds(fds, NULL, &r))
		die("ring_open_fds");
	follow(r, &accounts[i], pause_us);
	_exit(0);
}

/* That each reader's records and losses are all that was published. */
static void check_accounts(const char *name, const pid_t *pids, unsigned int n, uint64_t published)
{
	uint64_t got = 0, lost = 0, wrong = 0;
	unsigned int i;
	int status;

	for (i = 0; i < n; i++) {
		const struct account *a = &accounts[i];

		if (waitpid(pids[i], &status, 0) != pids[i] || status || !a->first ||
		    a->first - 1 + a->got + a->lost != published || a->bad || a->end != -ENODEV)
			wrong++;
		got += a->got;
		lost += a->lost;
	}
	t_check(!wrong, name, "%" PRIu64 " of %u accounts are wrong", wrong, n);
	t_note("%s: %u readers of %" PRIu64 " records: %" PRIu64 " read, %" PRIu64 " lost", name, n,
	       published, got, lost);
}

static void check_cost(const char *name, double quiet, double with, double bound)
{
	t_check(with <= bound * quiet, name, "%.1f ns a record, %.1f without: more than %.1f times",
		with, quiet, bound);
	t_note("%s: %.1f ns a record, %.1f without: %.2f times", name, with, quiet, with / quiet);
}

/* Readers that are slower than the writer all the time are overrun again and again. */
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
	while (now_ns() < end)
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

/* Stopped, they cost nothing; later they say exactly what they missed. */
static void stopped(void)
{
	struct stream s = new_stream(), quiet = new_stream();
	double with[ROUNDS], without[ROUNDS];
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
	for (i = 0; i < ROUNDS || now_ns() < end; i++) {
		with[i % ROUNDS] = cost(&s, ROUND);
		without[i % ROUNDS] = cost(&quiet, ROUND);
	}
	check_cost("crowd.stopped.cost", median(without, ROUNDS), median(with, ROUNDS), 1.5);
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

/* Opens, reads a little, arms perhaps, and is gone in the middle of it. */
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

static void dying(void)
{
	struct stream s = new_stream(), quiet = new_stream(), followed = new_stream();
	static double with[ROUNDS_MAX], without[ROUNDS_MAX];
	pid_t survivor, follower, pid;
	unsigned int i, n = 0;
	uint64_t wakes;
	struct ring_reader *r;
	int status = 1;

	memset(accounts, 0, 3 * sizeof(*accounts));
	survivor = start_reader(&s.fds, 0, 0);
	follower = start_reader(&followed.fds, 2, 0);
	pid = fork();
	if (!pid)
		storm(&s.fds, readers);
	while (!waitpid(pid, &status, WNOHANG)) {
		with[n % ROUNDS_MAX] = cost(&s, ROUND);
		without[n++ % ROUNDS_MAX] = cost(&followed, ROUND);
		sleep_us(100);
	}
	kill(follower, SIGKILL);
	waitpid(follower, NULL, 0);
	ring_writer_close(followed.w);
	n = n < ROUNDS_MAX ? n : ROUNDS_MAX;
	t_check(!status && accounts[1].got == readers, "crowd.dying.storm", "only %" PRIu64 " died",
		accounts[1].got);
	/* One that reads where the writer writes has a price; to be killed has none. */
	check_cost("crowd.dying.cost", median(without, n), median(with, n), 8);

	kill(survivor, SIGSTOP);
	waitpid(survivor, NULL, WUNTRACED);
	/* What was armed is asked for once more at most. */
	cost(&s, ROUND);
	if (ring_open_fds(&s.fds, NULL, &r))
		die("ring_open_fds");
	wakes = crowd_stats(r).wakeups;
	for (i = 0; i < ROUNDS; i++) {
		with[i] = cost(&s, ROUND);
		without[i] = cost(&quiet, ROUND);
	}
	check_cost("crowd.dying.after", median(without, ROUNDS), median(with, ROUNDS), 1.5);
	t_check(crowd_stats(r).wakeups == wakes, "crowd.dying.watermarks", "the dead are woken");
	ring_close(r);
	kill(survivor, SIGCONT);
	ring_writer_close(s.w);
	ring_writer_close(quiet.w);
	check_accounts("crowd.dying.survivor", &survivor, 1, s.seq);
}

/* Scribbles over the armed words, and makes the doorbell as full or as empty as it can. */
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

/* Wake-ups that a sleeper got in time, of @n; it sleeps before each record. */
static unsigned int woken_in_time(struct stream *s, unsigned int n)
{
	unsigned char buf[PAYLOAD_LEN], start;
	unsigned int i, in_time = 0;
	struct ring_record rec;
	pthread_t thread;
	struct ring_reader *r;
	int err;

	if (ring_open_fds(&s->fds, NULL, &r))
		die("ring_open_fds");
	for (i = 0; i < n; i++) {
		struct later l = { s->w, ++s->seq };

		do
			err = ring_read(r, &rec, buf, sizeof(buf));
		while (!err || err == -EPIPE);
		start = now_ns();
		pthread_create(&thread, NULL, publish_later, &l);
		in_time += !ring_wait(r, 5000) && now_ns() - start < 4000000000ULL;
		pthread_join(thread, NULL);
	}
	ring_close(r);
	return in_time;
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

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
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

/* Of a peer that writes the words, @worst: 0 all the time, else anything. */
static void hostile_cost(const char *name, struct stream *s, bool worst)
{
	struct stream quiet = new_stream();
	double with[ROUNDS], without[ROUNDS], woken[ROUNDS];
	struct seqring_wait *wait;
	uint64_t wakes, end;
	unsigned int i;
	pid_t pid;

	wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, quiet.fds.wait, 0);
	if (wait == MAP_FAILED)
		die("mmap");
	pid = start_scribbler(s, worst);
	wakes = wakeups_of(s);
	end = now_ns() + 10000000000ULL;
	for (i = 0; i < ROUNDS && now_ns() < end;) {
		uint64_t did = __atomic_load_n(&accounts[2].got, __ATOMIC_RELAXED);

		with[i] = cost(s, ROUND);
		did = __atomic_load_n(&accounts[2].got, __ATOMIC_RELAXED) - did;
		without[i] = cost(&quiet, ROUND);
		woken[i] = cost_woken(&quiet, wait, ROUND / 10);
		/* Only when it was at it meanwhile; on a busy machine it often is not. */
		i += did >= ROUND / 100;
	}
	if (i < ROUNDS)
		die("the peer never writes while something is published");
	wakes = wakeups_of(s) - wakes;
	if (worst)
		t_check(wakes > ROUNDS, "crowd.hostile.rings", "only %" PRIu64 " times", wakes);
	t_note("%s: the doorbell rang for %" PRIu64 " of %u records", name, wakes, ROUND * ROUNDS);
	t_note("%s: %.1f ns a record without a peer", name, median(without, ROUNDS));
	/* Never more than a wake-up for each record, and what the other core's lines cost. */
	check_cost(name, median(woken, ROUNDS), median(with, ROUNDS), 2);
	end_child(pid);
	munmap(wait, 4096);
	ring_writer_close(quiet.w);
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

	/* Whom it leaves asleep wakes when it looks again: nothing is lost untold. */
	pid = start_scribbler(&s, false);
	for (i = 0; i < 200; i++) {
		cost(&s, ROUND);
		sleep_us(1000);
	}
	end_child(pid);
	i = woken_in_time(&s, 50);
	t_check(i == 50, "crowd.hostile.gone", "%u of 50 wake-ups came after it was gone", i);
	ring_writer_close(s.w);
	check_accounts("crowd.hostile.accounts", &reader, 1, s.seq);
}

/* --- the doorbell --------------------------------------------------------------------- */

/* As the kernel rings an eventfd for whoever asks: past what a write can make it. */
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

/* The flags of the doorbell belong to all who have it: writing to it could sleep. */
__attribute__((noreturn)) static void fill_doorbell(int doorbell)
{
	uint64_t full = UINT64_MAX - 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		/* Once it is full. */
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

/* Nobody who has the doorbell can make the writer wait for it, or end a ring with it. */
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
	end.tv_sec += 10;
	err = pthread_timedjoin_np(thread, NULL, &end);
	t_check(!err, "crowd.doorbell.never_waits", "the writer sleeps in its own doorbell");
	end_child(pid);
	if (err)
		_exit(1);
	err = (int)woken_in_time(&s, 20);
	t_check(err == 20, "crowd.doorbell.gone", "%d of 20 wake-ups came after it was gone", err);
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
