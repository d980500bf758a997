/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers that sleep in one way or another, for the tests of wake-ups. */
#ifndef TESTS_BPF_SLEEPER_H
#define TESTS_BPF_SLEEPER_H

#include <getopt.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common.h"
#include "wake.h"

#define READERS_MAX 64
/*
 * A wake-up that takes longer is missed. On a machine short of CPU time, the grace period
 * that a reader waits for may last seconds.
 */
static unsigned int patience_ms = 30000;

enum how { BY_WAIT, BY_LEVEL, BY_EDGE, HOWS };

static const char *const how_names[HOWS] = { "ring_wait", "epoll", "epoll_edge" };

/*
 * The report of a reader. @got: records so far; @asleep: sleeps; @missed: sleeps that no
 * wake-up ended; @bad: records that were not the next one
 */
struct told {
	uint64_t got;
	uint64_t asleep;
	uint64_t missed;
	uint64_t bad;
	uint64_t pad[12];
};

static const char *object = "wake";
static struct bpf_object *obj;
static struct ring_bpf *ring;
static struct ring_fds fds;
static int publish_fd;
static struct told *told;
static struct seqring_wait *wait_words;

static inline void start_ring(struct bpf_object **o, struct ring_bpf **r, uint64_t data_size)
{
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.data_size = data_size,
	};

	*o = open_object(object);
	if (ring_bpf_prepare(*o, "ring", &opts, r) || ring_bpf_load(*o) || ring_bpf_start(*r))
		die("set-up");
}

static inline void set_up(uint64_t data_size)
{
	start_ring(&obj, &ring, data_size);
	if (ring_bpf_fds(ring, &fds))
		die("set-up");
	publish_fd = prog_fd(obj, "publish");
	wait_words = mmap(NULL, sizeof(*wait_words) * (size_t)libbpf_num_possible_cpus(),
			  PROT_READ | PROT_WRITE, MAP_SHARED, fds.wait, 0);
	told = map_shared(sizeof(*told) * READERS_MAX);
	if (wait_words == MAP_FAILED || !pin_to(0))
		die("set-up");
}

static inline void tear_down(void)
{
	munmap(wait_words, sizeof(*wait_words) * (size_t)libbpf_num_possible_cpus());
	munmap(told, sizeof(*told) * READERS_MAX);
	ring_bpf_close(ring);
	bpf_object__close(obj);
}

/* @prog: publish() of an object; it writes the ring of this CPU. */
static inline void publish_by(int prog, uint64_t count, uint64_t gap)
{
	struct publish p = { count, gap };

	if (run_prog(prog, &p, sizeof(p), -1))
		die("publish");
}

static inline void publish(uint64_t count, uint64_t gap)
{
	publish_by(publish_fd, count, gap);
}

static inline struct ring_reader *open_reader(const struct ring_open_opts *opts)
{
	struct ring_reader *r;

	if (ring_open_fds(&fds, opts, &r))
		die("open");
	return r;
}

static inline uint64_t wakeups(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	ring_stats(r, &st);
	return st.wakeups;
}

/* --- readers ------------------------------------------------------------------ */

struct sleeper {
	struct ring_reader *r;
	enum how how;
	int epfd;
};

static inline void sleeper_open(struct sleeper *s, enum how how, const struct ring_open_opts *opts)
{
	struct epoll_event ev = { .events = how == BY_EDGE ? EPOLLIN | EPOLLET : EPOLLIN };
	int fd;

	s->r = open_reader(opts);
	s->how = how;
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (how != BY_WAIT && (ring_fd(s->r, &fd) || epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &ev)))
		die("epoll");
}

static inline void sleeper_close(struct sleeper *s)
{
	ring_close(s->r);
	close(s->epfd);
}

/* After -EAGAIN. Return: 0: woken; -ETIMEDOUT; -ENODEV. */
static inline int sleep_ms(struct sleeper *s, int ms)
{
	struct epoll_event ev;

	if (s->how == BY_WAIT)
		return ring_wait(s->r, ms);
	return epoll_wait(s->epfd, &ev, 1, ms) == 1 ? 0 : -ETIMEDOUT;
}

/* Reads all records. Return: -EAGAIN; -ENODEV. */
static inline int drain(struct ring_reader *r, struct told *t)
{
	struct ring_record rec;
	uint64_t word;
	int err;

	for (;;) {
		err = ring_read(r, &rec, &word, sizeof(word));
		if (err)
			return err;
		if (rec.seq != t->got + 1 || rec.lost || rec.len != 8)
			t->bad++;
		__atomic_store_n(&t->got, t->got + 1, __ATOMIC_RELEASE);
	}
}

static inline void read_and_sleep(struct told *t, enum how how)
{
	struct sleeper s;
	uint64_t start;
	int err;

	sleeper_open(&s, how, NULL);
	while ((err = drain(s.r, t)) == -EAGAIN) {
		start = now_ns();
		t->asleep++;
		err = sleep_ms(&s, (int)patience_ms);
		/* At its timeout ring_wait() looks once more. */
		if (err == -ETIMEDOUT || now_ns() - start >= patience_ms * MS)
			t->missed++;
	}
	if (err != -ENODEV)
		t->bad++;
	sleeper_close(&s);
}

static inline pid_t start_reader(unsigned int i, enum how how)
{
	pid_t pid = fork();

	if (!pid) {
		cpu_set_t all;

		memset(&all, 0xff, sizeof(all));
		sched_setaffinity(0, sizeof(all), &all);
		read_and_sleep(&told[i], how);
		_exit(0);
	}
	return pid;
}

/* Return: whether all @nr readers have got @n records within their patience. */
static inline bool wait_for_all(unsigned int nr, uint64_t n)
{
	uint64_t end = now_ns() + 4 * patience_ms * MS;
	unsigned int i, spins = 0;

	for (i = 0; i < nr; i++)
		while (__atomic_load_n(&told[i].got, __ATOMIC_ACQUIRE) < n) {
			sched_yield();
			if (++spins % 1024 == 0 && now_ns() > end)
				return false;
		}
	return true;
}

static inline void check_told(const char *name, unsigned int nr, uint64_t n, bool all)
{
	uint64_t got = 0, asleep = 0, missed = 0, bad = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		got += told[i].got;
		asleep += told[i].asleep;
		missed += told[i].missed;
		bad += told[i].bad;
	}
	t_check(all && !missed && !bad && got == nr * n, name,
		"of %" PRIu64 " records %u readers got %" PRIu64 ", %" PRIu64 " wake-ups missed, "
		"%" PRIu64 " records wrong",
		n, nr, got, missed, bad);
	t_note("%s: slept %" PRIu64 " times for %" PRIu64 " events and %u readers", name, asleep, n,
	       nr);
}

/* Ends the ring, which is the last wake-up, and waits for the readers. */
static inline void end_readers(const char *name, unsigned int nr, const pid_t *pids)
{
	bool ended = true;
	unsigned int i;
	int status;

	if (ring_bpf_end(ring))
		die("end");
	for (i = 0; i < nr; i++) {
		waitpid(pids[i], &status, 0);
		ended &= !status && !told[i].missed;
	}
	T_TRUE(name, ended);
}

#endif /* TESTS_BPF_SLEEPER_H */
