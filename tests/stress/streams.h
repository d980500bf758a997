/* SPDX-License-Identifier: GPL-2.0-only */
/* Rings for tests of crowds: the cost of publishing, and processes that read. */
#ifndef TESTS_STRESS_STREAMS_H
#define TESTS_STRESS_STREAMS_H

#include <sys/prctl.h>

#include "../lib/cost.h"
#include "../lib/process.h"
#include "crowd.h"

#define ROUND  20000u /* records */
#define ROUNDS 31
#define DATA   (1u << 18)

/* The report of a reader process, in shared memory. */
struct account {
	uint64_t first; /* seq of its first record */
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

static inline struct stream new_stream(void)
{
	struct stream s = { .w = crowd_writer(DATA) };

	ring_writer_fds(s.w, &s.fds);
	return s;
}

/* Nanoseconds of CPU for each of @n records. */
static inline double cost(struct stream *s, unsigned int n)
{
	uint64_t start = cpu_ns();
	unsigned int i;

	for (i = 0; i < n; i++)
		crowd_publish(s->w, ++s->seq);
	return (double)(cpu_ns() - start) / n;
}

/* The same if every record wakes: no wake threshold can ask for more. */
static inline double cost_woken(struct stream *s, struct seqring_wait *wait, unsigned int n)
{
	uint64_t start = cpu_ns();
	unsigned int i;

	for (i = 0; i < n; i++) {
		__atomic_store_n(&wait->pos, 0, __ATOMIC_RELAXED);
		crowd_publish(s->w, ++s->seq);
	}
	return (double)(cpu_ns() - start) / n;
}

/* The two rings of a comparison. */
struct streams {
	struct stream *control;
	struct stream *subject;
};

static inline double control_cost(void *arg)
{
	return cost(((struct streams *)arg)->control, ROUND);
}

static inline double subject_cost(void *arg)
{
	return cost(((struct streams *)arg)->subject, ROUND);
}

static inline void compare(const char *name, struct stream *control, struct stream *subject,
			   double bound)
{
	struct streams s = { control, subject };
	const struct cost_pair pair = { name, control_cost, subject_cost, &s, ROUNDS, bound };

	cost_check(&pair);
}

/* Counts the records up to the end of the ring; sleeps @pause_us after each. */
static inline void follow(struct ring_reader *r, struct account *a, unsigned int pause_us)
{
	unsigned char buf[PAYLOAD_LEN];
	uint64_t next = 0;
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
	/* Includes what was lost after the last record read. */
	a->lost = crowd_stats(r).lost;
}

static inline pid_t start_reader(const struct ring_fds *fds, unsigned int i, unsigned int pause_us)
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

/* Checks that records read and lost by each reader add up to those published. */
static inline void check_accounts(const char *name, const pid_t *pids, unsigned int n,
				  uint64_t published)
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

#endif /* TESTS_STRESS_STREAMS_H */
