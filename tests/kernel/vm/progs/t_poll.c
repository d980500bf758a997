// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single events, one at a time, published just when the readers go to sleep, by a
 * timer interrupt or by a process on the other CPU, for every way to wait. An event
 * that wakes no reader within 30 seconds is a lost wake-up.
 *
 *   t_poll [ROUNDS]
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "dev.h"

#define NAME	    "pp"
#define MAX	    256 /* limit of seqring_test's "later" */
#define READERS_MAX 32
#define MISSED_MS   30000

enum way { POLL, SELECT, EPOLL_LT, EPOLL_ET, READ, NR_WAYS };

static const char *const way_names[] = { "poll", "select", "epoll_lt", "epoll_et", "read" };

/*
 * @page: the position is the reader page's cursor, else that of read(2)
 * @returns: waits that reported a record
 * @empty: waits that reported a record when there was none
 */
struct waiter {
	pthread_t thread;
	struct dev d;
	enum way way;
	int page;
	int ep;
	uint64_t seq;
	unsigned int returns;
	unsigned int empty;
	unsigned int bad;
};

static struct waiter waiters[READERS_MAX];
static int stop;
static int command_fd;
static int write_fd;

/* Binds to the CPUs of @mask: the publisher and a single reader run in parallel. */
static void pin(unsigned int mask)
{
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < 32; cpu++)
		if (mask >> cpu & 1)
			CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void wait_for_event(struct waiter *w)
{
	struct pollfd p = { .fd = w->d.fd, .events = POLLIN };
	struct epoll_event ev;
	fd_set set;
	int n = 0;

	switch (w->way) {
	case POLL:
		n = poll(&p, 1, -1);
		break;
	case SELECT:
		FD_ZERO(&set);
		FD_SET(w->d.fd, &set);
		n = select(w->d.fd + 1, &set, NULL, NULL, NULL);
		break;
	case EPOLL_LT:
	case EPOLL_ET:
		n = epoll_wait(w->ep, &ev, 1, -1);
		break;
	default:
		return;
	}
	if (n == 1)
		w->returns++;
	else
		w->bad++;
}

static void got(struct waiter *w, uint64_t seq, const void *payload, uint32_t len)
{
	if (seq != w->seq + 1 || !test_payload_ok(payload, len, MAX))
		w->bad++;
	__atomic_store_n(&w->seq, seq, __ATOMIC_RELEASE);
}

/* Reads all records. Return: how many. */
static int drain(struct waiter *w)
{
	static __thread unsigned char buf[4096] __attribute__((aligned(8)));
	const struct seqring_record *rec;
	struct seqring_view v;
	ssize_t n, off;
	int nr = 0;

	if (w->page) {
		for (; dev_read(&w->d, 0, &v, buf, sizeof(buf)) == SEQRING_OK; nr++)
			got(w, v.seq, buf, v.len);
		return nr;
	}
	while ((n = read(w->d.fd, buf, sizeof(buf))) > 0) {
		for (off = 0; off < n; off += seqring_record_size(rec->meta.len), nr++) {
			rec = (const struct seqring_record *)(buf + off);
			got(w, rec->stamp, rec + 1, rec->meta.len);
		}
		if (w->way == READ)
			return nr;
	}
	if (n && errno != EAGAIN)
		w->bad++;
	return nr;
}

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	pin(w == waiters ? 1 : ~0u);
	drain(w);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		wait_for_event(w);
		if (!drain(w))
			w->empty++;
	}
	return NULL;
}

static void waiter_start(struct waiter *w, int way, int page)
{
	struct epoll_event ev = { .events = EPOLLIN | (way == EPOLL_ET ? EPOLLET : 0) };

	memset(w, 0, sizeof(*w));
	dev_open(&w->d, NAME, O_RDONLY | (way == READ ? 0 : O_NONBLOCK));
	if (page)
		dev_reader_page(&w->d);
	w->way = way;
	w->page = page;
	w->ep = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(w->ep, EPOLL_CTL_ADD, w->d.fd, &ev))
		T_DIE("poll.setup", "epoll_ctl: %s", strerror(errno));
	if (pthread_create(&w->thread, NULL, waiter_main, w))
		T_DIE("poll.setup", "pthread_create");
}

/* Lets the driver publish one record, @ns from now. */
static void later(unsigned int ns)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "later " NAME " %u", ns);

	if (write(command_fd, line, len) != len)
		T_DIE("poll.setup", "%s: %s", line, strerror(errno));
}

/* Publishes a record from this process, at a more exact time. */
static void soon(unsigned int ns)
{
	uint64_t until = now_ns() + ns;

	while (now_ns() < until)
		;
	dev_publish(write_fd, ns, MAX);
}

/*
 * Waits until the readers have the event @seq. The time runs from its publication, since
 * an emulated machine may be late with a timer. Return: how many readers were late.
 */
static int wait_for_readers(int nr, uint64_t seq)
{
	uint64_t began = now_ns(), published = 0, t;
	int i, missing;

	for (;;) {
		t = now_ns();
		if (!published && dev_stats(write_fd, 0).seq >= seq)
			published = t;
		for (i = missing = 0; i < nr; i++)
			missing += __atomic_load_n(&waiters[i].seq, __ATOMIC_ACQUIRE) < seq;
		if (!missing || (published && t - published > MISSED_MS * MS))
			return missing;
		if (t - began > 120000 * MS)
			T_DIE("poll.setup", "the timer has not published event %llu",
			      (unsigned long long)seq);
		/* Spin at first, to publish quickly after the last event. */
		if (t - began > 300000)
			sleep_us(100);
	}
}

/* Makes one check of a run, "poll.RUN.WHAT". */
static void check(int good, const char *run, const char *what, unsigned long long x,
		  unsigned long long y)
{
	char name[96];

	snprintf(name, sizeof(name), "poll.%s.%s", run, what);
	t_check(good, name, "%llu and %llu", x, y);
}

static void ping_pong(const char *run, int nr, int rounds, const enum way *ways, const int *pages)
{
	unsigned int returns = 0, empty = 0, bad = 0, late = 0, events = 0;
	uint64_t rnd = nr * 31 + ways[0] * 7 + pages[0], wakeups;
	int i, round;

	if (dev_command("create " NAME " 1 65536 1"))
		T_DIE("poll.setup", "create: %s", strerror(errno));
	write_fd = dev_open_fd(NAME, O_WRONLY);
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (i = 0; i < nr; i++)
		waiter_start(&waiters[i], ways[i], pages[i]);
	for (round = 0; round < rounds && !late; round++) {
		uint64_t r = next_random(&rnd), ns = r >> 16;

		if (r % 16 == 0) {
			/* So late that all readers are asleep. */
			later(1000000);
		} else if (r % 16 < 6) {
			later(ns % 200000);
		} else {
			/* At any distance from the time when the last event was read. */
			soon(ns % (r & 256 ? 8000 : r & 512 ? 40000 : 160000));
			/* And at any distance from the time when the waiter learns of this one. */
			if (r % 16 >= 12) {
				soon((ns >> 20) % 60000);
				events++;
			}
		}
		late = wait_for_readers(nr, ++events);
	}
	check(!late, run, "woken", late, events);
	for (i = 0; late && i < nr; i++)
		if (waiters[i].seq != events)
			t_note("reader %d (%s, %s) sleeps at event %llu of %u", i,
			       way_names[waiters[i].way], waiters[i].page ? "page" : "read(2)",
			       (unsigned long long)waiters[i].seq, events);
	if (late)
		exit(1); /* they never wake */
	wakeups = dev_stats(waiters[0].d.fd, 0).wakeups;
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	later(0);
	for (i = 0; i < nr; i++) {
		pthread_join(waiters[i].thread, NULL);
		returns += waiters[i].returns;
		empty += waiters[i].empty;
		bad += waiters[i].bad;
		close(waiters[i].ep);
		dev_close(&waiters[i].d);
	}
	close(write_fd);
	check(!bad, run, "intact", bad, events);
	/* A wait that ends without a record, or twice for one event, would spin. */
	check(empty <= events / 50 && returns <= nr * (events + 2), run, "no_spin", empty, returns);
	/* The readers slept, and were woken once for each event. */
	check(wakeups >= events / 20 && wakeups <= events + 2, run, "wakeups", wakeups, events);
	dev_command("destroy " NAME);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 3000, way, page, i;
	const char *limit = getenv("T_SECONDS");
	enum way ways[READERS_MAX];
	int pages[READERS_MAX];
	char name[64];

	/* tests/soak allows more, since everything else runs beside it. */
	alarm(limit ? atoi(limit) : 300);
	pin(2);
	command_fd = open(SEQRING_TEST_PATH, O_WRONLY);
	if (command_fd < 0)
		T_DIE("poll.setup", "%s", strerror(errno));
	for (way = POLL; way < NR_WAYS; way++) {
		for (page = 0; page <= (way != READ); page++) {
			for (i = 0; i < 3; i++) {
				ways[i] = way;
				pages[i] = page;
			}
			snprintf(name, sizeof(name), "one.%s.%s", way_names[way],
				 page ? "page" : "read");
			ping_pong(name, 1, rounds, ways, pages);
			snprintf(name, sizeof(name), "three.%s.%s", way_names[way],
				 page ? "page" : "read");
			ping_pong(name, 3, rounds / 10, ways, pages);
		}
	}
	for (i = 0; i < READERS_MAX; i++) {
		ways[i] = i % NR_WAYS;
		pages[i] = ways[i] != READ && i / NR_WAYS % 2;
	}
	ping_pong("many", READERS_MAX, rounds / 10, ways, pages);
	return t_done();
}
